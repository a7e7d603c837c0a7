"""Distances between images, and measures of one image; images are floats, usually in [-1, 1]."""

from __future__ import annotations

import numpy as np
from keras import ops

from stylegan_tf.losses.shapes import (
    mean_per_example,
    require_rank,
    require_same_shape,
    weighted_mean_per_example,
)

# ITU-R BT.601 weights of red, green and blue in the luminance.
LUMINANCE_WEIGHTS = (0.299, 0.587, 0.114)
SSIM_WINDOW = 11
SSIM_SIGMA = 1.5


def l1_loss(image_a, image_b):
    """Mean absolute difference.

    Args:
        image_a: Tensor [B, ...].
        image_b: Same shape.
    Returns:
        Loss per example, float32 [B].
    Raises:
        ValueError: The shapes differ.
    """
    require_same_shape(image_a=image_a, image_b=image_b)
    return mean_per_example(ops.abs(_float(image_a) - _float(image_b)))


def l2_loss(image_a, image_b):
    """Mean squared difference; arguments, result and errors as `l1_loss`."""
    require_same_shape(image_a=image_a, image_b=image_b)
    return mean_per_example(ops.square(_float(image_a) - _float(image_b)))


def charbonnier_loss(image_a, image_b, *, epsilon: float = 1e-3):
    """Mean of sqrt(difference^2 + epsilon^2) - epsilon: an absolute difference that is smooth at 0.

    Arguments, result and errors as `l1_loss`.
    Source: Charbonnier et al. 1994; for restoration Lai et al. 2017 (LapSRN), equation 4.
    """
    require_same_shape(image_a=image_a, image_b=image_b)
    difference = _float(image_a) - _float(image_b)
    return mean_per_example(ops.sqrt(ops.square(difference) + epsilon ** 2) - epsilon)


def identity_loss(output, image):
    """Mean absolute change of an image that the generator should have left alone.

    Args:
        output: G(image), [B, H, W, C].
        image: An image that already has the wanted look, same shape.
    Returns:
        Loss per example, float32 [B].
    Raises:
        ValueError: The shapes differ.
    Source: Zhu et al. 2017 (CycleGAN), section 5.2.
    """
    require_same_shape(output=output, image=image)
    return l1_loss(output, image)


def _float(x):
    return ops.cast(x, 'float32')


def _gaussian_window() -> np.ndarray:
    positions = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    window = np.exp(-0.5 * (positions / SSIM_SIGMA) ** 2)
    return window / window.sum()


def _blur(x):
    """Gaussian mean over the SSIM window, only where the window fits."""
    channels = x.shape[-1]
    window = np.tile(_gaussian_window()[:, None, None, None], (1, 1, channels, 1))
    for axes in ((0, 1, 2, 3), (1, 0, 2, 3)):
        kernel = ops.convert_to_tensor(window.transpose(axes), 'float32')
        x = ops.depthwise_conv(x, kernel, strides=1, padding='valid',
                               data_format='channels_last')
    return x


def ssim(image_a, image_b, *, value_range: float = 2.0):
    """Structural similarity with an 11 x 11 Gaussian window of deviation 1.5.

    Args:
        image_a: Images [B, H, W, C], H and W at least 11.
        image_b: Same shape.
        value_range: Largest minus smallest possible value: 2.0 for images in [-1, 1].
    Returns:
        Similarity per example, float32 [B], at most 1.0, mean over channels and over all windows
        that fit.
    Raises:
        ValueError: The shapes differ, or the images are smaller than the window.
    Source: Wang et al. 2004, equation 13, K1 = 0.01 and K2 = 0.03.
    """
    require_rank(4, image_a=image_a)
    require_same_shape(image_a=image_a, image_b=image_b)
    if any(size is not None and size < SSIM_WINDOW for size in image_a.shape[1:3]):
        raise ValueError(f'SSIM needs images of at least {SSIM_WINDOW} pixels a side. '
                         f'Received: shape {tuple(image_a.shape)}.')
    a, b = _float(image_a), _float(image_b)
    moments = _blur(ops.concatenate([a, b, a * a, b * b, a * b], axis=-1))
    mean_a, mean_b, square_a, square_b, product = ops.split(moments, 5, axis=-1)
    c1, c2 = (0.01 * value_range) ** 2, (0.03 * value_range) ** 2
    variances = square_a - ops.square(mean_a) + square_b - ops.square(mean_b)
    covariance = product - mean_a * mean_b
    similarity = ((2.0 * mean_a * mean_b + c1) * (2.0 * covariance + c2)
                  / ((ops.square(mean_a) + ops.square(mean_b) + c1) * (variances + c2)))
    return mean_per_example(similarity)


def ssim_loss(image_a, image_b, *, value_range: float = 2.0):
    """1 - SSIM: 0 for equal images, 1 for unrelated ones; arguments and errors as `ssim`."""
    return 1.0 - ssim(image_a, image_b, value_range=value_range)


def luminance(images):
    """Brightness of RGB images [B, H, W, 3] (or [B, H, W, 1], unchanged) -> [B, H, W, 1]."""
    require_rank(4, images=images)
    if images.shape[-1] == 1:
        return _float(images)
    if images.shape[-1] != 3:
        raise ValueError('Luminance needs images of 1 or 3 channels. Received: shape '
                         f'{tuple(images.shape)}.')
    return ops.sum(_float(images) * np.float32(LUMINANCE_WEIGHTS), axis=-1, keepdims=True)


def edge_strength(images, *, epsilon: float = 1e-6):
    """Length of the Sobel gradient of the luminance.

    Args:
        images: [B, H, W, 3] or [B, H, W, 1].
        epsilon: Added under the root, for a finite gradient in flat places.
    Returns:
        Float32 [B, H - 2, W - 2, 1], in units of luminance a pixel.
    """
    smooth, slope = np.array([1.0, 2.0, 1.0]) / 4, np.array([-1.0, 0.0, 1.0]) / 2
    kernels = np.stack([np.outer(smooth, slope), np.outer(slope, smooth)], axis=-1)[:, :, None]
    gradient = ops.conv(luminance(images), ops.convert_to_tensor(kernels, 'float32'), strides=1,
                        padding='valid', data_format='channels_last')
    return ops.sqrt(ops.sum(ops.square(gradient), axis=-1, keepdims=True) + epsilon)


def edge_loss(image_a, image_b, weights=None):
    """Mean absolute difference of edge strengths: where edges are, whatever their colours.

    Args:
        image_a: Images [B, H, W, 3] or [B, H, W, 1].
        image_b: Same shape.
        weights: None, or how much each pixel counts, [B or 1, H, W, 1], at least 0 (a mask).
    Returns:
        Loss per example, float32 [B].
    Raises:
        ValueError: The shapes differ, or the channels are neither 1 nor 3.
    """
    require_same_shape(image_a=image_a, image_b=image_b)
    edges_a, edges_b = edge_strength(image_a), edge_strength(image_b)
    if weights is None:
        return l1_loss(edges_a, edges_b)
    return weighted_mean_per_example(ops.abs(edges_a - edges_b), weights[:, 1:-1, 1:-1])  # as edges are cut


def total_variation_loss(image):
    """Mean absolute difference of neighbours, vertical plus horizontal.

    Args:
        image: Images [B, H, W, C].
    Returns:
        Loss per example, float32 [B]; 0 for a flat image.
    Raises:
        ValueError: `image` has not 4 axes.
    Source: Rudin et al. 1992, the anisotropic form, as means.
    """
    require_rank(4, image=image)
    image = _float(image)
    return (mean_per_example(ops.abs(image[:, 1:] - image[:, :-1]))
            + mean_per_example(ops.abs(image[:, :, 1:] - image[:, :, :-1])))


def luminance_likeness(image_a, image_b, *, cells: int = 16):
    """Correlation of the brightness of coarse copies: 1 for alike, -1 for a picture and its negative.

    Args:
        image_a: Tensor [B, H, W, 3].
        image_b: Same shape.
        cells: About as many places are compared along each side.
    Returns:
        Correlation per example, float32 [B]; 0 where a picture is flat.
    Raises:
        ValueError: The shapes differ.
    """
    require_same_shape(image_a=image_a, image_b=image_b)
    window = tuple(max(1, size // cells) for size in image_a.shape[1:3])
    return _correlation(*(ops.average_pool(luminance(image), window, strides=window) for image in (image_a, image_b)))


def structure_likeness(image_a, image_b):
    """Correlation of the edges of half-size copies: 1 where they are alike, whatever the colours.

    Args:
        image_a: Tensor [B, H, W, 3], H and W at least 6.
        image_b: Same shape.
    Returns:
        Correlation per example, float32 [B]; 0 where a picture is flat, about 0 for two pictures that have nothing to
        do with each other.
    Raises:
        ValueError: The shapes differ.
    """
    require_same_shape(image_a=image_a, image_b=image_b)
    return _correlation(*(edge_strength(ops.average_pool(luminance(image), 2, strides=2))
                          for image in (image_a, image_b)))


def inversion_loss(output, content, *, least: float = 0.3):
    """How far the brightness of an output has come from that of its content: 0 while they are alike enough.

    Args:
        output: Tensor [B, H, W, 3].
        content: Same shape.
        least: `luminance_likeness` from which on nothing is lost.
    Returns:
        Loss per example, float32 [B], at most 1 + `least` (for a negative).
    Raises:
        ValueError: The shapes differ.
    """
    return ops.relu(least - luminance_likeness(output, content))


def _correlation(a, b):
    a, b = (x - ops.mean(x, axis=(1, 2, 3), keepdims=True) for x in (a, b))
    energy = ops.sum(ops.square(a), axis=(1, 2, 3)) * ops.sum(ops.square(b), axis=(1, 2, 3))
    return ops.sum(a * b, axis=(1, 2, 3)) / ops.sqrt(energy + 1e-6)
