"""How much the pictures of a batch differ from each other, and how they lie in the range of values."""

from __future__ import annotations

import numpy as np

CLIPPED = 0.98  # of the range [-1, 1]


def pairwise_distance(features, labels=None) -> float:
    """Mean Euclidean distance of all pairs of rows; nan where there is no pair.

    Args:
        features: Float [N, F], N >= 2.
        labels: None, or integers [N]: only pairs of one label count.
    Raises:
        ValueError: Another shape.
    """
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f'Distances of pairs need features [N, F] of at least 2 pictures. Received: shape '
                         f'{features.shape}.')
    differences = features[:, None] - features[None]
    labels = np.zeros(len(features)) if labels is None else np.asarray(labels)
    is_pair = (labels[:, None] == labels[None]) & ~np.eye(len(features), dtype=bool)
    distances = np.sqrt(np.sum(differences ** 2, axis=-1))[is_pair]
    return float(distances.mean()) if len(distances) else float('nan')


def relative_variety(outputs, reals, labels=None) -> float:
    """How much outputs differ from each other, as a share of how much real pictures do.

    Args:
        outputs: List of features [N, F], one entry a layer.
        reals: Likewise, of the real pictures.
        labels: None, or classes [N] of both: only pictures of one class are compared.
    Returns:
        Mean ratio of the mean pairwise distances over the layers: 0 where all outputs are equal,
        about 1 where they vary as the real ones do; nan where the real pictures are all equal.
    """
    pairs = [(pairwise_distance(a, labels), pairwise_distance(b, labels))
             for a, b in zip(outputs, reals, strict=True)]
    ratios = [output / real for output, real in pairs if real > 0]
    return float(np.mean(ratios)) if ratios else float('nan')


def clipped_share(images) -> float:
    """Share of values at an end of the range: burnt out, black, or of a fully saturated colour.

    Args:
        images: Float [N, H, W, C] in [-1, 1].
    """
    return float(np.mean(np.abs(np.asarray(images)) > CLIPPED))


def contrast(images) -> float:
    """Mean standard deviation of each picture's values; 0 for flat pictures.

    Args:
        images: Float [N, H, W, C].
    """
    return float(np.mean(np.std(np.asarray(images, np.float64), axis=(1, 2, 3))))
