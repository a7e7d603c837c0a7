"""Settings of generation from noise and classes."""

from __future__ import annotations

import dataclasses
import typing

from stylegan_tf.configs.config import AugmentationConfig, Config, ConfigError, OptimizerConfig

STYLEGAN_LOSSES = ('non_saturating', 'wasserstein', 'hinge', 'least_squares', 'minimax')


@dataclasses.dataclass(frozen=True)
class StyleGANConfig(Config):
    """Pictures out of noise, and of a class where the data has classes."""

    stylizes: typing.ClassVar[bool] = False

    architecture: str = 'stylegan2'  # stylegan2 | dcgan
    latent_size: int = 512  # z
    style_size: int = 512  # w, and the hidden layers of the mapping network
    mapping_layers: int = 8
    mapping_learning_rate: float = 0.01  # of the mapping network, relative to the rest
    channel_base: int = 16384  # channels times short side of feature maps ...
    channel_max: int = 512  # ... up to this
    style_mixing: float = 0.9  # share of the pictures made of two codes
    style_mean_decay: float = 0.998  # of the running mean of w that truncation pulls to, for each picture of a class
    group_size: int = 4  # pictures that minibatch statistics compare, with classes those of one; 1 = none
    is_conditional: bool = True  # classes are used where the data has them
    discriminator_features: str = ''  # frozen network the discriminator looks through (Projected GAN); '' = the picture
    discriminator_channels: int = 64  # of a discriminator that looks through a frozen network
    use_projection: bool = True  # the discriminator compares picture and class by an embedding of the label

    adversarial_loss: str = 'non_saturating'  # non_saturating | wasserstein (WGAN-GP) | hinge | least_squares | minimax
    classification_weight: float = 0.0  # of the auxiliary classifier (AC-GAN); 0 = none
    diversity_weight: float = 0.0  # of mode seeking between pictures of a class (MSGAN); against one picture a class
    r1_weight: float = 1.0  # gamma; about 0.0002 pixels / batch_size; not of wasserstein
    r1_every: int = 16  # steps between R1 penalties (lazy regularisation)
    gradient_penalty_weight: float = 10.0  # lambda of WGAN-GP; of wasserstein only
    path_length_weight: float = 2.0  # 0 = off; stylegan2 only
    path_length_every: int = 4
    path_length_decay: float = 0.01  # share of a new length in the running mean

    growing_start: int = 0  # short side of the first pictures of a run whose pictures grow; 0 = full size at once
    growing_images: int = 0  # pictures while a size fades in, and as many again before the next

    generator_optimizer: OptimizerConfig = OptimizerConfig(learning_rate=2e-3, beta_1=0.0, ema_decay=0.999)
    discriminator_optimizer: OptimizerConfig = OptimizerConfig(learning_rate=2e-3, beta_1=0.0)
    image_augmentation: AugmentationConfig = AugmentationConfig(crop_scale=(1.0, 1.0))

    @property
    def num_labels(self) -> int:
        return len(self.label_names) if self.is_conditional else 0

    @property
    def growing_steps(self) -> int:
        """Steps of a fade, and of what follows it before the next size."""
        return max(1, -(-self.growing_images // self.batch_size))

    def check(self) -> None:
        super().check()
        for name, known in (('architecture', ('stylegan2', 'dcgan')), ('adversarial_loss', STYLEGAN_LOSSES)):
            if getattr(self, name) not in known:
                raise ConfigError(f"Setting '{name}' must be one of {', '.join(known)}. "
                                  f'Received: {getattr(self, name)!r}.')
        self._check_size()
        if self.discriminator_augmentation == 'ada' and self.adversarial_loss == 'wasserstein':
            raise ConfigError("Setting 'discriminator_augmentation' must be none or diffaugment with the loss "
                              "wasserstein, whose critic has no sign for 'ada' to follow. Received: 'ada'.")
        if self.discriminator_features:
            self._check_projected()
        if self.growing_start:
            self._check_growth()

    def _check_projected(self) -> None:
        for name, wanted in (('r1_weight', 0.0), ('classification_weight', 0.0), ('growing_start', 0)):
            if getattr(self, name):
                raise ConfigError(f"Setting '{name}' must be {wanted} with 'discriminator_features': a discriminator "
                                  f'that looks through a frozen network has none. Received: {getattr(self, name)}.')
        if self.adversarial_loss == 'wasserstein':
            raise ConfigError("Setting 'adversarial_loss' must not be wasserstein with 'discriminator_features', whose "
                              "spectral norm bounds the discriminator already. Try 'hinge'.")

    def _check_size(self) -> None:
        height, width = self.height, self.width
        while height % 2 == 0 and width % 2 == 0 and min(height, width) >= 8:
            height, width = height // 2, width // 2
        if min(height, width) > 16 or height == self.height:
            raise ConfigError("Setting 'resolution' must be a small number times a power of two in both directions, at "
                              f'least 8. Received: {self.height}x{self.width}. Try 28, 64, 128 or 128x192.')

    def _check_growth(self) -> None:
        if self.architecture == 'dcgan':
            raise ConfigError("Setting 'growing_start' must be 0 with the architecture dcgan. "
                              f'Received: {self.growing_start}.')
        sizes, side = 1, min(self.height, self.width)
        while side % 2 == 0 and side // 2 >= max(4, self.growing_start):
            sizes, side = sizes + 1, side // 2
        needed = 2 * (sizes - 1) * self.growing_steps
        if sizes == 1 or self.growing_images < 1 or needed >= self.total_steps:
            raise ConfigError(f"Settings 'growing_start' and 'growing_images' must let the pictures reach their size "
                              f'within total_images={self.total_images}. Received: {self.growing_start} and '
                              f'{self.growing_images}, which is {sizes} sizes and {needed * self.batch_size} images.')

    def for_inference(self) -> Config:
        # The network that the discriminator looks through may not be installed here.
        return dataclasses.replace(self, precision='float32', discriminator_features='')

    def build(self):
        self.check()
        from stylegan_tf.systems.stylegan import StyleGAN
        return StyleGAN(self)
