"""Settings of translation between two sets of pictures."""

from __future__ import annotations

import dataclasses
import typing

from stylegan_tf.configs.config import AugmentationConfig, Config, ConfigError, OptimizerConfig

TRANSLATION_METHODS = ('cycle', 'contrastive', 'paired')


@dataclasses.dataclass(frozen=True)
class CycleGANConfig(Config):
    """Translation between the pictures of --data (A) and of --style_data (B); see `systems.cyclegan`."""

    needs_style_data: typing.ClassVar[bool] = True

    method: str = 'cycle'  # cycle (two generators) | contrastive (one, half the cost) | paired (pictures of one name)
    purpose: str = ''  # one line of the model card

    # Generator.
    generator: str = 'resnet'  # resnet: changes textures | unet: keeps shapes to the pixel
    generator_channels: int = 64  # of the ResNet at full resolution; doubled at each of two halvings
    generator_blocks: int = 9  # of the ResNet; 6 for 128 px and below
    unet_channels: tuple[int, ...] = (32, 64, 128, 128)  # full resolution first
    starts_from_content: bool = False  # learn a change of the picture, 0 at first: quick to keep what is there

    # Losses.
    adversarial_weight: float = 1.0
    adversarial_loss: str = 'least_squares'  # non_saturating | minimax | least_squares | hinge
    cycle_weight: float = 10.0  # lambda, method 'cycle'
    identity_weight: float = 5.0  # lambda / 2: B stays as it is, which keeps colours; contrastive: NCE of it
    identity_share: float = 1.0  # of the batch that the identity term of 'cycle' sees
    contrastive_weight: float = 1.0  # lambda_X of CUT; 10 in FastCUT
    contrastive_layers: tuple[int, ...] = (0, 2, 3, 4, 8)  # 0 = the picture, 1 ... = the generator's maps in order
    contrastive_patches: int = 256  # places compared with each other in each map
    contrastive_units: int = 256  # length of a patch's vector
    contrastive_temperature: float = 0.07  # tau
    paired_weight: float = 100.0  # lambda of pix2pix, L1 to the wanted picture
    style_weight: float = 0.0  # Gram matrices of the other domain, which come sooner than by the discriminator alone
    perceptual: str = 'vgg16_hed'  # frozen network of the style term, by name or path
    perceptual_dtype: str = 'float32'
    style_layers: tuple[str, ...] = ('relu1_1', 'relu2_1', 'relu3_1', 'relu4_1')
    structure_weight: float = 0.0  # guard: edges of the content kept
    luminance_weight: float = 1.0  # guard: 0 while bright stays bright, so that outputs do not become negatives
    total_variation_weight: float = 0.0

    # Discriminator.
    discriminator_channels: int = 64
    discriminator_layers: int = 3  # 3: patches of 70 px, 2: 34, 1: 16
    discriminator_spectral_norm: bool = False  # its gradients are too faint to change what contrast or cycle keep
    history: int = 50  # earlier results that it is shown again; 0 = none
    r1_weight: float = 0.0  # gamma of the R1 penalty
    r1_every: int = 16

    generator_optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=2e-3, beta_1=0.5, schedule='linear', warmup_steps=100, clip_norm=10.0, ema_decay=0.998)
    discriminator_optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=2e-3, beta_1=0.5, schedule='linear', warmup_steps=100, clip_norm=10.0)
    content_augmentation: AugmentationConfig = AugmentationConfig(crop_scale=(0.6, 1.0))
    style_augmentation: AugmentationConfig = AugmentationConfig(crop_scale=(0.6, 1.0))

    def check(self) -> None:
        super().check()
        for name, known in (('method', TRANSLATION_METHODS), ('generator', ('resnet', 'unet'))):
            if getattr(self, name) not in known:
                raise ConfigError(f"Setting '{name}' must be one of {', '.join(known)}. "
                                  f'Received: {getattr(self, name)!r}.')
        if self.height % 4 or self.width % 4 or min(self.height, self.width) < 28:
            raise ConfigError("Setting 'resolution' must be a multiple of 4, at least 28. "
                              f'Received: {self.height}x{self.width}.')
        if self.history and self.history < self.batch_size:
            raise ConfigError("Setting 'history' must be 0 or at least 'batch_size'. "
                              f'Received: history={self.history}, batch_size={self.batch_size}.')
        maps = 3 + self.generator_blocks if self.generator == 'resnet' else len(self.unet_channels)
        layers = sorted(self.contrastive_layers) or [-1]
        if self.method == 'contrastive' and not 0 <= layers[0] <= layers[-1] <= maps:
            raise ConfigError(f"Setting 'contrastive_layers' must be numbers from 0 (the picture) to {maps} (the "
                              f"generator's last map before it enlarges). Received: {self.contrastive_layers}.")

    def for_inference(self) -> Config:
        # The loss network may lie in a file of another machine.
        return dataclasses.replace(self, precision='float32', history=0, style_weight=0.0)

    def build(self):
        self.check()
        from stylegan_tf.systems.cyclegan import CycleGAN
        return CycleGAN(self)
