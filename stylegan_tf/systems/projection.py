"""From a picture back to the style codes that draw it: inversion into W or W+.

One code for all layers (W) stays where the generator draws well, and can be edited; a code for each layer (W+) comes
nearer to the picture. The noise of the layers is the fixed one that an exported model draws with, so that the code
alone gives the picture.

Source: Karras et al. 2020 (StyleGAN2), section 5 and appendix D (schedule, exploration by noise); W+ after Abdal et al.
2019 (Image2StyleGAN).
"""

from __future__ import annotations

import dataclasses
import math

import keras
import numpy as np
from keras import ops

from stylegan_tf.layers.gradient import value_and_gradients
from stylegan_tf.losses import perceptual
from stylegan_tf.networks import features

SPACES = ('w', 'w+')
LAYERS = ('relu1_1', 'relu2_1', 'relu3_1')
LEAST_SIDE, LARGEST_SIDE = 64, 256  # of the pictures that the perceptual network compares
SPREAD_SAMPLES = 1_000  # codes whose spread scales the exploring noise


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to search."""

    space: str = 'w'  # w | w+
    steps: int = 500
    learning_rate: float = 0.1
    exploration: float = 0.05  # noise on the code at first, in deviations of codes; gone after three quarters
    perceptual: str = 'vgg16_hed'  # frozen network that compares pictures, by name or path
    perceptual_weight: float = 1.0
    pixel_weight: float = 1.0  # mean square difference of pixels in [-1, 1]
    seed: int = 0

    def check(self) -> None:
        """Raises ValueError where a setting is out of range."""
        if self.space not in SPACES:
            raise ValueError(f"Setting 'space' must be one of {', '.join(SPACES)}. Received: {self.space!r}.")
        if self.steps < 1:
            raise ValueError(f"Setting 'steps' must be at least 1. Received: {self.steps}.")
        if min(self.perceptual_weight, self.pixel_weight) < 0 or not self.perceptual_weight + self.pixel_weight:
            raise ValueError("Settings 'perceptual_weight' and 'pixel_weight' must be 0 or more, and one above 0. "
                             f'Received: {self.perceptual_weight} and {self.pixel_weight}.')


@dataclasses.dataclass(frozen=True, eq=False)
class Projection:
    """What was found.

    Attributes:
        code: Float32 [L, D]; in W all rows are alike.
        picture: What it draws, float32 [H, W, 3] in [-1, 1].
        losses: The objective at each step.
        distances: Mean square difference of pixels in [-1, 1], of the first code and of the one found.
        sequence: (step, picture) of some steps, the first code's at 0 and the found one's last.
    """

    code: np.ndarray
    picture: np.ndarray
    losses: list
    distances: tuple
    sequence: list


class Projector:
    """Searches the codes of a `StyleGAN` with a mapping network.

    Args:
        system: The System; its averaged weights draw.
        settings: `Settings`.
    Raises:
        ValueError: The system has no codes, or a setting is out of range.
    """

    def __init__(self, system, settings: Settings | None = None):
        self.settings = settings or Settings()
        self.settings.check()
        if getattr(system, 'mapping', None) is None:
            raise ValueError('A picture is projected into the codes of the architecture stylegan2. '
                             f'Received a model of {system.config.preset or type(system).__name__}, which has none.')
        self.system = system
        self.extractor = None
        if self.settings.perceptual_weight:
            self.extractor = features.load(self.settings.perceptual, LAYERS)

    def project(self, target, label: int | None = None, *, keep_every: int = 0, note=None) -> Projection:
        """Finds the code of a picture.

        Args:
            target: Float32 [H, W, 3] in [-1, 1], of the model's size.
            label: Class whose mean code the search starts from; None: the mean of all.
            keep_every: Steps between the pictures of the sequence; 0 keeps the first and the last alone.
            note: None, or callable (step, loss) after each step.
        Returns:
            `Projection`.
        Raises:
            ValueError: The picture is of another size.
        """
        settings, config = self.settings, self.system.config
        if tuple(target.shape) != (config.height, config.width, 3):
            raise ValueError(f'The picture must be of {config.height}x{config.width} pixels. '
                             f'Received: shape {tuple(target.shape)}.')
        target = ops.convert_to_tensor(target[None], 'float32')
        spread = self._spread(label)
        rows = self.system.generator.num_styles if settings.space == 'w+' else 1
        start = self._mean(label)
        code = keras.Variable(ops.repeat(start[None, None], rows, axis=1), name='code')
        first = self._drawn(code.value)
        optimizer = keras.optimizers.Adam(settings.learning_rate, beta_1=0.9, beta_2=0.999)
        optimizer.build([code])
        step = self._compiled(code, optimizer, target)
        random, losses, sequence = np.random.default_rng(settings.seed), [], [(0, first)]
        for index in range(settings.steps):
            share = index / settings.steps
            noise = spread * settings.exploration * max(0.0, 1.0 - share / 0.75) ** 2
            draws = random.normal(size=code.shape).astype(np.float32) * np.float32(noise)
            rate = ops.convert_to_tensor(_rate(share) * settings.learning_rate, 'float32')
            loss = float(step(ops.convert_to_tensor(draws), rate))
            losses.append(loss)
            if note is not None:
                note(index + 1, loss)
            if keep_every and (index + 1) % keep_every == 0 and index + 1 < settings.steps:
                sequence.append((index + 1, self._drawn(code.value)))
        picture = self._drawn(code.value)
        sequence.append((settings.steps, picture))
        pixels = ops.convert_to_numpy(target)[0]
        distances = tuple(float(np.mean((drawn - pixels) ** 2)) for drawn in (first, picture))
        whole = np.repeat(ops.convert_to_numpy(code.value)[0], self.system.generator.num_styles // rows, axis=0)
        return Projection(whole, picture, losses, distances, sequence)

    def _mean(self, label):
        means = self.system.style_mean.value
        return ops.mean(means, axis=0) if label is None or not self.system.config.num_labels else means[label]

    def _spread(self, label):
        """Root mean square distance of codes from their mean, over the square root of their length."""
        config = self.system.config
        latent = np.random.default_rng(0).normal(size=(SPREAD_SAMPLES, config.latent_size)).astype(np.float32)
        labels = None
        if config.num_labels:
            labels = np.arange(SPREAD_SAMPLES) % config.num_labels if label is None else np.full(SPREAD_SAMPLES, label)
        codes = ops.convert_to_numpy(self.system.encode(latent, None if labels is None else labels.astype(np.int32)))
        return float(np.sqrt(np.mean((codes - codes.mean(axis=0)) ** 2)))

    def _drawn(self, code):
        return ops.convert_to_numpy(ops.clip(self._decoded(code), -1.0, 1.0))[0]

    def _decoded(self, code):
        return self.system.decode(code if code.shape[1] > 1 else code[:, 0])

    def _objective(self, picture, target, target_maps):
        settings = self.settings
        total = settings.pixel_weight * ops.mean(ops.square(picture - target))
        if self.extractor is not None:
            total += settings.perceptual_weight * ops.mean(
                perceptual.content_loss(self.extractor(_comparable(picture)), target_maps, LAYERS))
        return total

    def _compiled(self, code, optimizer, target):
        target_maps = None if self.extractor is None else self.extractor(_comparable(target))

        def step(noise, rate):
            def objective():
                return self._objective(self._decoded(code.value + noise), target, target_maps), ()

            total, _, gradients = value_and_gradients(objective, [code])
            optimizer.learning_rate.assign(rate)
            optimizer.apply(gradients, [code])
            return total

        if keras.config.backend() != 'tensorflow':
            return step
        import tensorflow as tf
        return tf.function(step, autograph=False)


def _rate(share: float) -> float:
    """Factor of the learning rate: a linear rise over a twentieth, a fall by half a cosine over the last quarter."""
    fall = min(1.0, (1.0 - share) / 0.25)
    return min(1.0, share / 0.05 + 0.02) * (0.5 - 0.5 * math.cos(math.pi * fall))


def _comparable(picture):
    """Small pictures enlarged by whole pixels, large ones averaged down, as the perceptual network sees them."""
    height, width = picture.shape[1:3]
    times = -(-LEAST_SIDE // min(height, width))
    if times > 1:
        picture = ops.repeat(ops.repeat(picture, times, axis=1), times, axis=2)
    factor = max(1, min(height, width) // LARGEST_SIDE)
    return picture if factor == 1 else ops.average_pool(picture, factor, strides=factor)
