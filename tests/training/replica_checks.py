"""What two replicas must do, run by test_strategy.py in a process of its own that has two virtual CPU devices."""

import dataclasses
import json
import traceback

import keras
import numpy as np
import tensorflow as tf

from stylegan_tf import configs
from stylegan_tf.layers.spectral import SpectralConv2D
from stylegan_tf.systems.phases import Phase, PhaseResult
from stylegan_tf.training import replicas, strategy, tensorflow_engine
from tests.training import tiny

CHECKS = {}
# Plain gradient descent, clipped so hard that clipping before or after averaging makes a difference.
DESCENT = configs.OptimizerConfig(name='sgd', learning_rate=0.5, beta_1=0.0, warmup_steps=0, clip_norm=0.05)


def check(function):
    CHECKS[function.__name__] = function
    return function


class Pair(tiny.TinySystem):
    """A generator with or without dropout, then a discriminator with running statistics."""

    is_noisy = False

    def finish(self):
        if not self.phases or 'discriminator' in self.networks:
            return super().finish()
        self.discriminator = keras.Sequential([SpectralConv2D(2, 3, name='first')], name='discriminator')
        self.discriminator.build((None, 8, 8, 3))
        self.networks['discriminator'] = self.discriminator
        optimizer = self.optimizers_by_name['discriminator_optimizer'] = tiny.make_optimizer(
            DESCENT, name='discriminator_optimizer', total_steps=12, precision='float32')
        self.phases += (Phase('discriminator', self.discriminator_losses, (self.discriminator,), optimizer, every=2),)
        return super().finish()

    def generator_losses(self, batch):
        made = self.networks['generator'](batch['content'], training=self.is_noisy)
        return PhaseResult({'error': keras.ops.mean(keras.ops.square(made - batch['style']))}, shared={'made': made})

    def discriminator_losses(self, batch):
        real, fake = (self.discriminator(image, training=True) for image in (batch['style'], batch['shared']['made']))
        return {'difference': keras.ops.mean(keras.ops.square(real - 1.0)) + keras.ops.mean(keras.ops.square(fake))}


class Noisy(Pair):
    is_noisy = True


def engines(kind=Pair, use_xla=False, **settings):
    """(engine on one device, engine on two replicas) with the same weights and seed."""
    config = tiny.TinyConfig(batch_size=8, total_images=96, generator_optimizer=DESCENT)
    config = dataclasses.replace(config, **settings)
    placement = strategy.choose('mirrored')
    assert placement.replicas == 2
    one = kind(dataclasses.replace(config, accumulation_steps=1))
    with placement.scope():
        two = kind(config)
    for mine, other in zip(two.state().values(), one.state().values(), strict=True):
        mine.assign(other.numpy())
    return (tensorflow_engine.Engine(one, tiny.TinyStream(), batch_size=8, seed=3),
            replicas.ReplicatedEngine(two, tiny.TinyStream(), placement, batch_size=8, seed=3, use_xla=use_xla))


def largest_difference(one, two):
    differences = {name: np.abs(value.numpy().astype(float) - two.state()[name].numpy()).max(initial=0)
                   for name, value in one.state().items()}
    return max(differences.values()), differences


def train(pair, steps=3):
    start = {name: value.numpy() for name, value in pair[0].system.state().items()}
    for _ in range(steps):
        logs = [engine.run_step() for engine in pair]
    for name, value in logs[0].items():
        np.testing.assert_allclose(float(logs[1][name]), float(value), rtol=1e-4, atol=1e-6, err_msg=name)
    moved = {name.split('/')[0] for name, value in pair[0].system.state().items()
             if np.abs(value.numpy().astype(float) - start[name]).max(initial=0) > 1e-3}
    assert {'generator', 'discriminator'} <= moved, moved
    assert_copies_agree(pair[1].system)


def assert_copies_agree(system):
    for variable in [*system.variables, *system.state().values()]:
        first, second = (copy.numpy() for copy in variable.value.values)
        np.testing.assert_array_equal(first, second, err_msg=variable.path)


@check
def two_replicas_train_what_one_does():
    pair = engines()
    train(pair)
    worst, differences = largest_difference(pair[0].system, pair[1].system)
    assert worst < 1e-6, differences


@check
def with_micro_batches_too():
    pair = engines(accumulation_steps=2)
    train(pair)
    worst, differences = largest_difference(pair[0].system, pair[1].system)
    assert worst < 1e-6, differences


@check
def xla_on_two_replicas_agrees():
    pair = engines(use_xla=True)
    train(pair)
    worst, differences = largest_difference(pair[0].system, pair[1].system)
    assert worst < 1e-4, differences


@check
def replicas_draw_different_noise_and_stay_alike():
    _, engine = engines(Noisy)
    drawn = engine.placement.strategy.run(lambda: tf.stack(
        engine.system._seeds(tf.distribute.get_replica_context().replica_id_in_sync_group, 0)))
    first, second = engine.placement.strategy.experimental_local_results(drawn)
    assert (first[:, 0].numpy() != second[:, 0].numpy()).all()
    engine.run_step()
    assert_copies_agree(engine.system)


@check
def an_overflow_on_one_replica_skips_the_step_on_all():
    _, engine = engines(precision='mixed_float16')
    system, state = engine.system, engine.system.state()
    scale = next(variable for name, variable in state.items() if name.endswith('dynamic_scale'))
    weights = {name: value.numpy() for name, value in state.items() if name.startswith('generator/')}
    before = float(scale.numpy())
    feed = ({**made, 'style': tf.concat([made['style'][:4], made['style'][4:] * float('nan')], 0)}
            for made in engine._feed())
    engine._feed = lambda: feed
    engine.run_step()
    assert float(scale.numpy()) == before / 2
    for name, value in weights.items():
        np.testing.assert_array_equal(state[name].numpy(), value, err_msg=name)
    assert_copies_agree(system)


def main():
    cpu = tf.config.list_physical_devices('CPU')[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    results = {}
    for name, function in CHECKS.items():
        keras.utils.set_random_seed(0)
        try:
            function()
            results[name] = 'passed'
        except Exception:
            results[name] = traceback.format_exc()
    print(json.dumps(results))


if __name__ == '__main__':
    main()
