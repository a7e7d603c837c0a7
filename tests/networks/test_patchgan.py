import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.losses import penalties
from stylegan_tf.networks.patchgan import PatchDiscriminator


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize('num_layers, patch', [(1, 16), (2, 34), (3, 70)])
def test_a_logit_sees_a_patch_of_the_published_size(num_layers, patch):
    network = PatchDiscriminator(4, num_layers)
    image = tf.constant(random(1, 128, 16, 1))
    with tf.GradientTape() as tape:
        tape.watch(image)
        logits = network(image)
        middle = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
    rows = np.flatnonzero(np.abs(tape.gradient(middle, image)).max(axis=(0, 2, 3)))
    assert rows[-1] - rows[0] + 1 == patch


@pytest.mark.parametrize('size', [(28, 28), (64, 48), (65, 50)])
@pytest.mark.parametrize('use_spectral_norm', [False, True])
def test_logits_of_every_size(size, use_spectral_norm):
    network = PatchDiscriminator(4, use_spectral_norm=use_spectral_norm, padding='reflect')
    logits = network(random(2, *size, 3), training=True)
    assert logits.shape == (2, -(-size[0] // 8), -(-size[1] // 8), 1) and logits.dtype == tf.float32


def test_the_published_layers_and_their_names():
    network = PatchDiscriminator(num_labels=5, name='discriminator')
    network(random(1, 32, 32, 3), random(1, 8, 8, 20), np.array([0]))
    assert {v.path: tuple(v.shape) for v in network.variables if 'bias' not in v.path} == {
        'discriminator/block_0/kernel': (4, 4, 3, 64),
        'discriminator/block_1/kernel': (4, 4, 64, 128),
        'discriminator/block_2/kernel': (4, 4, 128 + 20, 256),
        'discriminator/block_3/kernel': (4, 4, 256, 512),
        'discriminator/logit/kernel': (4, 4, 512, 1),
        'discriminator/label_embedding/embedding': (5, 512),
        'discriminator/condition_projection/kernel': (1, 1, 20, 20)}
    assert not network.non_trainable_variables


@pytest.mark.parametrize('side, stage', [(32, 0), (16, 1), (8, 2), (9, 2), (4, 3), (2, 3)])
def test_the_condition_joins_at_its_resolution_and_matters(side, stage):
    network = PatchDiscriminator(4)
    image, condition = random(2, 32, 32, 3), random(2, side, side, 6)
    logits = network(image, condition)
    assert network.condition_stage == stage and network.condition_projection.filters == 4
    assert np.abs(network(image, condition[::-1]) - logits).max() > 1e-2
    # Condition of one example leaves the other alone.
    changed = condition * np.array([1, 2], np.float32)[:, None, None, None]
    np.testing.assert_allclose(network(image, changed)[0], logits[0], atol=1e-5)


def test_every_call_is_conditioned_or_none():
    image, condition = random(1, 16, 16, 3), random(1, 4, 4, 6)
    network = PatchDiscriminator(4)
    network(image, condition)
    with pytest.raises(ValueError, match='with a condition'):
        network(image)
    network = PatchDiscriminator(4)
    network(image)
    with pytest.raises(ValueError, match=r'without a condition.*\(1, 4, 4, 6\)'):
        network(image, condition)


def test_labels_move_the_logits_and_no_label_does_not():
    network = PatchDiscriminator(4, num_labels=3)
    image = random(4, 16, 16, 3)
    logits = np.array(network(image, label=np.array([0, 1, 2, -1])))
    plain = np.array(network(image))
    np.testing.assert_allclose(logits[3], plain[3], atol=1e-6)
    assert np.abs(logits[:3] - plain[:3]).max(axis=(1, 2, 3)).min() > 1e-3


@pytest.mark.parametrize('use_spectral_norm', [False, True])
def test_r1_reaches_every_kernel(use_spectral_norm):
    network = PatchDiscriminator(4, 2, use_spectral_norm=use_spectral_norm, num_labels=2)
    image, condition, label = tf.constant(random(2, 16, 16, 3)), random(2, 5, 5, 6), np.array([0, 1])
    network(image, condition, label)
    # The condition only switches leaky ReLUs, so its projection has a gradient of 0 almost everywhere.
    kernels = [v for v in network.trainable_variables
               if v.name in ('kernel', 'embedding') and 'condition' not in v.path]
    with tf.GradientTape() as tape:
        penalty = penalties.r1_penalty(
            lambda x: network(x, condition, label, training=True), image)
    for kernel, gradient in zip(kernels, tape.gradient(penalty, [v.value for v in kernels])):
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0, kernel.path


@pytest.mark.parametrize('policy', ['mixed_float16', 'mixed_bfloat16'])
def test_mixed_precision_follows_float32(policy):
    image, condition, label = random(2, 32, 32, 3), random(2, 8, 8, 6), np.array([0, -1])
    for use_spectral_norm in (False, True):
        mixed = PatchDiscriminator(4, use_spectral_norm=use_spectral_norm, num_labels=2, dtype=policy)
        logits = mixed(image, condition, label)
        reference = PatchDiscriminator(4, use_spectral_norm=use_spectral_norm, num_labels=2)
        reference(image, condition, label)
        reference.set_weights(mixed.get_weights())
        expected = np.array(reference(image, condition, label))
        assert logits.dtype == tf.float32
        tolerance = 0.01 if policy == 'mixed_float16' else 0.06
        assert np.abs(logits - expected).max() < tolerance * np.abs(expected).max()


def test_config_and_errors():
    network = PatchDiscriminator(8, 2, use_spectral_norm=True, num_labels=2, padding='reflect')
    assert PatchDiscriminator.from_config(network.get_config()).get_config() == network.get_config()
    with pytest.raises(ValueError, match='num_layers'):
        PatchDiscriminator(4, 0)
    with pytest.raises(ValueError, match='known image and condition sizes'):
        PatchDiscriminator(4).build((1, None, None, 3), (1, 4, 4, 3))
