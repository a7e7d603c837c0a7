"""The preset table."""

from __future__ import annotations

import dataclasses
from typing import Any

from stylegan_tf.configs.anomaly import AnomalyConfig
from stylegan_tf.configs.config import AugmentationConfig, Config, ConfigError, OptimizerConfig, unknown
from stylegan_tf.configs.cyclegan import CycleGANConfig
from stylegan_tf.configs.portrait import PortraitConfig
from stylegan_tf.configs.restoration import RestorationConfig
from stylegan_tf.configs.settings import from_plain
from stylegan_tf.configs.style_transfer import StyleTransferConfig
from stylegan_tf.configs.stylegan import StyleGANConfig


@dataclasses.dataclass(frozen=True)
class Preset:
    """A row of the preset table."""

    config: Config
    purpose: str
    parameters: int  # trained generator + discriminator
    memory_gigabytes: float  # peak resident memory of a CPU training
    step_seconds: float  # on 2 busy CPU cores
    status: str  # what has been trained
    is_measured: bool  # else calculated from a smaller preset's cost, by pixels, channels and batch: roughly right

    def line(self) -> str:
        """What a listing says of it."""
        cost = f'{self.memory_gigabytes:g} GB, {self.step_seconds:g} s a step'
        if not self.is_measured:
            cost = f'about {cost} by calculation'
        return f'{self.purpose} [{self.parameters / 1e6:.1f}M parameters; {cost}; {self.status}]'


def _row(name: str, config: Config, purpose: str, parameters: int, memory: float, seconds: float,
         status: str = 'never trained', is_measured: bool = True) -> tuple[str, Preset]:
    return name, Preset(dataclasses.replace(config, preset=name), purpose, parameters, memory, seconds, status,
                        is_measured)


_TINY = StyleTransferConfig(
    resolution=28, batch_size=8, total_images=4_000, width_channels=8, max_channels=32, levels=2,
    residual_blocks=1, code_size=32, latent_size=16, mapping_layers=2, style_encoder='learned',
    style_layers=('relu1_1', 'relu2_1'), content_layers=('relu2_1',), style_scales=1,
    discriminator_channels=8, discriminator_layers=1, discriminator_condition_layer='relu2_1',
    warmup_images=400, snapshot_images=2_000)


def _restoration(name: str, purpose: str, parameters: int, memory: float, seconds: float,
                 status: str = 'never trained', **changes: Any) -> tuple[str, Preset]:
    config = RestorationConfig(**{'task': name, 'resolution': 96, 'batch_size': 8, 'total_images': 400_000, **changes})
    return _row(name, config, purpose, parameters, memory, seconds, status)


def _stylegan(name: str, purpose: str, parameters: int, memory: float, seconds: float,
              status: str = 'never trained', is_measured: bool = True, **changes: Any) -> tuple[str, Preset]:
    config = StyleGANConfig(**{'batch_size': 16, 'total_images': 5_000_000, 'snapshot_images': 50_000, **changes})
    return _row(name, config, purpose, parameters, memory, seconds, status, is_measured)


_DIGITS = {'resolution': 28, 'batch_size': 32, 'total_images': 192_000, 'snapshot_images': 16_000,
           'image_augmentation': AugmentationConfig(flip=False, crop_scale=(1.0, 1.0))}
_DCGAN = {'architecture': 'dcgan', 'latent_size': 100, 'r1_weight': 0.0,
          'generator_optimizer': OptimizerConfig(learning_rate=2e-4, beta_1=0.5, beta_2=0.999, ema_decay=0.998),
          'discriminator_optimizer': OptimizerConfig(learning_rate=2e-4, beta_1=0.5, beta_2=0.999)}

_CYCLE = CycleGANConfig(batch_size=4, total_images=400_000, snapshot_images=10_000)
_CUT = dataclasses.replace(_CYCLE, method='contrastive', identity_weight=1.0)
_SMALL_GENERATOR = {'generator_blocks': 6, 'starts_from_content': True, 'discriminator_layers': 2}
_SMALL_CUT = {**_SMALL_GENERATOR, 'identity_weight': 0.0, 'contrastive_weight': 0.3,
              'contrastive_layers': (2, 3, 4, 6), 'contrastive_patches': 128, 'contrastive_units': 64}

_PORTRAIT = PortraitConfig(batch_size=4, total_images=6_000, snapshot_images=1_000)

_STYLE_TRANSFER = StyleTransferConfig(batch_size=4, total_images=24_000, snapshot_images=2_000)

PRESETS: dict[str, Preset] = dict([
    _row('style_transfer_28', _TINY, 'MNIST-size smoke test of the whole path', 365_354, 1.2, 0.09),
    _row('style_transfer_64', dataclasses.replace(_STYLE_TRANSFER, resolution=64),
        'thumbnails; the quick start', 2_883_757, 1.7, 1.8, 'trained for minutes'),
    _row('style_transfer_128', _STYLE_TRANSFER, 'the main preset: trains on a CPU in hours', 2_883_757, 2.2, 1.4,
         'trained for 4.6 CPU-hours: arbitrary_style'),
    _row('style_transfer_256', dataclasses.replace(
        _STYLE_TRANSFER, resolution=256, batch_size=8, total_images=1_000_000, snapshot_images=20_000,
        style_scales=3),
        'photographs; a GPU for a day', 2_883_757, 11, 11, is_measured=False),
    _row('style_transfer_512', dataclasses.replace(
        _STYLE_TRANSFER, resolution=512, batch_size=8, total_images=1_000_000, snapshot_images=20_000,
        levels=4, width_channels=16, max_channels=256, style_scales=4),
        'large brush strokes; a large GPU for days', 7_039_760, 29, 27, is_measured=False),
    _row('anomaly_128', AnomalyConfig(resolution=128, batch_size=16, total_images=200_000, evaluation_images=256,
                                      snapshot_images=16_000),
        'finds, names and repairs defects of stylised pictures', 1_616_554, 2.8, 0.9,
        'trained for 2.5 hours: anomaly'),
    _restoration('denoise', 'takes the noise out of pictures', 404_148, 1.3, 1.1),
    _restoration('deblur', 'sharpens blurred and shaken pictures', 404_148, 1.3, 1.4),
    _restoration('inpaint', 'fills what a mask marks', 1_151_468, 1.3, 1.5,
                 generator_channels=(24, 48, 96, 128), generator_dilations=(2, 4)),
    _restoration('restore', 'takes scratches, cracks and writing off old pictures of your own', 856_084, 1.3, 2.4,
                 generator_channels=(24, 48, 96, 128)),
    _restoration('colorize', 'colours grey pictures, by dots of colour or a palette if given', 1_152_331, 1.4, 1.8,
                 generator_channels=(24, 48, 96, 128), generator_dilations=(2, 4), edge_weight=0.0),
    _restoration('super_resolution_2', 'enlarges twice', 362_589, 1.2, 1.7, task='super_resolution', factor=2,
                 generator_channels=(48, 96)),
    _restoration('super_resolution_4', 'enlarges four times', 530_769, 1.3, 2.8, task='super_resolution', factor=4,
                 resolution=128, generator_channels=(64, 128)),
    _stylegan('stylegan_28', 'digits and other tiny pictures, by class where there are folders; a CPU for an hour',
              1_459_225, 1.3, 0.23, 'trained for 42 minutes: digits', latent_size=64, style_size=64, mapping_layers=4,
              channel_base=896, channel_max=128, style_mixing=0.0, classification_weight=0.2, diversity_weight=0.1,
              r1_weight=0.1, path_length_weight=0.0, **_DIGITS,
              generator_optimizer=OptimizerConfig(learning_rate=3e-3, beta_1=0.0, ema_decay=0.998),
              discriminator_optimizer=OptimizerConfig(learning_rate=3e-3, beta_1=0.0)),
    _stylegan('stylegan_64', 'thumbnails; a GPU for hours', 9_225_241, 3.0, 5.5, resolution=64, batch_size=32,
              latent_size=256, style_size=256, mapping_layers=4, channel_base=4096, channel_max=256, r1_weight=0.1),
    _stylegan('projected_64', 'thumbnails, where there are hundreds of pictures; a CPU for hours', 3_702_396, 1.5, 0.5,
              'trained for 76 minutes',
              resolution=64, total_images=120_000, snapshot_images=8_000, latent_size=64, style_size=128,
              mapping_layers=2, channel_base=2048, channel_max=256, style_mixing=0.0, path_length_weight=0.0,
              r1_weight=0.0, discriminator_features='efficientnet_lite0', adversarial_loss='hinge',
              discriminator_augmentation='diffaugment', diversity_weight=0.2,
              generator_optimizer=OptimizerConfig(learning_rate=1.5e-3, beta_1=0.0, ema_decay=0.998),
              discriminator_optimizer=OptimizerConfig(learning_rate=3e-4, beta_1=0.0)),
    _stylegan('stylegan_128', 'a GPU for a day', 48_407_582, 21.8, 92, resolution=128, batch_size=32, r1_weight=0.5),
    _stylegan('stylegan_128x192', 'landscape format, 128 high and 192 wide; any such size by --set=resolution',
              50_508_830, 33, 138, is_measured=False, resolution=(128, 192), batch_size=32, r1_weight=0.5),
    _stylegan('stylegan_256', 'a large GPU for days', 48_768_547, 16.2, 50, resolution=256,
              total_images=10_000_000),
    _stylegan('stylegan_1024', 'the size of the paper; several large GPUs for weeks', 59_382_573, 260, 450,
              is_measured=False, resolution=1024, batch_size=32, channel_base=32768, r1_weight=10.0,
              total_images=25_000_000),
    _stylegan('dcgan_28', "the tutorials' plain network for digits", 1_593_260, 0.8, 0.14, channel_base=896,
              channel_max=128, **_DIGITS, **_DCGAN),
    _stylegan('dcgan_64', 'the plain network of the DCGAN paper', 26_048_516, 2.8, 24.5, resolution=64, batch_size=64,
              **_DCGAN),
    _row('cyclegan_64', dataclasses.replace(
        _CYCLE, resolution=64, total_images=60_000, snapshot_images=4_000, generator_channels=16,
        discriminator_channels=24, identity_share=0.5, **_SMALL_GENERATOR),
        'photographs <-> paintings, thumbnails; a CPU for hours', 1_180_056, 1.3, 0.54),
    _row('fastcut_96', dataclasses.replace(
        _CUT, resolution=96, total_images=60_000, snapshot_images=4_000, generator_channels=20,
        discriminator_channels=24, **_SMALL_CUT),
        'photographs -> paintings, one direction at half the cost; a CPU for hours', 866_420, 1.2, 0.97),
    _row('cyclegan_128', dataclasses.replace(_CYCLE, generator_blocks=6), 'photographs <-> paintings; a GPU',
         21_212_296, 4.6, 15.4),
    _row('cyclegan_256', dataclasses.replace(_CYCLE, resolution=256, total_images=1_000_000),
         'photographs <-> paintings, the networks of the paper; a GPU for days', 28_296_328, 21, 83, is_measured=False),
    _row('cut_256', dataclasses.replace(_CUT, resolution=256, total_images=1_000_000),
         'photographs -> paintings, one direction; a GPU for days', 14_708_548, 10, 42, is_measured=False),
    _row('cartoon_256', dataclasses.replace(
        _CUT, resolution=256, total_images=1_000_000, contrastive_weight=10.0, identity_weight=0.0,
        structure_weight=2.0, total_variation_weight=0.2),
        'photographs -> cartoon-like: flat areas, edges kept; a GPU', 14_708_548, 10, 42, is_measured=False),
    _row('product_128', dataclasses.replace(
        _CYCLE, generator='unet', identity_weight=0.0, structure_weight=5.0, luminance_weight=0.0,
        starts_from_content=True),
        'products in other colours and materials, their shape kept; a GPU', 8_134_152, 1.8, 14.0),
    _row('paired_256', dataclasses.replace(
        _CYCLE, method='paired', resolution=256, generator='unet', luminance_weight=0.0, history=0,
        best_metric='error'),
        'pictures -> the pictures of the same names, such as drawings -> photographs; a GPU', 4_070_148, 2.3, 20.0),
    _row('portrait_64', dataclasses.replace(_PORTRAIT, resolution=64),
         'a look of portraits from 5 to 50 pictures, thumbnails; --init=portrait_base', 1_982_861, 1.4, 0.9,
         is_measured=False),
    _row('portrait_128', _PORTRAIT, 'the same; a CPU for an hour', 1_982_861, 2.1, 3.4,
         status='trained for an hour on one core: portrait_base'),
    _row('portrait_256', dataclasses.replace(
        _PORTRAIT, resolution=256, total_images=12_000, snapshot_images=2_000, style_scales=3),
        'the same for whole portraits; a GPU, or a CPU for a night', 1_982_861, 5.7, 14, is_measured=False),
])


def get(name: str, **changes: Any) -> Config:
    """The preset's Config, with fields replaced by `changes` (as Python values).

    Raises:
        ConfigError: Unknown preset or field; the message lists what there is.
    """
    if name not in PRESETS:
        raise ConfigError(unknown('preset', name, PRESETS))
    config = PRESETS[name].config
    fields = {field.name for field in dataclasses.fields(config)}
    for field in changes:
        if field not in fields:
            raise ConfigError(unknown('setting', field, fields))
    return dataclasses.replace(config, **changes)


def from_dict(values: dict[str, Any]) -> Config:
    """Rebuilds the Config that `Config.as_dict` (through JSON) was made of.

    The preset's row decides the class; fields this version does not know raise ConfigError.
    """
    base = get(values['preset'])
    return from_plain(type(base), values)
