import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.layers import equalized, modulated, resample
from stylegan_tf.losses import penalties


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_r1_of_a_linear_critic_is_the_square_of_its_weights():
    weights, real = random(1, 4, 4, 3), tf.constant(random(2, 4, 4, 3, seed=1))
    linear = penalties.r1_penalty(lambda x: tf.reduce_sum(x * weights, axis=(1, 2, 3)), real)
    np.testing.assert_allclose(linear, [np.sum(weights ** 2)] * 2, rtol=1e-5)
    squared = penalties.r1_penalty(lambda x: tf.reduce_sum(x ** 2, axis=(1, 2, 3)), real)
    np.testing.assert_allclose(squared, np.sum(4 * real.numpy() ** 2, axis=(1, 2, 3)), rtol=1e-5)
    # Patch logits count as their sum.
    patches = penalties.r1_penalty(lambda x: x[..., :1] * 3.0, real)
    np.testing.assert_allclose(patches, [9 * 16] * 2, rtol=1e-6)


def test_r1_trains_a_critic_made_of_our_layers():
    layers = [equalized.EqualizedConv2D(4, 3, padding='reflect', activation='tanh'),
              resample.Downsample2D(), resample.Upsample2D(),
              equalized.EqualizedConv2D(1, 3, activation='tanh')]

    def critic(x):
        for layer in layers:
            x = layer(x)
        return x

    real = tf.constant(random(2, 6, 6, 3))
    critic(real)
    kernel = layers[0].kernel
    with tf.GradientTape() as tape:
        penalty = tf.reduce_sum(penalties.r1_penalty(critic, real))
    gradient = tape.gradient(penalty, kernel.value)
    values, direction, step = kernel.numpy(), random(*kernel.shape, seed=2), 1e-2
    totals = []
    for sign in (1, -1):
        kernel.assign(values + sign * step * direction)
        totals.append(float(tf.reduce_sum(penalties.r1_penalty(critic, real))))
    slope = (totals[0] - totals[1]) / (2 * step)
    assert float(tf.reduce_sum(gradient * direction)) == pytest.approx(slope, rel=0.02)


def test_gradient_penalty_by_hand():
    weights = np.zeros((1, 2, 2, 1), np.float32)
    weights[0, 0] = [[3.0], [4.0]]
    real, fake = tf.constant(random(3, 2, 2, 1)), tf.constant(random(3, 2, 2, 1, seed=1))
    mix = tf.constant([0.0, 0.5, 1.0])
    value = penalties.gradient_penalty(lambda x: tf.reduce_sum(x * weights, axis=(1, 2, 3)),
                                       real, fake, mix)
    np.testing.assert_allclose(value, [16.0] * 3, rtol=1e-5)  # (5 - 1)^2
    # A critic x^2 / 2 has the gradient x itself: the point looked at is the mixture.
    value = penalties.gradient_penalty(lambda x: tf.reduce_sum(x ** 2, axis=(1, 2, 3)) / 2,
                                       real, fake, mix, target=0.0)
    points = real.numpy() + np.array([0, 0.5, 1])[:, None, None, None] * (fake - real).numpy()
    np.testing.assert_allclose(value, np.sum(points ** 2, axis=(1, 2, 3)), rtol=1e-4)


def test_gradient_penalty_of_a_flat_critic_has_a_finite_gradient():
    scale, real = tf.Variable(0.0), tf.constant(random(2, 2, 2, 1))
    with tf.GradientTape() as tape:
        value = penalties.gradient_penalty(
            lambda x: scale * tf.reduce_sum(x, axis=(1, 2, 3)), real, real, tf.zeros(2))
    np.testing.assert_allclose(value, 1.0, atol=1e-5)
    assert np.isfinite(tape.gradient(value, scale))


@pytest.mark.parametrize('layers', [None, 3])
def test_path_lengths_of_a_linear_synthesis(layers):
    jacobian, noise = random(5, 4, 6, 3), random(2, 4, 6, 3, seed=1)

    def synthesis(w):
        w = w if layers is None else tf.reduce_sum(w, axis=1)
        return tf.einsum('bd,dhwc->bhwc', w, jacobian)

    w = tf.constant(random(*((2, 5) if layers is None else (2, layers, 5)), seed=2))
    expected = np.linalg.norm(np.einsum('bhwc,dhwc->bd', noise / np.sqrt(24), jacobian), axis=1)
    np.testing.assert_allclose(penalties.path_lengths(synthesis, w, noise), expected, rtol=1e-5)


def test_path_lengths_reach_the_weights_of_a_styled_convolution():
    layer = modulated.StyledConv2D(3, 3, upsample=True, padding='reflect')
    x, w = tf.constant(random(2, 4, 4, 2)), tf.constant(random(2, 5, seed=1))
    layer(x, w)
    with tf.GradientTape() as tape:
        lengths = penalties.path_lengths(lambda w: layer(x, w), w, random(2, 8, 8, 3))
    for gradient in tape.gradient(lengths, [layer.convolution.kernel.value, layer.affine.kernel.value]):
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 1e-4


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r'real of shape \(2, 4, 4, 3\).*fake of shape \(2, 8, 8, 3\)'):
        penalties.gradient_penalty(tf.identity, random(2, 4, 4, 3), random(2, 8, 8, 3), random(2))
    with pytest.raises(ValueError, match='noise must have 4 axes'):
        penalties.path_lengths(tf.identity, random(2, 3), random(2, 3))
