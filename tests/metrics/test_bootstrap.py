"""The bootstrap interval against the normal theory it approaches."""

import numpy as np

from stylegan_tf.metrics.bootstrap import bootstrap_interval


def test_interval_is_that_of_the_standard_error():
    values = np.random.default_rng(0).normal(5.0, 2.0, 400)
    low, high = bootstrap_interval(values)
    half = 1.96 * values.std() / np.sqrt(400)
    np.testing.assert_allclose([low, high], [values.mean() - half, values.mean() + half], atol=0.02)


def test_same_seed_same_interval_and_another_another():
    values = np.random.default_rng(0).random(20)
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
    assert bootstrap_interval(values, seed=3) != bootstrap_interval(values, seed=4)


def test_coverage_is_about_the_share_asked_for():
    rng = np.random.default_rng(1)
    covered = sum(low <= 0 <= high for low, high in (
        bootstrap_interval(rng.normal(size=40), share=0.8, resamples=400) for _ in range(300)))
    assert 0.70 < covered / 300 < 0.87


def test_too_little_to_say():
    assert bootstrap_interval([1.0]) is None
    assert bootstrap_interval([1.0, float('inf')]) is None
    assert bootstrap_interval([2.0, 2.0]) == (2.0, 2.0)
