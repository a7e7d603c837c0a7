import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.layers import resample
from stylegan_tf.losses import penalties
from stylegan_tf.networks import stylegan, stylegan_discriminator

SMALL = {'channel_base': 64, 'channel_max': 8}


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def noisy_synthesis(resolution=16):
    network = stylegan.Synthesis(resolution, **SMALL, name='generator')
    network(random(1, 6))
    for variable in network.trainable_variables:
        if variable.name == 'strength':
            variable.assign(0.5)
    return network


# Mapping network

def test_mapping_equals_numpy():
    network = stylegan.MappingNetwork(4, 5, num_labels=3, num_layers=2, name='mapping')
    z, label = random(3, 4) * 9, np.array([2, -1, 0])
    w = network(z, label)

    def normalised(x):
        return x / np.sqrt((x ** 2).mean(1, keepdims=True) + 1e-8)

    embedding = np.concatenate([network.embedding.embedding.numpy(), np.zeros((1, 4))])[label]
    x = np.concatenate([normalised(z.astype(float)), normalised(embedding)], axis=1)
    for layer in network.dense_layers:
        x = x @ (layer.kernel.numpy() * 0.01 / np.sqrt(x.shape[1]))
        x = np.where(x > 0, x, 0.2 * x) * np.sqrt(2)
    np.testing.assert_allclose(w, x, rtol=1e-4, atol=1e-5)
    assert w.shape == network.compute_output_shape(z.shape) == (3, 5)


def test_mapping_without_a_label_is_label_minus_one():
    network = stylegan.MappingNetwork(4, 5, num_labels=3, num_layers=2)
    z = random(2, 4)
    np.testing.assert_array_equal(network(z), network(z, np.array([-1, -1])))
    unlabelled = stylegan.MappingNetwork(4, 5)
    np.testing.assert_array_equal(unlabelled(z, np.array([1, -1])), unlabelled(z))


def test_mapping_names_precision_and_errors():
    network = stylegan.MappingNetwork(4, 5, num_labels=2, num_layers=2, name='mapping')
    assert network(random(1, 4), np.array([0])).dtype == tf.float32
    assert [v.path for v in network.variables] == [
        'mapping/label_embedding/embedding', 'mapping/dense_0/kernel', 'mapping/dense_0/bias',
        'mapping/dense_1/kernel', 'mapping/dense_1/bias']
    again = stylegan.MappingNetwork.from_config(network.get_config())
    assert again.get_config() == network.get_config()
    with pytest.raises(ValueError, match=r'\[B, 4\].*\(1, 3\)'):
        stylegan.MappingNetwork(4, 5)(random(1, 3))


def test_truncate_by_hand():
    w, mean = np.array([[2.0, 4.0], [0.0, 0.0]], np.float32), np.array([0.0, 2.0], np.float32)
    np.testing.assert_allclose(stylegan.truncate(w, mean, 0.5), [[1, 3], [0, 1]])
    np.testing.assert_allclose(stylegan.truncate(w, mean, np.array([1.0, 0.0], 'f')), [[2, 4], [0, 2]])
    np.testing.assert_allclose(stylegan.truncate(w[:, None], mean, [0.0, 1.0]), [[[0, 2]], [[0, 0]]])


# Sizes

@pytest.mark.parametrize('resolution, first, count', [
    (64, (4, 4), 5), (28, (7, 7), 3), ((64, 96), (4, 6), 5), ((128, 32), (16, 4), 4), (4, (4, 4), 1)])
def test_feature_map_sizes(resolution, first, count):
    sizes = stylegan.feature_map_sizes(resolution)
    assert sizes[0] == first and len(sizes) == count
    assert sizes[-1] == ((resolution, resolution) if isinstance(resolution, int) else resolution)
    assert all((2 * a, 2 * b) == c for (a, b), c in itertools.pairwise(sizes))


@pytest.mark.parametrize('resolution', [100, (64, 50), 63])
def test_impossible_resolutions_are_named(resolution):
    with pytest.raises(ValueError, match=r'power of two.*Try 64'):
        stylegan.Synthesis(resolution)


def test_channels_follow_the_published_schedule():
    channels = [stylegan.channels_at((size, size), 16384, 512) for size in (4, 16, 32, 64, 128, 256)]
    assert channels == [512, 512, 512, 256, 128, 64]


# Synthesis

@pytest.mark.parametrize('resolution', [16, (16, 24), 28])
def test_synthesis_makes_float32_images_of_its_size(resolution):
    network = stylegan.Synthesis(resolution, **SMALL)
    image = network(random(2, 6))
    assert tuple(image.shape[1:3]) == stylegan.feature_map_sizes(resolution)[-1]
    assert image.dtype == tf.float32 and 0.1 < np.std(image) < 10


def test_image_is_the_sum_of_every_resolutions_share():
    network = noisy_synthesis()
    w = random(2, 6)
    whole = np.array(network(w))
    x = tf.repeat(network.constant.value[None], 2, axis=0)
    total = 0.0
    for block in network.blocks:
        x, share = block(x, None, [w] * 3, [None] * 2)
        total = share + (0.0 if isinstance(total, float) else resample.upsample_2d(total))
    np.testing.assert_allclose(whole, total, atol=1e-5)


def test_one_code_for_each_layer():
    network = noisy_synthesis()
    w = random(2, 6)
    repeated = np.repeat(w[:, None], network.num_styles, axis=1)
    assert network.num_styles == 6  # convolutions 1 + 2 + 2 and the last image layer
    np.testing.assert_array_equal(network(repeated), network(w))
    images = []
    for layer in range(network.num_styles):
        changed = repeated.copy()
        changed[:, layer] += 1.0
        images.append(np.array(network(changed)))
    differences = [np.abs(image - network(w)).max() for image in images]
    assert min(differences) > 1e-3
    assert all(np.abs(a - b).max() > 1e-3 for a, b in itertools.pairwise(images))
    with pytest.raises(ValueError, match=r'\[B, 6, D\].*\(2, 5, 6\)'):
        network(repeated[:, :5])


def test_noise_is_an_input_fixed_at_inference_and_fresh_in_training():
    network = noisy_synthesis()
    w = random(2, 6)
    fixed = np.array(network(w))
    np.testing.assert_array_equal(network(w), fixed)
    assert np.abs(network(w, training=True) - fixed).max() > 1e-2
    given = [random(1, *size, 1, seed=index) for index, size in enumerate(network.noise_sizes)]
    with_noise = np.array(network(w, given))
    np.testing.assert_array_equal(network(w, given, training=True), with_noise)
    for index in range(len(given)):
        changed = [-noise if index == other else noise for other, noise in enumerate(given)]
        assert np.abs(network(w, changed) - with_noise).max() > 1e-3
    with pytest.raises(ValueError, match='5 noise maps'):
        network(w, given[:2])


def test_layers_of_one_size_have_different_noise():
    network = noisy_synthesis()
    seeds = [convolution.noise.seed for block in network.blocks for convolution in block.convolutions]
    assert len(set(seeds)) == len(network.noise_sizes)


def test_synthesis_names_do_not_depend_on_what_was_made_before():
    expected = {
        'generator/constant', 'generator/block_4/conv_1/convolution/kernel',
        'generator/block_4/to_rgb/convolution/kernel', 'generator/block_16/conv_0/affine/kernel',
        'generator/block_16/conv_0/noise/strength', 'generator/block_16/to_rgb/bias'}
    paths = [[v.path for v in noisy_synthesis().trainable_variables] for _ in range(2)]
    assert paths[0] == paths[1] and expected <= set(paths[0])
    assert len(set(paths[0])) == len(paths[0])


def test_path_length_penalty_reaches_every_kernel():
    network = noisy_synthesis()
    w = tf.constant(random(2, 6))
    kernels = [v for v in network.trainable_variables
               if v.name == 'kernel' and 'block_16/to_rgb' not in v.path]
    with tf.GradientTape() as tape:
        lengths = penalties.path_lengths(network, w, random(2, 16, 16, 3))
    for kernel, gradient in zip(kernels, tape.gradient(lengths, [v.value for v in kernels])):
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0, kernel.path


@pytest.mark.parametrize('policy, tolerance', [('mixed_float16', 0.02), ('mixed_bfloat16', 0.15)])
def test_mixed_precision_follows_float32(policy, tolerance):
    mixed, reference = stylegan.Synthesis(16, **SMALL, dtype=policy), stylegan.Synthesis(16, **SMALL)
    w = random(2, 6)
    image = mixed(w)
    reference(w)
    reference.set_weights(mixed.get_weights())
    assert image.dtype == tf.float32
    assert np.abs(image - reference(w)).max() < tolerance * np.abs(image).max()
    kinds = {v.dtype for v in mixed.trainable_variables}
    assert kinds == {'float32'}
    judge, judge_reference = (stylegan_discriminator.Discriminator(16, **SMALL, dtype=kind)
                              for kind in (policy, 'float32'))
    logits = judge(image)
    judge_reference(image)
    judge_reference.set_weights(judge.get_weights())
    assert logits.dtype == tf.float32
    assert np.abs(logits - judge_reference(image)).max() < tolerance * np.abs(logits).max() + tolerance


# Discriminator

@pytest.mark.parametrize('resolution', [16, (16, 24), 28])
def test_discriminator_gives_one_logit_an_image(resolution):
    network = stylegan_discriminator.Discriminator(resolution, **SMALL)
    height, width = stylegan.feature_map_sizes(resolution)[-1]
    logits = network(random(4, height, width, 3))
    assert logits.shape == (4,) and logits.dtype == tf.float32
    with pytest.raises(ValueError, match=r'\(2, 8, 8, 3\)'):
        stylegan_discriminator.Discriminator(resolution, **SMALL)(random(2, 8, 8, 3))


def test_examples_interact_only_through_minibatch_statistics():
    keras.utils.set_random_seed(0)  # some networks hardly look at the statistics
    image, other = random(4, 16, 16, 3), random(4, 16, 16, 3, seed=1)
    mixed = np.concatenate([image[:1], other[1:]])
    alone = stylegan_discriminator.Discriminator(16, **SMALL, statistics_channels=0)
    np.testing.assert_allclose(alone(mixed)[0], alone(image)[0], atol=1e-5)
    together = stylegan_discriminator.Discriminator(16, **SMALL)
    assert abs(float(together(mixed)[0] - together(image)[0])) > 1e-5


def test_residual_block_by_hand():
    block = stylegan_discriminator.DiscriminatorBlock(3, 4)
    x = random(1, 8, 6, 2)
    y = block(x)
    assert y.shape == (1, 4, 3, 4)
    block.conv_1.kernel.assign(block.conv_1.kernel * 0)
    skip = np.array(resample.downsample_2d(x)) @ block.skip.kernel.numpy()[0, 0] / np.sqrt(2)
    np.testing.assert_allclose(block(x), skip * np.sqrt(0.5), atol=1e-5)


def test_labels_move_the_logits_and_no_label_does_not():
    network = stylegan_discriminator.Discriminator(16, **SMALL, num_labels=3, statistics_channels=0)
    image = random(4, 16, 16, 3)
    logits, plain = np.array(network(image, np.array([0, 1, 2, -1]))), np.array(network(image))
    assert abs(logits[3] - plain[3]) < 1e-6 < np.abs(logits[:3] - plain[:3]).min()


def test_r1_reaches_every_kernel():
    network = stylegan_discriminator.Discriminator(16, **SMALL, num_labels=2)
    image, label = tf.constant(random(4, 16, 16, 3)), np.array([0, 1, 1, 0])
    network(image, label)
    kernels = [v for v in network.trainable_variables if v.name in ('kernel', 'embedding')]
    with tf.GradientTape() as tape:
        penalty = penalties.r1_penalty(lambda x: network(x, label), image)
    for kernel, gradient in zip(kernels, tape.gradient(penalty, [v.value for v in kernels])):
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0, kernel.path


def test_configs():
    for network in (stylegan.Synthesis((16, 24), **SMALL, use_noise=False, padding='reflect'),
                    stylegan_discriminator.Discriminator((16, 24), **SMALL, num_labels=2, group_size=2)):
        again = type(network).from_config(network.get_config())
        assert again.get_config() == network.get_config() and again.sizes == network.sizes
