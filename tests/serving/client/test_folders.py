"""Runs over many files, with functions in the place of a model."""

import json
import threading
import types

import numpy as np
import pytest

from stylegan_serving.client import InputError, RowsError, ServerError, folders, stores
from stylegan_serving.client.operations import Score
from stylegan_serving.client.pictures import EncodedPicture
from stylegan_tf import images
from tests import tiny_models

FACTS = {'model': 'style', 'model_version': 4, 'model_label': None}


@pytest.fixture
def folder(tmp_path):
    """Ten pictures, 3.png of which is broken, some in a folder below."""
    for index in range(10):
        images.save(tmp_path / 'in' / ('sub' if index > 6 else '.') / f'{index}.png', tiny_models.picture(8, 9, index))
    (tmp_path / 'in' / '3.png').write_bytes(b'\x89PNG broken')
    return tmp_path / 'in'


def inverted(items):
    return [types.SimpleNamespace(pixels=255 - item.picture.picture.pixels) for item in items]


def run(folder, function=inverted, *, strength=0.5, concurrency=2, overwrite=False):
    output = folder.parent / 'out'
    jobs = folders.plan(folder, output)
    store = stores.PictureStore({'operation': 'stylized', 'strength': strength}, FACTS, overwrite=overwrite)
    closed = threading.Event()
    report = folders.FolderRun(function, store, closed.set, batch_size=2, concurrency=concurrency).run(
        jobs, show_progress=False)
    return report, output


def test_good_files_are_done_and_bad_ones_named(folder):
    report, output = run(folder)
    assert len(report.done) == 9 and not report.skipped and not report.unfinished
    (path, reason), = report.failures
    assert path == folder / '3.png' and reason.startswith(f'{folder / "3.png"}: ')
    np.testing.assert_array_equal(images.read(output / 'sub' / '8.png'), 255 - images.read(folder / 'sub' / '8.png'))
    receipt = json.loads((output / 'sub' / '8.png.json').read_text())
    assert receipt['settings']['strength'] == 0.5 and receipt['model_version'] == 4
    assert images.read_metadata(output / 'sub' / '8.png')['Model'] == 'style'
    assert sorted(path.name for path in output.iterdir() if path.name.startswith('.')) == []


def test_a_second_run_skips_what_is_finished_and_only_that(folder):
    _, output = run(folder)
    images.save(folder / '3.png', tiny_models.picture(8, 9, 3))
    images.save(folder / '0.png', tiny_models.picture(8, 9, 77))  # another content under the same name
    (output / '1.png').unlink()
    images.save(output / '2.png', tiny_models.picture(8, 9, 78))  # somebody's edit
    calls = []
    report, _ = run(folder, lambda items: calls.extend(item.job.source.name for item in items) or inverted(items))
    assert sorted(calls) == ['1.png', '2.png', '3.png'] and len(report.skipped) == 6
    (path, reason), = report.failures
    assert path.name == '0.png' and 'was made otherwise; use --overwrite' in reason
    report, _ = run(folder, overwrite=True)
    assert report.is_complete and len(report.done) == 1
    report, _ = run(folder, strength=0.6)
    assert len(report.failures) == 10


def test_refused_rows_are_failures_and_their_neighbours_are_kept(folder):
    def function(items):
        results = inverted(items)
        bad = [row for row, item in enumerate(items) if item.job.source.name in ('0.png', '8.png')]
        if bad:
            good = [row for row in range(len(items)) if row not in bad]
            raise RowsError(dict.fromkeys(bad, 'INVALID_ARGUMENT: no'),
                            [result if row in good else None for row, result in enumerate(results)], good)
        return results

    report, _ = run(folder, function)
    assert [path.name for path, _ in report.failures] == ['0.png', '3.png', '8.png'] and len(report.done) == 7


@pytest.mark.parametrize('code', ['UNAVAILABLE', 'NOT_FOUND', 'PERMISSION_DENIED'])
def test_a_server_that_is_gone_ends_the_run_without_blaming_files(folder, code):
    asked = []

    def function(items):
        asked.append(len(items))
        if len(asked) > 1:
            raise ServerError(code, 'gone')
        return inverted(items)

    report, output = run(folder, function, concurrency=1)
    assert len(report.done) == 2 and len(asked) == 2 and report.unfinished >= 6
    assert [path.name for path, _ in report.failures] in ([], ['3.png'])
    assert report.stopped_by == f'{code}: gone' and 'The same command again does the rest.' in report.text()
    path = folders.write_failures(output, report)
    assert json.loads(path.read_text())['not_tried'] == report.unfinished
    images.save(folder / '3.png', tiny_models.picture(8, 9, 3))
    report, _ = run(folder)
    assert report.is_complete and len(report.skipped) == 2
    assert folders.write_failures(output, report) is None and not path.exists()


def test_a_server_that_hangs_ends_the_run_after_some_requests(folder):
    def function(items):
        raise ServerError('DEADLINE_EXCEEDED', 'no answer')

    report, _ = run(folder, function, concurrency=1)
    assert report.stopped_by == 'DEADLINE_EXCEEDED: no answer'
    unanswered = [path for path, reason in report.failures if 'no answer' in reason]
    assert len(unanswered) == 3 and report.unfinished  # two requests of two files, one of which is broken


def test_a_model_that_cannot_do_it_is_an_error_of_the_call(folder):
    def function(items):
        raise InputError('takes no style_bytes')

    with pytest.raises(InputError, match='takes no style_bytes'):
        run(folder, function)


def test_an_output_that_cannot_be_written_ends_the_run(folder):
    (folder.parent / 'out').mkdir()
    (folder.parent / 'out' / 'sub').write_text('a file in the way')
    with pytest.raises(folders.FolderError, match=r'Cannot write .*sub.*json'):
        run(folder)


@pytest.mark.parametrize(('source', 'output', 'message'), [
    ('in', 'in', 'never overwritten'), ('in', 'a.png', 'need a folder'), ('absent', 'out', 'neither a file nor'),
    ('in/0.png', 'a.gif', 'cannot be written as'), ('in/0.png', 'in/0.png', 'the source itself'),
    ('empty', 'out', 'No pictures')])
def test_plans_that_lead_nowhere_are_refused(folder, source, output, message):
    (folder.parent / 'empty').mkdir()
    with pytest.raises(folders.FolderError, match=message):
        folders.plan(folder.parent / source, folder.parent / output)


def test_contents_are_found_by_name(folder):
    jobs = folders.plan(folder, folder.parent / 'out', content=folder)
    assert all(job.content == job.source for job in jobs)
    (folder / 'extra').mkdir()
    with pytest.raises(folders.FolderError, match=r'extra/sub/7.png is missing|extra/0.png is missing'):
        folders.plan(folder, folder.parent / 'out', content=folder / 'extra')


def test_results_inside_the_source_are_not_sources(folder):
    images.save(folder / 'out' / 'old.png', tiny_models.picture(8, 9))
    assert len(folders.plan(folder, folder / 'out')) == 10


def test_a_report_of_scores_goes_on_where_a_run_was_killed(folder, tmp_path):
    path = tmp_path / 'report.json'

    def scores(items):
        return [Score(0.25, 0.04 if item.job.source.name == '5.png' else 0.5, {'dent': 0.5},
                      EncodedPicture(item.picture.encoded)) for item in items]

    def score(function, **settings):
        jobs = [folders.Job(source, path) for source in folders.find(folder, tmp_path / 'out')]
        store = stores.ScoreStore(path, folder, settings, FACTS, false_alarm_rate=0.05)
        report = folders.FolderRun(function, store, lambda: None, batch_size=2, concurrency=1).run(
            jobs, show_progress=False)
        return jobs, store, report

    def dies(items):
        if any(item.job.source.name == '5.png' for item in items):
            raise ZeroDivisionError
        return scores(items)

    with pytest.raises(ZeroDivisionError):
        score(dies)
    journal = tmp_path / 'report.json.partial'
    with open(journal, 'ab') as file:
        file.write(b'\n{"file": "9.png", "ident')  # killed while it wrote
    asked = []
    jobs, store, report = score(lambda items: asked.extend(item.job.source.name for item in items) or scores(items))
    assert '0.png' not in asked and '5.png' in asked and report.skipped
    store.finish(jobs, report)
    document = json.loads(path.read_text())
    assert not journal.exists() and len(document['images']) == 9 and len(document['failures']) == 1
    assert [entry['file'] for entry in document['images'] if entry['is_flagged']] == ['5.png']
    assert document['images'][0] == {**document['images'][0], 'file': '0.png', 'anomaly_score': 0.25, 'p_value': 0.5,
                                     'defect_scores': {'dent': 0.5}, 'map': 'report_maps/0.png.png'}
    np.testing.assert_array_equal(images.read(tmp_path / 'report_maps' / '0.png.png'), images.read(folder / '0.png'))
    _, _, report = score(scores)
    assert len(report.skipped) == 9
    _, _, report = score(scores, model='another')
    assert len(report.done) == 9
