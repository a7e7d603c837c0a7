"""Settings of content-preserving style transfer."""

from __future__ import annotations

import dataclasses
import typing

from stylegan_tf.configs.config import AugmentationConfig, Config, ConfigError, OptimizerConfig


@dataclasses.dataclass(frozen=True)
class StyleTransferConfig(Config):
    """Content-preserving style transfer by a modulated generator.

    Objective: alpha content + beta style + gamma adversarial + retention terms.
    """

    takes_style: typing.ClassVar[bool] = True

    # Generator.
    width_channels: int = 24  # channels at full resolution; doubled at each halving
    max_channels: int = 96
    levels: int = 3  # halvings between the image and the bottleneck
    residual_blocks: int = 3  # modulated residual blocks at the bottleneck
    code_size: int = 256  # the style code w
    latent_size: int = 128  # noise z of the mapping network
    mapping_layers: int = 4
    style_encoder: str = 'vgg16_hed'  # frozen network whose statistics are encoded; 'learned' = a small trained one
    style_encoder_layers: tuple[str, ...] = ('relu1_1', 'relu2_1', 'relu3_1')
    dropout: float = 0.0  # on the style code's hidden layer

    # Losses.
    perceptual: str = 'vgg16_hed'  # frozen network of content and style losses, by name or path
    perceptual_dtype: str = 'float32'  # bfloat16 halves its time where the processor has it
    content_layers: tuple[str, ...] = ('relu4_1',)
    style_layers: tuple[str, ...] = ('relu1_1', 'relu2_1', 'relu3_1', 'relu4_1')
    style_scales: int = 2  # the style loss also sees the image halved so many times, less one
    content_weight: float = 1.0  # alpha
    style_weight: float = 12.0  # beta, relative Gram
    mean_variance_weight: float = 4.0  # beta', mean and standard deviation of features
    adversarial_weight: float = 0.2  # gamma
    adversarial_loss: str = 'least_squares'  # non_saturating | minimax | least_squares | hinge
    identity_weight: float = 1.0  # L1 when content = style, and for the null code
    identity_share: float = 0.25  # of the batch that the identity term sees
    structure_weight: float = 0.1  # edges of the content kept
    l1_weight: float = 0.0  # pixels of the content kept
    l2_weight: float = 0.0
    total_variation_weight: float = 0.0
    mapping_weight: float = 0.1  # energy score of mapped noise against encoded styles
    diversity_weight: float = 0.0  # mode seeking between two noise codes; costs a second synthesis
    noise_share: float = 0.0  # share of each batch styled by noise or label instead of an image
    label_dropout: float = 0.3  # share of labels hidden from the mapping network
    warmup_images: int = 1_600  # reconstruction only

    # Discriminator.
    discriminator_channels: int = 32
    discriminator_layers: int = 3
    discriminator_condition: bool = True  # sees content features, so that it defends content too
    discriminator_condition_layer: str = 'relu3_1'
    discriminator_spectral_norm: bool = True
    r1_weight: float = 0.0  # gamma of the R1 penalty
    r1_every: int = 16  # steps between R1 penalties (lazy regularisation)

    generator_optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=2e-3, beta_1=0.5, schedule='cosine', warmup_steps=100, clip_norm=10.0,
        ema_decay=0.998)
    discriminator_optimizer: OptimizerConfig = OptimizerConfig(learning_rate=1e-4, beta_1=0.5)
    content_augmentation: AugmentationConfig = AugmentationConfig(
        crop_scale=(0.5, 1.0), contrast=0.2, brightness=0.05)
    style_augmentation: AugmentationConfig = AugmentationConfig(
        crop_scale=(0.35, 1.0), hue=0.08, saturation=0.3, contrast=0.3, gamma=0.4,
        channel_shuffle=0.1)
    hard_examples: str = ''  # report.json of `stylegan-tf score`: contents that it flags are shown more often
    hard_example_share: float = 0.5  # of the contents are drawn from those
    best_metric: str = 'objective'

    def check(self) -> None:
        super().check()
        if not 0 < self.hard_example_share <= 1:
            raise ConfigError("Setting 'hard_example_share' must be in (0, 1]. "
                              f'Received: {self.hard_example_share}.')
        self._check_halvings(self.levels)

    def for_inference(self) -> Config:
        changes = {'precision': 'float32', 'perceptual_dtype': 'float32'}
        if self.style_encoder != 'learned':  # the loss network may lie in a file of another machine
            changes['perceptual'] = self.style_encoder
        return dataclasses.replace(self, **changes)

    def build(self):
        self.check()
        from stylegan_tf.systems.style_transfer import StyleTransfer
        return StyleTransfer(self)
