import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.losses.detection import sigmoid_cross_entropy


def test_equals_its_definition_and_keras():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 3, (3, 4, 2)).astype('f4'), rng.random((3, 4, 2)).astype('f4')
    p = 1 / (1 + np.exp(-logits.astype('f8')))
    wanted = -(labels * np.log(p) + (1 - labels) * np.log(1 - p))
    np.testing.assert_allclose(sigmoid_cross_entropy(logits, labels), wanted.mean(axis=(1, 2)), rtol=1e-5)
    weights = rng.random((3, 4, 2)).astype('f4')
    np.testing.assert_allclose(sigmoid_cross_entropy(logits, labels, weights), (weights * wanted).mean(axis=(1, 2)),
                               rtol=1e-5)
    np.testing.assert_allclose(sigmoid_cross_entropy(logits[:, 0, 0], labels[:, 0, 0]), wanted[:, 0, 0], rtol=1e-5)


def test_sure_logits_stay_finite():
    logits = tf.constant([200.0, -200.0])
    np.testing.assert_allclose(sigmoid_cross_entropy(logits, tf.constant([1.0, 1.0])), [0.0, 200.0])


def test_shapes_must_agree():
    with pytest.raises(ValueError, match='logits and labels'):
        sigmoid_cross_entropy(tf.zeros((2, 3)), tf.zeros((2,)))
    with pytest.raises(ValueError, match='logits and weights'):
        sigmoid_cross_entropy(tf.zeros((2, 3)), tf.zeros((2, 3)), tf.zeros((2, 1)))
