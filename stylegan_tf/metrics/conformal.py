"""False-alarm rates that can be promised from clean pictures alone. NumPy only.

A picture's p-value is the share of clean pictures that look at least as bad. Of clean pictures that are drawn like the
calibration's, a share of at most alpha has a p-value of at most alpha, whatever the score is.

Source: Vovk, Gammerman and Shafer 2005, "Algorithmic Learning in a Random World"; split conformal form.
"""

import math

import numpy as np


def p_values(scores, calibration):
    """Conformal p-values.

    Args:
        scores: Anomaly scores, [...]; higher is worse.
        calibration: Scores of clean pictures that no part of the detector was fitted to, [N].
    Returns:
        float64 [...], multiples of 1 / (N + 1) in (0, 1].
    Raises:
        ValueError: No calibration scores, or some that are not finite.
    """
    ordered = _ordered(calibration)
    as_bad = len(ordered) - np.searchsorted(ordered, np.asarray(scores, np.float64), 'left')
    return (1 + as_bad) / (len(ordered) + 1)


def threshold(calibration, false_alarm_rate):
    """The score above which pictures are alarms: those and only those have a p-value of at most `false_alarm_rate`.

    Args:
        calibration: As in `p_values`.
        false_alarm_rate: Promised share of false alarms, in (0, 1).
    Returns:
        float; infinite where the calibration is too small to promise so little.
    Raises:
        ValueError: As `p_values`, or a rate outside (0, 1).
    """
    if not 0 < false_alarm_rate < 1:
        raise ValueError(f'false_alarm_rate must lie between 0 and 1. Received: {false_alarm_rate}.')
    ordered = _ordered(calibration)
    allowed = math.floor(false_alarm_rate * (len(ordered) + 1) + 1e-9) - 1
    return float(ordered[len(ordered) - 1 - allowed]) if allowed >= 0 else math.inf


def needed_examples(false_alarm_rate):
    """The fewest calibration pictures with which an alarm at this rate is possible at all."""
    return math.ceil(1 / false_alarm_rate - 1e-9) - 1


def _ordered(calibration):
    ordered = np.sort(np.asarray(calibration, np.float64).ravel())
    if not len(ordered) or not np.isfinite(ordered).all():
        raise ValueError('Expected finite calibration scores of clean pictures. '
                         f'Received: {len(ordered)}, {np.isfinite(ordered).sum()} of them finite.')
    return ordered
