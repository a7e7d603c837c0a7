"""Paired tests between methods that painted the same pairs."""

import itertools

import numpy as np

from stylegan_tf.evaluator.names import describe
from stylegan_tf.metrics.bootstrap import bootstrap_interval

SIGNIFICANT = 0.05


def compare(entries, metrics=None, *, seed=0):
    """Tests every two methods against each other on every metric of pairs.

    Args:
        entries: {method: rows of `Entry`}; pairs that one of two methods lacks are left out.
        metrics: Names; None for all that the rows have.
        seed: Of the bootstrap.
    Returns:
        List of dicts: 'metric', 'better', 'first', 'second', 'n', 'difference' (mean of first - second) with its 95%
        bootstrap interval 'low', 'high' (None for fewer than two pairs), 'p_value' of Wilcoxon's signed-rank test
        (None for no common pair), 'p_holm' corrected over the whole list, 'winner': 'first', 'second', or None where
        `p_holm` is not below SIGNIFICANT.
    Source: Wilcoxon 1945, zeros split between both sides; Holm 1979.
    """
    if metrics is None:
        metrics = list(dict.fromkeys(name for rows in entries.values() for row in rows for name in row['metrics']))
    values = {method: {name: {row['pair']: row['metrics'].get(name) for row in rows} for name in metrics}
              for method, rows in entries.items()}
    tests = []
    for name in metrics:
        for first, second in itertools.combinations(entries, 2):
            a, b = values[first][name], values[second][name]
            common = sorted(pair for pair in a if a[pair] is not None and b.get(pair) is not None)
            differences = np.array([a[pair] - b[pair] for pair in common], np.float64)
            low, high = bootstrap_interval(differences, seed=seed) or (None, None)
            tests.append({'metric': name, 'better': describe(name)['better'], 'first': first, 'second': second,
                          'n': len(common), 'difference': float(differences.mean()) if common else None,
                          'low': low, 'high': high, 'p_value': _signed_rank(differences)})
    for test, corrected in zip(tests, holm([test['p_value'] for test in tests]), strict=True):
        test['p_holm'] = corrected
        test['winner'] = _winner(test)
    return tests


def holm(p_values):
    """Holm's step-down correction; None stays None and does not count as a test.

    Returns:
        List of numbers in [0, 1], in the order given.
    Source: Holm 1979.
    """
    order = sorted((index for index, value in enumerate(p_values) if value is not None), key=p_values.__getitem__)
    corrected, reached = [None] * len(p_values), 0.0
    for rank, index in enumerate(order):
        reached = max(reached, min(1.0, (len(order) - rank) * p_values[index]))
        corrected[index] = reached
    return corrected


def _signed_rank(differences):
    if not len(differences):
        return None
    if not np.any(differences):
        return 1.0
    from scipy import stats  # half a second, which painting does not need

    return float(stats.wilcoxon(differences, zero_method='zsplit').pvalue)


def _winner(test):
    if test['p_holm'] is None or test['p_holm'] >= SIGNIFICANT or not test['difference']:
        return None
    return 'first' if (test['difference'] > 0) == (test['better'] == 'higher') else 'second'
