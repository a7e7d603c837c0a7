"""Random crops and colour changes of one picture, decided by numbers drawn before."""

import dataclasses
import itertools
import math

import cv2
import numpy as np

from stylegan_tf import images

_CHANNEL_ORDERS = tuple(itertools.permutations(range(3)))[1:]  # without the identity
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How one role's pictures are varied. The defaults take random full-size crops and flips.

    The fields are those of `configs.AugmentationConfig`; either works in `apply`.
    """

    flip: bool = True
    crop_scale: tuple[float, float] = (1.0, 1.0)  # side of the crop as a share of the largest
    aspect: float = 0.0  # largest relative change of the crop's aspect ratio
    hue: float = 0.0  # largest rotation, in turns (0.5 = any hue)
    saturation: float = 0.0  # largest relative change
    contrast: float = 0.0  # largest relative change, about mid-grey
    brightness: float = 0.0  # largest shift, as a share of the full range
    gamma: float = 0.0  # largest |log2 gamma|
    channel_shuffle: float = 0.0  # probability of permuting R, G, B
    grey: float = 0.0  # probability of dropping colour
    invert: float = 0.0  # probability of inverting


def draw(rng):
    """The random numbers of one view, float64 [16] in [0, 1).

    All are drawn whatever the settings are, so that changing the strength of one augmentation leaves the others, and
    the crops, as they were.
    """
    return rng.random(16)


def needed_short_side(size, draws, augmentation) -> int:
    """Short side, in pixels, from which on a picture needs no enlarging for a view; arguments as of `apply`."""
    if augmentation is None:
        return max(size)
    jitter, scale = _jitter(draws, augmentation), _scale(draws, augmentation)
    return math.ceil(max(size[0] * max(1.0, 1 / jitter), size[1] * max(1.0, jitter)) / scale)


def apply(image, size, draws, augmentation):
    """One augmented view of a picture.

    Args:
        image: uint8 [H, W, 3].
        size: (height, width) of the result.
        draws: Of `draw`; they alone decide.
        augmentation: Augmentation, or None for the centred crop without any change.
    Returns:
        uint8 [height, width, 3].
    """
    if augmentation is None:
        return images.cover_crop(image, size)
    view = _crop(image, size, draws, augmentation)
    if augmentation.flip and draws[4] < 0.5:
        view = cv2.flip(view, 1)  # ten times as fast as a view that is copied later
    return _recolour(view, draws[5:], augmentation)


def _crop(image, size, draws, augmentation):
    rows, columns = image.shape[:2]
    ratio = size[1] / size[0] * _jitter(draws, augmentation)  # width of the crop over its height
    largest_height = min(rows, columns / ratio)
    scale = _scale(draws, augmentation)
    height = int(np.clip(round(largest_height * scale), 1, rows))
    width = int(np.clip(round(largest_height * ratio * scale), 1, columns))
    top = int(draws[2] * (rows - height + 1))
    left = int(draws[3] * (columns - width + 1))
    return _resized(image[top:top + height, left:left + width], size)


def _jitter(draws, augmentation):
    return (1 + augmentation.aspect) ** (2 * draws[0] - 1)


def _scale(draws, augmentation):
    low, high = augmentation.crop_scale
    return low + (high - low) * draws[1]


def _resized(view, size):
    """`images.resize`, about three times as fast where a view gets smaller: it is stretched to whole multiples first,
    whose averages are cheap. A third of a level from the exact average, in the mean."""
    multiples = [-(-given // wanted) for given, wanted in zip(view.shape[:2], size, strict=True)]
    if max(multiples) > 1 and min(view.shape[0] - size[0], view.shape[1] - size[1]) >= 0:
        whole = size[1] * multiples[1], size[0] * multiples[0]
        view = cv2.resize(view, whole, interpolation=cv2.INTER_LINEAR)
    return images.resize(view, size)


def _recolour(view, draws, augmentation):
    signed = 2 * draws - 1
    matrix = np.eye(3, dtype=np.float32)
    if draws[0] < augmentation.channel_shuffle:
        matrix = matrix[list(_CHANNEL_ORDERS[int(draws[1] * len(_CHANNEL_ORDERS))])]
    if augmentation.hue:
        matrix = _hue_rotation(2 * math.pi * augmentation.hue * signed[2]) @ matrix
    saturation = 1 + augmentation.saturation * signed[3]
    if draws[4] < augmentation.grey:
        saturation = 0.0
    if saturation != 1:
        to_grey = np.tile(_LUMINANCE, (3, 1))
        matrix = (to_grey + saturation * (np.eye(3, dtype=np.float32) - to_grey)) @ matrix
    contrast = 1 + augmentation.contrast * signed[5]
    offset = 127.5 * (1 - contrast) + 255 * augmentation.brightness * signed[6]
    matrix = contrast * matrix
    if draws[8] < augmentation.invert:
        matrix, offset = -matrix, 255 - offset
    if offset or not np.array_equal(matrix, np.eye(3)):
        transform = np.concatenate([matrix, np.full((3, 1), offset)], axis=1).astype(np.float32)
        view = cv2.transform(np.ascontiguousarray(view), transform)  # rounds and saturates
    if augmentation.gamma:
        exponent = 2.0 ** (augmentation.gamma * signed[7])
        table = np.rint(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
        view = cv2.LUT(np.ascontiguousarray(view), table)
    return np.ascontiguousarray(view)


def _hue_rotation(angle):
    """Rotation of RGB space about its grey axis (Rodrigues' formula)."""
    cosine, sine = math.cos(angle), math.sin(angle) / math.sqrt(3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], np.float32)
    return (cosine * np.eye(3) + (1 - cosine) / 3 + sine * cross).astype(np.float32)
