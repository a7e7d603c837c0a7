import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from stylegan_tf.layers import equalized
from tests.layers.oracles import convolve, relative_error


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize('multiplier', [1.0, 0.01])
def test_dense_equals_numpy(multiplier):
    layer = equalized.EqualizedDense(5, bias_init=0.5, lr_multiplier=multiplier, name='dense')
    x = random(3, 7)
    layer.build(x.shape)
    np.testing.assert_allclose(layer.bias * multiplier, 0.5, rtol=1e-6)
    layer.bias.assign(random(5))
    expected = x @ (layer.kernel.numpy().astype(float) * multiplier / np.sqrt(7)) \
        + layer.bias.numpy() * multiplier
    assert relative_error(layer(x), expected) < 1e-6


@pytest.mark.parametrize('size', [1, 3, 4])
@pytest.mark.parametrize('padding', ['same', 'valid', 'reflect'])
def test_convolution_equals_numpy(size, padding):
    layer = equalized.EqualizedConv2D(4, size, padding=padding, activation='leaky_relu')
    x = random(2, 6, 5, 3)
    layer.build(x.shape)
    layer.bias.assign(random(4))
    y = convolve(x, layer.kernel.numpy() / np.sqrt(size * size * 3), padding=padding)
    y = y + layer.bias.numpy()
    assert relative_error(layer(x), np.where(y > 0, y, 0.2 * y) * np.sqrt(2)) < 1e-5


@pytest.mark.parametrize('size', [3, 4])
def test_strided_reflecting_convolution_halves_any_size_rounding_up(size):
    layer = equalized.EqualizedConv2D(2, size, strides=2, padding='reflect', use_bias=False)
    for height, width in ((6, 8), (5, 7)):
        x = random(1, height, width, 3)
        y = layer(x)
        assert y.shape == (1, -(-height // 2), -(-width // 2), 2)
        expected = convolve(x, layer.kernel.numpy() / np.sqrt(size * size * 3), padding='reflect',
                            stride=2)
        assert relative_error(y, expected) < 1e-5


def test_variance_is_kept_and_the_multiplier_only_slows_learning():
    x = random(256, 64)
    for multiplier in (1.0, 0.01):
        layer = equalized.EqualizedDense(64, lr_multiplier=multiplier)
        assert 0.9 < float(np.std(layer(x))) < 1.1
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x))
        gradient = tape.gradient(loss, layer.kernel.value)
        # The same step of Adam moves the effective weight by multiplier / sqrt(fan in).
        np.testing.assert_allclose(np.ravel(gradient)[:64:64], x.sum(0)[:1] * multiplier / 8,
                                   rtol=1e-3)
    y = equalized.EqualizedConv2D(64, 3, padding='reflect')(random(1, 32, 32, 16))
    assert 0.85 < float(np.std(y)) < 1.15


def test_leaky_relu_keeps_the_variance_of_normal_input():
    x = np.linspace(-6, 6, 100001)
    density = np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    second_moment = np.sum(np.array(equalized.leaky_relu(x.astype(np.float32))) ** 2 * density)
    assert second_moment * (x[1] - x[0]) == pytest.approx(1.04, abs=1e-3)  # (1 + 0.2^2) by hand


def test_activations_go_through_the_config():
    for activation in (None, equalized.leaky_relu, 'leaky_relu', 'gelu'):
        for layer in (equalized.EqualizedDense(2, activation=activation),
                      equalized.EqualizedConv2D(2, 1, activation=activation)):
            again = type(layer).from_config(layer.get_config())
            x = random(1, 2, 2, 3)
            layer(x), again(x)
            again.set_weights(layer.get_weights())
            np.testing.assert_array_equal(again(x), layer(x))
    x = random(8)
    gelu = equalized.activation_function('gelu')(x)
    expected = x * 0.5 * (1 + scipy.special.erf(x / np.sqrt(2)))
    np.testing.assert_allclose(gelu, expected, atol=2e-3)


def test_unknown_padding_is_named():
    with pytest.raises(ValueError, match='mirror'):
        equalized.EqualizedConv2D(2, 3, padding='mirror')


def test_half_precision_computes_in_half_precision():
    layer = equalized.EqualizedConv2D(2, 3, padding='reflect', dtype='mixed_float16')
    x = random(1, 4, 4, 3)
    y = layer(x)
    assert y.dtype == tf.float16 and layer.kernel.dtype == 'float32'
    reference = equalized.EqualizedConv2D(2, 3, padding='reflect')
    reference.build(x.shape)
    reference.set_weights(layer.get_weights())
    np.testing.assert_allclose(y, reference(x), atol=1e-2)


def test_a_model_with_the_layers_is_saved_and_loaded(tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 3)),
                              equalized.EqualizedConv2D(4, 3, activation=equalized.leaky_relu),
                              keras.layers.Flatten(), equalized.EqualizedDense(2)])
    model.save(tmp_path / 'model.keras')
    x = random(2, 4, 4, 3)
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / 'model.keras')(x), model(x))
