"""Pictures for tests of evaluations: photographs, painted style pictures, and results between them."""

import functools

import numpy as np
from skimage import data

import stylegan_tf as sg
from stylegan_tf import images
from stylegan_tf.evaluator import Pair

SIDE = 96


@functools.cache
def photographs():
    """Four photographs, uint8 [SIDE, SIDE, 3]."""
    sources = (data.chelsea(), data.coffee(), data.astronaut(), data.rocket())
    return tuple(images.cover_crop(picture, (SIDE, SIDE)) for picture in sources)


@functools.cache
def styles():
    """Four textures of their own colours, uint8 [SIDE, SIDE, 3]."""
    return tuple(_texture(seed) for seed in range(4))


@functools.cache
def pairs():
    """Eight pairs: each photograph with two of the styles."""
    return tuple(Pair(f'{index:03d}', photographs()[index % 4], styles()[(index + index // 4) % 4],
                      f'photo {index % 4}', f'style {(index + index // 4) % 4}') for index in range(8))


def colored(content, style):
    """The content with mean and deviation of the style's channels: a real, if modest, transfer."""
    a, b = content.astype(np.float64), style.astype(np.float64)
    moved = (a - a.mean((0, 1))) / a.std((0, 1)) * b.std((0, 1)) + b.mean((0, 1))
    return np.rint(np.clip(moved, 0, 255)).astype(np.uint8)


def outputs():
    """A result of `colored` for each pair."""
    return [colored(pair.content, pair.style) for pair in pairs()]


@functools.cache
def smooth_pairs():
    """Each photograph with a style of clean waves: noise added to a result is then no step towards the style."""
    return tuple(Pair(str(index), content, _waves(index)) for index, content in enumerate(photographs()))


@functools.cache
def stylized():
    """A result of the shipped model for each of `smooth_pairs`."""
    model = sg.load('arbitrary_style', engine='litert')
    return tuple(model.stylize(pair.content, pair.style, strength=0.75) for pair in smooth_pairs())


def _waves(seed):
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    angle, period = rng.uniform(0, np.pi), rng.uniform(5, 12)
    drift = np.cumsum(rng.normal(0, 0.2, (SIDE, 1)), axis=0)
    waves = np.sin(2 * np.pi * (np.cos(angle) * rows + np.sin(angle) * columns) / period + drift)
    first, second = rng.uniform(20, 235, (2, 3))
    share = (0.5 + 0.5 * waves)[..., None]
    return np.rint(np.clip(first * share + second * (1 - share) + rng.normal(0, 1, (SIDE, SIDE, 3)), 0, 255)
                   ).astype(np.uint8)


def _texture(seed):
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    angle, period = rng.uniform(0, np.pi), rng.uniform(5, 12)
    waves = np.sin(2 * np.pi * (np.cos(angle) * rows + np.sin(angle) * columns) / period + rng.normal(0, 1, (SIDE, 1)))
    first, second = rng.uniform(20, 235, (2, 3))
    share = (0.5 + 0.5 * waves)[..., None]
    return np.rint(np.clip(first * share + second * (1 - share) + rng.normal(0, 8, (SIDE, SIDE, 3)), 0, 255)
                   ).astype(np.uint8)
