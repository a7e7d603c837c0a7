import numpy as np
import pytest
from scipy.special import log_softmax

from stylegan_tf.losses import classification


def test_cross_entropy_equals_scipy_and_no_label_costs_nothing():
    logits = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32) * 5
    label = np.array([2, 0, -1, 1])
    expected = -log_softmax(logits.astype(np.float64), axis=1)[np.arange(4), label]
    expected[2] = 0
    np.testing.assert_allclose(classification.softmax_cross_entropy(logits, label), expected, rtol=1e-5)


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r'label must have 1 axes.*\(4, 1\)'):
        classification.softmax_cross_entropy(np.zeros((4, 3), np.float32), np.zeros((4, 1), np.int32))
