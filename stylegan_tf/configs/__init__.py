"""Configurations: frozen dataclasses, the preset table, and `override`.

Imports no TensorFlow, so that listing presets and checking settings cost nothing.
`Config.build()` imports its system and returns it, a `keras.Model` with all variables built.
"""

import pathlib

from stylegan_tf.configs.anomaly import AnomalyConfig
from stylegan_tf.configs.config import (
    LEAST_METRIC_IMAGES,
    METRICS,
    AugmentationConfig,
    Config,
    ConfigError,
    OptimizerConfig,
    metric_label,
)
from stylegan_tf.configs.cyclegan import CycleGANConfig
from stylegan_tf.configs.portrait import PortraitConfig
from stylegan_tf.configs.presets import PRESETS, Preset, from_dict, get
from stylegan_tf.configs.restoration import RestorationConfig
from stylegan_tf.configs.settings import override
from stylegan_tf.configs.style_transfer import StyleTransferConfig
from stylegan_tf.configs.stylegan import StyleGANConfig

__all__ = [
    'LEAST_METRIC_IMAGES', 'METRICS', 'PRESETS', 'PRETRAINED', 'AnomalyConfig', 'AugmentationConfig', 'Config',
    'ConfigError', 'CycleGANConfig', 'OptimizerConfig', 'PortraitConfig', 'Preset', 'RestorationConfig',
    'StyleGANConfig', 'StyleTransferConfig', 'from_dict', 'get', 'metric_label', 'override']

PRETRAINED = pathlib.Path(__file__).parent.parent / 'pretrained'  # folders of the models that ship, by name
