"""The difference between two teams over the pictures that both made."""

import dataclasses

import numpy as np

_DRAWS = 4000


@dataclasses.dataclass(frozen=True)
class Difference:
    """Mean of first minus second, with its 95% interval; `low` and `high` are None for fewer than two pictures."""

    mean: float
    low: float | None
    high: float | None


def difference(pairs, *, seed=0):
    """Compares paired values.

    Args:
        pairs: Non-empty list of (value of the first, value of the second), one a picture.
        seed: Of the bootstrap, so that a page says the same every time.
    Returns:
        `Difference`; the interval is a percentile bootstrap over pictures.
    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, ch. 13.
    """
    values = np.array([first - second for first, second in pairs], np.float64)
    if len(values) < 2:
        return Difference(float(values.mean()), None, None)
    drawn = np.random.default_rng(seed).integers(0, len(values), (_DRAWS, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), (0.025, 0.975))
    return Difference(float(values.mean()), float(low), float(high))
