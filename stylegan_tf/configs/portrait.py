"""Settings of the portrait system: one look, learned from a few pictures."""

from __future__ import annotations

import dataclasses
import typing

from stylegan_tf.configs.config import AugmentationConfig, Config, ConfigError, OptimizerConfig

PORTRAIT_LOSSES = ('wasserstein', 'least_squares', 'non_saturating', 'hinge')


@dataclasses.dataclass(frozen=True)
class PortraitConfig(Config):
    """The look of --style_data (5 to 50 portraits in it) for the portraits of --data; see `systems.portrait`."""

    needs_style_data: typing.ClassVar[bool] = True

    holdout: float = 0.1  # at least one picture of each set
    discriminator_augmentation: str = 'diffaugment'  # a look has few pictures
    purpose: str = ''  # one line of the model card
    consent: str = ''  # for the model card: who agreed to this use of the pictures, and under which licence they are

    # Pictures.
    align_faces: bool = True  # faces are found, turned upright and cut out; pictures without one are used whole
    color_path: bool = True  # a table of the look's colours is fitted before training (`looks.fit_look`)
    table_size: int = 33  # its entries along each axis
    variations: int = 16  # main ways in which the look's pictures differ, for random variations

    # Generator; as `StyleTransferConfig`, so that --init=arbitrary_style and --init=portrait_base fit.
    width_channels: int = 24  # channels at full resolution; doubled at each halving
    max_channels: int = 96
    levels: int = 3  # halvings between the picture and the bottleneck
    residual_blocks: int = 3
    code_size: int = 256  # the style code w
    style_encoder: str = 'vgg16_hed'  # frozen network whose statistics are encoded
    style_encoder_layers: tuple[str, ...] = ('relu1_1', 'relu2_1', 'relu3_1')

    # Losses.
    perceptual: str = 'vgg16_hed'  # frozen network of content, face and style losses, by name or path
    perceptual_dtype: str = 'float32'
    content_layers: tuple[str, ...] = ('relu4_1',)
    style_layers: tuple[str, ...] = ('relu1_1', 'relu2_1', 'relu3_1', 'relu4_1')
    style_scales: int = 2  # the style loss also sees the picture halved so many times, less one
    content_weight: float = 1.0
    style_weight: float = 12.0  # relative Gram matrices
    face_weight: float = 1.0  # features of the face kept, beyond what keeps the whole picture
    face_layers: tuple[str, ...] = ('relu2_1', 'relu3_1')
    structure_weight: float = 0.3  # edges kept, in the face above all
    identity_weight: float = 4.0  # squared distance of the faces' identities (`networks.face_identity`); 0 = not seen
    identity_share: float = 1.0  # of the batch that the identity term sees
    adversarial_weight: float = 1.0
    adversarial_loss: str = 'wasserstein'  # wasserstein (WGAN-GP) | least_squares | non_saturating | hinge
    gradient_penalty_weight: float = 10.0  # lambda of WGAN-GP; of wasserstein only
    drift_weight: float = 1e-3  # epsilon of Karras et al. 2018, keeps the critic near 0; of wasserstein only
    r1_weight: float = 0.0  # gamma of the R1 penalty; not of wasserstein
    r1_every: int = 16
    warmup_images: int = 0  # reconstruction only; 1,600 where training does not start from a base
    total_variation_weight: float = 0.0

    # Discriminator, of patches: a few pictures hold many of them.
    discriminator_channels: int = 32
    discriminator_layers: int = 3

    generator_optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=3e-3, beta_1=0.5, schedule='cosine', warmup_steps=50, clip_norm=10.0, ema_decay=0.995)
    discriminator_optimizer: OptimizerConfig = OptimizerConfig(learning_rate=3e-3, beta_1=0.0, beta_2=0.9)
    content_augmentation: AugmentationConfig = AugmentationConfig(  # no crops: the face must stay in its place
        crop_scale=(1.0, 1.0), contrast=0.15, brightness=0.05, saturation=0.2)
    style_augmentation: AugmentationConfig = AugmentationConfig(crop_scale=(0.6, 1.0))
    best_metric: str = 'objective'

    def check(self) -> None:
        super().check()
        self._check_halvings(self.levels)
        if self.adversarial_loss not in PORTRAIT_LOSSES:
            raise ConfigError(f"Setting 'adversarial_loss' must be one of {', '.join(PORTRAIT_LOSSES)}. "
                              f'Received: {self.adversarial_loss!r}.')
        if self.discriminator_augmentation == 'ada' and self.adversarial_loss == 'wasserstein':
            raise ConfigError("Setting 'discriminator_augmentation' must be 'none' or 'diffaugment' with "
                              "adversarial_loss=wasserstein, whose critic has no sign for 'ada' to follow. "
                              "Received: 'ada'. Or set adversarial_loss=non_saturating.")
        if self.table_size < 2 or self.variations < 1:
            raise ConfigError("Settings 'table_size' and 'variations' must be at least 2 and 1. Received: "
                              f'{self.table_size} and {self.variations}.')

    def for_inference(self) -> Config:
        # The loss network may lie in a file of another machine; identity is not needed to paint.
        return dataclasses.replace(self, precision='float32', perceptual_dtype='float32', identity_weight=0.0,
                                   perceptual=self.style_encoder)

    def build(self):
        self.check()
        from stylegan_tf.systems.portrait import Portrait
        return Portrait(self)
