"""CIE Lab on any backend and differentiable: lightness apart from colour.

Source: CIE 1976, with the sRGB of IEC 61966-2-1 and the white point D65.
"""

from __future__ import annotations

import numpy as np
from keras import ops

_TO_XYZ = np.float32([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = np.float32([0.950456, 1.0, 1.088754])
_TO_WHITE = (_TO_XYZ / _WHITE[:, None]).T
_FROM_WHITE = np.linalg.inv(_TO_WHITE.astype(np.float64)).astype(np.float32)
_BEND = 6.0 / 29.0  # below its cube the cube root goes on in a straight line
_LINEAR = 0.04045, 0.0031308  # where the sRGB curve becomes straight, encoded and linear
_TINY = 1e-6  # a root's slope at 0 is infinite


def rgb_to_lab(rgb):
    """Colours [..., 3] in [-1, 1] -> Lab float32 [..., 3]: L in [0, 100], a and b about [-110, 110]."""
    x = ops.clip(ops.cast(rgb, 'float32') * 0.5 + 0.5, 0.0, 1.0)
    curved = ((ops.maximum(x, _LINEAR[0]) + 0.055) / 1.055) ** 2.4
    x = ops.where(x > _LINEAR[0], curved, x / 12.92)
    x = ops.matmul(x, ops.convert_to_tensor(_TO_WHITE))
    root = ops.maximum(x, _TINY) ** (1.0 / 3.0)
    f = ops.where(x > _BEND ** 3, root, x / (3.0 * _BEND ** 2) + 4.0 / 29.0)
    first, middle, last = ops.split(f, 3, axis=-1)
    return ops.concatenate([116.0 * middle - 16.0, 500.0 * (first - middle), 200.0 * (middle - last)], axis=-1)


def lab_to_rgb(lab):
    """The inverse of `rgb_to_lab`, [..., 3]; colours that RGB cannot show leave [-1, 1]: the caller clips them."""
    light, a, b = ops.split(ops.cast(lab, 'float32'), 3, axis=-1)
    middle = (light + 16.0) / 116.0
    f = ops.concatenate([middle + a / 500.0, middle, middle - b / 200.0], axis=-1)
    x = ops.where(f > _BEND, f ** 3, 3.0 * _BEND ** 2 * (f - 4.0 / 29.0))
    x = ops.matmul(x, ops.convert_to_tensor(_FROM_WHITE))
    curved = 1.055 * ops.maximum(x, _LINEAR[1]) ** (1.0 / 2.4) - 0.055
    return ops.where(x > _LINEAR[1], curved, 12.92 * x) * 2.0 - 1.0
