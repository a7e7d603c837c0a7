"""The classifier of real and painted, and the diversity of an entry, on descriptions whose truth is known."""

import numpy as np
import pytest

from stylegan_tf.evaluator import realism


def descriptions(count, shift, seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(shift, 1.0, (9, 20)).astype(np.float32) for _ in range(count)]


def told(shift, seed=0):
    names = [f'style {index % 10}' for index in range(30)]
    reals = dict(zip(names[:10], descriptions(10, 0.0, seed)))
    fakes = list(zip(names, descriptions(30, shift, seed + 1)))
    real, fake = realism.held_out_probabilities(reals, fakes)
    return realism.balanced_accuracy(list(real.values()), fake), realism.realism(fake)


def test_what_differs_is_told_and_what_does_not_is_not():
    (accuracy, interval), (share, _) = told(1.0)
    assert accuracy == 1.0 and interval == (1.0, 1.0) and share < 0.2
    accuracies = [told(0.0, seed)[0][0] for seed in range(0, 12, 2)]
    assert 0.3 < np.mean(accuracies) < 0.7


def test_realism_falls_as_results_leave_the_real_ones():
    shares = [told(shift)[1][0] for shift in (0.0, 0.2, 0.4, 0.8)]
    assert shares == sorted(shares, reverse=True)


def test_a_held_out_style_was_not_seen():
    """Results that are their own style pictures: nothing but memory could tell them apart."""
    reals = {f'style {index}': rows for index, rows in enumerate(descriptions(6, 0.0, 3))}
    real, fake = realism.held_out_probabilities(reals, list(reals.items()))
    assert fake == pytest.approx([real[name] for name in reals])
    assert realism.balanced_accuracy([real[name] for name in reals], fake)[0] == pytest.approx(0.5)


def test_too_few_styles():
    assert realism.held_out_probabilities({'a': np.zeros((9, 4))}, [('a', np.zeros((9, 4)))]) is None
    assert realism.balanced_accuracy([0.9], [0.1, 0.2]) == (1.0, None)
    assert realism.diversity([[1.0]], [[1.0]]) is None
    assert realism.diversity([[1.0], [2.0]], [[1.0], [1.0]]) is None


def test_diversity_is_a_share_of_that_of_the_styles():
    styles = np.random.default_rng(0).normal(size=(40, 6))
    assert realism.diversity(styles, styles) == (1.0, (1.0, 1.0))
    value, (low, high) = realism.diversity(0.5 * styles + 3.0, styles)
    assert value == pytest.approx(0.5) and low == pytest.approx(0.5) == high
    assert realism.diversity(np.ones((40, 6)), styles)[0] == 0.0
    others = np.random.default_rng(1).normal(size=(40, 6))
    value, (low, high) = realism.diversity(others, styles)
    assert low < value < high and low < 1.0 < high


def test_a_sample_of_distances_stands_for_all(monkeypatch):
    rng = np.random.default_rng(0)
    outputs, styles = rng.normal(size=(120, 4)), rng.normal(size=(120, 4))
    exact = realism.diversity(outputs, styles)[0]
    monkeypatch.setattr(realism, 'MOST_DISTANCES', 3000)
    assert realism.diversity(outputs, styles)[0] == pytest.approx(exact, rel=0.03)


def test_a_description_holds_means_and_deviations_of_windows():
    feature_map = np.arange(2 * 36, dtype=np.float32).reshape(1, 6, 6, 2)
    found = realism.describe([feature_map])
    assert found.shape == (9, 4) and found.dtype == np.float32
    corner = feature_map[0, :2, :2]
    np.testing.assert_allclose(found[0], [*corner.mean((0, 1)), *corner.std((0, 1))], rtol=1e-6)
