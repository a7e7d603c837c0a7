"""Optimizers from their Config, with learning rates as pure functions of the step."""

from __future__ import annotations

import math

import keras
from keras import ops

from stylegan_tf.configs import ConfigError, OptimizerConfig

SCHEDULES = ('constant', 'linear', 'cosine')


@keras.saving.register_keras_serializable('stylegan_tf')
class WarmupSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Linear rise over `warmup_steps`, then constant, or a decay that ends at `total_steps`.

    'linear' keeps the rate for the first half and falls linearly to 0 in the second (Zhu et al.
    2017); 'cosine' falls by half a cosine (Loshchilov & Hutter 2017).

    Args:
        learning_rate: Rate between warm-up and decay.
        kind: 'constant', 'linear' or 'cosine'.
        warmup_steps: Steps of the rise from 0.
        total_steps: Step at which a decaying rate reaches 0.
        factor: Scalar variable that the rate is multiplied by, read at each step; None = 1.
    """

    def __init__(self, learning_rate: float, kind: str, warmup_steps: int, total_steps: int,
                 factor=None):
        if kind not in SCHEDULES:
            raise ConfigError(f"Setting 'schedule' must be one of {', '.join(SCHEDULES)}. "
                              f'Received: {kind!r}.')
        self.learning_rate = learning_rate
        self.kind = kind
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps
        self.factor = factor

    def __call__(self, step):
        step = ops.cast(step, 'float32')
        rise = ops.minimum(1.0, (step + 1.0) / max(1, self.warmup_steps))
        span = max(1, self.total_steps - self.warmup_steps)
        progress = ops.clip((step - self.warmup_steps) / span, 0.0, 1.0)
        if self.kind == 'linear':
            fall = ops.minimum(1.0, 2.0 - 2.0 * progress)
        elif self.kind == 'cosine':
            fall = 0.5 + 0.5 * ops.cos(math.pi * progress)
        else:
            fall = 1.0
        rate = self.learning_rate * rise * fall
        return rate if self.factor is None else rate * ops.cast(self.factor, 'float32')

    def get_config(self):
        return {'learning_rate': self.learning_rate, 'kind': self.kind,
                'warmup_steps': self.warmup_steps, 'total_steps': self.total_steps}


def make_optimizer(config: OptimizerConfig, *, name: str, total_steps: int, precision: str, factor=None):
    """The optimizer of one network.

    Args:
        config: Its settings.
        name: Name of the optimizer, such as 'generator_optimizer'.
        total_steps: Training steps of the whole run, for decaying rates.
        precision: 'mixed_float16' wraps it in dynamic loss scaling.
        factor: `System.learning_rate_factor`, by which a rollback lowers the rate.

    Raises:
        ConfigError: Unknown optimizer or schedule.
    """
    schedule = WarmupSchedule(config.learning_rate, config.schedule, config.warmup_steps,
                              total_steps * config.steps_per_round, factor)
    shared = {'learning_rate': schedule, 'name': name,
              'global_clipnorm': config.clip_norm or None}
    if config.name in ('adam', 'adamw'):
        shared.update(beta_1=config.beta_1, beta_2=config.beta_2, epsilon=config.epsilon)
        if config.name == 'adamw':
            shared['weight_decay'] = config.weight_decay
        kind = keras.optimizers.AdamW if config.name == 'adamw' else keras.optimizers.Adam
    elif config.name == 'rmsprop':
        shared.update(rho=config.beta_2, epsilon=config.epsilon)
        kind = keras.optimizers.RMSprop
    elif config.name == 'sgd':
        shared.update(momentum=config.beta_1)
        kind = keras.optimizers.SGD
    else:
        raise ConfigError("Setting 'name' of an optimizer must be one of adam, adamw, rmsprop, sgd. "
                          f'Received: {config.name!r}.')
    optimizer = kind(**shared)
    if precision == 'mixed_float16':
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, name=f'{name}_loss_scale')
    return optimizer
