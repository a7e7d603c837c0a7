"""What every system is configured by."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import pathlib
import typing
from typing import Any

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


class ConfigError(ValueError):
    """A setting that does not exist or does not fit; the message says what would."""


def unknown(kind: str, name: str, known: typing.Iterable[str]) -> str:
    """An error's text that names the closest of what there is, and all of it."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, 1)
    hint = f' Did you mean {close[0]!r}?' if close else ''
    return f'Unknown {kind} {name!r}.{hint} Known: {", ".join(names)}.'


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
    stylizes: typing.ClassVar[bool] = True  # whether what it trains changes pictures that it is given

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

    def _check_halvings(self, levels: int) -> None:
        """Raises ConfigError where a picture cannot be halved so often without a remainder."""
        step = 2 ** levels
        if self.height % step or self.width % step:
            raise ConfigError(
                f"Setting 'resolution' must be a multiple of {step} (2 to the power of 'levels'). "
                f'Received: {self.height}x{self.width}. Try {-(-self.height // step) * step}x'
                f'{-(-self.width // step) * step}.')

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
                raise ConfigError(unknown('metric', base, METRICS))
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
