"""Lab against scikit-image's, there and back, with gradients that stay finite."""

import numpy as np
import tensorflow as tf
from skimage import color

from stylegan_tf.layers.lab import lab_to_rgb, rgb_to_lab

COLORS = np.concatenate([
    np.random.default_rng(0).uniform(-1, 1, (200, 3)), np.eye(3) * 2 - 1, np.full((1, 3), -1), np.full((1, 3), 1),
    np.full((1, 3), -0.98)]).astype(np.float32)


def test_lab_is_that_of_scikit_image():
    expected = color.rgb2lab(COLORS / 2 + 0.5)
    np.testing.assert_allclose(rgb_to_lab(COLORS), expected, atol=0.05)


def test_there_and_back():
    np.testing.assert_allclose(lab_to_rgb(rgb_to_lab(COLORS)), COLORS, atol=1e-3)


def test_gradients_are_finite_at_black_and_outside_rgb():
    x = tf.constant(np.concatenate([COLORS, [[-1, -1, -1], [0, -1, 1]]]).astype(np.float32))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        lab, back = rgb_to_lab(x), lab_to_rgb(x * np.float32([100, 150, 150]))
    for result in (lab, back):
        assert np.isfinite(result).all() and np.isfinite(tape.gradient(result, x)).all()
