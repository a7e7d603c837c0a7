"""A real but tiny System with dropout, and an eager engine: loop tests take milliseconds."""

import dataclasses

import keras
import numpy as np
from keras import ops

from stylegan_tf import configs
from stylegan_tf.systems import system as systems
from stylegan_tf.systems.optimizers import make_optimizer

OPTIMIZER = configs.OptimizerConfig(learning_rate=1e-2, ema_decay=0.9)


@dataclasses.dataclass(frozen=True)
class TinyConfig(configs.Config):
    """Four training pictures of 8x8."""

    preset: str = 'tiny'
    resolution: int = 8
    batch_size: int = 2
    total_images: int = 24
    snapshot_images: int = 8
    evaluation_images: int = 2
    tick_seconds: float = 1000.0
    generator_optimizer: configs.OptimizerConfig = OPTIMIZER

    def build(self):
        return TinySystem(self)


class TinyNetwork(keras.Model):
    """Images [B, H, W, 3] through dropout and a 1x1 convolution."""

    def __init__(self):
        super().__init__(name='generator')
        self.drop = keras.layers.Dropout(0.5, seed=7, name='drop')
        self.mix = keras.layers.Conv2D(3, 1, name='mix')

    def call(self, image, training=False):
        return self.mix(self.drop(image, training=training))


class TinySystem(systems.System):
    """Regresses style from content."""

    roles = ('content', 'style')

    def __init__(self, config):
        super().__init__(config)
        self.networks['generator'] = TinyNetwork()
        self.twins['generator'] = TinyNetwork()
        for network in (self.networks['generator'], self.twins['generator']):
            network(np.zeros((1, 8, 8, 3), np.float32))
        optimizer = make_optimizer(config.generator_optimizer, name='generator_optimizer',
                                   total_steps=config.total_steps, precision=config.precision,
                                   factor=self.learning_rate_factor)
        self.optimizers_by_name['generator_optimizer'] = optimizer
        self.phases = (systems.Phase('generator', self.generator_losses,
                                     (self.networks['generator'],), optimizer),)
        self.finish()

    def generator_losses(self, batch):
        made = self.networks['generator'](batch['content'], training=True)
        return {'error': ops.mean(ops.square(made - batch['style']))}

    def sample_grid(self, batch):
        made = self.average('generator')(batch['content'])
        return {'rows': [list(batch['content']), list(made)], 'row_labels': ['content', 'made']}

    def evaluate_batch(self, batch):
        made = self.average('generator')(batch['content'])
        return {'error': ops.mean(ops.square(made - batch['style']), axis=(1, 2, 3))}


class TinyStream:
    """Sample i depends on i alone; the interface of data.stream.SampleStream."""

    roles, size = ('content', 'style'), (8, 8)

    def __init__(self):
        self.skipped = set()
        self.layout = {**dict.fromkeys(self.roles, ((8, 8, 3), np.uint8)), 'label': ((), np.int32)}

    def skip(self, position, count):
        self.skipped.update(range(position, position + count))

    def sample(self, position):
        return {key: value[0] for key, value in self.batch(position, 1).items()}

    def batch(self, position, batch_size):
        places = [place + 10 ** 6 * (place in self.skipped) for place in range(position, position + batch_size)]
        noise = [np.random.default_rng(place).integers(0, 256, (2, 8, 8, 3))
                 for place in places]
        pairs = np.stack(noise).astype(np.uint8)
        return {'content': pairs[:, 0], 'style': pairs[:, 1],
                'label': np.full(batch_size, -1, np.int32)}

    def names(self, position, batch_size):
        return {'content': [f'c{position + k}.png' for k in range(batch_size)],
                'style': [f's{position + k}.png' for k in range(batch_size)]}


class EagerEngine:
    """Runs the system's step eagerly, as tensorflow_engine.Engine does compiled."""

    def __init__(self, system, stream, config, before_step=None):
        self.system, self.stream, self.config = system, stream, config
        self.before_step = before_step
        self.waited_seconds = 0.0

    @property
    def step(self):
        return int(self.system.step.numpy())

    def restored(self):
        pass

    def run_step(self):
        from stylegan_tf.training import snapshots
        if self.before_step:
            self.before_step(self.step)
        size = self.config.batch_size
        batch = snapshots.to_floats(self.stream.batch(self.step * size, size))
        return self.system.train_step(batch, due=self.system.due(self.step))
