"""Keeping or moving colours between pictures. NumPy and OpenCV only.

Two ways to keep the colours of a photograph in a style transfer (Gatys et al. 2016, "Preserving Color in Neural
Artistic Style Transfer"): put the result's luminance under the photograph's colours (`keep_luminance`), or give
the style picture the photograph's palette before the transfer (`match_palette`).
"""

import cv2
import numpy as np

KEEP_COLORS = ('none', 'luminance', 'palette')

# Variance added to both palettes, in Lab units squared: a grey picture has no directions of colour to stretch.
_PALETTE_FLOOR = 0.25


def to_lab(pixels):
    """uint8 RGB [H, W, 3] to CIE Lab, float32 [H, W, 3]: L in [0, 100], a and b about [-128, 127]."""
    _require_pixels(pixels)
    return cv2.cvtColor(pixels.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)


def from_lab(lab):
    """The inverse of `to_lab`; colours outside RGB are clipped channel by channel."""
    rgb = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB)
    return np.rint(np.clip(rgb, 0.0, 1.0) * 255.0).astype(np.uint8)


def keep_luminance(stylized, content):
    """The luminance of `stylized` under the colours of `content`.

    Args:
        stylized: uint8 [H, W, 3], a result of style transfer.
        content: uint8 [H, W, 3], the photograph it was made of.
    Returns:
        uint8 [H, W, 3].
    Raises:
        ValueError: If the sizes differ or a picture is not uint8 [H, W, 3].
    """
    _require_pixels(content)
    if stylized.shape != content.shape:
        raise ValueError(f'Expected pictures of one size. Received: {stylized.shape[:2]} and {content.shape[:2]}.')
    lab = to_lab(content)
    lab[..., 0] = to_lab(stylized)[..., 0]
    return from_lab(lab)


def match_palette(pixels, reference):
    """Moves the colours of a picture so that their mean and covariance become those of another.

    Args:
        pixels: uint8 [H, W, 3], the picture to recolour.
        reference: uint8 [h, w, 3], the picture with the wanted palette.
    Returns:
        uint8 [H, W, 3].
    Raises:
        ValueError: If a picture is not uint8 [H, W, 3].
    Source: the linear Monge-Kantorovitch map of Pitie and Kokaram 2007, equation 8, in Lab: of all linear maps
        with that effect the one that moves colours least.
    """
    colors = to_lab(pixels).reshape(-1, 3).astype(np.float64)
    wanted = to_lab(reference).reshape(-1, 3).astype(np.float64)
    floor = _PALETTE_FLOOR * np.eye(3)
    source = np.cov(colors, rowvar=False, bias=True) + floor
    target = np.cov(wanted, rowvar=False, bias=True) + floor
    root = _square_root(source)
    inverse = np.linalg.inv(root)
    transform = inverse @ _square_root(root @ target @ root) @ inverse
    moved = (colors - colors.mean(axis=0)) @ transform + wanted.mean(axis=0)
    return from_lab(moved.reshape(pixels.shape))


def prepare_style(style, content, keep_colors):
    """The style picture to transfer, by the rule `keep_colors`, one of KEEP_COLORS; uint8 as `match_palette`."""
    _require_rule(keep_colors)
    return match_palette(style, content) if keep_colors == 'palette' else style


def finish(stylized, content, keep_colors):
    """The result of a transfer after the rule `keep_colors`, one of KEEP_COLORS; uint8 as `keep_luminance`."""
    _require_rule(keep_colors)
    return keep_luminance(stylized, content) if keep_colors == 'luminance' else stylized


def _square_root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def _require_pixels(pixels):
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f'Expected a picture uint8 [H, W, 3]. Received: {pixels.dtype} {list(pixels.shape)}.')


def _require_rule(keep_colors):
    if keep_colors not in KEEP_COLORS:
        raise ValueError(f"Setting 'keep_colors' must be one of {', '.join(KEEP_COLORS)}. Received: {keep_colors!r}.")
