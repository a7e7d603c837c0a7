import keras
import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.layers import spectral
from tests.layers.oracles import convolve, relative_error


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def largest_singular_value(kernel):
    kernel = kernel.numpy().astype(np.float64)
    return np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]


def trained(layer, x, calls=60):
    for _ in range(calls):
        layer(x, training=True)
    return layer


def test_norm_converges_to_the_largest_singular_value():
    matrix = random(12, 5)
    u = random(5, seed=1)
    for _ in range(100):
        norm, u = spectral.spectral_norm(matrix, u)
    assert float(norm) == pytest.approx(np.linalg.svd(matrix, compute_uv=False)[0], rel=1e-5)


@pytest.mark.parametrize('padding, stride', [('same', 1), ('reflect', 2)])
def test_convolution_uses_the_kernel_over_its_norm(padding, stride):
    keras.utils.set_random_seed(0)  # kernel and start of the power iteration, on which its speed depends
    x = random(2, 6, 6, 4)
    layer = trained(spectral.SpectralConv2D(5, 3, padding=padding, strides=stride), x)
    kernel = layer.kernel.numpy()
    expected = convolve(x, kernel / largest_singular_value(layer.kernel), padding=padding, stride=stride)
    assert relative_error(layer(x), expected) < 1e-5


def test_only_training_calls_change_the_layer_and_never_its_kernel():
    x = random(1, 4, 4, 3)
    layer = spectral.SpectralConv2D(4, 3)
    layer(x)
    before = [v.numpy() for v in layer.variables]
    layer(x, training=False)
    for old, variable in zip(before, layer.variables):
        np.testing.assert_array_equal(old, variable.numpy())
    layer(x, training=True)
    np.testing.assert_array_equal(before[0], layer.kernel.numpy())
    assert np.abs(before[1] - layer.singular_vector.numpy()).max() > 1e-3
    assert layer.non_trainable_variables == [layer.singular_vector]


def test_the_output_ignores_the_size_of_the_kernel_and_so_does_its_gradient():
    x = random(1, 4, 4, 3)
    layer = trained(spectral.SpectralConv2D(4, 3, use_bias=False), x)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(x) ** 2)
    gradient = tape.gradient(total, layer.kernel.value)
    # Scaling the kernel changes nothing, so the gradient is orthogonal to the kernel (Euler).
    along = float(tf.reduce_sum(gradient * layer.kernel.value))
    assert abs(along) < 1e-4 * float(tf.norm(gradient) * tf.norm(layer.kernel.value))
    y = np.array(layer(x))
    layer.kernel.assign(layer.kernel.numpy() * 7)
    np.testing.assert_allclose(layer(x), y, atol=1e-5)


@pytest.mark.parametrize('compiled', [False, True])
def test_stays_normalised_through_a_training_loop(compiled):
    x = random(4, 6, 6, 3)
    layer = trained(spectral.SpectralConv2D(8, 3), x)
    optimizer = keras.optimizers.Adam(0.02)
    optimizer.build(layer.trainable_variables)

    @tf.function(jit_compile=compiled)
    def gradients():
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(layer(x, training=True))
        return tape.gradient(loss, [v.value for v in layer.trainable_variables])

    for _ in range(20):
        optimizer.apply(gradients(), layer.trainable_variables)
    # The power iteration follows a moving kernel one round behind.
    effective, _ = spectral.spectral_norm(
        layer.kernel.numpy().reshape(-1, 8), layer.singular_vector.numpy())
    assert float(effective) == pytest.approx(largest_singular_value(layer.kernel), rel=0.02)


def test_works_under_a_mirrored_strategy():
    strategy = tf.distribute.MirroredStrategy(['/cpu:0'])
    with strategy.scope():
        layer = spectral.SpectralConv2D(4, 3)
        layer.build((2, 4, 4, 3))
    before = layer.singular_vector.numpy()
    strategy.run(lambda x: layer(x, training=True), (tf.constant(random(2, 4, 4, 3)),))
    assert np.abs(layer.singular_vector.numpy() - before).max() > 1e-3


def test_half_precision_normalises_in_float32():
    x = random(1, 4, 4, 3)
    layer = spectral.SpectralConv2D(4, 3, dtype='mixed_float16')
    layer.build(x.shape)
    layer.kernel.assign(layer.kernel.numpy() * 1e5)
    y = layer(x, training=True)
    assert y.dtype == tf.float16 and np.isfinite(y).all()


def test_config():
    layer = spectral.SpectralConv2D(4, 3, strides=2, padding='reflect', use_bias=False,
                                    activation='leaky_relu', power_iterations=2)
    assert spectral.SpectralConv2D.from_config(layer.get_config()).get_config() == layer.get_config()
