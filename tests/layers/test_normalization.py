import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.layers import normalization
from tests.layers.oracles import relative_error


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_instance_statistics_equal_numpy():
    x = random(2, 5, 4, 3) * 7 + 100
    mean, std = normalization.instance_statistics(x)
    wide = x.astype(np.float64)
    assert relative_error(mean, wide.mean((1, 2), keepdims=True)) < 1e-6
    assert relative_error(std, np.sqrt(wide.var((1, 2), keepdims=True) + 1e-5)) < 1e-5


def test_adain_gives_the_wanted_statistics():
    x, style = random(2, 16, 16, 3) * 3 + 5, random(2, 4, 4, 3, seed=1) * 2 - 1
    wanted = normalization.instance_statistics(style)
    mean, std = normalization.instance_statistics(normalization.adain(x, *wanted))
    np.testing.assert_allclose(mean, wanted[0], atol=1e-5)
    np.testing.assert_allclose(std, wanted[1], rtol=1e-4)
    unchanged = normalization.adain(x, *normalization.instance_statistics(x))
    np.testing.assert_allclose(unchanged, x, atol=1e-5)


def test_adain_of_a_tile_with_the_statistics_of_the_image_is_the_tile_of_the_result():
    x = random(1, 8, 8, 2)
    statistics = normalization.instance_statistics(x)
    whole = normalization.adain(x, 0.5, 2.0)
    tile = normalization.adain(x[:, 2:5, 3:7], 0.5, 2.0, content_statistics=statistics)
    np.testing.assert_allclose(tile, whole[:, 2:5, 3:7], atol=1e-6)
    assert np.abs(normalization.adain(x[:, 2:5, 3:7], 0.5, 2.0) - tile).max() > 0.1


def test_instance_normalization_learns_gain_and_offset():
    layer = normalization.InstanceNormalization(name='norm')
    x = random(2, 6, 6, 3) * 4 + 9
    y = np.array(layer(x))
    np.testing.assert_allclose(y.mean((1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std((1, 2)), 1, atol=1e-4)
    layer.gain.assign([1, 2, 3])
    layer.offset.assign([0, 5, -5])
    np.testing.assert_allclose(layer(x), y * [1, 2, 3] + [0, 5, -5], atol=1e-5)
    plain = normalization.InstanceNormalization(use_affine=False)
    np.testing.assert_allclose(plain(x), y, atol=1e-6)
    assert not plain.variables


def test_flat_channels_have_finite_gradients():
    x = tf.ones((1, 4, 4, 2))
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(normalization.InstanceNormalization()(x) ** 2)
    assert np.isfinite(tape.gradient(total, x)).all()


def test_pixel_norm_by_hand():
    y = normalization.PixelNorm()(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32))
    np.testing.assert_allclose(y, [[3 / np.sqrt(12.5), 4 / np.sqrt(12.5)], [0, 0]], rtol=1e-6)


@pytest.mark.parametrize('layer', [normalization.InstanceNormalization, normalization.PixelNorm])
def test_half_precision_takes_its_moments_in_float32(layer):
    # Squares of 300 overflow float16.
    x = random(1, 4, 4, 8) * 300
    y = layer(dtype='mixed_float16')(x)
    assert y.dtype == tf.float16
    np.testing.assert_allclose(y, layer()(x), atol=5e-3)
