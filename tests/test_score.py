"""Scoring pictures: what a model says, and what a run over a folder writes, resumes, refuses and reports."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from stylegan_tf import anomaly_models, images, pairings, scorer
from stylegan_tf.loaded_models import ModelError
from stylegan_tf.metrics import conformal
from tests import tiny_models


@pytest.fixture(scope='module')
def model():
    """The tiny detector by its functions as they are: tracing them would take most of the time of these tests."""
    system = tiny_models.anomaly_system()
    functions = {name: signature.function for name, signature in system.signatures().items()}
    card = {**system.model_card(), 'name': 'tiny', 'weights_hash': '0123456789ab'}
    return anomaly_models.AnomalyModel(functions, card)


@pytest.fixture
def results(tmp_path):
    """Three results and a damaged one, with their photographs."""
    for index, name in enumerate(('a.png', 'b.png', 'trip/c.png')):
        images.save(tmp_path / 'results' / name, tiny_models.picture(40, 48, seed=index))
        images.save(tmp_path / 'photos' / name, tiny_models.picture(40, 48, seed=10 + index))
    for folder in ('results', 'photos'):
        (tmp_path / folder / 'broken.png').write_bytes((tmp_path / folder / 'a.png').read_bytes()[:200])
    return tmp_path


def run(model, folder, rate=0.05, **references):
    done = scorer.Scorer(model, folder / 'report.json', false_alarm_rate=rate)
    return done.run(pairings.plan(folder / 'results', **references), show_progress=False)


def test_a_score_is_what_the_signature_says(model):
    image, content = tiny_models.picture(45, 52, seed=1), tiny_models.picture(90, 104, seed=2)
    score = model.score(image, content, false_alarm_rate=0.3)
    inputs = {'image': image, 'content': images.cover_crop(content, (45, 52))}
    told = model.run_signature('score_with_content', **{name: picture[None] / np.float32(255)
                                                        for name, picture in inputs.items()})
    assert score.score == told['anomaly_score'][0] and score.map.shape == (45, 52)
    assert score.p_value == pytest.approx(conformal.p_values(np.log(score.score / (1 - score.score)),
                                                             np.linspace(-1, 1, 99)), abs=1e-6)
    assert score.is_anomalous == (score.p_value <= 0.3) and score.calibration_pictures == 99
    assert list(score.defects.values()) == sorted(told['defect_scores'][0], reverse=True)
    assert score.named == tuple(name for name, value in score.defects.items() if value >= 0.5)
    assert {'structure_kept', 'grid_peak'} <= set(score.evidence) < set(model.card['evidence_names'])  # without style
    first, second = model.score([image, content], content)
    assert first.score == score.score and second.map.shape == (90, 104)


def test_a_rate_of_one_in_twenty_is_met_exactly(model):
    """p-values are float32 and rates are not."""
    assert anomaly_models.Score(0.5, round(float(np.float32(0.05)), 7), 0.05, {}, {}, np.zeros((1, 1))).is_anomalous


@pytest.mark.parametrize('arguments, options, message', [
    ((1, None, 1), {}, 'give the content too'), ((1,), {'false_alarm_rate': 0}, 'between 0 and 1.*Received: 0'),
    (([1, 1], [1, 1, 1]), {}, 'one content for all pictures, or one for each of 2. Received: 3')])
def test_what_does_not_fit_is_refused(model, arguments, options, message):
    picture = tiny_models.picture(32, 32)

    def filled(value):
        return [picture for _ in value] if isinstance(value, list) else picture if value else None

    with pytest.raises(ModelError, match=message):
        model.score(*map(filled, arguments), **options)


def test_a_folder_becomes_a_report_that_is_resumed(model, results, monkeypatch):
    report = run(model, results, content=results / 'photos')
    assert (report.done, report.skipped) == (3, 0)
    (path, reason), = report.failures
    assert path.name == 'broken.png' and str(path) in reason
    written = json.loads((results / 'report.json').read_text())
    assert [entry['file'] for entry in written['images']] == ['a.png', 'b.png', 'trip/c.png']
    assert written['failures'][0]['file'] == str(path) and written['model']['hash'] == model.hash
    entry = written['images'][2]
    score = model.score(results / 'results/trip/c.png', results / 'photos/trip/c.png')
    assert entry['anomaly_score'] == pytest.approx(score.score, abs=1e-6)
    assert entry['content'] == str(results / 'photos/trip/c.png') and entry['is_flagged'] == score.is_anomalous
    np.testing.assert_array_equal(
        images.read(results / entry['overlay']),
        scorer.heat_maps.overlay(images.read(results / 'results/trip/c.png'), score.map))

    def refuse(self, image, *unused, **unused_too):
        assert image.name == 'broken.png', 'computed again'
        raise images.ImageError(f'{image} is still broken')

    monkeypatch.setattr(type(model), 'score', refuse)
    again = run(model, results, rate=0.999, content=results / 'photos')
    assert (again.done, again.skipped) == (0, 3)
    assert [entry['is_flagged'] for entry in again.entries] == [entry['p_value'] <= 0.999 for entry in report.entries]
    assert sum(entry['is_flagged'] for entry in again.entries) >= sum(entry['is_flagged'] for entry in report.entries)


def test_what_an_interrupted_run_noted_is_kept(model, results, monkeypatch):
    calls = []

    def interrupted(self, *arguments, **options):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(self, *arguments, **options)

    original = type(model).score
    monkeypatch.setattr(type(model), 'score', interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(model, results)
    with open(results / 'report.json.partial', 'a') as journal:
        journal.write('\n{"file": "b.p')  # killed while it wrote
    report = run(model, results)
    assert (report.done, report.skipped) == (2, 1) and not (results / 'report.json.partial').exists()


def test_the_page_shows_the_worst_first_and_refers_to_nothing(model, results):
    report = run(model, results, rate=0.5)
    page = (results / 'report.html').read_text()
    order = re.findall(r'<h3>(.*?)</h3>', page)
    assert order == [entry['file'] for entry in sorted(report.entries, key=lambda entry: (
        entry['p_value'], -entry['anomaly_score']))]
    assert page.count('src="data:image/jpeg;base64,') == 6 and not re.search(r'(src|href)="(?!data:)', page)
    assert 'broken.png' in page and 'at most 50.0% are flagged' in page and '99 clean pictures' in page


def test_without_calibration_nothing_is_flagged_and_it_says_so(model, results):
    report = run(model, results, rate=0.9, content=results / 'photos', style=results / 'photos' / 'a.png')
    assert {entry['p_value'] for entry in report.entries} == {1.0} and not report.flagged
    assert 'not calibrated for score_with_references' in report.text()
    assert 'not calibrated' in (results / 'report.html').read_text()
    assert 'nothing can be flagged at a false-alarm rate of 0.001, which needs 999' in run(
        model, results, rate=0.001).text()


def test_another_file_is_not_overwritten(model, results):
    (results / 'report.json').write_text('{"precious": 1}')
    with pytest.raises(scorer.ScorerError, match='is no report of scores'):
        run(model, results)


@pytest.mark.parametrize('arguments, code, message', [
    (['--help'], 0, '--false_alarm_rate'),
    (['--images=a'], 2, '--output are required'),
    (['--images=a', '--output=report'], 2, r'such as report\.json'),
    (['--images=a', '--style=b', '--output=r.json'], 2, 'give both'),
    (['--images=nowhere', '--output=r.json'], 2, 'nowhere is neither')])
def test_the_command_answers_without_tensorflow(arguments, code, message):
    program = ('import sys, runpy; sys.argv[0] = "score"\n'
               'try: runpy.run_module("stylegan_tf.score", run_name="__main__", alter_sys=True)\n'
               'except SystemExit as end:\n'
               '  assert "tensorflow" not in sys.modules, "slow to start"; sys.exit(end.code)')
    done = subprocess.run([sys.executable, '-c', program, *arguments], text=True, capture_output=True, timeout=60)
    assert done.returncode == code and re.search(message, done.stdout + done.stderr), done.stderr


@pytest.mark.slow
def test_the_command_scores_a_folder(results):
    done = subprocess.run(
        [sys.executable, '-m', 'stylegan_tf', 'score', f'--model={tiny_models.anomaly_run_folder()}',
         f'--images={results}/results', f'--content={results}/photos', f'--output={results}/out/report.json'],
        text=True, capture_output=True, timeout=600)
    assert done.returncode == 1, done.stderr  # one picture is damaged
    assert '3 scored, 0 skipped' in done.stdout and 'broken.png' in done.stdout
    assert {path.name for path in (results / 'out').iterdir()} == {'report.json', 'report.html', 'report_maps'}
