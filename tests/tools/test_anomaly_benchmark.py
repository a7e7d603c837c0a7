"""Tables of detectors: their numbers against scikit-learn and by hand, the sets, and the tool through the door."""

import csv
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics

from stylegan_tf import images

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
from detection import baselines, feature_files, hand_features, measure, pages, scorers, sets, tables  # noqa: E402


def run(*arguments):
    command = [sys.executable, str(ROOT / 'tools' / 'anomaly_benchmark.py'), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


def toy_rows(photographs=12, each=2):
    rows = []
    for number in range(photographs):
        for _ in range(each):
            for defect, severity in (('', 0.0), ('blur', 0.5), ('blur', 1.0), ('noise', 0.5), ('noise', 1.0)):
                rows.append({'defect': defect, 'severity': severity, 'photograph': f'photo{number}',
                             'label': 'ab'[number % 2]})
    return rows


def toy_scores(rows, seed=0):
    rng = np.random.default_rng(seed)
    places = {row['photograph']: rng.normal() for row in rows}
    return np.round([places[row['photograph']] + 2 * row['severity'] * (row['defect'] == 'blur') + 0.5 * rng.normal()
                     for row in rows], 1)  # rounded, so that there are ties


def test_the_tables_numbers_are_those_of_scikit_learn():
    rows = toy_rows()
    scores = toy_scores(rows)
    cells = tables.Cells(scores, rows, resamples=50)
    by_cell = {(line['defect'], line['severity']): line for line in tables.detection_table(cells, threshold=0.75)}
    assert len(by_cell) == 4
    for (defect, severity), line in by_cell.items():
        kinds = {('', 0.0), (defect, severity)}
        chosen = [i for i, row in enumerate(rows) if (row['defect'], row['severity']) in kinds]
        truth = [rows[i]['defect'] != '' for i in chosen]
        assert line['n'] == 24
        assert line['auroc'] == pytest.approx(metrics.roc_auc_score(truth, scores[chosen]))
        assert line['average_precision'] == pytest.approx(metrics.average_precision_score(truth, scores[chosen]))
        assert line['f1'] == pytest.approx(metrics.f1_score(truth, scores[chosen] > 0.75))
    means = tables.summary(cells, left_out=['noise'])
    assert means['all']['value'] == pytest.approx(np.mean([by_cell['blur', s]['auroc'] for s in (0.5, 1.0)]))
    assert means['left out: noise']['value'] == pytest.approx(
        np.mean([by_cell['noise', s]['auroc'] for s in (0.5, 1.0)]))


def test_intervals_draw_whole_photographs():
    rows = toy_rows()
    scores = toy_scores(rows)
    cells = tables.Cells(scores, rows, resamples=200, seed=3)
    names = sorted({row['photograph'] for row in rows})
    drawn = np.random.default_rng(3).integers(len(names), size=(200, len(names)))
    for number in range(5):
        chosen = [i for place in drawn[number] for i, row in enumerate(rows) if row['photograph'] == names[place]
                  and (row['defect'], row['severity']) in {('', 0.0), ('blur', 1.0)}]
        assert cells.resampled['blur', 1.0][number] == pytest.approx(
            metrics.roc_auc_score([rows[i]['defect'] != '' for i in chosen], scores[chosen]), abs=1e-6)
    # Repeating every picture adds rows but no photographs: the interval must not shrink.
    again = tables.Cells(np.tile(scores, 4), rows * 4, resamples=200, seed=3)
    assert tables.interval(again.resampled['blur', 1.0]) == pytest.approx(
        tables.interval(cells.resampled['blur', 1.0]), abs=1e-5)


def test_false_alarms_apart():
    rows = [{'label': label, 'photograph': f'{label}{n // 4}', 'style_name': '', 'image': f'{label}{n // 2}',
             'content': 'c', 'seen_style': str(int(n < 8)), 'seen_generator': '1'} for label in 'ab' for n in range(16)]
    p_values = np.array([0.05 if row['seen_style'] == '0' else 0.5 for row in rows])
    found = tables.false_alarms(p_values, rows, (0.05, 0.01), resamples=100)
    assert found['all']['0.05']['measured'] == 0.5 and found['all']['0.01']['measured'] == 0
    assert found['styles in the calibration']['0.05']['measured'] == 0
    assert found['styles not in the calibration']['0.05'] == {'measured': 1.0, 'interval': [1.0, 1.0]}
    assert found['a']['n'] == 16 and found['a']['pictures'] == 8
    low, high = found['all']['0.05']['interval']
    assert 0.1 < low < 0.35 and 0.65 < high < 0.9  # of 8 photographs, not of 32 crops


@pytest.fixture(scope='module')
def table(tmp_path_factory):
    """Outputs of two generators from eight photographs in six styles, and the photographs and paintings themselves."""
    folder = tmp_path_factory.mktemp('pictures')
    rng = np.random.default_rng(0)

    def picture(path, seed):
        rough = np.random.default_rng(seed).integers(0, 248, (6, 6, 3), np.uint8)
        images.save(path, images.resize(rough, (160, 160)) + rng.integers(0, 8, (160, 160, 1), np.uint8))
        return path.name

    contents = [picture(folder / f'photos_{number}.png', number) for number in range(8)]
    styles = [picture(folder / f'style_{number}.png', 50 + number) for number in range(6)]
    rows = [(picture(folder / f'{label}{number}.png', 100 + number), contents[number % 8], styles[number % 6], label)
            for label, count in (('ours', 24), ('other', 8)) for number in range(count)]
    rows += [(picture(folder / f'{number}.png', number), '', '', 'photograph') for number in range(8)]
    rows += [(picture(folder / f'painting_{number}.png', number), '', '', 'painting') for number in range(3)]
    with open(folder / 'pairs.csv', 'w', newline='') as file:
        csv.writer(file).writerows([('image', 'content', 'style', 'label'), *rows])
    return folder / 'pairs.csv'


def test_calibration_and_measurement_share_no_photograph(table):
    rows = sets.read_table(table)
    calibration, clean = sets.split(rows, left_out=['other'])
    assert calibration and clean
    assert not {row.photograph for row in calibration if row.photograph} & {row.photograph for row in clean}
    assert 'other' not in {row.label for row in calibration} and 'other' in {row.label for row in clean}
    painted = [{row.image for row in part if row.label == 'painting'} for part in (calibration, clean)]
    assert not painted[0] & painted[1]
    # A photograph itself goes where the pictures made of it go.
    assert next(row for row in rows if row.image.endswith('/3.png')).photograph == 'photos_3'
    held = {row.image for row in calibration}
    chosen = sets.choose_sources([row for row in rows if row.content and row.image not in held], 9, 0)
    assert len(chosen) == len({row.image for row in chosen}) == 9
    assert len({row.photograph for row in chosen}) >= 7


def test_crops_are_the_same_each_time_and_cut_the_content_alike(table):
    row = {'image': str(table.parent / 'ours0.png'), 'content': str(table.parent / 'ours0.png'), 'style': ''}
    for number, side in ((0, sets.SIZE), (1, sets.WINDOW), (2, sets.WINDOW)):
        crop, again = (sets.clean_crop(row, number) for _ in range(2))
        assert crop['image'].shape == (side, side, 3) and crop['style'] is None
        np.testing.assert_array_equal(crop['image'], again['image'])
        # Apart from a shift by parts of a pixel the picture is its own content here.
        assert np.abs(crop['image'].astype(int) - crop['content']).mean() < 12


def test_scores_are_kept_and_belong_to_their_scorer(tmp_path):
    calls = []

    def function(batch, condition):
        calls.append(len(batch['image']))
        level = batch['image'].mean(axis=(1, 2, 3))
        return {'score': level, 'defects': np.stack([level, -level], axis=1), 'map': batch['image'][..., 0]}

    rows = [{'path': str(number), 'is_local': number == 70} for number in range(80)]

    def read(row):
        return {'image': np.full((8, 16 if row['path'] == '3' else 8, 3), int(row['path']), np.uint8)}

    scorer = scorers.Scorer('toy', {'hash': 'one'}, ('a', 'b'), function)
    options = {'keep_map': lambda row: row['is_local'], 'batch_size': 16}
    one = scorers.score(scorer, rows, 'none', read, tmp_path, **options)
    count = len(calls)
    (tmp_path / 'part-000064.npz').unlink()  # as if it had been interrupted
    two = scorers.score(scorer, rows, 'none', read, tmp_path, **options)
    assert len(calls) == count + 1
    np.testing.assert_array_equal(one['score'], np.arange(80))
    np.testing.assert_array_equal(two['score'], one['score'])
    assert list(two['map']) == [70] and (two['map'][70] == 70).all()
    with pytest.raises(scorers.ScoreError, match='other weights or pictures'):
        scorers.score(scorers.Scorer('toy', {'hash': 'two'}, (), function), rows, 'none', read, tmp_path, **options)


def test_features_see_what_they_are_for():
    rng = np.random.default_rng(0)
    good = images.resize(rng.integers(0, 256, (40, 40, 3), np.uint8), (128, 128))
    assert hand_features.scene_statistics(good).shape == (36,)
    for values, shape in ((rng.normal(0, 3, 50_000), 2), (rng.laplace(0, 3, 50_000), 1)):
        assert hand_features._gaussian(values) == pytest.approx([shape, np.mean(values ** 2)], abs=0.1)
        assert hand_features._asymmetric(values)[0] == pytest.approx(shape, abs=0.1)
    same = hand_features.compare(good, good)
    hole = good.copy()
    hole[32:64, 32:64] = 128
    assert same[0] == pytest.approx(1, abs=1e-3)
    assert np.abs(hand_features.compare(hole, good) - same).max() > 0.5
    assert np.isfinite(hand_features.describe(np.zeros((64, 64, 3), np.uint8))).all()


def test_training_pictures_cover_all_kinds_and_grow_by_adding(table):
    good = [row for row in sets.read_table(table) if row.content]
    rows = feature_files.training_rows(good, 12, seed=9)
    assert len(rows) == 48 and len({row['defect'] for row in rows}) == 19
    assert feature_files.training_rows(good, 6, seed=9) == rows[:24]
    picture = feature_files.read_training(rows[1], 9, size=64)
    clean = feature_files.read_training(rows[0], 9, size=64)
    assert not np.array_equal(picture['image'], clean['image'])
    np.testing.assert_array_equal(picture['content'], clean['content'])


def test_trees_that_were_fitted_without_a_kind_are_tried_on_it(monkeypatch):
    rng = np.random.default_rng(0)
    rows = [{'defect': '', 'severity': 0.0}] * 60 + [{'defect': 'blur', 'severity': 1.0}] * 60
    planted = [{**row, 'photograph': str(number % 10), 'label': 'x'} for number, row in enumerate(rows)]
    inputs = np.concatenate([rng.normal(0, 1, (60, 2)), rng.normal(4, 1, (60, 2))]).astype(np.float32)
    monkeypatch.setattr(baselines, '_trees', lambda known, damaged, tried, seed: tried[:, 0] * damaged.mean())
    found = baselines._supervised(inputs, rows, inputs, planted, [{'blur'}, {'noise'}], 0)
    assert np.nanmax(found.left_out[0]) == 0  # no damaged picture was known
    assert np.isnan(found.left_out[1][60:]).all()
    report = measure.detection_report(found.values, planted, resamples=20)
    assert report['means']['all']['value'] > 0.95
    assert 'blur' in pages.plot([('toy', report)], 'about') and 'toy' in pages.comparison([('toy', report)], 'about')


@pytest.mark.parametrize('arguments, told', [
    (['nothing'], 'unknown command'),
    (['sets', '--output=x'], '--pairs is required'),
    (['measure', '--sets=nowhere', '--output=x'], 'expected sets with sets.json'),
    (['--sets=nowhere'], '--output is required'),
    (['baselines', '--sets=x', '--train=x', '--features=x'], '--output is required'),
])
def test_bad_usage_is_one_line(arguments, told):
    done = run(*arguments)
    assert done.returncode == 2 and told in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.fixture(scope='module')
def made(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp('sets')
    done = run('sets', f'--pairs={table}', f'--output={folder}', '--left_out=other', '--sources=3')
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_a_scorer_is_measured_under_every_condition(made, tmp_path):
    asked = []

    def function(batch, condition):
        asked.append((condition, *sorted(batch)))
        rough = np.abs(np.diff(batch['image'].astype(int), axis=2)).mean(axis=-1)  # sees noise, and where
        score = rough.mean(axis=(1, 2))
        return {'score': score, 'p_value': 1 / (1 + score), 'defects': np.eye(2)[[1] * len(score)], 'map': rough}

    scorer = scorers.Scorer('toy', {'hash': 'x', 'step': 1, 'left_out_defects': ['noise']}, ('blur', 'noise'), function)
    found = measure.run(scorer, made, tmp_path, sources=2, crops=20, resamples=20, note=lambda line: None)
    assert set(asked) == {('references', 'content', 'image', 'style'), ('content', 'content', 'image'),
                          ('none', 'image')}
    told, alone = found['references'], found['none']
    assert told['n']['planted'] == 2 * (1 + 18 * 3) and told['n']['calibration'] >= 20
    assert alone['n']['clean'] > told['n']['clean']  # photographs and paintings have no references
    by_cell = {(line['defect'], line['severity']): line for line in told['table']}
    assert by_cell['noise', 1.0]['auroc'] == 1 and by_cell['blur', 1.0]['auroc'] == 0  # signed
    assert by_cell['noise', 1.0]['named'] == 1 and by_cell['blur', 1.0]['named'] == 0
    assert told['means']['left out: noise']['value'] > told['means']['all']['value']
    assert {'1', 'all'} == told['aupro'].keys() and 'photograph' in alone['false_alarms']
    text = pages.markdown(found, 'about')
    assert '| noise | 1 | 2 | 1.000 [1.000, 1.000] |' in text and 'by the p-values that the model gives' in text


@pytest.mark.slow
def test_baselines_through_the_door(table, made, tmp_path):
    assert json.loads((made / 'sets.json').read_text())['planted_pictures'] == 3 * (1 + 18 * 3)
    command = ['baselines', f'--sets={made}', f'--train={table}', f'--features={tmp_path / "features"}',
               f'--output={tmp_path / "simple"}', '--sources=2', '--training_sources=12', '--folds=2', '--resamples=20']
    done = run(*command)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / 'simple' / 'report.json').read_text())
    assert len(report['detectors']) == 7 and report['training_pictures'] == 48
    assert report['detectors']['patch memory bank']['aupro'].keys() == {'1', 'all'}
    assert len(report['detectors']['trees with references']['left_out']['defects']) == 18
    again = run(*command)
    assert json.loads((tmp_path / 'simple' / 'report.json').read_text()) == report
    assert 'min left' in done.stdout and 'min left' not in again.stdout
