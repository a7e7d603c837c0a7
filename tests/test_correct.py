"""Correcting pictures: what a model answers, and what a run over a folder writes, copies, resumes and refuses."""

import json
import subprocess
import sys

import numpy as np
import pytest

from stylegan_tf import api, corrector, images, pairings
from stylegan_tf.loaded_models import ModelError
from stylegan_tf.systems import correction
from tests import tiny_models


@pytest.fixture(scope='module')
def model():
    """A network that knows nothing, with verification eased so that it accepts something."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(correction, 'CLEAR_FALL', 1e-4)
        patch.setattr(correction, 'STRUCTURE_LOSS', 2.0)
        yield api.load(tiny_models.anomaly_run_folder())


@pytest.fixture
def results(tmp_path):
    """Two results and a damaged one, with their photographs."""
    for index, name in enumerate(('a.png', 'trip/c.jpg')):
        images.save(tmp_path / 'results' / name, tiny_models.picture(40, 48, seed=index))
        images.save(tmp_path / 'photos' / name, tiny_models.picture(40, 48, seed=10 + index))
    for folder in ('results', 'photos'):
        (tmp_path / folder / 'broken.png').write_bytes((tmp_path / folder / 'a.png').read_bytes()[:200])
    return tmp_path


def run(model, folder, rate, output='corrected', **options):
    found = pairings.plan(folder / 'results', content=folder / 'photos')
    settings = corrector.Settings(rate, **options)
    return corrector.Corrector(model, folder / output, settings).run(found, show_progress=False)


@pytest.mark.slow
def test_a_picture_that_is_not_flagged_is_returned_itself(model):
    pixels, content = tiny_models.picture(37, 45), tiny_models.picture(50, 60, seed=1)
    result = model.correct(pixels, content, pixels, false_alarm_rate=0.9)  # never calibrated with a style
    np.testing.assert_array_equal(result.image, pixels)
    assert not result.accepted and result.reason == 'not flagged' and result.repair == '' and result.p_value == 1
    assert result.score_after == result.score_before and result.changed == result.changed_share == 0


@pytest.mark.slow
def test_a_repair_is_told(model):
    pixels, content = tiny_models.picture(37, 45), tiny_models.picture(50, 60, seed=1)
    result = model.correct(pixels, content, false_alarm_rate=0.999)
    assert result.accepted and result.repair in correction.REPAIRS and result.reason == ''
    assert result.score_after < result.score_before and result.image.dtype == np.uint8
    assert result.changed == pytest.approx(np.abs(result.image.astype(float) - pixels).mean() / 255)
    both = model.correct([pixels, pixels], content, false_alarm_rate=0.999)
    np.testing.assert_array_equal(both[1].image, result.image)
    with pytest.raises(ModelError, match='between 0 and 1'):
        model.correct(pixels, false_alarm_rate=1)
    with pytest.raises(ModelError, match='give both'):
        model.correct(pixels, content, generator=model)


@pytest.mark.slow
def test_what_is_left_alone_is_copied_bit_for_bit(model, results):
    report = run(model, results, rate=1e-6)
    assert report.done == 2 and not report.repaired
    (path, reason), = report.failures
    assert path.name == 'broken.png' and str(path) in reason
    for name in ('a.png', 'trip/c.jpg'):
        assert (results / 'corrected' / name).read_bytes() == (results / 'results' / name).read_bytes()
        receipt = json.loads((results / f'corrected/{name}.json').read_text())
        assert not receipt['accepted'] and receipt['reason'] == 'not flagged'
    assert '0 of 2 repaired' in (results / 'corrected/report.html').read_text()


@pytest.mark.slow
def test_a_folder_is_repaired_resumed_and_never_overwritten(model, results, monkeypatch):
    report = run(model, results, rate=0.999)
    repaired = {entry['file']: entry for entry in report.repaired}
    assert set(repaired) == {'a.png', 'trip/c.jpg'} and (results / 'corrected/before_after.png').is_file()
    receipt = json.loads((results / 'corrected/a.png.json').read_text())
    assert receipt['repair'] in correction.REPAIRS and receipt['score_after'] < receipt['score_before']
    expected = model.correct(results / 'results/a.png', results / 'photos/a.png', false_alarm_rate=0.999)
    np.testing.assert_array_equal(images.read(results / 'corrected/a.png'), expected.image)
    assert images.read_metadata(results / 'corrected/a.png')['Repair'] == expected.repair
    assert '2 of 2 repaired' in (results / 'corrected/report.html').read_text()

    monkeypatch.setattr(type(model), 'correct', None)  # nothing is to be computed again
    again = run(model, results, rate=0.999)
    assert (again.done, again.skipped) == (0, 2) and len(again.repaired) == 2
    other = run(model, results, rate=0.5)
    assert [path.name for path, reason in other.failures if 'was made otherwise' in reason] == ['a.png', 'c.jpg']
    with pytest.raises(corrector.CorrectorError, match='never overwritten'):
        corrector.check_output(results / 'results', pairings.plan(results / 'results'))


@pytest.mark.slow
def test_through_the_door(results):
    command = [sys.executable, '-m', 'stylegan_tf.correct', f'--model={tiny_models.anomaly_run_folder()}',
               f'--images={results / "results"}', f'--content={results / "photos"}', f'--output={results / "out"}']
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 1, done.stderr
    assert 'broken.png' in done.stdout and '2 done, 0 skipped' in done.stdout
    assert {path.name for path in (results / 'out').iterdir()} >= {'a.png', 'a.png.json', 'report.html', 'trip'}


def test_bad_usage_is_one_line():
    for flags, message in ((['--images=x'], '--output are required'),
                           (['--images=x', '--output=y', '--style=z'], 'give both'),
                           (['--images=x', '--output=y', '--false_alarm_rate=1'], 'between 0 and 1')):
        done = subprocess.run([sys.executable, '-m', 'stylegan_tf.correct', *flags], capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 2 and message in done.stderr and done.stderr.count('\n') == 1
