"""Configurations: frozen dataclasses, the preset table, and `override`.

Imports no TensorFlow, so that listing presets and checking settings cost nothing.
`Config.build()` imports its system and returns it, a `keras.Model` with all variables built.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import pathlib
import types
import typing
from typing import Any

PRETRAINED = pathlib.Path(__file__).parent / 'pretrained'  # folders of the models that ship, by name


class ConfigError(ValueError):
    """A setting that does not exist or does not fit; the message says what would."""


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """How one network is optimised."""

    name: str = 'adam'  # adam | adamw | rmsprop | sgd
    learning_rate: float = 2e-4
    beta_1: float = 0.5  # momentum of the first moment; the momentum itself for sgd
    beta_2: float = 0.99  # decay of the second moment; rho for rmsprop
    epsilon: float = 1e-8
    weight_decay: float = 0.0  # decoupled, adamw only
    schedule: str = 'constant'  # constant | linear | cosine: from warm-up's end to total_images
    warmup_steps: int = 0  # linear rise from 0
    clip_norm: float = 0.0  # global norm; 0 = no clipping
    steps_per_round: int = 1  # optimizer steps for each training step
    ema_decay: float = 0.0  # exponential moving average of the weights; 0 = none kept


@dataclasses.dataclass(frozen=True)
class AugmentationConfig:
    """Stateless augmentation of one role's images; see `data.augmentation`."""

    flip: bool = True
    crop_scale: tuple[float, float] = (0.6, 1.0)  # side of the crop as a share of the largest
    aspect: float = 0.0  # largest relative change of the crop's aspect ratio
    hue: float = 0.0  # largest rotation, in turns (0.5 = any hue)
    saturation: float = 0.0  # largest relative change
    contrast: float = 0.0  # largest relative change
    brightness: float = 0.0  # largest shift, as a share of the full range
    gamma: float = 0.0  # largest |log2 gamma|
    channel_shuffle: float = 0.0  # probability of permuting R, G, B
    grey: float = 0.0  # probability of dropping colour
    invert: float = 0.0  # probability of inverting


@dataclasses.dataclass(frozen=True)
class Config:
    """Fields every system has. `resolution` is a side, or (height, width), in pixels."""

    preset: str = ''
    resolution: int | tuple[int, int] = 128
    batch_size: int = 8  # global batch, images
    accumulation_steps: int = 1  # micro-batches a batch is worked off in, one after another: less memory, same step
    total_images: int = 400_000
    precision: str = 'float32'  # float32 | mixed_float16 | mixed_bfloat16
    label_names: tuple[str, ...] = ()  # classes; filled from the data's folders when empty
    holdout: float = 0.05  # share of the files kept out of training for held-out numbers
    evaluation_images: int = 16  # held-out images scored at a snapshot
    snapshot_images: int = 20_000  # images between snapshots (checkpoint, samples, evaluation)
    snapshot_seconds: int = 900  # and at the latest after so many seconds
    tick_seconds: float = 20.0  # between lines of metrics.jsonl
    keep_checkpoints: int = 3
    best_metric: str = ''  # a held-out name; the best checkpoint by it is kept ('-name': higher is better)
    discriminator_augmentation: str = 'none'  # none | diffaugment | ada: for few pictures (below some thousands)
    ada_target: float = 0.6  # wanted mean sign of the discriminator on real pictures
    ada_images: int = 10_000  # pictures while ada's probability may rise from 0 to 1; 500k in runs of 25M
    max_rollbacks: int = 3  # times a run that broke (nan, inf) goes back to its last good checkpoint
    rollback_learning_rate: float = 0.5  # every learning rate is multiplied by this at each of them
    patience: int = 0  # snapshots without improvement of best_metric before stopping; 0 = never
    metrics: tuple[str, ...] = ()  # NAME@NETWORK, measured at each snapshot; see METRICS and docs/metrics.md
    metric_images: int = 256  # outputs, and pictures they are compared with, as far as there are so many

    needs_style_data: typing.ClassVar[bool] = False  # whether it is trained on a second set of pictures
    takes_style: typing.ClassVar[bool] = False  # whether what it trains paints in a style that must be given

    @property
    def height(self) -> int:
        return self.resolution if isinstance(self.resolution, int) else self.resolution[0]

    @property
    def width(self) -> int:
        return self.resolution if isinstance(self.resolution, int) else self.resolution[1]

    @property
    def num_labels(self) -> int:
        return len(self.label_names)

    @property
    def total_steps(self) -> int:
        return max(1, -(-self.total_images // self.batch_size))

    def augmentation(self, role: str) -> AugmentationConfig:
        """The augmentation of a batch key such as 'content' or 'style'."""
        return getattr(self, f'{role}_augmentation', AugmentationConfig())

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def hash(self) -> str:
        """First 12 hex digits of the SHA-256 of the resolved settings."""
        text = json.dumps(self.as_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def check(self) -> None:
        """Raises ConfigError where settings contradict each other."""
        if self.batch_size < 1:
            raise ConfigError(f"Setting 'batch_size' must be at least 1. Received: {self.batch_size}.")
        if self.accumulation_steps < 1 or self.batch_size % self.accumulation_steps:
            raise ConfigError("Setting 'batch_size' must be a multiple of 'accumulation_steps'. Received: "
                              f'batch_size={self.batch_size}, accumulation_steps={self.accumulation_steps}.')
        if self.max_rollbacks < 0 or not 0 < self.rollback_learning_rate <= 1:
            raise ConfigError("Settings 'max_rollbacks' and 'rollback_learning_rate' must be at least 0 and in (0, 1]. "
                              f'Received: {self.max_rollbacks} and {self.rollback_learning_rate}.')
        if self.discriminator_augmentation not in AUGMENTATIONS:
            raise ConfigError(f"Setting 'discriminator_augmentation' must be one of {', '.join(AUGMENTATIONS)}. "
                              f'Received: {self.discriminator_augmentation!r}.')
        if self.ada_images < 1 or not -1 < self.ada_target < 1:
            raise ConfigError("Settings 'ada_images' and 'ada_target' must be at least 1 and between -1 and 1. "
                              f'Received: {self.ada_images} and {self.ada_target}.')
        if self.precision not in PRECISIONS:
            raise ConfigError(f"Setting 'precision' must be one of {', '.join(PRECISIONS)}. "
                              f'Received: {self.precision!r}.')
        self._check_metrics()

    def _check_metrics(self) -> None:
        for name in self.metrics:
            base, _, network = name.partition('@')
            if base in ('fid', 'kid'):
                raise ConfigError(f"Setting 'metrics': {base!r} is kept for the Inception network of its paper, which "
                                  'this package does not have. Use frechet@NETWORK or kernel@NETWORK, such as '
                                  'kernel@efficientnet_lite0.')
            if base not in METRICS:
                raise ConfigError(_unknown('metric', base, METRICS))
            if not network:
                raise ConfigError(f"Setting 'metrics' must name the network that looks, as in {base}@vgg16_hed or "
                                  f'{base}@efficientnet_lite0. Received: {name!r}.')
        labels = [metric_label(name) for name in self.metrics]
        if len(set(labels)) < len(labels):
            raise ConfigError(f"Setting 'metrics' must name each metric once. Received: {', '.join(self.metrics)}.")
        if self.metric_images < LEAST_METRIC_IMAGES:
            raise ConfigError(f"Setting 'metric_images' must be at least {LEAST_METRIC_IMAGES}. "
                              f'Received: {self.metric_images}.')
        best = self.best_metric.removeprefix('-')
        if '@' in best and best not in labels:
            raise ConfigError(f"Setting 'best_metric' must be one of 'metrics', to be measured. Received: {best!r}, "
                              f'of {", ".join(labels) or "none"}.')

    def for_inference(self) -> Config:
        """The same model where nothing is trained: float32, without what only losses need."""
        return dataclasses.replace(self, precision='float32')

    def build(self):
        """Imports the system, builds all its variables and returns it (a `keras.Model`)."""
        raise NotImplementedError(f'{type(self).__name__} names no system.')


AUGMENTATIONS = ('none', 'diffaugment', 'ada')
PRECISIONS = ('float32', 'mixed_float16', 'mixed_bfloat16')
METRICS = {
    'frechet': 'distance of the outputs to the training pictures by mean and covariance; of thousands of pictures',
    'kernel': 'the same by a polynomial kernel, without bias for few pictures',
    'precision': 'share of the outputs that look like training pictures; higher is better',
    'recall': 'share of the training pictures that outputs look like; higher is better',
    'density': 'how deep among the training pictures the outputs lie; higher is better',
    'coverage': 'share of the training pictures with an output near them; higher is better',
    'path_length': 'how much a small step in the code changes a picture; lower is smoother',
    'content_distance': 'of each output to its content picture, held out',
    'style_distance': 'of each output to its style picture, held out',
}
LEAST_METRIC_IMAGES = 8


def metric_label(name: str) -> str:
    """A metric's name as reports print it: of a network's file only its own name, 'kernel@judge'."""
    base, at, network = name.partition('@')
    return base + at + pathlib.PurePath(network).name.removesuffix('.safetensors')


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
        step = 2 ** self.levels
        if self.height % step or self.width % step:
            raise ConfigError(
                f"Setting 'resolution' must be a multiple of {step} (2 to the power of 'levels'). "
                f'Received: {self.height}x{self.width}. Try {-(-self.height // step) * step}x'
                f'{-(-self.width // step) * step}.')

    def for_inference(self) -> Config:
        changes = {'precision': 'float32', 'perceptual_dtype': 'float32'}
        if self.style_encoder != 'learned':  # the loss network may lie in a file of another machine
            changes['perceptual'] = self.style_encoder
        return dataclasses.replace(self, **changes)

    def build(self):
        self.check()
        from stylegan_tf.systems.style_transfer import StyleTransfer
        return StyleTransfer(self)


@dataclasses.dataclass(frozen=True)
class AnomalyConfig(Config):
    """Detection, naming and repair of planted defects; see `data.defects`."""

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


RESTORATION_TASKS = ('denoise', 'deblur', 'inpaint', 'restore', 'colorize', 'super_resolution')


@dataclasses.dataclass(frozen=True)
class StyleGANConfig(Config):
    """Pictures out of noise, and of a class where the data has classes."""

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
        if self.growing_start:
            self._check_growth()

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

    def build(self):
        self.check()
        from stylegan_tf.systems.stylegan import StyleGAN
        return StyleGAN(self)


STYLEGAN_LOSSES = ('non_saturating', 'wasserstein', 'hinge', 'least_squares', 'minimax')


@dataclasses.dataclass(frozen=True)
class Preset:
    """A row of the preset table."""

    config: Config
    purpose: str
    parameters: int  # trained generator + discriminator
    memory_gigabytes: float  # peak resident memory of a CPU training; 0 = not measured
    step_seconds: float  # on 2 busy CPU cores; 0 = not measured
    status: str  # what has been trained

    def line(self) -> str:
        """What a listing says of it."""
        cost = (f'{self.memory_gigabytes:g} GB, {self.step_seconds:g} s a step' if self.step_seconds
                else 'cost not measured')
        return f'{self.purpose} [{self.parameters / 1e6:.1f}M parameters; {cost}; {self.status}]'


def _row(name: str, config: Config, purpose: str, parameters: int = 0, memory: float = 0.0,
         seconds: float = 0.0, status: str = 'never trained') -> tuple[str, Preset]:
    return name, Preset(dataclasses.replace(config, preset=name), purpose, parameters, memory,
                        seconds, status)


_TINY = StyleTransferConfig(
    resolution=28, batch_size=8, total_images=4_000, width_channels=8, max_channels=32, levels=2,
    residual_blocks=1, code_size=32, latent_size=16, mapping_layers=2, style_encoder='learned',
    style_layers=('relu1_1', 'relu2_1'), content_layers=('relu2_1',), style_scales=1,
    discriminator_channels=8, discriminator_layers=1, discriminator_condition_layer='relu2_1',
    warmup_images=400, snapshot_images=2_000)


def _restoration(name: str, purpose: str, parameters: int, status: str = 'never trained',
                 **changes: Any) -> tuple[str, Preset]:
    config = RestorationConfig(**{'task': name, 'resolution': 96, 'batch_size': 8, 'total_images': 400_000, **changes})
    return _row(name, config, purpose, parameters, status=status)


def _stylegan(name: str, purpose: str, parameters: int, memory: float = 0.0, seconds: float = 0.0,
              status: str = 'never trained', **changes: Any) -> tuple[str, Preset]:
    config = StyleGANConfig(**{'batch_size': 16, 'total_images': 5_000_000, 'snapshot_images': 50_000, **changes})
    return _row(name, config, purpose, parameters, memory, seconds, status)


_DIGITS = {'resolution': 28, 'batch_size': 32, 'total_images': 320_000, 'snapshot_images': 32_000,
           'image_augmentation': AugmentationConfig(flip=False, crop_scale=(1.0, 1.0))}
_DCGAN = {'architecture': 'dcgan', 'latent_size': 100, 'r1_weight': 0.0,
          'generator_optimizer': OptimizerConfig(learning_rate=2e-4, beta_1=0.5, beta_2=0.999, ema_decay=0.998),
          'discriminator_optimizer': OptimizerConfig(learning_rate=2e-4, beta_1=0.5, beta_2=0.999)}

_CYCLE = CycleGANConfig(batch_size=4, total_images=400_000, snapshot_images=10_000)
_CUT = dataclasses.replace(_CYCLE, method='contrastive', identity_weight=1.0)
_SMALL_GENERATOR = {'generator_blocks': 6, 'starts_from_content': True, 'discriminator_layers': 2}
_SMALL_CUT = {**_SMALL_GENERATOR, 'identity_weight': 0.0, 'contrastive_weight': 0.3,
              'contrastive_layers': (2, 3, 4, 6), 'contrastive_patches': 128, 'contrastive_units': 64}

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
        'photographs; a GPU for a day', 2_883_757),
    _row('style_transfer_512', dataclasses.replace(
        _STYLE_TRANSFER, resolution=512, batch_size=8, total_images=1_000_000, snapshot_images=20_000,
        levels=4, width_channels=16, max_channels=256, style_scales=4),
        'large brush strokes; a large GPU for days', 7_039_760),
    _row('anomaly_128', AnomalyConfig(resolution=128, batch_size=16, total_images=200_000, evaluation_images=256,
                                      snapshot_images=16_000),
        'finds, names and repairs defects of stylised pictures', 1_616_554, 2.8, 0.9,
        'trained for 2.5 hours: anomaly'),
    _restoration('denoise', 'takes the noise out of pictures', 404_148),
    _restoration('deblur', 'sharpens blurred and shaken pictures', 404_148),
    _restoration('inpaint', 'fills what a mask marks', 1_151_468,
                 generator_channels=(24, 48, 96, 128), generator_dilations=(2, 4)),
    _restoration('restore', 'takes scratches, cracks and writing off old pictures of your own', 856_084,
                 generator_channels=(24, 48, 96, 128)),
    _restoration('colorize', 'colours grey pictures, by dots of colour or a palette if given', 1_152_331,
                 generator_channels=(24, 48, 96, 128), generator_dilations=(2, 4), edge_weight=0.0),
    _restoration('super_resolution_2', 'enlarges twice', 362_589, task='super_resolution', factor=2,
                 generator_channels=(48, 96)),
    _restoration('super_resolution_4', 'enlarges four times', 530_769, task='super_resolution', factor=4,
                 resolution=128, generator_channels=(64, 128)),
    _stylegan('stylegan_28', 'digits and other tiny pictures, by class where there are folders; a CPU for an hour',
              1_459_225, 1.3, 0.35, latent_size=64, style_size=64, mapping_layers=4, mapping_learning_rate=0.1,
              channel_base=896, channel_max=128, style_mixing=0.5, r1_weight=0.5, path_length_weight=0.0,
              classification_weight=0.5, **_DIGITS,
              generator_optimizer=OptimizerConfig(learning_rate=2e-3, beta_1=0.0, ema_decay=0.998)),
    _stylegan('stylegan_64', 'thumbnails; a GPU for hours', 9_225_241, resolution=64, batch_size=32, latent_size=256,
              style_size=256, mapping_layers=4, channel_base=4096, channel_max=256, r1_weight=0.1),
    _stylegan('stylegan_128', 'a GPU for a day', 48_407_582, resolution=128, batch_size=32, r1_weight=0.5),
    _stylegan('stylegan_128x192', 'landscape format, 128 high and 192 wide; any such size by --set=resolution',
              50_508_830, resolution=(128, 192), batch_size=32, r1_weight=0.5),
    _stylegan('stylegan_256', 'a large GPU for days', 48_768_547, resolution=256,
              total_images=10_000_000),
    _stylegan('stylegan_1024', 'the size of the paper; several large GPUs for weeks', 59_382_573, resolution=1024,
              batch_size=32, channel_base=32768, r1_weight=10.0, total_images=25_000_000),
    _stylegan('dcgan_28', "the tutorials' plain network for digits", 1_593_260, channel_base=896, channel_max=128,
              **_DIGITS, **_DCGAN),
    _stylegan('dcgan_64', 'the plain network of the DCGAN paper', 26_048_516, resolution=64, batch_size=64, **_DCGAN),
    _row('cyclegan_64', dataclasses.replace(
        _CYCLE, resolution=64, total_images=60_000, snapshot_images=4_000, generator_channels=16,
        discriminator_channels=24, identity_share=0.5, **_SMALL_GENERATOR),
        'photographs <-> paintings, thumbnails; a CPU for hours', 1_180_056),
    _row('fastcut_96', dataclasses.replace(
        _CUT, resolution=96, total_images=60_000, snapshot_images=4_000, generator_channels=20,
        discriminator_channels=24, **_SMALL_CUT),
        'photographs -> paintings, one direction at half the cost; a CPU for hours', 866_420),
    _row('cyclegan_128', dataclasses.replace(_CYCLE, generator_blocks=6), 'photographs <-> paintings; a GPU'),
    _row('cyclegan_256', dataclasses.replace(_CYCLE, resolution=256, total_images=1_000_000),
         'photographs <-> paintings, the networks of the paper; a GPU for days'),
    _row('cut_256', dataclasses.replace(_CUT, resolution=256, total_images=1_000_000),
         'photographs -> paintings, one direction; a GPU for days'),
    _row('cartoon_256', dataclasses.replace(
        _CUT, resolution=256, total_images=1_000_000, contrastive_weight=10.0, identity_weight=0.0,
        structure_weight=2.0, total_variation_weight=0.2),
        'photographs -> cartoon-like: flat areas, edges kept; a GPU'),
    _row('product_128', dataclasses.replace(
        _CYCLE, generator='unet', identity_weight=0.0, structure_weight=5.0, luminance_weight=0.0,
        starts_from_content=True),
        'products in other colours and materials, their shape kept; a GPU'),
    _row('paired_256', dataclasses.replace(
        _CYCLE, method='paired', resolution=256, generator='unet', luminance_weight=0.0, history=0,
        best_metric='error'),
        'pictures -> the pictures of the same names, such as drawings -> photographs; a GPU'),
])


def get(name: str, **changes: Any) -> Config:
    """The preset's Config, with fields replaced by `changes` (as Python values).

    Raises:
        ConfigError: Unknown preset or field; the message lists what there is.
    """
    if name not in PRESETS:
        raise ConfigError(_unknown('preset', name, PRESETS))
    config = PRESETS[name].config
    fields = {field.name for field in dataclasses.fields(config)}
    for field in changes:
        if field not in fields:
            raise ConfigError(_unknown('setting', field, fields))
    return dataclasses.replace(config, **changes)


def override(config: Config, settings: typing.Iterable[str]) -> Config:
    """Applies 'name=value' texts; a dot reaches into a nested Config.

    Args:
        config: The Config to start from.
        settings: Such as 'batch_size=4' or 'generator_optimizer.learning_rate=1e-4'. Tuples are
            written 'a,b'; a rectangular resolution '192x256' (height x width).

    Raises:
        ConfigError: Unknown name (listing the valid ones), wrong type, or no '='.
    """
    for setting in settings:
        name, equals, text = setting.partition('=')
        if not equals:
            raise ConfigError(f'Expected --set=name=value. Received: {setting!r}.')
        config = _replace(config, name.strip().split('.'), text.strip(), setting)
    return config


def from_dict(values: dict[str, Any]) -> Config:
    """Rebuilds the Config that `Config.as_dict` (through JSON) was made of.

    The preset's row decides the class; fields this version does not know raise ConfigError.
    """
    base = get(values['preset'])
    return _from_plain(type(base), values)


def _from_plain(kind: type, values: dict[str, Any]) -> Any:
    hints = typing.get_type_hints(kind)
    unknown = set(values) - set(hints)
    if unknown:
        raise ConfigError(_unknown('setting', sorted(unknown)[0], hints))
    return kind(**{name: _plain(hints[name], value) for name, value in values.items()})


def _plain(hint: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(hint):
        return _from_plain(hint, value)
    return tuple(value) if isinstance(value, list) else value


def _replace(config: Any, names: list[str], text: str, setting: str) -> Any:
    hints = typing.get_type_hints(type(config))
    name = names[0]
    if name not in hints:
        raise ConfigError(_unknown('setting', name, hints))
    if len(names) > 1:
        nested = getattr(config, name)
        if not dataclasses.is_dataclass(nested):
            raise ConfigError(f'Setting {name!r} has no fields of its own. Received: {setting!r}.')
        value = _replace(nested, names[1:], text, setting)
    else:
        if dataclasses.is_dataclass(hints[name]):
            fields = ', '.join(field.name for field in dataclasses.fields(hints[name]))
            raise ConfigError(f"Setting '{name}' is a group: write {name}.FIELD=value, FIELD one of "
                              f'{fields}.')
        value = _parse(hints[name], text, setting)
    return dataclasses.replace(config, **{name: value})


def _parse(hint: Any, text: str, setting: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    try:
        if origin in (typing.Union, types.UnionType):  # the resolution
            parts = text.lower().split('x')
            return int(text) if len(parts) == 1 else tuple(int(part) for part in parts)
        if origin is tuple:
            parts = [part.strip() for part in text.split(',') if part.strip()]
            if arguments[-1] is not Ellipsis and len(parts) != len(arguments):
                raise ValueError
            return tuple(arguments[0](part) for part in parts)
        if hint is bool:
            return {'true': True, '1': True, 'on': True, 'yes': True,
                    'false': False, '0': False, 'off': False, 'no': False}[text.lower()]
        if hint is int:
            return int(text.replace('_', ''))
        return hint(text)
    except (ValueError, KeyError):
        wanted = getattr(hint, '__name__', None) if origin is None else str(hint)
        raise ConfigError(f"Setting '{setting.partition('=')[0]}' must be of type {wanted}. "
                          f'Received: {text!r}.') from None


def _unknown(kind: str, name: str, known: typing.Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, 1)
    hint = f' Did you mean {close[0]!r}?' if close else ''
    return f'Unknown {kind} {name!r}.{hint} Known: {", ".join(names)}.'
