"""System and Phase: due phases, randomness without state, averages, `fit`, XLA, optimizers."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.configs import ConfigError, OptimizerConfig
from stylegan_tf.systems.optimizers import WarmupSchedule, make_optimizer
from stylegan_tf.systems.phases import Phase, PhaseResult, gradient_norms
from stylegan_tf.systems.system import System
from stylegan_tf.systems.variables import named_variables
from tests.systems.shrinking import random_batch, shrunk, values


@dataclasses.dataclass(frozen=True)
class LineConfig:
    """y = w x, two networks."""

    preset: str = 'line'
    generator_optimizer: OptimizerConfig = dataclasses.field(
        default_factory=lambda: OptimizerConfig(name='sgd', learning_rate=0.1, beta_1=0.0, ema_decay=0.5))


class Line(System):
    """The smallest System with a lazy phase, randomness, and tensors handed on."""

    def __init__(self):
        super().__init__(LineConfig())
        self.generator = keras.Sequential([keras.layers.Dense(1, use_bias=False, name='dense')], name='generator')
        self.generator_ema = keras.Sequential([keras.layers.Dense(1, use_bias=False, name='dense')],
                                              name='generator_ema')
        self.discriminator = keras.Sequential([keras.layers.Dense(1, use_bias=False, name='dense')],
                                              name='discriminator')
        for network in (self.generator, self.generator_ema, self.discriminator):
            network.build((None, 1))
        self.networks = {'generator': self.generator, 'discriminator': self.discriminator}
        self.twins = {'generator': self.generator_ema}
        self.generator_optimizer = keras.optimizers.SGD(0.1)
        self.discriminator_optimizer = keras.optimizers.SGD(0.1)
        self.optimizers_by_name = {'generator_optimizer': self.generator_optimizer,
                                   'discriminator_optimizer': self.discriminator_optimizer}
        self.noise = keras.random.SeedGenerator(0, name='noise')
        self.phases = (
            Phase('generator', self.generator_losses, (self.generator,), self.generator_optimizer),
            Phase('discriminator', self.discriminator_losses, (self.discriminator,),
                  self.discriminator_optimizer, every=2))
        self.finish()

    def generator_losses(self, batch):
        fake = self.generator(batch['image'])
        draw = keras.random.uniform((), seed=self.noise)
        return PhaseResult({'square': keras.ops.mean((fake - 1.0) ** 2)}, measures={'draw': draw},
                           shared={'fake': fake})

    def discriminator_losses(self, batch):
        return {'mean': keras.ops.mean(self.discriminator(batch['shared']['fake']) ** 2)}


def test_lazy_phases_are_due_at_multiples():
    system = Line()
    assert system.due(0) == system.due(1) == ('generator',)
    assert system.due(2) == system.due(4) == ('generator', 'discriminator')
    bounded = Phase('late', dict, (), None, first_step=3, last_step=5)
    assert [step for step in range(8) if bounded.is_due(step)] == [3, 4]
    lazy = Phase('lazy', dict, (), None, first_step=4, every=4)
    assert [step for step in range(16) if lazy.is_due(step)] == [8, 12]


def test_one_step_is_gradient_descent():
    system = Line()
    system.generator.layers[0].kernel.assign([[3.0]])
    logs = system.train_step({'image': tf.constant([[1.0], [2.0]])}, due=('generator',))
    # d/dw mean((w x - 1)^2) = mean(2 x (w x - 1)) = (1*2*2 + 2*2*5) / 2 = 12
    assert float(system.generator.layers[0].kernel[0, 0]) == pytest.approx(3.0 - 0.1 * 12.0)
    assert float(logs['generator/square']) == pytest.approx((4.0 + 25.0) / 2)
    assert float(logs['generator/total']) == pytest.approx(14.5)
    assert float(logs['generator/gradient_norm']) == pytest.approx(12.0)


def test_gradient_norms_tell_networks_apart_and_forgive_a_loss_scale():
    first, second = (keras.Sequential([keras.layers.Dense(2, name='dense')], name=name) for name in 'ab')
    first.build((None, 1))
    second.build((None, 1))
    gradients = [tf.constant([[3.0, 0.0]]), tf.constant([4.0, 0.0]), tf.constant([[0.0, 0.0]]), tf.constant([2.0, 0.0])]
    norms = gradient_norms(Phase('p', dict, (first, second), keras.optimizers.SGD()), gradients)
    assert {name: float(value) for name, value in norms.items()} == {'gradient_norm_a': 5.0, 'gradient_norm_b': 2.0}
    broken = [*gradients[:3], tf.constant([np.inf, 0.0])]
    norms = gradient_norms(Phase('p', dict, (first, second), keras.optimizers.SGD()), broken)
    assert np.isinf(norms['gradient_norm_b']) and float(norms['gradient_norm_a']) == 5.0
    scaled = Phase('p', dict, (first, second), keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), 4.0))
    found = {name: float(value) for name, value in gradient_norms(scaled, gradients).items()}
    assert found == {'gradient_norm_a': 1.25, 'gradient_norm_b': 0.5, 'skipped': 0.0}
    found = {name: float(value) for name, value in gradient_norms(scaled, broken).items()}
    assert found == {'gradient_norm_a': 0.0, 'gradient_norm_b': 0.0, 'skipped': 1.0}


def test_after_step_sees_the_logs_and_its_variables_are_state():
    class Counting(Line):
        def __init__(self):
            super().__init__()
            self.extra_state['seen'] = keras.Variable(0.0, trainable=False, name='seen')

        def after_step(self, logs):
            self.extra_state['seen'].assign(self.extra_state['seen'] + logs['generator/total'])

    system = Counting()
    batch = {'image': tf.constant([[1.0]])}
    totals = [float(system.compiled_step(('generator',))(batch)['generator/total']) for _ in range(2)]
    assert float(system.state()['extra/seen']) == pytest.approx(sum(totals), rel=1e-6)


def test_the_learning_rate_factor_scales_every_rate():
    system = shrunk('style_transfer_64', 'generator_optimizer.warmup_steps=0').build()
    rates = {name: float(optimizer.learning_rate) for name, optimizer in system.optimizers_by_name.items()}
    assert min(rates.values()) > 0
    system.learning_rate_factor.assign(0.25)
    for name, optimizer in system.optimizers_by_name.items():
        assert float(optimizer.learning_rate) == pytest.approx(0.25 * rates[name]), name
    assert float(system.state()['extra/learning_rate_factor']) == 0.25


def test_average_follows_with_its_decay():
    system = Line()
    system.step.assign(100)  # past the warm-up of the average
    start = keras.ops.convert_to_numpy(system.generator_ema.layers[0].kernel)
    system.train_step({'image': tf.constant([[1.0]])}, due=('generator',))
    new = keras.ops.convert_to_numpy(system.generator.layers[0].kernel)
    np.testing.assert_allclose(system.generator_ema.layers[0].kernel, 0.5 * start + 0.5 * new, rtol=1e-6)


def test_noise_depends_on_seed_step_and_replica_alone():
    system = Line()
    batch = {'image': tf.constant([[1.0]])}

    def draw(seed, step, replica=0):
        system.run_seed = seed
        system.step.assign(step)
        return float(system.train_step(batch, due=('generator',), replica=replica)['generator/draw'])

    first = draw(1, 7)
    assert draw(1, 8) != first
    assert draw(2, 7) != first
    assert draw(1, 7, replica=1) != first
    assert draw(1, 7) == first


def test_fit_runs_the_same_step():
    system, twin = Line(), Line()
    for mine, other in zip(twin.state().values(), system.state().values()):
        mine.assign(other)
    images = np.linspace(0, 1, 6, dtype=np.float32)[:, None]
    system.compile()
    history = system.fit(tf.data.Dataset.from_tensor_slices({'image': images}).batch(2), verbose=0)
    for start in (0, 2, 4):
        twin.train_step({'image': tf.constant(images[start:start + 2])}, due=twin.due(start // 2))
    for name, value in values(system).items():
        np.testing.assert_allclose(value, values(twin)[name], rtol=1e-6, err_msg=name)
    assert 'generator/square' in history.history


def test_xla_agrees_with_the_plain_step():
    plain, compiled = Line(), Line()
    for mine, other in zip(compiled.state().values(), plain.state().values()):
        mine.assign(other)
    compiled.use_xla = True
    batch = {'image': tf.constant([[1.0], [2.0]])}
    for system in (plain, compiled):
        system.compiled_step(('generator', 'discriminator'))(batch)
    for name, value in values(plain).items():
        np.testing.assert_allclose(values(compiled)[name], value, rtol=1e-6, err_msg=name)


@pytest.mark.slow
def test_xla_step_of_style_transfer():
    systems = [shrunk('style_transfer_64', 'mapping_weight=0').build() for _ in range(2)]
    for mine, other in zip(systems[1].state().values(), systems[0].state().values()):
        mine.assign(other)
    systems[1].use_xla = True
    batch = {name: tf.constant(value) for name, value in random_batch(systems[0].config).items()}
    logs = [system.compiled_step(('generator', 'discriminator'))(batch) for system in systems]
    for name, value in logs[0].items():
        assert float(logs[1][name]) == pytest.approx(float(value), rel=2e-3, abs=1e-4), name


def test_names_are_structural_and_unique():
    system = shrunk('style_transfer_64').build()
    state = system.state()
    assert 'generator/content_encoder/stem/kernel' in state
    assert 'generator_ema/content_encoder/stem/kernel' in state
    count = sum(len(network.variables) for network in system.networks.values())
    named = {name for network in system.networks for name in named_variables(system.networks[network], network)}
    seeds = sum(v.path.endswith('seed_generator_state') for network in system.networks.values()
                for v in network.variables)
    assert len(named) == count - seeds
    again = shrunk('style_transfer_64').build().state()
    assert list(again) == list(state)


def test_repeated_layer_names_are_refused():
    class Holder(keras.layers.Layer):
        def __init__(self):
            super().__init__(name='holder')
            self.first, self.second = (keras.layers.Dense(1, name='same') for _ in range(2))
            for layer in (self.first, self.second):
                layer.build((None, 1))

    holder = Holder()
    with pytest.raises(ValueError, match='different names'):
        named_variables(holder, 'holder')


@pytest.mark.parametrize(('kind', 'expected'), [
    ('constant', [0.25, 0.5, 1.0, 1.0, 1.0]),
    ('linear', [0.25, 0.5, 1.0, 1.0, 0.0]),
    ('cosine', [0.25, 0.5, 1.0, 0.5, 0.0]),
])
def test_schedule(kind, expected):
    schedule = WarmupSchedule(1.0, kind, warmup_steps=4, total_steps=24)
    np.testing.assert_allclose([float(schedule(step)) for step in (0, 1, 4, 14, 24)], expected, atol=1e-6)


def test_optimizers_by_name():
    for name, kind in (('adam', keras.optimizers.Adam), ('adamw', keras.optimizers.AdamW),
                       ('rmsprop', keras.optimizers.RMSprop), ('sgd', keras.optimizers.SGD)):
        made = make_optimizer(OptimizerConfig(name=name), name='o', total_steps=1, precision='float32')
        assert type(made) is kind
    made = make_optimizer(OptimizerConfig(), name='o', total_steps=1, precision='mixed_float16')
    assert isinstance(made, keras.optimizers.LossScaleOptimizer)
    with pytest.raises(ConfigError, match='adamw'):
        make_optimizer(OptimizerConfig(name='lion'), name='o', total_steps=1, precision='float32')
    with pytest.raises(ConfigError, match='cosine'):
        make_optimizer(OptimizerConfig(schedule='step'), name='o', total_steps=1, precision='float32')
