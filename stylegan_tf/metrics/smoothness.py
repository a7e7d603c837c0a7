"""How evenly pictures change along a way through the codes that they are drawn from. NumPy only."""

from __future__ import annotations

import numpy as np

EPSILON = 1e-4  # length of a step, as a share of the way


def path_steps(starts, ends, shares, *, epsilon=EPSILON, is_spherical=False):
    """Pairs of codes a small step apart on the ways from `starts` to `ends`.

    Args:
        starts: Float [B, D].
        ends: Float [B, D].
        shares: Float [B] or a number in [0, 1): where on the way. 0 measures at codes that are drawn themselves
            ('end' of Karras et al. 2020), uniform numbers also between them ('full' of Karras et al. 2019).
        epsilon: Length of the step as a share of the way.
        is_spherical: Arcs, for normal noise Z; else straight lines, for W.
    Returns:
        (codes, codes a step on), both float32 [B, D].
    Raises:
        ValueError: The shapes differ.
    Source: Karras et al. 2019, section 4.1; Shoemake 1985 for arcs, between codes of any lengths.
    """
    starts, ends = np.asarray(starts, np.float64), np.asarray(ends, np.float64)
    if starts.shape != ends.shape or starts.ndim != 2:
        raise ValueError(f'Expected two sets of codes [B, D] of one shape. Received: {starts.shape} and {ends.shape}.')
    shares = np.broadcast_to(np.asarray(shares, np.float64), len(starts))[:, None]
    between = _on_arc if is_spherical else _on_line
    return tuple(between(starts, ends, place).astype(np.float32) for place in (shares, shares + epsilon))


def path_length(distances, *, epsilon=EPSILON, kept=(1.0, 99.0)):
    """Perceptual path length: the mean of what remains of d / epsilon^2 without the extremes.

    Args:
        distances: Float [B], perceptual distances of the two pictures of each step; squared ones, as LPIPS is.
        epsilon: As of `path_steps`.
        kept: Percentiles between which numbers count, both included.
    Returns:
        (mean, float64 [K] of the numbers that count).
    Raises:
        ValueError: No distances, or some that are not finite or negative.
    Source: Karras et al. 2019, equations 2 and 3; the percentiles are those of its code and of torch-fidelity.
    """
    distances = np.asarray(distances, np.float64).reshape(-1)
    if not len(distances) or not np.isfinite(distances).all() or distances.min() < 0:
        raise ValueError(f'Expected finite distances of at least 0. Received {len(distances)}, of which '
                         f'{int(np.isfinite(distances).sum())} are finite.')
    lengths = distances / epsilon ** 2
    low = np.percentile(lengths, kept[0], method='lower')
    high = np.percentile(lengths, kept[1], method='higher')
    lengths = lengths[(lengths >= low) & (lengths <= high)]
    return float(lengths.mean()), lengths


def face_crop(pictures):
    """The part of pictures [B, H, W, C] that the face fills in FFHQ, where the background should not count.

    Source: Karras et al. 2019, appendix: height 3/8 to 7/8, width 2/8 to 6/8.
    """
    height, width = pictures.shape[1] // 8, pictures.shape[2] // 8
    return pictures[:, 3 * height:7 * height, 2 * width:6 * width]


def _on_line(a, b, share):
    return a + (b - a) * share


def _on_arc(a, b, share):
    lengths = [np.linalg.norm(codes, axis=1, keepdims=True) for codes in (a, b)]
    cosine = np.sum(a * b, axis=1, keepdims=True) / np.maximum(lengths[0] * lengths[1], 1e-300)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    sine = np.sin(angle)
    has_arc = sine > 1e-6  # codes in one direction, or opposite ones: no arc, or any
    divisor = np.where(has_arc, sine, 1.0)
    arc = np.sin((1.0 - share) * angle) / divisor * a + np.sin(share * angle) / divisor * b
    return np.where(has_arc, arc, _on_line(a, b, share))
