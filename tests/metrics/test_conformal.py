"""Conformal p-values: by counting, and the promise kept on new clean pictures."""

import math

import numpy as np
import pytest

from stylegan_tf.metrics import conformal


def test_p_values_by_counting():
    calibration, scores = [0.1, 0.5, 0.5, 0.9], np.array([[0.0, 0.5], [0.6, 1.0]])
    np.testing.assert_allclose(conformal.p_values(scores, calibration), [[5 / 5, 4 / 5], [2 / 5, 1 / 5]])


@pytest.mark.parametrize('rate', [0.01, 0.05, 0.2])
def test_the_promise_is_kept_on_new_clean_pictures(rate):
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(400):
        clean = rng.gamma(2.0, size=600)
        shares.append((conformal.p_values(clean[:500], clean[500:]) <= rate).mean())
    # Valid on average over calibrations; and not by never ringing.
    assert rate - 1.2 / 101 < np.mean(shares) < rate + 0.006


@pytest.mark.parametrize('rate', [0.004, 0.05, 0.1, 0.5])
@pytest.mark.parametrize('with_ties', [False, True])
def test_threshold_and_p_value_ring_together(rate, with_ties):
    rng = np.random.default_rng(1)
    calibration, scores = rng.normal(size=199), rng.normal(size=2000)
    if with_ties:
        calibration, scores = np.round(calibration, 1), np.round(scores, 1)
    alarms = scores > conformal.threshold(calibration, rate)
    np.testing.assert_array_equal(alarms, conformal.p_values(scores, calibration) <= rate)


def test_few_pictures_promise_little():
    assert conformal.needed_examples(0.05) == 19 and conformal.needed_examples(0.01) == 99
    assert conformal.threshold(np.arange(18), 0.05) == math.inf
    assert conformal.threshold(np.arange(19), 0.05) == 18


@pytest.mark.parametrize('calibration, rate, message', [
    ([], 0.05, 'finite calibration'), ([np.nan], 0.05, 'finite calibration'), ([1.0], 0.0, 'between 0 and 1')])
def test_what_cannot_be_promised(calibration, rate, message):
    with pytest.raises(ValueError, match=message):
        conformal.threshold(calibration, rate)
