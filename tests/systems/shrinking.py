"""Presets cut down so that a step takes a moment, with everything they do left on."""

import keras
import numpy as np

from stylegan_tf import configs

SMALL = {
    'resolution': '32x48', 'batch_size': '4', 'total_images': '80', 'warmup_images': '8', 'width_channels': '4',
    'max_channels': '8', 'levels': '2', 'residual_blocks': '1', 'code_size': '16', 'latent_size': '8',
    'mapping_layers': '2', 'style_layers': 'relu1_1,relu2_1', 'content_layers': 'relu2_1',
    'style_encoder_layers': 'relu1_1,relu2_1', 'discriminator_condition_layer': 'relu2_1',
    'discriminator_channels': '4', 'discriminator_layers': '2', 'generator_optimizer.warmup_steps': '2',
    'evaluation_images': '4',
}


def shrunk(preset: str, *settings: str) -> configs.Config:
    """The preset's Config at a size for tests; `settings` as for --set."""
    values = [f'{name}={value}' for name, value in SMALL.items()]
    return configs.override(configs.get(preset), [*values, *settings])


def random_batch(config, seed: int = 0) -> dict:
    """A batch of noise pictures with the config's shape."""
    random = np.random.default_rng(seed)
    shape = (config.batch_size, config.height, config.width, 3)
    return {'content': random.uniform(-1, 1, shape).astype(np.float32),
            'style': random.uniform(-1, 1, shape).astype(np.float32),
            'label': random.integers(0, max(1, config.num_labels), config.batch_size).astype(np.int32)}


def values(system) -> dict:
    """Copies of everything a checkpoint would hold."""
    return {name: keras.ops.convert_to_numpy(variable) for name, variable in system.state().items()}
