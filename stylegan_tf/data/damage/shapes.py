"""Things in the wrong place: bent, doubled, or cut at the borders of tiles."""

import itertools

import cv2
import numpy as np


def geometric_distortion(image, amount, rng):
    """A smooth random warp; amount is the largest displacement in pixels."""
    height, width = image.shape[:2]
    shift = displacement((height, width), rng) * amount
    return resample(image, shift), np.ones((height, width), np.float32)


def displacement(size, rng):
    """A smooth field of displacements, float32 [H, W, 2] (columns, rows), the longest of length 1."""
    height, width = size
    cells = rng.normal(0, 1, (max(height // 48, 2) + 2, max(width // 48, 2) + 2, 2)).astype(np.float32)
    field = cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
    return field / np.linalg.norm(field, axis=-1).max()


def resample(image, shift):
    """`image` read `shift` pixels away from each place, bilinearly, mirrored at the border."""
    rows, columns = np.indices(image.shape[:2], np.float32)
    return cv2.remap(image, columns + shift[..., 0], rows + shift[..., 1], cv2.INTER_LINEAR,
                     borderMode=cv2.BORDER_REFLECT_101)


def tile_seam(image, amount, rng):
    """Tiles that do not meet; amount is the largest step of brightness or colour between two, on the scale [0, 1]."""
    height, width = image.shape[:2]
    row_edges, column_edges = (_edges(size, rng) for size in (height, width))
    changed, mask = image.copy(), np.zeros((height, width), np.float32)
    sign = 1
    for top, bottom in itertools.pairwise(row_edges):
        for left, right in itertools.pairwise(column_edges):
            # Alternating signs, so that every seam shows a step.
            sign = -sign
            changed[top:bottom, left:right] += sign * amount / 2 * rng.uniform(0.5, 1, 3).astype(np.float32)
        sign = -sign if len(column_edges) % 2 else sign
    for edge in row_edges[1:-1]:
        mask[max(edge - 3, 0):edge + 3] = 1
    for edge in column_edges[1:-1]:
        mask[:, max(edge - 3, 0):edge + 3] = 1
    return changed, mask


def _edges(size, rng):
    count = int(rng.integers(2, 4))
    inner = (np.arange(1, count) + rng.uniform(-0.25, 0.25, count - 1)) * size / count
    return [0, *inner.astype(int), size]


def ghosting(image, amount, rng):
    """A second, displaced picture shines through; amount is its weight."""
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(5, 14)
    shift = np.broadcast_to(np.float32([np.cos(angle), np.sin(angle)]) * np.float32(length), (*image.shape[:2], 2))
    return (1 - amount) * image + amount * resample(image, shift), np.ones(image.shape[:2], np.float32)
