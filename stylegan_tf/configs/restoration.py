"""Settings of restoration: noise, blur, holes, scratches, colour, resolution."""

from __future__ import annotations

import dataclasses

from stylegan_tf.configs.config import AugmentationConfig, Config, ConfigError, OptimizerConfig

RESTORATION_TASKS = ('denoise', 'deblur', 'inpaint', 'restore', 'colorize', 'super_resolution')


@dataclasses.dataclass(frozen=True)
class RestorationConfig(Config):
    """Enhancement of pictures by a U-Net and a PatchGAN, one task a model; see `data.degradations`."""

    task: str = 'denoise'  # denoise | deblur | inpaint | restore | colorize | super_resolution
    factor: int = 2  # enlargement of super_resolution, 2 or 4; `resolution` is that of the result
    min_severity: float = 0.0  # degradations are drawn from here to 1
    hint_share: float = 0.6  # of the samples of colorize have dots of colour
    palette_share: float = 0.4  # of the samples of colorize know their palette

    generator_channels: tuple[int, ...] = (24, 48, 96)  # of the U-Net, full resolution first
    generator_blocks: int = 1  # 3x3 convolutions a level
    generator_dilations: tuple[int, ...] = ()  # a wider view, for holes; see `networks.unet`
    discriminator_channels: int = 32
    discriminator_layers: int = 2
    perceptual: str = 'vgg16_hed'  # frozen network of the perceptual loss, by name or path
    perceptual_dtype: str = 'float32'
    perceptual_layers: tuple[str, ...] = ('relu2_1', 'relu3_1')

    reconstruction_loss: str = 'charbonnier'  # l1 | l2 | charbonnier
    reconstruction_weight: float = 10.0
    edge_weight: float = 2.0
    perceptual_weight: float = 0.2
    adversarial_weight: float = 0.02
    adversarial_loss: str = 'least_squares'  # non_saturating | minimax | least_squares | hinge
    adversarial_images: int = 100_000  # without the discriminator, before it begins

    generator_optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=4e-3, beta_1=0.9, schedule='cosine', warmup_steps=100, clip_norm=5.0, ema_decay=0.998)
    discriminator_optimizer: OptimizerConfig = OptimizerConfig(learning_rate=1e-4, beta_1=0.5)
    image_augmentation: AugmentationConfig = AugmentationConfig(crop_scale=(0.3, 0.9))
    best_metric: str = 'error_after'

    def check(self) -> None:
        super().check()
        for name, known in (('task', RESTORATION_TASKS), ('reconstruction_loss', ('l1', 'l2', 'charbonnier'))):
            if getattr(self, name) not in known:
                raise ConfigError(f"Setting '{name}' must be one of {', '.join(known)}. "
                                  f'Received: {getattr(self, name)!r}.')
        if self.task == 'super_resolution' and (
                self.factor not in (2, 4) or self.height % self.factor or self.width % self.factor):
            raise ConfigError("Setting 'factor' must be 2 or 4, and 'resolution' a multiple of it. Received: "
                              f'factor={self.factor}, resolution={self.height}x{self.width}.')
        if min(self.height, self.width) < 32:
            raise ConfigError("Setting 'resolution' must be at least 32. "
                              f'Received: {self.height}x{self.width}.')
        if self.discriminator_augmentation != 'none':
            raise ConfigError("Setting 'discriminator_augmentation' must be none for restoration, whose real and fake "
                              f'pictures come in pairs. Received: {self.discriminator_augmentation!r}.')

    def for_inference(self) -> Config:
        # The loss network may lie in a file of another machine.
        return dataclasses.replace(self, precision='float32', perceptual_weight=0.0)

    def build(self):
        self.check()
        from stylegan_tf.systems.restoration import Restoration
        return Restoration(self)
