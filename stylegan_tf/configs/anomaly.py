"""Settings of the detector and corrector of defects."""

from __future__ import annotations

import dataclasses
import typing

from stylegan_tf.configs.config import Config, ConfigError, OptimizerConfig


@dataclasses.dataclass(frozen=True)
class AnomalyConfig(Config):
    """Detection, naming and repair of planted defects; see `data.defects`."""

    stylizes: typing.ClassVar[bool] = False

    discriminator_channels: tuple[int, int, int, int] = (24, 64, 96, 128)  # at 1/2 to 1/16 of the resolution
    discriminator_hidden: int = 192
    generator_channels: tuple[int, ...] = (16, 32, 64, 64)  # of the U-Net, full resolution first
    generator_blocks: int = 1
    perceptual: str = 'vgg16_hed'  # frozen network of the corrector's style and content losses
    perceptual_dtype: str = 'float32'
    style_layers: tuple[str, ...] = ('relu1_1', 'relu2_1', 'relu3_1')
    content_layers: tuple[str, ...] = ('relu3_1',)

    anomaly_weight: float = 1.0  # is there a defect?
    defect_weight: float = 4.0  # which? per picture and per patch, means over the kinds
    damage_weight: float = 1.0  # where?
    adversarial_weight: float = 0.02  # clean against repaired pictures
    classification_weight: float = 0.02  # l(none, D(G(x)))
    reconstruction_weight: float = 4.0
    edge_weight: float = 2.0
    style_weight: float = 0.3
    content_weight: float = 0.1  # lambda
    detection_images: int = 40_000  # the detector alone, before the corrector begins
    discriminator_interval: int = 4  # steps of reconstruction for each with the detector, once both learn

    clean_share: float = 0.35  # of the samples
    content_share: float = 0.8  # of the samples keep their photograph, where it is known
    style_share: float = 0.8
    frequent_defects: tuple[str, ...] = ()  # drawn once more each time they are named: what is hard to find
    left_out_defects: tuple[str, ...] = ()  # never shown in training: how does it do on the unknown?

    generator_optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=1e-3, beta_1=0.9, schedule='cosine', warmup_steps=100, clip_norm=5.0, ema_decay=0.998)
    discriminator_optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=0.01, beta_1=0.9, schedule='cosine', warmup_steps=200, clip_norm=5.0, ema_decay=0.998)
    best_metric: str = 'detection_loss'

    def check(self) -> None:
        super().check()
        if self.height % 8 or self.width % 8:
            raise ConfigError(f"Setting 'resolution' must be a multiple of 8. Received: {self.height}x{self.width}.")

    def build(self):
        self.check()
        from stylegan_tf.systems.anomaly import Anomaly
        return Anomaly(self)
