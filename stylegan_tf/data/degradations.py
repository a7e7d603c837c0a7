"""Good pictures made bad on purpose, for networks that learn to make them good again: one way for each task.

Amounts are those of `data.defects`, whose functions do the damage. Nothing random has state.
"""

import dataclasses

import cv2
import numpy as np

from stylegan_tf import colors
from stylegan_tf.data import defects
from stylegan_tf.data.damage import marks, optics, regions, tones

COMPRESSED_SHARE = 0.25  # of the noisy pictures that went through a camera's JPEG
SENSOR_NOISE = 0.004  # standard deviation in blurred pictures: what an unblurring must not blow up
LARGEST_HOLE = 0.3  # share of the area that is missing at severity 1
MILD = 0.3  # share of a defect's severity where it comes along with others
MOST_HINTS, MOST_RADIUS = 24, 4  # dots in one picture, pixels


@dataclasses.dataclass(frozen=True, eq=False)
class Degraded:
    """What a network is given.

    Attributes:
        image: uint8 [H, W, 3]; of 'super_resolution' [H / factor, W / factor, 3].
        mask: float32 [H, W], 1 where something was put over the picture or is missing, else 0.
    """

    image: np.ndarray
    mask: np.ndarray


def degrade(clean, task, severity, *, seed, factor=2):
    """Makes a picture worse as the task asks.

    Args:
        clean: uint8 [H, W, 3], at least 32 pixels a side.
        task: A name of TASKS.
        severity: In [0, 1]; 0 is next to nothing. Of no effect on 'colorize' and 'super_resolution'.
        seed: Whole number or sequence of whole numbers; equal seeds damage alike.
        factor: How much smaller 'super_resolution' makes H and W, which must be multiples of it.
    Returns:
        Degraded.
    Raises:
        ValueError: Unknown task, or a severity or picture that does not fit.
    """
    if task not in TASKS:
        raise ValueError(f'Expected a task of {", ".join(TASKS)}. Received: {task!r}.')
    if not 0 <= severity <= 1:
        raise ValueError(f'severity must be in [0, 1]. Received: {severity}.')
    if clean.dtype != np.uint8 or clean.ndim != 3 or clean.shape[-1] != 3 or min(clean.shape[:2]) < 32:
        raise ValueError('A picture to degrade must be uint8 [H, W, 3] of at least 32 pixels a side. '
                         f'Received: {clean.dtype} {clean.shape}.')
    if task == 'super_resolution':
        return Degraded(reduced(clean, factor), np.zeros(clean.shape[:2], np.float32))
    if task == 'colorize':
        return Degraded(without_color(clean), np.zeros(clean.shape[:2], np.float32))
    image, mask = TASKS[task](clean.astype(np.float32) / 255, severity, np.random.default_rng(seed))
    return Degraded(defects.to_levels(image), mask)


def reduced(image, factor):
    """The mean of each `factor` x `factor` pixels: uint8 [H, W, 3] -> uint8 [H / factor, W / factor, 3].

    Raises:
        ValueError: If H or W is no multiple of `factor`.
    """
    height, width = image.shape[:2]
    if height % factor or width % factor:
        raise ValueError(f'Both sides must be multiples of {factor}. Received: {height}x{width}.')
    blocks = image.reshape(height // factor, factor, width // factor, factor, 3).astype(np.float32)
    return defects.to_levels(blocks.mean(axis=(1, 3)) / 255)


def without_color(image):
    """Lab lightness alone, as grey: uint8 [H, W, 3] -> uint8 [H, W, 3] of equal channels."""
    lab = colors.to_lab(image)
    lab[..., 1:] = 0
    return np.repeat(colors.from_lab(lab)[..., 1:2], 3, axis=-1)


def scatter_hints(clean, count, rng):
    """Dots of a picture's colours, as somebody would set them who wants it coloured so.

    Args:
        clean: uint8 [H, W, 3].
        count: Number of dots; they may overlap.
        rng: numpy.random.Generator.
    Returns:
        uint8 [H, W, 4], colour and alpha: each dot has the picture's mean colour under it and alpha 255; elsewhere all
        is 0.
    """
    height, width = clean.shape[:2]
    rows, columns = np.indices((height, width))
    hints = np.zeros((height, width, 4), np.uint8)
    for _ in range(count):
        row, column, radius = rng.integers(height), rng.integers(width), rng.integers(1, MOST_RADIUS + 1)
        is_inside = (rows - row) ** 2 + (columns - column) ** 2 <= radius ** 2
        hints[is_inside] = [*np.rint(clean[is_inside].mean(axis=0)).astype(np.uint8), 255]
    return hints


def _noisy(image, severity, rng):
    image, _ = optics.noise(image, _amount('noise', severity), rng)
    if rng.random() < COMPRESSED_SHARE:
        image, _ = optics.jpeg(image, rng.uniform(50, 95), rng)
    return image, _nowhere(image)


def _blurred(image, severity, rng):
    name, function = [('blur', optics.blur), ('motion_blur', optics.motion_blur)][int(rng.integers(2))]
    image, _ = function(image, _amount(name, severity), rng)
    return optics.noise(image, SENSOR_NOISE, rng)[0], _nowhere(image)


def _holed(image, severity, rng):
    size, share = image.shape[:2], max(severity * LARGEST_HOLE, 0.005)
    kind = int(rng.integers(3))
    if kind == 2:  # strokes of a pen, as somebody masks a wire or a scratch
        _, mask = marks.scratches(image, 1 + severity * 5, rng)
        width = int(rng.integers(2, 8))
        mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
    else:
        mask = (regions.blob, regions.boxes)[kind](size, share, rng)
    return np.where(mask[..., None] > 0, np.float32(0.5), image), mask


def _worn(image, severity, rng):
    fades, softens, grains, is_written, is_scratched = rng.random(5) < (0.5, 0.4, 0.6, 0.35, 0.85)
    if fades:
        image, _ = tones.contrast(image, _amount('contrast', severity * MILD), rng)
    if softens:
        image, _ = optics.blur(image, _amount('blur', severity * MILD), rng)
    if grains:
        image, _ = optics.noise(image, _amount('noise', severity * MILD), rng)
    mask = _nowhere(image)
    # One of the two at least: the task is about what lies on top.
    if is_scratched or not is_written:
        image, where = marks.scratches(image, _amount('scratches', severity), rng)
        mask = np.maximum(mask, where)
    if is_written:
        image, where = marks.watermark(image, _amount('watermark', severity), rng)
        mask = np.maximum(mask, where)
    return image, mask


def _amount(name, severity):
    return defects.DEFECTS[name].amount(max(severity, 0.01))  # a blur of no width at all is no blur


def _nowhere(image):
    return np.zeros(image.shape[:2], np.float32)


# Task -> function (image float32 [H, W, 3] in [0, 1], severity, rng) -> (image, mask); None: see `degrade`.
TASKS = {'denoise': _noisy, 'deblur': _blurred, 'inpaint': _holed, 'restore': _worn, 'colorize': None,
         'super_resolution': None}
