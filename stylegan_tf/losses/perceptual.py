"""Content and style distances between feature maps of a frozen network.

Features are dictionaries {layer name: [B, H, W, C]}; the functions take maps, not networks, and
`layers` names the maps that count. Everything is computed in float32.
"""

from __future__ import annotations

from keras import ops

from stylegan_tf.layers import normalization, resample
from stylegan_tf.losses.shapes import (
    mean_per_example,
    require_rank,
    require_same_shape,
    weighted_mean_per_example,
)

EPSILON = 1e-8


def _chosen(features, layers, name):
    layers = tuple(layers)
    missing = [layer for layer in layers if layer not in features]
    if missing or not layers:
        raise ValueError(f'{name} must hold the layers {layers}, at least one. '
                         f'Received: {tuple(features)}.')
    for layer in layers:
        require_rank(4, **{f'{name}[{layer!r}]': features[layer]})
    return [features[layer] for layer in layers]


def _mean(terms):
    return sum(terms) / float(len(terms))


def content_loss(features_a, features_b, layers, weights=None):
    """Mean squared difference of features, position by position, averaged over layers.

    Args:
        features_a: Features of the output, {name: [B, H, W, C]}.
        features_b: Features of the content, same shapes.
        layers: Names of the layers compared.
        weights: None, or how much each place counts, [B or 1, h, w, 1], at least 0 (a mask), resized to each layer.
    Returns:
        Loss per example, float32 [B]. Features of mean activation 1 make layers comparable.
    Raises:
        ValueError: A layer is missing, or shapes differ.
    Source: Gatys et al. 2016, equation 1, as a mean.
    """
    terms = []
    for a, b in zip(_chosen(features_a, layers, 'features_a'),
                    _chosen(features_b, layers, 'features_b')):
        require_same_shape(features_a=a, features_b=b)
        squares = ops.square(ops.cast(a, 'float32') - ops.cast(b, 'float32'))
        terms.append(mean_per_example(squares) if weights is None else weighted_mean_per_example(
            squares, _resized(weights, a.shape[1:3])))
    return _mean(terms)


def _resized(weights, size):
    if tuple(weights.shape[1:3]) == tuple(size):
        return weights
    return ops.image.resize(ops.cast(weights, 'float32'), size, interpolation='bilinear', data_format='channels_last')


def gram_matrix(x, weights=None):
    """Mean product of each pair of channels, divided by their number.

    Args:
        x: Features [B, H, W, C].
        weights: None, or how much each position counts, [B or 1, H, W, 1], at least 0 (a mask).
    Returns:
        Float32 [B, C, C], symmetric; independent of H and W.
    Raises:
        ValueError: `x` has not 4 axes.
    Source: Gatys et al. 2016, equation 3, with the normalisation of Johnson et al. 2016.
    """
    require_rank(4, x=x)
    batch, height, width, channels = ops.shape(x)
    x = ops.cast(x, 'float32')
    if weights is None:
        weighted, total = x, ops.cast(height * width, 'float32')
    else:
        weights = ops.cast(weights, 'float32')
        weighted = x * weights
        total = ops.sum(weights, axis=(1, 2, 3))[:, None, None] + EPSILON
    rows = ops.reshape(x, (batch, height * width, channels))
    weighted = ops.reshape(weighted, (batch, height * width, channels))
    return ops.matmul(ops.transpose(rows, (0, 2, 1)), weighted) / (total * float(channels))


def relative_gram_distance(gram_a, gram_b):
    """||Ga - Gb||^2 / ||Gb||^2 in the Frobenius norm.

    Args:
        gram_a: Gram matrices of the output, [B, C, C].
        gram_b: Gram matrices of the style, [B or 1, C, C]; may be computed once and kept.
    Returns:
        Float32 [B]: 0 when equal, 1 for an output without any activation.
    Raises:
        ValueError: Channels or batch differ.
    """
    require_rank(3, gram_a=gram_a, gram_b=gram_b)
    _require_comparable(gram_a, gram_b)
    difference = ops.sum(ops.square(gram_a - gram_b), axis=(1, 2))
    return difference / (ops.sum(ops.square(gram_b), axis=(1, 2)) + EPSILON)


def gram_style_loss(features_a, features_b, layers):
    """Relative distance of Gram matrices, averaged over layers.

    Args:
        features_a: Features of the output, {name: [B, H, W, C]}.
        features_b: Features of the style, [B or 1, h, w, C]; h and w are free.
        layers: Names of the layers compared.
    Returns:
        Loss per example, float32 [B]; see `relative_gram_distance`.
    Raises:
        ValueError: A layer is missing, or channels or batch differ.
    Source: Gatys et al. 2016, equations 4 and 5, each layer made relative to its style.
    """
    terms = []
    for a, b in zip(_chosen(features_a, layers, 'features_a'),
                    _chosen(features_b, layers, 'features_b')):
        _require_comparable(a, b)
        terms.append(relative_gram_distance(gram_matrix(a), gram_matrix(b)))
    return _mean(terms)


def mean_variance_style_loss(features_a, features_b, layers):
    """Relative distance of channel means and standard deviations, averaged over layers.

    Per layer (||mu_a - mu_b||^2 + ||sigma_a - sigma_b||^2) / (||mu_b||^2 + ||sigma_b||^2).

    Args:
        features_a: Features of the output, {name: [B, H, W, C]}.
        features_b: Features of the style, [B or 1, h, w, C]; h and w are free.
        layers: Names of the layers compared.
    Returns:
        Loss per example, float32 [B].
    Raises:
        ValueError: A layer is missing, or channels or batch differ.
    Source: Huang and Belongie 2017 (AdaIN), equation 13, made relative and squared.
    """
    terms = []
    for a, b in zip(_chosen(features_a, layers, 'features_a'),
                    _chosen(features_b, layers, 'features_b')):
        _require_comparable(a, b)
        pairs = list(zip(normalization.instance_statistics(a),
                         normalization.instance_statistics(b)))
        difference = sum(ops.sum(ops.square(x - y), axis=(1, 2, 3)) for x, y in pairs)
        size = sum(ops.sum(ops.square(y), axis=(1, 2, 3)) for _, y in pairs)
        terms.append(difference / (size + EPSILON))
    return _mean(terms)


def _require_comparable(a, b):
    batch_a, batch_b = a.shape[0], b.shape[0]
    if a.shape[-1] != b.shape[-1] or (
            None not in (batch_a, batch_b) and batch_b not in (1, batch_a)):
        raise ValueError(
            'Output and style must agree in channels, and in batch unless there is one style. '
            f'Received: output of shape {tuple(a.shape)}, style of shape {tuple(b.shape)}.')


def image_pyramid(images, levels: int):
    """The images at full, half, quarter ... size: list of `levels` tensors [B, h, w, C]."""
    if levels < 1:
        raise ValueError(f'A pyramid needs at least 1 level. Received: {levels}.')
    pyramid = [images]
    while len(pyramid) < levels:
        pyramid.append(resample.downsample_2d(pyramid[-1]))
    return pyramid


def multi_scale(loss, images_a, images_b, *, levels: int = 2, weights=None):
    """Weighted mean of an image loss over a pyramid, so that large strokes count too.

    Args:
        loss: Callable (images_a, images_b) -> [B], usually a feature network and a style loss.
        images_a: Images [B, H, W, C].
        images_b: Images [B or 1, h, w, C].
        levels: Number of scales, each half of the one before.
        weights: None (equal), or one number a level, finest first.
    Returns:
        Loss per example, float32 [B].
    Raises:
        ValueError: Not one weight a level, or no level.
    """
    weights = tuple(weights) if weights is not None else (1.0,) * levels
    if len(weights) != levels or sum(weights) == 0:
        raise ValueError(f'Give one weight for each of the {levels} levels, not all 0. '
                         f'Received: {weights}.')
    pyramids = zip(image_pyramid(images_a, levels), image_pyramid(images_b, levels))
    total = sum(weight * loss(a, b) for weight, (a, b) in zip(weights, pyramids))
    return total / float(sum(weights))
