"""Planted defects of stylised pictures: eighteen kinds at a severity in [0, 1], each with the mask of the damage.

Severities 0.25, 0.5 and 1.0 are the levels 1, 2 and 3 of the table; between them the amount is linear, and 0 is no
damage. Amounts in pixels are meant for pictures of about 256 pixels a side.

A defect is a function of (picture, severity, seed): nothing random has state. Clean pictures must come through
`recapture` as damaged ones do: a warp is otherwise found by the blur of its resampling, a noise-free defect by the
8-bit rounding it missed.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from stylegan_tf.data.damage import marks, optics, regions, shapes, tones

TABLE_VERSION = 1  # of DEFECTS and of what its functions draw; a benchmark names it
SEVERITIES = (0.25, 0.5, 1.0)  # levels 1, 2, 3


@dataclasses.dataclass(frozen=True)
class Defect:
    """One kind of damage.

    Attributes:
        title: A word or two for captions.
        function: See `data.damage`.
        unit: What the amounts count.
        none: Amount at severity 0.
        levels: Amounts at the severities 0.25, 0.5 and 1.0.
        needs_content: Whether the function takes the photograph behind the stylised picture.
        is_local: Whether a part of the picture is damaged, so that finding the place is a task.
    """

    title: str
    function: Callable
    unit: str
    none: float
    levels: tuple[float, float, float]
    needs_content: bool = False
    is_local: bool = False

    def amount(self, severity):
        """The amount at a severity in [0, 1]."""
        return float(np.interp(severity, (0.0, *SEVERITIES), (self.none, *self.levels)))


DEFECTS: dict[str, Defect] = {
    'blur': Defect('blur', optics.blur, 'sigma, pixels', 0, (1.2, 2.0, 3.2)),
    'motion_blur': Defect('motion blur', optics.motion_blur, 'length, pixels', 0, (5, 9, 17)),
    'noise': Defect('noise', optics.noise, 'standard deviation', 0, (0.04, 0.08, 0.15)),
    'jpeg': Defect('JPEG blocks', optics.jpeg, 'quality', 95, (40, 20, 10)),
    'color_cast': Defect('colour cast', tones.color_cast, 'turn of hue, degrees', 0, (16, 32, 60)),
    'color_inversion': Defect('colour inversion', tones.color_inversion, 'share of the area', 0, (0.1, 0.25, 0.6),
                              is_local=True),
    'contrast': Defect('low contrast', tones.contrast, 'factor left', 1, (0.8, 0.65, 0.45)),
    'clipping': Defect('clipping', tones.clipping, 'share of values clipped', 0, (0.08, 0.16, 0.32)),
    'geometric_distortion': Defect('distortion', shapes.geometric_distortion, 'displacement, pixels', 0, (2, 4, 7)),
    'checkerboard': Defect('checkerboard', optics.checkerboard, 'amplitude', 0, (0.02, 0.04, 0.08)),
    'tile_seam': Defect('tile seam', shapes.tile_seam, 'step between tiles', 0, (0.04, 0.08, 0.16), is_local=True),
    'ghosting': Defect('ghosting', shapes.ghosting, 'weight of the second picture', 0, (0.15, 0.25, 0.45)),
    'patch_corruption': Defect('broken patches', regions.patch_corruption, 'share of the area', 0, (0.03, 0.08, 0.2),
                               is_local=True),
    'missing_region': Defect('missing region', regions.missing_region, 'share of the area', 0, (0.1, 0.16, 0.25),
                             is_local=True),
    'scratches': Defect('scratches, cracks', marks.scratches, 'number', 0, (2, 5, 12), is_local=True),
    'watermark': Defect('watermark, text', marks.watermark, 'opacity', 0, (0.15, 0.3, 0.6), is_local=True),
    'content_loss': Defect('content lost', regions.content_loss, 'share of the area', 0, (0.1, 0.2, 0.4),
                           is_local=True),
    'unstyled_region': Defect('unstyled region', regions.unstyled_region, 'share of the area', 0, (0.06, 0.12, 0.25),
                              needs_content=True, is_local=True),
}


def plant(image, name, severity, *, seed, content=None):
    """Damages a picture.

    Args:
        image: uint8 [H, W, 3], at least 32 pixels a side.
        name: A key of DEFECTS.
        severity: In [0, 1]; 0 returns the picture itself and an empty mask.
        seed: Whole number or sequence of whole numbers; equal seeds damage alike.
        content: The photograph behind the picture, uint8 of the same shape; for 'unstyled_region'.
    Returns:
        (uint8 [H, W, 3], mask float32 [H, W] of 0 and 1).
    Raises:
        ValueError: Unknown name, bad severity, picture or content.
    """
    defect = _checked(image, name, severity, content)
    if severity == 0:
        return image, np.zeros(image.shape[:2], np.float32)
    arguments = [_to_float(image), defect.amount(severity), np.random.default_rng(seed)]
    if defect.needs_content:
        arguments.append(_to_float(content))
    damaged, mask = defect.function(*arguments)
    return to_levels(damaged), mask


def recapture(image, *, seed):
    """What clean and damaged pictures go through alike, before the damage: half are resampled by parts of a pixel.

    Args:
        image: uint8 [H, W, 3].
        seed: As for `plant`; another one.
    Returns:
        uint8 [H, W, 3].
    """
    rng = np.random.default_rng(seed)
    if rng.random() < 0.5:
        return image
    shift = shapes.displacement(image.shape[:2], rng) * 0.3 + rng.uniform(-0.5, 0.5, 2)
    return to_levels(shapes.resample(_to_float(image), np.float32(shift)))


def to_levels(image):
    """float [H, W, 3] on the scale [0, 1] -> uint8, clipped and rounded."""
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def names(*, with_content=True):
    """Names of the defects, without those that need the photograph where there is none."""
    return tuple(name for name, defect in DEFECTS.items() if with_content or not defect.needs_content)


def _to_float(image):
    return image.astype(np.float32) / 255


def _checked(image, name, severity, content):
    if name not in DEFECTS:
        raise ValueError(f'Expected a defect of {", ".join(DEFECTS)}. Received: {name!r}.')
    if not 0 <= severity <= 1:
        raise ValueError(f'severity must be in [0, 1]. Received: {severity}.')
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3 or min(image.shape[:2]) < 32:
        raise ValueError('A picture to damage must be uint8 [H, W, 3] of at least 32 pixels a side. '
                         f'Received: {image.dtype} {image.shape}.')
    if DEFECTS[name].needs_content and (content is None or content.shape != image.shape):
        raise ValueError(f'{name} needs the photograph, uint8 {image.shape}. '
                         f'Received: {None if content is None else content.shape}.')
    return DEFECTS[name]
