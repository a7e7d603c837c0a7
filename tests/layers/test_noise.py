import numpy as np
import scipy.stats
import tensorflow as tf

from stylegan_tf.layers import noise


def test_positional_noise_is_standard_normal_and_white():
    field = np.array(noise.positional_noise(300, 400))[0, :, :, 0]
    assert scipy.stats.kstest(field.ravel(), 'norm').pvalue > 1e-3
    spectrum = np.abs(np.fft.fft2(field - field.mean())) ** 2 / field.size
    # White noise has an exponential periodogram: its mean and deviation are both 1.
    assert abs(spectrum.mean() - 1) < 0.02 and abs(spectrum.std() - 1) < 0.05
    for other in (noise.positional_noise(300, 400, seed=1), noise.positional_noise(300, 400, seed=-1)):
        assert abs(np.corrcoef(field.ravel(), np.ravel(other))[0, 1]) < 0.015


def test_a_tile_has_the_noise_of_its_place_in_the_image():
    whole = np.array(noise.positional_noise(40, 50, seed=3))
    tile = noise.positional_noise(7, 9, seed=3, row=20, column=30)
    np.testing.assert_allclose(tile, whole[:, 20:27, 30:39], atol=1e-6)
    graph = tf.function(lambda h, w, r, c: noise.positional_noise(h, w, seed=3, row=r, column=c))
    in_graph = graph(*(tf.constant(value) for value in (7, 9, 20, 30)))
    np.testing.assert_allclose(in_graph, tile, atol=1e-6)


def test_given_noise_is_added_with_the_learned_strength():
    layer = noise.NoiseInjection(name='noise')
    x = np.ones((2, 3, 4, 5), np.float32)
    given = np.random.default_rng(0).normal(size=(2, 3, 4, 1)).astype(np.float32)
    np.testing.assert_array_equal(layer(x, given), x)
    layer.strength.assign(0.5)
    np.testing.assert_allclose(layer(x, given), x + 0.5 * given, rtol=1e-6)


def test_own_noise_is_fresh_in_training_and_fixed_elsewhere():
    layer = noise.NoiseInjection(seed=2, name='noise')
    x = np.zeros((2, 8, 8, 3), np.float32)
    layer(x)
    layer.strength.assign(1.0)
    fixed = np.array(layer(x))
    np.testing.assert_array_equal(fixed, layer(x, training=False))
    np.testing.assert_allclose(fixed[0], np.array(noise.positional_noise(8, 8, seed=2))[0]
                               * np.ones(3), rtol=1e-6)
    state = layer.seed_generator.state.numpy()
    first, second = np.array(layer(x, training=True)), np.array(layer(x, training=True))
    assert np.abs(first - second).max() > 0.1 and np.abs(first[0] - first[1]).max() > 0.1
    layer.seed_generator.state.assign(state)
    np.testing.assert_array_equal(layer(x, training=True), first)


def test_half_precision_and_config():
    layer = noise.NoiseInjection(seed=5, dtype='mixed_float16')
    assert layer(np.zeros((1, 4, 4, 2), np.float32)).dtype == tf.float16
    assert noise.NoiseInjection.from_config(layer.get_config()).seed == 5
