import keras
import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.layers import modulated, resample
from tests.layers.oracles import convolve, relative_error


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def oracle(x, scales, kernel, *, demodulate, padding, epsilon=1e-8):
    """Equations 1 to 3 of the paper: one kernel an example, in float64."""
    kernel = kernel.astype(np.float64) / np.sqrt(np.prod(kernel.shape[:3]))
    kernels = kernel[None] * scales.astype(np.float64)[:, None, None, :, None]
    if demodulate:
        power = np.sum(kernels ** 2, axis=(1, 2, 3), keepdims=True)
        kernels = kernels / np.sqrt(power + epsilon)
    return convolve(x, kernels, padding=padding)


@pytest.mark.parametrize('demodulate', [True, False])
@pytest.mark.parametrize('size, padding', [(3, 'same'), (3, 'reflect'), (1, 'same'), (5, 'reflect')])
def test_modulated_convolution_equals_one_kernel_an_example(size, padding, demodulate):
    layer = modulated.ModulatedConv2D(6, size, demodulate=demodulate, padding=padding)
    x, scales = random(3, 7, 5, 4), random(3, 4, seed=1) * 3
    y = layer(x, scales)
    expected = oracle(x, scales, layer.kernel.numpy(), demodulate=demodulate, padding=padding)
    assert relative_error(y, expected) < 1e-5
    for example in range(3):
        alone = layer(x[example:example + 1], scales[example:example + 1])
        np.testing.assert_allclose(alone[0], y[example], atol=1e-5)


def test_demodulation_makes_the_size_of_scales_irrelevant():
    layer = modulated.ModulatedConv2D(6, 3)
    x, scales = random(2, 5, 5, 4), random(2, 4, seed=1)
    np.testing.assert_allclose(layer(x, scales * 1000), layer(x, scales), rtol=1e-4, atol=1e-5)
    plain = modulated.ModulatedConv2D(6, 3, demodulate=False)
    np.testing.assert_allclose(plain(x, scales * 4), 4 * plain(x, scales), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('policy, tolerance', [('mixed_float16', 4e-3), ('mixed_bfloat16', 3e-2)])
def test_half_precision_neither_overflows_nor_drifts(policy, tolerance):
    # 512 channels of scale 300 would exceed 65504 before demodulation divides them out.
    layer = modulated.ModulatedConv2D(8, 3, dtype=policy)
    x, scales = random(1, 4, 4, 64) * 30, 3e4 * (1.0 + np.abs(random(1, 64, seed=1)))
    y = layer(x, scales.astype(np.float32))
    assert y.dtype == layer.compute_dtype
    expected = oracle(x, scales, layer.kernel.numpy(), demodulate=True, padding='same')
    assert relative_error(np.array(tf.cast(y, 'float32')), expected) < tolerance


def test_gradients_of_both_orders_equal_finite_differences():
    keras.utils.set_random_seed(0)  # of kernels that bend little within a step
    # A smooth activation: finite differences across the kink of a ReLU mean nothing.
    layer = modulated.StyledConv2D(3, 3, upsample=True, padding='reflect', activation='tanh')
    x, w = tf.constant(random(2, 4, 4, 2)), tf.constant(random(2, 5, seed=1))
    layer(x, w)

    def penalty(w):
        with tf.GradientTape() as tape:
            tape.watch(w)
            total = tf.reduce_sum(tf.square(layer(x, w)))
        return tf.reduce_sum(tf.square(tape.gradient(total, w)))

    with tf.GradientTape() as tape:
        tape.watch(w)
        value = penalty(w)
    gradients = tape.gradient(value, [w, layer.convolution.kernel.value, layer.affine.kernel.value])
    assert all(np.isfinite(g).all() and np.abs(g).max() > 0 for g in gradients)
    direction = tf.constant(random(2, 5, seed=2))
    step = 1e-2
    slope = (penalty(w + step * direction) - penalty(w - step * direction)) / (2 * step)
    assert float(tf.reduce_sum(gradients[0] * direction)) == pytest.approx(float(slope), rel=0.02)


def test_styled_convolution_follows_its_order():
    layer = modulated.StyledConv2D(3, 3, upsample=True, use_noise=True, activation='leaky_relu')
    x, w, noise = random(2, 4, 6, 5), random(2, 7, seed=1), random(2, 8, 12, 1, seed=2)
    layer(x, w, noise)
    layer.noise.strength.assign(0.3)
    layer.bias.assign(random(3, seed=3))
    scales = w @ layer.affine.kernel.numpy() / np.sqrt(7) + 1.0
    y = oracle(x, scales, layer.convolution.kernel.numpy(), demodulate=True, padding='same')
    y = np.array(resample.upsample_2d(y.astype(np.float32))) + 0.3 * noise + layer.bias.numpy()
    expected = np.where(y > 0, y, 0.2 * y) * np.sqrt(2)
    assert relative_error(layer(x, w, noise), expected) < 1e-5
    assert layer.compute_output_shape(x.shape, w.shape) == (2, 8, 12, 3)


def test_styled_convolution_at_sizes_known_only_to_the_graph():
    layer = modulated.StyledConv2D(3, 3, upsample=True, padding='reflect', use_noise=True)
    x, w = random(2, 5, 3, 4), random(2, 6, seed=1)
    expected = layer(x, w)
    graph = tf.function(lambda x, w: layer(x, w), input_signature=[
        tf.TensorSpec((None, None, None, 4)), tf.TensorSpec((None, 6))])
    np.testing.assert_allclose(graph(x, w), expected, atol=1e-5)


def test_to_rgb_is_linear_and_float32_under_mixed_precision():
    layer = modulated.ToRGB(dtype='mixed_float16')
    x, w = random(2, 4, 4, 5), random(2, 6, seed=1)
    y = layer(tf.cast(x, 'float16'), w)
    assert y.dtype == tf.float32
    scales = w @ layer.affine.kernel.numpy() / np.sqrt(6) + 1.0
    expected = oracle(x.astype(np.float16), scales, layer.convolution.kernel.numpy(),
                      demodulate=False, padding='same')
    assert relative_error(y, expected) < 1e-5


def test_names_are_those_of_the_layers_alone():
    names = []
    for _ in range(2):
        layer = modulated.StyledConv2D(3, 3, use_noise=True, name='styled')
        layer(random(1, 4, 4, 2), random(1, 5))
        names.append(sorted(v.path for v in layer.trainable_variables))
    assert names[0] == names[1] == [
        'styled/affine/bias', 'styled/affine/kernel', 'styled/bias', 'styled/convolution/kernel',
        'styled/noise/strength']


def test_config_and_errors():
    for layer in (modulated.StyledConv2D(3, 3, upsample=True, use_noise=True, padding='reflect',
                                         activation=None, noise_seed=4),
                  modulated.ModulatedConv2D(3, 3, demodulate=False), modulated.ToRGB(1)):
        assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    with pytest.raises(ValueError, match=r'one scale for each.*\(1, 4, 4, 3\).*\(1, 2\)'):
        modulated.ModulatedConv2D(3, 3)(random(1, 4, 4, 3), random(1, 2))
    with pytest.raises(ValueError, match='valid'):
        modulated.ModulatedConv2D(3, 3, padding='valid')
