"""The U-Net: any size, a condition that matters, a view as wide as its levels and no wider."""

import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.networks.unet import UNet


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize('size', [(32, 32), (33, 50), (24, 17)])
def test_the_result_has_the_pictures_size(size):
    network = UNet((4, 6, 8), 5)
    result = network(random(2, *size, 3))
    assert result.shape == (2, *size, 5) and result.dtype == tf.float32


def test_one_graph_for_every_size():
    network = UNet((4, 6, 8))
    network(random(1, 16, 16, 3))
    traced = tf.function(network, input_signature=[tf.TensorSpec((None, None, None, 3))])
    image = random(2, 21, 30, 3)
    np.testing.assert_allclose(traced(image), network(image), atol=1e-5)


def test_it_starts_small():
    network = UNet((8, 16, 16))
    result = network(random(4, 48, 48, 3)).numpy()
    assert 0.01 < result.std() < 0.5


def test_the_condition_matters_for_its_own_example():
    network = UNet((4, 6))
    image, condition = random(2, 16, 16, 3), random(2, 16, 16, 2, seed=1)
    result = network(image, condition).numpy()
    changed = network(image, condition * np.float32([1, 2])[:, None, None, None]).numpy()
    np.testing.assert_allclose(changed[0], result[0], atol=1e-6)
    assert np.abs(changed[1] - result[1]).max() > 1e-3
    with pytest.raises(ValueError, match='built with a condition'):
        network(image)


def view(network, size):
    image = tf.constant(random(1, *size, 3))
    with tf.GradientTape() as tape:
        tape.watch(image)
        middle = tf.reduce_sum(network(image)[0, size[0] // 2, size[1] // 2])
    rows = np.flatnonzero(np.abs(tape.gradient(middle, image)).max(axis=(0, 2, 3)))
    return rows[-1] - rows[0] + 1


def test_dilations_widen_the_view():
    narrow, wide = UNet((4, 4, 4), dilations=()), UNet((4, 4, 4), dilations=(2, 4))
    # Each dilation of rate r adds 2 r pixels of the lowest level, which are 4 pixels of the picture.
    assert view(wide, (160, 24)) - view(narrow, (160, 24)) == pytest.approx(4 * 2 * (2 + 4), abs=4)


@pytest.mark.parametrize('settings', [
    {'channels': (3, 3)}, {'channels': (3, 3, 3), 'dilations': (2,)}, {'channels': (3, 3, 3), 'blocks': 2}])
def test_it_sees_as_far_as_it_says_and_no_further(settings):
    network = UNet(**{'dilations': (), **settings})
    size = 4 * network.multiple + 2 * network.reach
    image = tf.constant(random(1, size, 8 * network.multiple, 3))
    furthest = 0
    for row in range(size // 2, size // 2 + network.multiple):
        with tf.GradientTape() as tape:
            tape.watch(image)
            pixel = tf.reduce_sum(network(image)[0, row, 4 * network.multiple])
        rows = np.flatnonzero(np.abs(tape.gradient(pixel, image)).max(axis=(0, 2, 3)))
        furthest = max(furthest, row - rows[0], rows[-1] - row)
    assert furthest == network.reach


def test_a_tile_with_a_margin_is_the_whole():
    network = UNet((4, 4, 4), dilations=(2,))
    image = random(1, 24, 256, 3)
    margin = 64
    tile = network(image[:, :, 64:256]).numpy()[:, :, margin:]
    np.testing.assert_allclose(tile, network(image).numpy()[:, :, 64 + margin:], atol=1e-5)


@pytest.mark.parametrize('settings', [{'channels': (4,)}, {'blocks': 0}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(ValueError, match='at least two levels'):
        UNet(**settings)
