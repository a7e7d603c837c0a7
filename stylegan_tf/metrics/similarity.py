"""How alike two pictures are: in style, in content, in structure, pixel by pixel. NumPy only.

Feature maps come from a frozen network (features.load) as {layer: float [B, h, w, C]}. All distances and
similarities return one number per example, float64 [B], and are symmetric in their two pictures.
"""

import cv2
import numpy as np

EPSILON = 1e-12
LUMINANCE_WEIGHTS = (0.2126, 0.7152, 0.0722)  # Rec. 709


def relative_distance(a, b):
    """||a - b||^2 / (||a||^2 + ||b||^2), per example.

    Args:
        a: float [B, ...].
        b: Same shape.
    Returns:
        float64 [B]: 0 for equal arrays, 1 for orthogonal ones, at most 1 where no entry is negative and 2 otherwise.
        Unlike a distance relative to one side it is bounded, so that one odd pair does not rule a mean.
    Raises:
        ValueError: If the shapes differ.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
        raise ValueError(f'Expected two arrays of one shape. Received: {a.shape} and {b.shape}.')
    axes = tuple(range(1, a.ndim))
    size = np.sum(a ** 2, axis=axes) + np.sum(b ** 2, axis=axes)
    return np.sum((a - b) ** 2, axis=axes) / np.maximum(size, EPSILON)


def gram_matrix(features):
    """Mean product of each pair of channels: float [B, h, w, C] -> float64 [B, C, C]; independent of h and w."""
    features = np.asarray(features, np.float64)
    rows = features.reshape(features.shape[0], -1, features.shape[-1])
    return np.matmul(rows.transpose(0, 2, 1), rows) / rows.shape[1]


def style_distance(features_a, features_b, layers):
    """Relative error of Gram matrices, averaged over layers.

    Per layer ||Ga - Gb||^2 / (||Ga||^2 + ||Gb||^2) in the Frobenius norm.

    Args:
        features_a: Features {layer: [B, h, w, C]}.
        features_b: Features {layer: [B, h', w', C]}; the sizes may differ from `features_a`.
        layers: Names of the layers that count.
    Returns:
        float64 [B]: 0 for equal textures, at most 1.
    Raises:
        ValueError: If a layer is missing or channels or batches differ.
    Source: Gatys et al. 2016, equations 3 to 5, made relative and symmetric.
    """
    return np.mean([relative_distance(gram_matrix(a), gram_matrix(b))
                    for a, b in _pairs(features_a, features_b, layers)], axis=0)


def moments_distance(features_a, features_b, layers):
    """Relative error of the channels' means and deviations, averaged over layers.

    Args:
        features_a: Features {layer: [B, h, w, C]}.
        features_b: Features {layer: [B, h', w', C]}; the sizes may differ from `features_a`.
        layers: Names of the layers that count.
    Returns:
        float64 [B]: 0 for equal statistics.
    Raises:
        ValueError: If a layer is missing or channels or batches differ.
    Source: Huang & Belongie 2017, equation 13 (the statistics), made relative and symmetric.
    """
    return np.mean([relative_distance(moments(a), moments(b))
                    for a, b in _pairs(features_a, features_b, layers)], axis=0)


def moments(features):
    """Mean and deviation of each channel: float [B, h, w, C] -> float64 [B, 2 C]."""
    features = np.asarray(features, np.float64)
    return np.concatenate([features.mean(axis=(1, 2)), features.std(axis=(1, 2))], axis=-1)


def content_distance(features_a, features_b, layers):
    """Relative error of feature maps, position by position, averaged over layers.

    Per layer ||Fa - Fb||^2 / (||Fa||^2 + ||Fb||^2) over positions and channels.

    Args:
        features_a: Features {layer: [B, h, w, C]}.
        features_b: Features of the same shapes.
        layers: Names of the layers that count.
    Returns:
        float64 [B]: 0 for equal content; unrelated photographs come to about 0.6 to 0.9.
    Raises:
        ValueError: If a layer is missing or shapes differ.
    Source: Gatys et al. 2016, equation 1, made relative and symmetric.
    """
    return np.mean([relative_distance(a, b) for a, b in _pairs(features_a, features_b, layers)], axis=0)


def lpips(features_a, features_b, layers, heads=None):
    """Squared distance of feature vectors of length 1, averaged over positions.

    Args:
        features_a: Features {layer: [B, h, w, C]}.
        features_b: Features of the same shapes.
        layers: Names of the layers that count.
        heads: None, or learned weights {layer: float [C]} as in the lpips package.
    Returns:
        float64 [B]: with heads the sum over layers, which is LPIPS; without them the mean over layers, in [0, 4].
    Raises:
        ValueError: If a layer is missing or shapes differ.
    Source: Zhang et al. 2018, equation 1.
    """
    terms = []
    for layer, (a, b) in zip(layers, _pairs(features_a, features_b, layers)):
        weights = 1.0 if heads is None else np.asarray(heads[layer], np.float64).reshape(-1)
        if a.shape != b.shape:
            raise ValueError(f'Expected feature maps of one shape. Received: {a.shape} and {b.shape}.')
        squares = (_unit_vectors(a) - _unit_vectors(b)) ** 2
        terms.append(np.mean(np.sum(squares * weights, axis=-1), axis=(1, 2)))
    return np.mean(terms, axis=0) if heads is None else np.sum(terms, axis=0)


def structure_retention(pixels_a, pixels_b, *, sigma=1.0):
    """Correlation of edge strengths: whether edges lie in the same places, whatever the colours.

    The edge strength is the length of the Sobel gradient of the luminance, smoothed by a Gaussian before and after so
    that an edge may move by a pixel. Pearson's correlation ignores contrast and brightness. No network is used.

    Args:
        pixels_a: uint8 [H, W, 3].
        pixels_b: Same shape.
        sigma: Deviation of the Gaussian in pixels.
    Returns:
        float in [-1, 1]: 1 for the same structure, about 0 for an unrelated one, 0 where a picture has no edges.
    Raises:
        ValueError: If the shapes differ or are no pictures.
    """
    _require_pictures(pixels_a, pixels_b)
    a, b = (_edge_strength(pixels, sigma) for pixels in (pixels_a, pixels_b))
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt(np.sum(a ** 2) * np.sum(b ** 2))
    return float(np.sum(a * b) / size) if size > EPSILON else 0.0


def psnr(pixels_a, pixels_b):
    """Peak signal-to-noise ratio of two pictures uint8 [H, W, 3] in decibels; infinite for equal ones.

    Raises:
        ValueError: If the shapes differ or are no pictures.
    """
    _require_pictures(pixels_a, pixels_b)
    error = np.mean((pixels_a.astype(np.float64) - pixels_b) ** 2)
    return float(10.0 * np.log10(255.0 ** 2 / error)) if error else float('inf')


def ssim(pixels_a, pixels_b):
    """Structural similarity of two pictures uint8 [H, W, 3], at least 11 x 11, mean over channels: at most 1.

    Raises:
        ValueError: If the shapes differ, are no pictures or are too small.
    Source: Wang et al. 2004, equation 13, Gaussian window of deviation 1.5, 11 x 11.
    """
    _require_pictures(pixels_a, pixels_b)
    if min(pixels_a.shape[:2]) < 11:
        raise ValueError(f'Expected pictures of at least 11 x 11 pixels. Received: {pixels_a.shape[:2]}.')
    a, b = pixels_a.astype(np.float64), pixels_b.astype(np.float64)

    def local_mean(x):
        return cv2.GaussianBlur(x, (11, 11), 1.5)[5:-5, 5:-5]

    mean_a, mean_b = local_mean(a), local_mean(b)
    variance_a, variance_b = local_mean(a * a) - mean_a ** 2, local_mean(b * b) - mean_b ** 2
    covariance = local_mean(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)
              / ((mean_a ** 2 + mean_b ** 2 + c1) * (variance_a + variance_b + c2)))
    return float(values.mean())


def _pairs(features_a, features_b, layers):
    missing = [layer for layer in layers if layer not in features_a or layer not in features_b]
    if missing or not layers:
        raise ValueError(f'Expected features with the layers {list(layers)}, at least one. Missing: {missing}.')
    return [(np.asarray(features_a[layer]), np.asarray(features_b[layer])) for layer in layers]


def _unit_vectors(features):
    features = np.asarray(features, np.float64)
    return features / np.sqrt(np.sum(features ** 2, axis=-1, keepdims=True) + 1e-10)


def _edge_strength(pixels, sigma):
    luminance = cv2.GaussianBlur(pixels.astype(np.float64) @ np.array(LUMINANCE_WEIGHTS), (0, 0), sigma)
    across, down = (cv2.Sobel(luminance, cv2.CV_64F, *order) for order in ((1, 0), (0, 1)))
    return cv2.GaussianBlur(np.hypot(across, down), (0, 0), sigma)


def _require_pictures(a, b):
    if a.shape != b.shape or a.ndim != 3 or a.shape[2] != 3 or a.dtype != np.uint8 or b.dtype != np.uint8:
        raise ValueError(f'Expected two pictures uint8 [H, W, 3] of one size. Received: {a.dtype} {a.shape} and '
                         f'{b.dtype} {b.shape}.')
