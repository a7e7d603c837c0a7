"""How sure a mean is."""

import numpy as np


def bootstrap_interval(values, *, seed=0, share=0.95, resamples=10_000):
    """Percentile bootstrap interval of the mean.

    Args:
        values: Numbers, one an independent example.
        seed: Of the resampling.
        share: Probability that the interval is to cover the mean.
        resamples: Number of resampled means.
    Returns:
        (low, high), or None for fewer than two finite values: one example says nothing about others.
    Source: Efron 1979; percentile form.
    """
    values = np.asarray(values, np.float64)
    if len(values) < 2 or not np.isfinite(values).all():
        return None
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    step = max(1, 4_000_000 // len(values))  # bounds the memory of a chunk to 32 MB
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        means[start:start + rows] = values[rng.integers(0, len(values), (rows, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)
