"""Paired tests against SciPy's and hand-computed numbers."""

import numpy as np
import pytest
from scipy import stats

from stylegan_tf.evaluator import compare
from stylegan_tf.evaluator.comparison import holm


def rows(values, name='ssim'):
    return [{'pair': index, 'metrics': {name: value}} for index, value in enumerate(values)]


def test_holm_by_hand():
    assert holm([0.01, 0.04, None, 0.03]) == pytest.approx([0.03, 0.06, None, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []


def test_a_small_steady_advantage_wins_where_intervals_of_means_would_overlap():
    rng = np.random.default_rng(0)
    hard = rng.normal(0.5, 0.2, 40)  # pairs differ far more than methods
    a, b = hard + 0.02 + rng.normal(0, 0.01, 40), hard
    test, = compare({'a': rows(a), 'b': rows(b)})
    assert (test['first'], test['second'], test['winner'], test['n']) == ('a', 'b', 'first', 40)
    assert test['low'] < test['difference'] < test['high'] and test['low'] > 0
    assert test['p_value'] == pytest.approx(stats.wilcoxon(a - b, zero_method='zsplit').pvalue)
    lower_wins, = compare({'a': rows(a, 'grid_peaks'), 'b': rows(b, 'grid_peaks')})
    assert lower_wins['winner'] == 'second'


def test_chance_seldom_wins():
    rng = np.random.default_rng(1)
    won = sum(compare({'a': rows(rng.normal(size=30)), 'b': rows(rng.normal(size=30))})[0]['winner'] is not None
              for _ in range(100))
    assert won <= 12


def test_three_methods_and_pairs_that_lack_a_number():
    tests = compare({'a': rows([0.1, None, 0.3, 0.4]), 'b': rows([0.1, 0.2, 0.3]), 'c': rows([0.1, 0.5])}, ['ssim'])
    assert [(test['first'], test['second'], test['n']) for test in tests] == [
        ('a', 'b', 2), ('a', 'c', 1), ('b', 'c', 2)]
    assert tests[0]['p_value'] == 1.0 and tests[0]['winner'] is None and tests[1]['low'] is None
    nothing, = compare({'a': rows([]), 'b': rows([0.1])}, ['ssim'])
    assert nothing['n'] == 0 and nothing['p_value'] is nothing['winner'] is None
