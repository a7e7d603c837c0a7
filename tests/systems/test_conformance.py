"""Every preset, shrunk: builds, trains what it should, restores exactly, exports what it computes."""

import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf import configs
from tests.systems.shrinking import random_batch, shrunk, values

EXTRAS = {
    'style_transfer_28': ['precision=mixed_float16'],
    'style_transfer_64': ['label_names=a,b,c', 'noise_share=0.5', 'diversity_weight=0.1', 'dropout=0.2'],
    'style_transfer_128': ['r1_weight=1', 'r1_every=1', 'total_variation_weight=0.1', 'l1_weight=0.1',
                           'l2_weight=0.1', 'discriminator_augmentation=ada', 'ada_target=-0.99', 'ada_images=16'],
    'style_transfer_256': ['adversarial_loss=hinge', 'discriminator_condition=off', 'style_encoder=learned',
                           'discriminator_augmentation=diffaugment'],
    'style_transfer_512': ['adversarial_loss=non_saturating', 'discriminator_optimizer.steps_per_round=2'],
}


@pytest.fixture(scope='module', params=list(configs.PRESETS))
def system(request):
    return shrunk(request.param, *EXTRAS[request.param]).build()


def changed_networks(before, after) -> set:
    return {name.split('/')[0] for name in before
            if not np.array_equal(before[name], after[name])} - {'step', 'extra'}


def settle_loss_scale(system, batch, due):
    """Dynamic loss scaling skips steps, halving its scale, until no gradient overflows."""
    if system.config.precision != 'mixed_float16':
        return
    for _ in range(20):
        before = values(system)
        system.train_step(batch, due=due)
        if {'generator', 'discriminator'}.intersection(due) <= changed_networks(before, values(system)) \
                and 'generator' in changed_networks(before, values(system)):
            return
    pytest.fail('the loss scale never settled')


def test_phases_change_exactly_their_networks(system):
    batch = random_batch(system.config)
    for due, changed in ((('reconstruction',), {'generator', 'style_encoder', 'mapping'}),
                         (('generator',), {'generator', 'style_encoder', 'mapping'}),
                         (('generator', 'discriminator'),
                          {'generator', 'style_encoder', 'mapping', 'discriminator'})):
        settle_loss_scale(system, batch, due)
        before = values(system)
        logs = system.train_step(batch, due=due)
        assert all(np.isfinite(value) for value in logs.values()), logs
        found = changed_networks(before, values(system))
        trained = {name for name in found if not name.endswith(('_ema', '_optimizer'))}
        assert trained == changed
        assert {name for name in found if name.endswith('_ema')} == {'generator_ema', 'style_encoder_ema',
                                                                     'mapping_ema'}


def test_restored_state_repeats_the_next_step(system):
    batch = random_batch(system.config, seed=1)
    due = system.due(16)
    start = values(system)
    first = {name: float(value) for name, value in system.train_step(batch, due=due).items()}
    end = values(system)
    for name, variable in system.state().items():
        variable.assign(start[name])
    again = {name: float(value) for name, value in system.train_step(batch, due=due).items()}
    assert first == again
    for name, value in values(system).items():
        np.testing.assert_array_equal(value, end[name], err_msg=name)


def test_saved_model_equals_python(system, tmp_path):
    signature = system.signatures()['stylize']
    module = tf.Module()
    module.kept = [variable.value for variable in system.variables]
    module.stylize = tf.function(
        lambda content, style, strength: signature.function(content, style, strength),
        input_signature=[tf.TensorSpec([None, None, None, 3]), tf.TensorSpec([None, None, None, 3]),
                         tf.TensorSpec([None])])
    tf.saved_model.save(module, str(tmp_path / 'model'))
    loaded = tf.saved_model.load(str(tmp_path / 'model'))
    random = np.random.default_rng(2)
    content, style = (random.random((2, height, width, 3), np.float32)
                      for height, width in ((33, 50), (40, 37)))
    strength = np.array([1.0, 0.6], np.float32)
    expected = signature.function(tf.constant(content), tf.constant(style), tf.constant(strength))['stylized']
    found = loaded.stylize(content, style, strength)['stylized']
    assert found.shape == content.shape
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_strength_zero_returns_the_photograph(system):
    random = np.random.default_rng(3)
    content = random.random((1, 32, 48, 3), np.float32)
    stylize = system.signatures()['stylize'].function
    stylized = stylize(tf.constant(content), tf.constant(content[:, ::-1]), tf.constant([0.0]))['stylized']
    np.testing.assert_allclose(stylized, content, atol=1e-6)
