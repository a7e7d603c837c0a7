import numpy as np
import scipy.special
import tensorflow as tf

from stylegan_tf.layers.attention import SelfAttention2D
from tests.layers.oracles import relative_error


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_starts_as_identity_and_still_learns():
    layer = SelfAttention2D()
    x = random(2, 4, 3, 16)
    with tf.GradientTape() as tape:
        y = layer(x)
        total = tf.reduce_sum(y * random(*x.shape, seed=1))
    np.testing.assert_array_equal(y, x)
    assert abs(float(tape.gradient(total, layer.gamma.value))) > 1e-3


def test_equals_numpy():
    layer = SelfAttention2D(name='attention')
    x = random(2, 4, 3, 16)
    layer(x)
    layer.gamma.assign(0.7)

    def project(rows, projection):
        kernel = projection.kernel.numpy()[0, 0].astype(np.float64)
        return rows @ kernel / np.sqrt(len(kernel))

    rows = x.reshape(2, 12, 16).astype(np.float64)
    query, key = project(rows, layer.query), project(rows, layer.key)
    assert query.shape[-1] == 2
    weights = scipy.special.softmax(query @ key.transpose(0, 2, 1) / np.sqrt(2), axis=-1)
    mixed = project(weights @ project(rows, layer.value), layer.output_projection)
    assert relative_error(layer(x), x + 0.7 * mixed.reshape(x.shape)) < 1e-5


def test_moves_with_the_positions():
    layer = SelfAttention2D()
    x = random(1, 4, 4, 8)
    layer(x)
    layer.gamma.assign(1.0)
    np.testing.assert_allclose(layer(x[:, ::-1]), np.array(layer(x))[:, ::-1], atol=1e-5)


def test_small_depths_half_precision_and_config():
    layer = SelfAttention2D(4, dtype='mixed_float16')
    assert layer(random(1, 3, 3, 2)).dtype == tf.float16
    assert SelfAttention2D.from_config(layer.get_config()).reduction == 4
