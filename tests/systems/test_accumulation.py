"""Micro-batches: one step of several equals one step of the whole batch, with the memory of one."""

import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.configs import ConfigError
from stylegan_tf.systems import accumulation
from stylegan_tf.systems.accumulation import spread_out
from tests.systems.shrinking import random_batch, shrunk, values

# Plain gradient descent, nothing random, slices of two examples.
PLAIN = ('batch_size=8', 'mapping_weight=0', 'generator_optimizer.name=sgd', 'generator_optimizer.beta_1=0',
         'generator_optimizer.learning_rate=0.01', 'generator_optimizer.warmup_steps=0',
         'generator_optimizer.schedule=constant',
         'discriminator_optimizer.name=sgd', 'discriminator_optimizer.beta_1=0', 'identity_share=0.5',
         'discriminator_optimizer.learning_rate=0.01', 'r1_weight=1', 'r1_every=1')


def pair(*settings, parts):
    """Two systems with the same weights: one takes a batch whole, the other in parts."""
    systems = [shrunk('style_transfer_28', *PLAIN, *settings, f'accumulation_steps={count}').build()
               for count in (1, parts)]
    for mine, other in zip(systems[1].state().values(), systems[0].state().values(), strict=True):
        mine.assign(other)
    return systems


def test_splitting_and_joining_are_inverse():
    batch = {'image': tf.reshape(tf.range(12.0), [6, 2]), 'shared': {'fake': tf.range(6), 'none': None}}
    parts = accumulation.split(batch, 3)
    assert len(parts) == 3 and parts[1]['shared']['fake'].numpy().tolist() == [2, 3]
    result = accumulation.mean_of(
        lambda part, index: {'mean': {'gradients': [tf.reduce_mean(part['image'], 0)]}, 'first': index,
                             'joined': part['shared']}, parts)
    np.testing.assert_allclose(result['mean']['gradients'][0], tf.reduce_mean(batch['image'], 0))
    assert result['joined']['fake'].numpy().tolist() == list(range(6)) and result['joined']['none'] is None
    assert result['first'] == 0
    with pytest.raises(ValueError, match='accumulation_steps=4'):
        accumulation.split(batch, 4)


@pytest.mark.slow
@pytest.mark.parametrize('due', [('generator', 'discriminator'), ('generator', 'discriminator', 'r1')])
def test_micro_batches_equal_the_large_batch(due):
    systems = pair(parts=2)
    batch = {name: tf.constant(value) for name, value in random_batch(systems[0].config).items()}
    start = values(systems[0])
    logs = [system.compiled_step(due)(batch) for system in systems]
    for name, value in logs[0].items():
        assert float(logs[1][name]) == pytest.approx(float(value), rel=1e-5, abs=1e-6), name
    for name, value in values(systems[0]).items():
        change = np.abs(value - start[name]).max()
        np.testing.assert_allclose(values(systems[1])[name], value, rtol=0, atol=2e-6 + 1e-3 * change, err_msg=name)
    assert any(np.abs(value - start[name]).max() > 1e-4 for name, value in values(systems[0]).items())


def test_micro_batches_draw_different_noise_and_share_the_state():
    systems = pair('mapping_weight=1', parts=2)
    drawn = []
    for system in systems:
        original = system._latents
        system._latents = lambda count, original=original: drawn.append(original(count)) or drawn[-1]
        system.train_step(random_batch(system.config), due=('reconstruction',))
    whole, first, second = (tensor.numpy() for tensor in drawn)
    assert whole.shape[0] == first.shape[0] + second.shape[0]
    assert np.abs(first - second).max() > 0.1
    states = [[state.numpy() for state in system._seed_states] for system in systems]
    np.testing.assert_array_equal(*states)


def test_loss_scaling_sees_an_overflow_in_any_micro_batch():
    _, system = pair('precision=mixed_float16', parts=2)
    batch = random_batch(system.config)
    batch['style'][-1] = np.nan
    before = values(system)
    system.train_step(batch, due=('reconstruction',))
    after = values(system)
    for name, value in before.items():
        if name.split('/')[0] in system.networks:
            np.testing.assert_array_equal(after[name], value, err_msg=name)
    scale = next(name for name in before if name.endswith('dynamic_scale'))
    assert after[scale] == before[scale] / 2


@pytest.mark.slow
def test_micro_batches_under_xla_equal_the_large_batch():
    systems = pair(parts=2)
    systems[1].use_xla = True
    batch = {name: tf.constant(value) for name, value in random_batch(systems[0].config).items()}
    for system in systems:
        system.compiled_step(('reconstruction',))(batch)
    for name, value in values(systems[0]).items():
        np.testing.assert_allclose(values(systems[1])[name], value, rtol=0, atol=1e-5, err_msg=name)


def test_a_batch_that_cannot_be_divided_is_refused():
    with pytest.raises(ConfigError, match='batch_size=8, accumulation_steps=3'):
        shrunk('style_transfer_64', 'batch_size=8', 'accumulation_steps=3').check()


@pytest.mark.parametrize('share', [0.125, 0.25, 0.5, 0.75, 1.0])
def test_slices_choose_the_examples_that_the_whole_chooses(share):
    whole = spread_out(16, share)
    assert len(whole) == 16 * share
    assert whole == [8 * part + index for part in range(2) for index in spread_out(8, share)]
    assert spread_out(4, 0.0) == []
