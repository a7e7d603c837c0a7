"""Presets cut down so that a step takes a moment, with everything they do left on."""

import keras
import numpy as np

from stylegan_tf import configs
from stylegan_tf.data import defects

SMALL = {
    'resolution': '32x48', 'batch_size': '4', 'total_images': '80', 'evaluation_images': '4',
    'generator_optimizer.warmup_steps': '2'}
SMALL_OF = {
    configs.StyleTransferConfig: {
        'style_layers': 'relu1_1,relu2_1', 'content_layers': 'relu2_1', 'warmup_images': '8', 'width_channels': '4',
        'max_channels': '8', 'levels': '2', 'residual_blocks': '1', 'code_size': '16', 'latent_size': '8',
        'mapping_layers': '2', 'style_encoder_layers': 'relu1_1,relu2_1',
        'discriminator_condition_layer': 'relu2_1', 'discriminator_channels': '4', 'discriminator_layers': '2'},
    configs.AnomalyConfig: {
        'detection_images': '8', 'discriminator_channels': '4,6,8,8', 'discriminator_hidden': '12',
        'generator_channels': '4,6', 'discriminator_optimizer.warmup_steps': '2',
        'style_layers': 'relu1_1,relu2_1', 'content_layers': 'relu2_1'},
    configs.RestorationConfig: {
        'adversarial_images': '8', 'generator_channels': '4,6', 'generator_dilations': '2',
        'discriminator_channels': '4', 'perceptual_layers': 'relu1_1'},
    configs.StyleGANConfig: {
        'latent_size': '6', 'style_size': '8', 'mapping_layers': '2', 'channel_base': '64', 'channel_max': '8',
        'discriminator_channels': '4'},
    configs.CycleGANConfig: {
        'generator_channels': '4', 'generator_blocks': '2', 'unet_channels': '4,6', 'discriminator_channels': '4',
        'discriminator_layers': '2', 'history': '6', 'contrastive_units': '8', 'contrastive_patches': '16'},
    configs.PortraitConfig: {
        'style_layers': 'relu1_1,relu2_1', 'content_layers': 'relu2_1', 'face_layers': 'relu2_1', 'warmup_images': '8',
        'width_channels': '4', 'max_channels': '8', 'levels': '2', 'residual_blocks': '1', 'code_size': '16',
        'variations': '3', 'table_size': '5', 'style_encoder_layers': 'relu1_1,relu2_1', 'identity_weight': '0',
        'discriminator_channels': '4', 'discriminator_layers': '2'},
}


def shrunk(preset: str, *settings: str) -> configs.Config:
    """The preset's Config at a size for tests; `settings` as for --set."""
    config = configs.get(preset)
    small = {**SMALL, **SMALL_OF[type(config)]}
    if isinstance(config, configs.CycleGANConfig):
        small['contrastive_layers'] = '0,2,4' if config.generator == 'resnet' else '0,1,2'
    values = [f'{name}={value}' for name, value in small.items()]
    return configs.override(config, [*values, *settings])


def random_batch(config, seed: int = 0) -> dict:
    """A batch of noise with the keys and shapes that the config's system trains on."""
    random = np.random.default_rng(seed)
    if isinstance(config, configs.RestorationConfig):
        return _pairs(config, random)
    count, shape = config.batch_size, (config.batch_size, config.height, config.width)
    roles = ('image',) if isinstance(config, configs.StyleGANConfig) else ('content', 'style')
    if isinstance(config, configs.AnomalyConfig):
        roles = ('image', 'clean', *roles)
    batch = {role: random.uniform(-1, 1, (*shape, 3)).astype(np.float32) for role in roles}
    batch['label'] = random.integers(0, max(1, config.num_labels), count).astype(np.int32)
    if isinstance(config, configs.AnomalyConfig):
        severity = random.random((count, len(defects.DEFECTS))).astype(np.float32)
        severity[::2] = 0.0
        batch.update(severity=severity, mask=random.integers(0, 2, (*shape, 1)).astype(np.float32),
                     has_content=np.arange(count, dtype=np.float32) % 2, has_style=np.ones(count, np.float32))
    if isinstance(config, configs.PortraitConfig):
        batch['mask'] = random.integers(0, 2, (*shape, 1)).astype(np.float32)
    return batch


def _pairs(config, random) -> dict:
    shape = (config.batch_size, config.height, config.width)
    factor = config.factor if config.task == 'super_resolution' else 1
    small = (config.batch_size, config.height // factor, config.width // factor)
    batch = {'image': random.uniform(-1, 1, (*small, 3)), 'clean': random.uniform(-1, 1, (*shape, 3)),
             'mask': random.integers(0, 2, (*shape, 1)), 'hints': random.uniform(-1, 1, (*shape, 4)),
             'has_palette': np.arange(config.batch_size) % 2}
    return {name: array.astype(np.float32) for name, array in batch.items()}


def values(system) -> dict:
    """Copies of everything a checkpoint would hold."""
    return {name: keras.ops.convert_to_numpy(variable) for name, variable in system.state().items()}
