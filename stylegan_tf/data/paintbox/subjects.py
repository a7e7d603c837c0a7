"""What there is to paint: photographs inside installed packages, and compositions drawn by rule.

Every composition is a function (shape (height, width), rng) -> float32 [H, W, 3] RGB in [0, 1]; it is
the motif in front of the painter, flat and plain, and leaves all handwriting to the hands.
"""

import functools
import importlib.util
from pathlib import Path

import cv2
import numpy as np

from stylegan_tf import images
from stylegan_tf.data.paintbox.brushes import SUBPIXEL_BITS, blur, colors, noise, ramp


def packaged_file(path):
    """Finds a file inside an installed package without importing the package.

    Args:
        path: Such as 'skimage/data/coffee.png'; the first part is the package.
    Returns:
        Path of the file.
    Raises:
        FileNotFoundError: If the package or the file is not there.
    """
    package, _, inside = str(path).partition('/')
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations or ()) if found else ():
        if (file := Path(folder) / inside).is_file():
            return file
    distribution = {'skimage': 'scikit-image', 'sklearn': 'scikit-learn'}.get(package, package)
    raise FileNotFoundError(
        f"Sample file '{path}' was expected inside the installed package {package!r} and is not there. "
        f'Reinstall it: pip install --force-reinstall {distribution}'
    )


def photograph(path, box=None):
    """Returns a function (shape, rng) -> the packaged photograph, cut to `box` and scaled to cover.

    Args:
        path: As for `packaged_file`.
        box: (left, top, right, bottom) in shares of the sides, or None for all of it.
    """
    return functools.partial(_photograph, path, box)


def _photograph(path, box, shape, rng):
    del rng  # the same signature as compositions
    pixels = images.read(packaged_file(path))
    if box is not None:
        height, width = pixels.shape[:2]
        left, top, right, bottom = np.multiply(box, (width, height, width, height)).astype(int)
        pixels = pixels[top:bottom, left:right]
    return images.cover_crop(pixels, shape).astype(np.float32) / 255


def night_village(shape, rng):
    """Moon and stars over hills and a village with lit windows, a dark tree in front."""
    height, width = shape
    picture = _gradient(shape, colors('16245c', '2a4d9a', '5f8fc0'))
    _glow(picture, (0.82, 0.17), 0.22, colors('ffe590')[0], 0.9)
    _disc(picture, (0.82, 0.17), 0.055, colors('fff2b8')[0])
    for x, y, size in ((0.14, 0.12, 0.09), (0.33, 0.25, 0.11), (0.5, 0.1, 0.08), (0.61, 0.33, 0.12),
                       (0.9, 0.45, 0.07), (0.25, 0.44, 0.07)):
        _glow(picture, (x, y), size, colors('fdeeb0')[0], 0.8)
        _disc(picture, (x, y), size * 0.17, colors('ffe04a')[0])
    for level, code in ((0.62, '1f3f86'), (0.68, '17306b'), (0.76, '122650')):
        _ground(picture, level, 0.05, 0.4, colors(code)[0], rng)
    for x in np.arange(0.3, 0.98, 0.075):
        _house(picture, x + rng.uniform(-0.015, 0.015), 0.86 + rng.uniform(-0.02, 0.03), rng)
    _ground(picture, 0.93, 0.02, 0.2, colors('0e1c33')[0], rng)
    for lean, spread in ((0.0, 0.075), (0.045, 0.05), (-0.05, 0.045)):
        top = 0.12 if lean == 0 else 0.42
        rise = np.linspace(0, 1, 24)
        half = spread * np.sin(np.pi * rise**0.7) * (1 + 0.15 * np.sin(rise * 25))
        middle = 0.13 + lean + 0.012 * np.sin(rise * 9)
        y = 1.02 - (1.02 - top) * rise
        outline = np.concatenate([np.stack([middle - half, y], 1), np.stack([middle + half, y], 1)[::-1]])
        _polygon(picture, outline, colors('0c1d1f')[0])
    return picture


def poppy_meadow(shape, rng):
    """Summer sky with clouds, a line of trees, a meadow full of poppies and a pale path."""
    height, width = shape
    picture = _gradient(shape, colors('6ea5da', 'a9cdea', 'f3ead2', 'f3ead2'))
    clouds = np.clip(noise(shape, rng, (height / 6, width / 3)) - 0.3, 0, 1)[..., None]
    clouds *= np.linspace(1, 0, height)[:, None, None] ** 0.4
    picture += clouds * (colors('fffaf0')[0] - picture)
    _ground(picture, 0.42, 0.025, 0.5, colors('8fa9b8')[0], rng)
    for x in np.arange(-0.02, 1.05, 0.06):
        size = rng.uniform(0.04, 0.085)
        green = colors('3f6b3a', '557f3f', '2f5540')[rng.integers(3)]
        _disc(picture, (x, 0.47 - size * 0.5), size, green)
        _disc(picture, (x - 0.3 * size, 0.47 - size * 0.8), size * 0.6, green * 1.25)
    meadow = ramp(np.clip(0.5 + 0.25 * noise(shape, rng, (height / 12, width / 5)), 0, 1),
                  colors('557a2b', '86a03c', 'c5b958'))
    mask = _ground_mask(shape, 0.5, 0.01, 0.5, rng)[..., None]
    picture += mask * (meadow - picture)
    _polygon(picture, [(0.62, 0.51), (0.66, 0.51), (0.6, 0.7), (0.86, 1.01), (0.55, 1.01), (0.5, 0.72)],
             colors('e6d3a8')[0])
    for _ in range(420):
        depth = rng.uniform(0.02, 1) ** 0.8
        x, y = rng.uniform(0, 1), 0.52 + 0.48 * depth
        if abs(x - 0.62) > 0.02 + 0.1 * depth:
            red = colors('d8261c', 'e8492a', 'b8141c', 'f2a7a0')[rng.choice(4, p=(0.45, 0.3, 0.2, 0.05))]
            _disc(picture, (x, y), 0.004 + 0.016 * depth, red)
    return np.clip(picture, 0, 1)


def harbour(shape, rng):
    """Low sun over water, sailing boats and their reflections."""
    height, width = shape
    picture = _gradient(shape, colors('7d9fd0', 'f2c9a0', 'ffdf9e', 'f0a46c', '5f86b8', '2f5b94'))
    _glow(picture, (0.62, 0.36), 0.3, colors('fff0b0')[0], 0.8)
    _disc(picture, (0.62, 0.36), 0.055, colors('fff6cf')[0])
    _polygon(picture, [(-0.1, 0.5), (0.0, 0.42), (0.15, 0.43), (0.3, 0.47), (0.42, 0.5)], colors('6d6fa0')[0])
    water = np.clip(noise(shape, rng, (height / 30, width / 5)), -2, 2) * 0.04
    picture[height // 2 :] += water[height // 2 :, :, None]
    for step in range(60):
        y = 0.51 + 0.49 * (step / 60) ** 1.2
        x = 0.62 + rng.normal() * (0.015 + 0.05 * (y - 0.5))
        reach = 0.01 + 0.05 * rng.random() * (y - 0.3)
        _polygon(picture, [(x - reach, y), (x, y - 0.004), (x + reach, y), (x, y + 0.004)],
                 colors('ffe7a6')[0])
    for x, y, size, code in ((0.27, 0.62, 0.24, 'b5482f'), (0.83, 0.57, 0.16, 'efe6d0'),
                             (0.5, 0.53, 0.08, '8a4a4a'), (0.08, 0.55, 0.1, 'd9b98a')):
        sail = colors(code)[0]
        _polygon(picture, [(x, y - size), (x + 0.42 * size, y - 0.1 * size), (x, y - 0.08 * size)], sail)
        _polygon(picture, [(x - 0.02 * size, y - 0.9 * size), (x - 0.3 * size, y - 0.1 * size),
                           (x - 0.02 * size, y - 0.1 * size)], sail * 0.8)
        _polygon(picture, [(x - 0.4 * size, y - 0.05 * size), (x + 0.5 * size, y - 0.05 * size),
                           (x + 0.35 * size, y + 0.08 * size), (x - 0.3 * size, y + 0.08 * size)],
                 colors('3a2a38')[0])
        for step in range(5):
            below = y + (0.14 + 0.13 * step) * size
            _polygon(picture, [(x - 0.3 * size, below), (x + 0.3 * size, below - 0.01),
                               (x + 0.3 * size, below + 0.015), (x - 0.2 * size, below + 0.02)],
                     0.5 * sail + 0.5 * colors('3f5f92')[0])
    return np.clip(picture, 0, 1)


def mountain_lake(shape, rng):
    """Ranges of mountains in mist, firs on the shore, all mirrored in a lake."""
    height, width = shape
    horizon = int(0.62 * height)
    land = _gradient(shape, colors('8fb6da', 'c4d9e8', 'f3e6d6', 'f6e6cf'))
    for level, rough, code in ((0.28, 0.2, 'a9bfd2'), (0.38, 0.16, '7f9db9'), (0.5, 0.1, '557a8f')):
        _ground(land, level, rough, 0.55, colors(code)[0], rng)
    snow = (np.linspace(0, 1, height)[:, None] < 0.3 + 0.02 * noise(shape, rng, 12)) & (
        np.linalg.norm(land - colors('a9bfd2')[0], axis=-1) < 0.02)
    land[snow] = colors('f4f6f8')[0]
    for x in np.concatenate([np.arange(-0.02, 0.36, 0.035), np.arange(0.74, 1.02, 0.04)]):
        tall = rng.uniform(0.1, 0.24)
        green = colors('2c4a3e', '38584a', '20382f')[rng.integers(3)]
        for layer in range(4):
            top = 0.62 - tall * (1 - layer / 5)
            half = tall * (0.08 + 0.055 * layer)
            _polygon(land, [(x, top), (x + half, top + tall * 0.36), (x - half, top + tall * 0.36)], green)
    picture = land.copy()
    mirrored = cv2.resize(land[:horizon][::-1], (width, height - horizon))
    picture[horizon:] = 0.82 * blur(mirrored, 1.5) + 0.18 * colors('3d6480')[0]
    _polygon(picture, [(0, 0.605), (0.45, 0.618), (1, 0.6), (1, 0.63), (0.5, 0.628), (0, 0.64)],
             colors('7a7a52')[0])
    return np.clip(picture, 0, 1)


def still_life(shape, rng):
    """Fruit, a bottle and a bowl on a table before a dark curtain, light from the left."""
    picture = _gradient(shape, colors('3a2f2a', '574438', '4a3a30'))
    folds = np.sin(np.linspace(0, 22, shape[1]) + 1.5 * np.sin(np.linspace(0, 7, shape[1])))
    picture *= (1 + 0.22 * folds)[None, :, None].astype(np.float32)
    _polygon(picture, [(-0.1, 0.66), (1.1, 0.62), (1.1, 1.1), (-0.1, 1.1)], colors('b08a5c')[0])
    _polygon(picture, [(0.45, 0.64), (0.98, 0.625), (1.1, 0.9), (0.8, 1.1), (0.55, 0.93)],
             colors('ece3d2')[0])
    _polygon(picture, [(0.7, 0.63), (0.75, 0.63), (0.86, 0.95), (0.8, 0.99)], colors('bdb3a6')[0])
    _polygon(picture, [(0.16, 0.26), (0.17, 0.14), (0.23, 0.14), (0.24, 0.26), (0.3, 0.38), (0.3, 0.72),
                       (0.1, 0.72), (0.1, 0.38)], colors('234034')[0])
    _polygon(picture, [(0.125, 0.4), (0.145, 0.36), (0.15, 0.66), (0.13, 0.66)], colors('8fb09a')[0])
    turn = np.linspace(0, np.pi, 30)
    for reach, code in ((1.0, '35527f'), (0.82, '3f6296'), (0.5, '4d74ab')):
        bowl = np.stack([0.575 - 0.225 * (1 - reach) + 0.225 * reach * np.cos(turn),
                         0.57 + 0.19 * np.sin(turn)], 1)
        _polygon(picture, bowl, colors(code)[0])
    _polygon(picture, [(0.48, 0.75), (0.67, 0.75), (0.69, 0.785), (0.46, 0.785)], colors('2c4469')[0])
    _disc(picture, (0.575, 0.57), 0.281, colors('86a4cc')[0], 0.16)
    _disc(picture, (0.575, 0.568), 0.262, colors('26385a')[0], 0.14)
    for x, y, size, code in ((0.47, 0.5, 0.085, 'c8301e'), (0.62, 0.47, 0.09, 'e2a62a'),
                             (0.72, 0.52, 0.075, '9cab3a'), (0.56, 0.42, 0.075, 'd97a2a'),
                             (0.22, 0.83, 0.095, 'd8742a'), (0.4, 0.86, 0.085, 'b3202a'),
                             (0.88, 0.8, 0.08, 'd9c04a')):
        _ball(picture, (x, y), size, colors(code)[0])
    return np.clip(picture, 0, 1)


def great_wave(shape, rng):
    """A breaking wave with claws of foam before a far snowy mountain."""
    picture = _gradient(shape, colors('e8d9b5', 'efe3c6', 'f2e8d0'))
    _polygon(picture, [(0.42, 0.68), (0.6, 0.47), (0.645, 0.47), (0.86, 0.68)], colors('5f7f99')[0])
    _polygon(picture, [(0.545, 0.535), (0.6, 0.47), (0.645, 0.47), (0.71, 0.535), (0.675, 0.525),
                       (0.645, 0.555), (0.615, 0.525), (0.58, 0.555)], colors('f7f2e4')[0])
    deep, middle, pale, foam = colors('1d3a63', '2f5f8f', '86aec2', 'f7f3e6')
    turn = np.linspace(0, 1, 40)
    back = np.stack([-0.1 + 0.62 * turn, 0.6 - 0.5 * np.sin(turn * 1.9) ** 1.6], 1)
    hook = np.stack([0.5 + 0.13 * np.sin(turn * 3.3), 0.14 + 0.22 * turn**1.3], 1)
    hollow = np.stack([0.5 - 0.28 * np.sin(turn * 2.4), 0.37 + 0.5 * turn], 1)
    outline = np.concatenate([back, hook, hollow, [(1.1, 1.1), (-0.1, 1.1)]])
    _polygon(picture, outline, deep)
    for share in (0.1, 0.22, 0.34, 0.46):
        inner = np.stack([-0.12 + (0.6 - 0.25 * share) * turn + 0.02,
                          0.66 + 0.45 * share - (0.5 - 0.35 * share) * np.sin(turn * 1.9) ** 1.6], 1)
        outer = inner + np.stack([0 * turn, 0.055 * np.sin(np.pi * turn) ** 0.8], 1)
        _polygon(picture, np.concatenate([inner, outer[::-1]]), (pale, middle)[int(share * 100) % 3 % 2])
    for path, count, size in ((hook, 26, 0.034), (back[22:], 22, 0.03)):
        for place in np.linspace(0, len(path) - 1, count).astype(int):
            x, y = path[place] + rng.normal(0, 0.008, 2)
            _disc(picture, (x, y), size * rng.uniform(0.6, 1.15), foam)
            _disc(picture, (x + rng.uniform(0.01, 0.09), y + rng.uniform(-0.02, 0.09)),
                  size * rng.uniform(0.12, 0.4), foam)
    for level, color in ((0.72, middle), (0.8, deep), (0.88, pale), (0.92, middle), (0.97, deep)):
        bumps = 0.035 * np.sin(np.linspace(0, 9, 60) + 40 * level)
        across = np.linspace(-0.05, 1.05, 60)
        crest = np.stack([across, level + bumps + 0.24 * (across - 0.5) ** 2], 1)
        _polygon(picture, np.concatenate([crest, [(1.1, 1.1), (-0.1, 1.1)]]), color)
        _polygon(picture, np.concatenate([crest, crest[::-1] + (0, 0.016)]), foam)
    return picture


def nothing(shape, rng):
    """An empty sheet, for hands that need no motif."""
    del rng
    return np.zeros((*shape, 3), np.float32)


def _gradient(shape, stops):
    rows = ramp(np.linspace(0, 1, shape[0]), stops)
    return np.repeat(rows[:, None], shape[1], axis=1)


def _polygon(picture, points, color):
    height, width = picture.shape[:2]
    pixels = np.asarray(points) * (width, height)
    # Only the bounding box is touched: scenes are made of hundreds of small shapes.
    left, top = np.clip(np.floor(pixels.min(0)).astype(int) - 1, 0, (width, height))
    right, bottom = np.clip(np.ceil(pixels.max(0)).astype(int) + 2, 0, (width, height))
    if left >= right or top >= bottom:
        return
    mask = np.zeros((bottom - top, right - left), np.uint8)
    corners = np.round((pixels - (left, top)) * 2**SUBPIXEL_BITS).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, SUBPIXEL_BITS)
    box = picture[top:bottom, left:right]
    box += mask[..., None].astype(np.float32) / 255 * (color - box)


def _disc(picture, center, radius, color, squash=1.0):
    height, width = picture.shape[:2]
    turn = np.linspace(0, 2 * np.pi, 33)
    reach = radius * min(height, width)
    _polygon(picture, np.stack([center[0] + reach / width * np.cos(turn),
                                center[1] + squash * reach / height * np.sin(turn)], 1), color)


def _distance(shape, center):
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.hypot(columns - center[0] * shape[1], rows - center[1] * shape[0]) / min(shape)


def _glow(picture, center, radius, color, strength):
    near = strength * np.exp(-((_distance(picture.shape[:2], center) / radius) ** 2) * 2)[..., None]
    picture += near * (color - picture)


def _ball(picture, center, radius, color):
    shape = picture.shape[:2]
    shadow = np.exp(-((_distance(shape, (center[0] + 0.04, center[1] + radius * 0.8)) / radius) ** 2) * 1.5)
    picture *= (1 - 0.45 * shadow)[..., None]
    lit = _distance(shape, (center[0] - 0.45 * radius, center[1] - 0.45 * radius)) / radius
    ball = color * np.clip(1.25 - 0.55 * lit, 0.2, 1.3)[..., None]
    ball += np.clip(1 - lit * 3.2, 0, 1)[..., None] * 0.5
    mask = np.clip((radius - _distance(shape, center)) * min(shape), 0, 1)[..., None]
    picture += mask * (ball - picture)


def _ground_mask(shape, level, rough, cell, rng):
    crest = noise((8, shape[1]), rng, (8, cell * shape[1]), 5)[4]
    rows = np.arange(shape[0])[:, None]
    return np.clip(rows - (level + rough * 0.5 * crest[None]) * shape[0], 0, 1).astype(np.float32)


def _ground(picture, level, rough, cell, color, rng):
    picture += _ground_mask(picture.shape[:2], level, rough, cell, rng)[..., None] * (color - picture)


def _house(picture, x, y, rng):
    wide, tall = rng.uniform(0.028, 0.045), rng.uniform(0.05, 0.08)
    wall = colors('6a7fa8', '8a94a8', '4f6fa0')[rng.integers(3)]
    _polygon(picture, [(x - wide, y), (x - wide, y - tall), (x + wide, y - tall), (x + wide, y)], wall)
    roof = colors('7a3f2a', '3a2a3a')[rng.integers(2)]
    _polygon(picture, [(x - wide * 1.2, y - tall), (x, y - tall * 1.8), (x + wide * 1.2, y - tall)], roof)
    for side in (-0.45, 0.4):
        left, top = x + side * wide - 0.008, y - tall * 0.7
        _polygon(picture, [(left, top), (left + 0.016, top), (left + 0.016, top + 0.022),
                           (left, top + 0.022)], colors('ffc94a')[0])
