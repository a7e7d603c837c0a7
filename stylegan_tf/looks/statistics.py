"""What a picture's colours say about its grade: statistics that survive other people and other scenes. NumPy only.

A picture counts by a sample of its colours. Parts of a picture are chosen by rank (the darkest, the warmest, the
palest...), which a grade hardly changes, never by absolute colour, which a strong grade moves out of any bounds.
"""

import cv2
import numpy as np

SAMPLES = 384  # colours a picture
WORKING_SIDE = 160  # pixels of the longer side before sampling: averages noise, grain and JPEG blocks away
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # Rec. 709
_LEVELS = (0.01, 0.05, 0.12, 0.25, 0.4, 0.55, 0.7, 0.82, 0.92, 0.98)
_BANDS = 6


def sample_colors(pixels, *, seed, mask=None, count=SAMPLES):
    """Colours of a picture at random places, a pixel being the mean of its neighbourhood.

    Args:
        pixels: uint8 [H, W, 3].
        seed: Of the places.
        mask: Float [H, W] or [H, W, 1] in [0, 1]; places are drawn in proportion to it. None is everywhere.
        count: How many.
    Returns:
        float32 [count, 3] in [0, 1].
    Raises:
        ValueError: If `pixels` is no uint8 [H, W, 3], or `mask` is of another size or empty.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f'Expected a picture uint8 [H, W, 3]. Received: {pixels.dtype} {list(pixels.shape)}.')
    height, width = pixels.shape[:2]
    scale = min(1.0, WORKING_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).reshape(-1, 3)
    chances = None
    if mask is not None:
        mask = np.asarray(mask, np.float32).reshape(np.shape(mask)[:2])
        if mask.shape != (height, width) or not mask.max() > 0:
            raise ValueError(f'Expected a mask [{height}, {width}] with something in it. '
                             f'Received: {list(mask.shape)}, largest value {mask.max():g}.')
        chances = cv2.resize(mask, size, interpolation=cv2.INTER_AREA).reshape(-1).astype(np.float64)
        chances /= chances.sum()
    rng = np.random.default_rng(seed)
    places = rng.choice(len(small), count, replace=chances is not None or count > len(small), p=chances)
    return small[places].astype(np.float32) / 255.0


def picture_statistics(colors):
    """Statistics of each picture of a set.

    Args:
        colors: float32 [N, SAMPLES, 3] in [0, 1], N pictures.
    Returns:
        float32 [N, D]: quantiles of each channel and of luminance; mean colour differences in bands of luminance rank;
        mean colours of the warmest, the coolest, the greenest, the least green and the palest parts; spread of the
        colour differences and quantiles of chroma.
    """
    luma = colors @ LUMA
    pieces = [_quantiles(channel) for channel in (*np.moveaxis(colors, -1, 0), luma)]
    differences = np.stack([colors[..., 0] - colors[..., 2],
                            colors[..., 1] - (colors[..., 0] + colors[..., 2]) / 2], -1)
    by_light = np.take_along_axis(differences, np.argsort(luma, axis=1)[..., None], axis=1)
    pieces += [band.mean(1) for band in np.array_split(by_light, _BANDS, axis=1)]
    chroma = colors.max(-1) - colors.min(-1)
    for order, shares in ((differences[..., 0], ((0.0, 0.12), (0.88, 1.0), (0.7, 0.88))),
                          (differences[..., 1], ((0.0, 0.12), (0.88, 1.0))), (chroma, ((0.0, 0.2), (0.85, 1.0)))):
        pieces += _ranked(colors, order, shares)
    centered = differences - differences.mean(1, keepdims=True)
    pieces += [np.sqrt((centered ** 2).mean(1)), (centered[..., :1] * centered[..., 1:]).mean(1) * 10,
               np.quantile(chroma, (0.25, 0.5, 0.8, 0.95), axis=1).T]
    pieces.append(_slopes(differences, luma))
    return np.concatenate(pieces, axis=1).astype(np.float32)


def _quantiles(values):
    ordered = np.sort(values, axis=1)
    places = np.array(_LEVELS) * (values.shape[1] - 1)
    low = places.astype(int)
    part = (places - low).astype(np.float32)
    return ordered[:, low] * (1 - part) + ordered[:, low + 1] * part


def _ranked(colors, order, shares):
    ordered = np.take_along_axis(colors, np.argsort(order, axis=1)[..., None], axis=1)
    count = colors.shape[1]
    return [ordered[:, round(low * count):round(high * count)].mean(1) for low, high in shares]


def _slopes(differences, luma):
    """How colour differences follow light within a picture."""
    light = luma - luma.mean(1, keepdims=True)
    return (differences * light[..., None]).mean(1) / ((light ** 2).mean(1, keepdims=True) + 1e-3)
