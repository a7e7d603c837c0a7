"""Tensor-product cubic B-splines over the RGB cube: few numbers, smooth tables. NumPy and SciPy only.

Control points that do not fall along an axis make a function that does not fall along it, so that a fitted table is
smooth and monotone by construction. Source: de Boor 1978, variation diminishing property.
"""

import functools

import numpy as np

POINTS = 7  # control points an axis: four pieces, enough for a toe and a shoulder


@functools.lru_cache
def _knots():
    inner = np.linspace(0.0, 1.0, POINTS - 2)
    return np.concatenate([np.zeros(3), inner, np.ones(3)])


def weights(positions):
    """Values of the POINTS basis functions at `positions` in [0, 1], float [N]: float64 [N, POINTS], rows sum to 1."""
    from scipy import interpolate  # here: painting by LiteRT imports the models, and starts without SciPy

    return interpolate.BSpline.design_matrix(np.clip(positions, 0.0, 1.0), _knots(), 3).toarray()


def color_weights(colors):
    """Weights of the POINTS ** 3 control points at colours [N, 3] in [0, 1]: float32 [N, POINTS ** 3]."""
    red, green, blue = (weights(np.asarray(colors, np.float64)[:, channel]) for channel in range(3))
    return np.einsum('ni,nj,nk->nijk', red, green, blue, optimize=True).reshape(len(colors), -1).astype(np.float32)


def control_points(table):
    """Least-squares control points [POINTS, POINTS, POINTS, ...] of a table [S, S, S, ...], S at least POINTS."""
    inverse = np.linalg.pinv(weights(np.linspace(0.0, 1.0, table.shape[0])))
    return np.einsum('ai,bj,ck,ijk...->abc...', inverse, inverse, inverse, table, optimize=True)


def table(points, size):
    """The table of `size` that control points [POINTS, POINTS, POINTS, ...] stand for."""
    basis = weights(np.linspace(0.0, 1.0, size))
    return np.einsum('ia,jb,kc,abc...->ijk...', basis, basis, basis, points, optimize=True)


def identity():
    """Control points of the table that changes nothing, float64 [POINTS, POINTS, POINTS, 3]."""
    knots = _knots()
    places = np.array([knots[i + 1:i + 4].mean() for i in range(POINTS)])  # Greville
    return np.stack(np.meshgrid(places, places, places, indexing='ij'), axis=-1)
