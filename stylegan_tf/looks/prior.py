"""What is known of looks before any is seen: which colours portraits have, and how grades bend the RGB cube.

`learn_prior` makes the file that ships, from ungraded portraits and random grades; `load_prior` reads it. The file
holds unordered samples of colours, no pictures.
"""

import dataclasses
import functools
import io
import pathlib

import numpy as np

from stylegan_tf import files
from stylegan_tf.looks import random_grades, splines, tables

SHIPPED = pathlib.Path(__file__).with_name('portrait_prior.npz')
_GRID = 13  # of the grades that the prior is learned from
_EVERYWHERE = 0.15  # share of the weight that all colours have, portraits' or not


@dataclasses.dataclass(frozen=True)
class Prior:
    """Directions in which grades move colours, most usual first, and ungraded portraits.

    Attributes:
        directions: float32 [K, POINTS, POINTS, POINTS, 3], control points of displacements, each one standard
            deviation long.
        reference: float32 [N, SAMPLES, 3] in [0, 1], colours of N ungraded portraits.
    """
    directions: np.ndarray
    reference: np.ndarray


def learn_prior(reference, *, grades=3000, directions=48, seed=0):
    """Learns the prior.

    Args:
        reference: float32 [N, SAMPLES, 3], colours of ungraded portraits.
        grades: Number of random grades.
        directions: Number of directions to keep.
        seed: Of the grades.
    Returns:
        Prior. Displacements are weighted by how often portraits have the colour, so that the first directions are
        those that are seen. The mean displacement is a direction too, the first: doing nothing stays the centre.
    """
    grid = tables.identity_table(_GRID)
    rng = np.random.default_rng(seed)
    moves = np.stack([random_grades.random_grade(grid, rng) - grid for _ in range(grades)]).astype(np.float32)
    moves = moves.reshape(grades, -1, 3)
    mean = moves.mean(0)
    weight = np.sqrt(_density(reference))[:, None]
    centered = ((moves - mean) * weight).reshape(grades, -1)
    values, vectors = np.linalg.eigh(centered @ centered.T)
    keep = np.argsort(values)[::-1][:directions]
    # Right singular vectors times singular values, one standard deviation long, at every colour (not weighted).
    shapes = (vectors[:, keep].T / np.sqrt(grades)) @ (moves - mean).reshape(grades, -1)
    grids = np.concatenate([mean.reshape(1, -1), shapes]).reshape(-1, _GRID, _GRID, _GRID, 3)
    points = splines.control_points(np.moveaxis(grids, 0, -1))
    points = np.moveaxis(points, -1, 0).astype(np.float32)
    return Prior(points, np.asarray(reference, np.float32))


def _density(colors):
    """Share of portraits' colours at each place of the grid, with a floor; float64 [_GRID ** 3], sums to 1."""
    place = np.rint(np.clip(colors.reshape(-1, 3), 0, 1) * (_GRID - 1)).astype(int)
    counts = np.bincount((place[:, 0] * _GRID + place[:, 1]) * _GRID + place[:, 2], minlength=_GRID ** 3)
    return (1 - _EVERYWHERE) * counts / counts.sum() + _EVERYWHERE / _GRID ** 3


def save_prior(prior, path):
    """Writes a prior to `path`: half precision for displacements, 8 bits for colours."""
    stream = io.BytesIO()
    np.savez_compressed(stream, directions=prior.directions.astype(np.float16),
                        reference=np.rint(prior.reference * 255).astype(np.uint8))
    files.write_whole(path, stream.getvalue())


@functools.lru_cache
def load_prior(path=SHIPPED):
    """Reads a prior that `save_prior` wrote; without a path the one that ships."""
    with np.load(path, allow_pickle=False) as arrays:
        return Prior(arrays['directions'].astype(np.float32), arrays['reference'].astype(np.float32) / 255.0)
