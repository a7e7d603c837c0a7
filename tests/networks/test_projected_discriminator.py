import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.networks.features import FeatureWeightsError
from stylegan_tf.networks.projected_discriminator import MapDiscriminator, ProjectedDiscriminator, ProjectedFeatures


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.fixture(scope='module')
def projected():
    return ProjectedFeatures('efficientnet_lite0', 8)


@pytest.mark.parametrize('size, largest', [
    ((28, 28), (28, 28)), ((64, 64), (32, 32)), ((96, 96), (24, 24)), ((64, 96), (32, 48)), ((128, 192), (32, 48))])
def test_maps_of_small_pictures_are_those_of_pictures_twice_as_large_until_they_suffice(projected, size, largest):
    shapes = [value.shape for value in projected(random(2, *size, 3))]
    assert [shape[-1] for shape in shapes] == [8] * 4
    expected = [largest]
    while len(expected) < 4:
        expected.append(tuple(-(-side // 2) for side in expected[-1]))
    assert [tuple(shape[1:3]) for shape in shapes] == expected


def test_the_projection_is_fixed_and_neither_trained_nor_saved(projected, tmp_path):
    image = random(1, 96, 96, 3)
    again = ProjectedFeatures('efficientnet_lite0', 8)
    for one, other in zip(projected(image), again(image), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not projected.trainable_variables
    projected.save_weights(tmp_path / 'empty.weights.h5')
    assert (tmp_path / 'empty.weights.h5').stat().st_size < 300_000  # names, no numbers: those would take 14 MB


def test_channels_and_scales_are_mixed(projected):
    """Each map sees what the frozen network has at its own size and at every smaller one."""
    image = tf.constant(random(1, 96, 96, 3, seed=1))
    seen = {}

    def maps(scaled):
        features = projected.extractor(image)
        mixed = {name: value * (2.0 if name == scaled else 1.0) for name, value in features.items()}
        original, projected.extractor = projected.extractor, lambda _: mixed
        try:
            return projected(image)
        finally:
            projected.extractor = original

    plain = maps(None)
    for name in projected.extractor.layer_names:
        seen[name] = [bool(np.abs(one - other).max() > 1e-3) for one, other in zip(plain, maps(name), strict=True)]
    assert list(seen.values()) == [[True] * (index + 1) + [False] * (3 - index) for index in range(4)]
    # A single channel of a map reaches all the mixed ones.
    kernel = projected.across_channels[0].kernel.numpy()
    assert kernel.shape == (1, 1, 24, 8) and np.abs(kernel).min() > 0
    assert kernel.std() == pytest.approx(24 ** -0.5, rel=0.15)


@pytest.mark.parametrize('size, logits', [((32, 32), (4, 4)), ((24, 36), (3, 5)), ((7, 7), (4, 4)), ((4, 4), (4, 4)),
                                          ((2, 3), (2, 3))])
def test_a_map_is_judged_by_about_four_by_four_logits(size, logits):
    network = MapDiscriminator(4)
    assert network(random(2, *size, 8)).shape == (2, *logits)
    assert all(block.kernel.shape[-1] in (4, 8, 16) for block in network.blocks)


def test_logits_depend_on_the_label_and_a_missing_one_counts_nothing():
    network = ProjectedDiscriminator(4, num_labels=3, num_maps=2)
    maps = [random(3, 8, 8, 4), random(3, 4, 4, 4, seed=1)]
    none = network(maps, np.array([-1, -1, -1]))
    assert none.shape == (3, 32) and none.dtype == tf.float32
    np.testing.assert_allclose(network(maps), none, atol=1e-6)
    labelled = network(maps, np.array([0, 2, -1]))
    assert np.abs(labelled[:2] - none[:2]).max() > 1e-3
    np.testing.assert_allclose(labelled[2], none[2], atol=1e-6)


def test_training_calls_follow_the_norms_of_the_kernels():
    network = ProjectedDiscriminator(4, num_maps=1)
    maps = [random(2, 8, 8, 4)]
    network(maps)
    for _ in range(40):
        network(maps, training=True)
    block = network.heads[0].blocks[0]
    matrix = block.kernel.numpy().reshape(-1, 4)
    vector = block.singular_vector.numpy()
    assert np.linalg.norm(matrix @ vector) == pytest.approx(np.linalg.norm(matrix, 2), rel=1e-3)


def test_gradients_reach_the_picture(projected):
    network = ProjectedDiscriminator(4)
    image = tf.constant(random(1, 64, 64, 3))
    with tf.GradientTape() as tape:
        tape.watch(image)
        logits = tf.reduce_sum(network(projected(image)))
    gradient = tape.gradient(logits, image)
    assert float(tf.reduce_mean(tf.cast(tf.abs(gradient) > 0, tf.float32))) > 0.99


def test_networks_without_a_row_are_named():
    with pytest.raises(FeatureWeightsError, match='Known: vgg16_hed'):
        ProjectedFeatures('resnet_of_dreams')
    with pytest.raises(FeatureWeightsError, match='inception_v3 do not halve'):
        ProjectedFeatures('inception_v3')
