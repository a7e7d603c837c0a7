"""Repairs that need no training: each undoes one kind of damage, in `keras.ops`, at any size and in any graph.

A repair proposes; whether its proposal is taken is decided elsewhere (`systems.correction`), so none of them has to
know whether the damage is there at all.
"""

from __future__ import annotations

import math

import numpy as np
from keras import ops

from stylegan_tf.layers.resample import filter_2d, upsample_2d

LUMA = (0.299, 0.587, 0.114)  # BT.601
EPSILON = 1e-6
# Orthonormal rows: the grey axis, then two axes of colour. A turn of hue about grey is a turn in the last two.
HUE_AXES = np.array([[1, 1, 1], [2, -1, -1], [0, 1, -1]]) / np.sqrt([[3], [6], [2]])
TURNS = tuple(range(-72, 73, 4))  # degrees that `turned_hue` chooses from
FILL_LEVELS = 7  # holes of up to 2^7 pixels are filled from their borders
WINDOW = 2  # pixels that `denoised` looks to each side


def without_grid(image):
    """Takes out what repeats with every second or fourth pixel, as transposed convolutions leave it.

    Args:
        image: [B, H, W, 3] in [-1, 1].
    Returns:
        float32, same shape: the image less its projections on checkerboards of 1 and of 2 pixels a square, each
        channel by its own amplitude. Pictures without such grids have next to none of it.
    """
    image = ops.cast(image, 'float32')
    height, width = ops.shape(image)[1:3]
    rows, columns = ops.arange(height), ops.arange(width)
    result = image - ops.mean(image, axis=(1, 2), keepdims=True)
    grids = 0.0
    for cell, shifts in ((1, (0,)), (2, (0, 1))):
        for down in shifts:
            for right in shifts:
                grid = _alternating(rows, cell, down)[:, None] * _alternating(columns, cell, right)[None, :]
                grid = grid[None, :, :, None]
                grids += grid * ops.mean(result * grid, axis=(1, 2), keepdims=True)
    return image - grids


def _alternating(index, cell, shift):
    return 1.0 - 2.0 * ops.cast(ops.mod(ops.floor_divide(index + shift, cell), 2), 'float32')


def denoised(image, strengths):
    """Means of like pixels nearby, as strong as the noise that the picture shows.

    Args:
        image: [B, H, W, 3] in [-1, 1].
        strengths: Multiples of the noise found.
    Returns:
        list of float32 [B, H, W, 3], one for each strength.
    Source: non-local means after Buades, Coll and Morel 2005, in windows of 5x5 and patches of 3x3.
    """
    image = ops.cast(image, 'float32')
    deviation = noise_level(image)[:, None, None, None]
    height, width = ops.shape(image)[1:3]
    padded = ops.pad(image, ((0, 0), (WINDOW, WINDOW), (WINDOW, WINDOW), (0, 0)), mode='reflect')
    noises = [ops.square(strength * deviation) + EPSILON for strength in strengths]
    side, size = 2 * WINDOW + 1, (ops.shape(image)[0], height, width, 3)

    def added(index, sums):
        # A loop of the graph, because 25 copies of it would take seconds to trace. The middle counts like any other.
        start = (0, index // side, index % side, 0)
        other = ops.reshape(ops.slice(padded, start, size), size)
        distance = ops.mean(ops.square(other - image), axis=-1, keepdims=True)
        distance = ops.average_pool(distance, 3, strides=1, padding='same')
        result = []
        for noise, (total, weight) in zip(noises, sums):
            # Two noisy copies of one thing differ by twice the noise's energy.
            like = ops.exp(-ops.relu(distance - 2.0 * noise) / noise)
            result.append((total + like * other, weight + like))
        return tuple(result)

    none = ops.zeros_like(image)
    sums = ops.fori_loop(0, side * side, added, tuple((none, none[..., :1]) for _ in strengths))
    return [total / weight for total, weight in sums]


def noise_level(image):
    """Deviation of the noise, float32 [B], from the finest diagonal details; texture counts in part.

    Source: Immerkaer 1996.
    """
    kernel = np.outer([1, -2, 1], [1, -2, 1])[:, :, None, None] / 6.0
    kernel = ops.convert_to_tensor(np.tile(kernel, (1, 1, 3, 1)), 'float32')
    detail = ops.depthwise_conv(ops.cast(image, 'float32'), kernel, strides=1, padding='valid')
    return math.sqrt(math.pi / 2) * ops.mean(ops.abs(detail), axis=(1, 2, 3))


def blurred(image, sigma):
    """Gaussian means, the border repeated: [B, H, W, C]."""
    reach = max(math.ceil(2.5 * sigma), 1)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return filter_2d(image, tuple(taps), margin=reach)


def stretched(image, factor):
    """Contrast about the mean colour times `factor`."""
    image = ops.cast(image, 'float32')
    mean = ops.mean(image, axis=(1, 2), keepdims=True)
    return ops.clip(mean + factor * (image - mean), -1.0, 1.0)


def unclipped(image, factor):
    """Takes back a gain that burnt out one end of the scale: the other end stays, the burnt one comes down to `factor`.

    Args:
        image: [B, H, W, 3] in [-1, 1].
        factor: Below 1.
    """
    image = ops.cast(image, 'float32')
    high, low = (ops.mean(ops.cast(sign * image > 0.98, 'float32'), axis=(1, 2, 3), keepdims=True)
                 for sign in (1.0, -1.0))
    end = ops.where(high >= low, 1.0, -1.0)
    return factor * (image + end) - end


def palette(image):
    """Means and covariances in HUE_AXES: float32 ([B, 3], [B, 3, 3])."""
    colors = ops.matmul(ops.cast(image, 'float32'), ops.convert_to_tensor(HUE_AXES.T, 'float32'))
    mean = ops.mean(colors, axis=(1, 2))
    centred = ops.reshape(colors - mean[:, None, None, :], (ops.shape(colors)[0], -1, 3))
    count = ops.cast(ops.shape(centred)[1], 'float32')
    return mean, ops.matmul(ops.transpose(centred, (0, 2, 1)), centred) / count


def palette_distance(image, reference):
    """Distance of the colours (without brightness) of two pictures of any sizes, float32 [B], in units of [-1, 1].

    Source: the Wasserstein distance of normal distributions, Dowson and Landau 1982, equation 4.
    """
    (mean, spread), (wanted, wanted_spread) = palette(image), palette(reference)
    return _hue_distance(mean[:, 1:], spread[:, 1:, 1:], wanted[:, 1:], wanted_spread[:, 1:, 1:])


def _hue_distance(mean, spread, wanted, wanted_spread):
    product = ops.matmul(spread, wanted_spread)
    trace = product[..., 0, 0] + product[..., 1, 1]
    determinant = product[..., 0, 0] * product[..., 1, 1] - product[..., 0, 1] * product[..., 1, 0]
    # Trace of the square root of a 2x2 matrix.
    root = ops.sqrt(ops.relu(trace + 2.0 * ops.sqrt(ops.relu(determinant))) + EPSILON)
    spreads = sum(part[..., index, index] for part in (spread, wanted_spread) for index in (0, 1))
    return ops.sqrt(ops.relu(ops.sum(ops.square(mean - wanted), axis=-1) + spreads - 2.0 * root) + EPSILON)


def turned_hue(image, style):
    """The image with all hues turned by the angle of TURNS that brings its colours nearest to the style's.

    Args:
        image: [B, H, W, 3] in [-1, 1].
        style: [B, h, w, 3] in [-1, 1].
    Returns:
        (float32 [B, H, W, 3], the angles in degrees, float32 [B]).
    """
    # All turns at once: [B, T, 2] and [B, T, 2, 2].
    (mean, spread), (wanted, wanted_spread) = ((part[:, None, 1:], whole[:, None, 1:, 1:])
                                               for part, whole in (palette(image), palette(style)))
    turns = ops.convert_to_tensor(np.stack([_turn(angle) for angle in TURNS]), 'float32')
    spread = ops.matmul(turns, ops.matmul(spread, ops.transpose(turns, (0, 2, 1))))
    mean = ops.matmul(turns, mean[..., None])[..., 0]
    best = ops.argmin(_hue_distance(mean, spread, wanted, wanted_spread), axis=-1)
    angle = ops.take(ops.convert_to_tensor(TURNS, 'float32'), best)
    return with_turned_hue(image, angle), angle


def with_turned_hue(image, degrees):
    """All hues turned about the grey axis by degrees [B]; brightness as the mean of the channels stays."""
    radians = degrees * (math.pi / 180.0)
    cosine, sine = (part[:, None, None] for part in (ops.cos(radians), ops.sin(radians)))
    axes = ops.convert_to_tensor(HUE_AXES, 'float32')
    colors = ops.matmul(ops.cast(image, 'float32'), ops.transpose(axes))
    grey, first, second = colors[..., 0], colors[..., 1], colors[..., 2]
    turned = ops.stack([grey, cosine * first - sine * second, sine * first + cosine * second], axis=-1)
    return ops.clip(ops.matmul(turned, axes), -1.0, 1.0)


def _turn(degrees):
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[cosine, -sine], [sine, cosine]])


def negative(image):
    """Every value turned into its opposite."""
    return -ops.cast(image, 'float32')


def brightness_negative(image):
    """Light and dark exchanged, colours kept."""
    image = ops.cast(image, 'float32')
    return ops.clip(image - 2.0 * ops.sum(image * ops.convert_to_tensor(LUMA, 'float32'), axis=-1, keepdims=True),
                    -1.0, 1.0)


def filled(image, known):
    """What is not known, filled smoothly from what is around it.

    Args:
        image: [B, H, W, C].
        known: [B, H, W, 1] in [0, 1]: 1 keeps the pixel, 0 fills it.
    Returns:
        float32 [B, H, W, C].
    Source: push-pull after Gortler et al. 1996, section 3.4.
    """
    values, weights = [ops.cast(image, 'float32')], [known]
    for _ in range(FILL_LEVELS):
        total = ops.average_pool(values[-1] * weights[-1], 2, strides=2, padding='same')
        weight = ops.average_pool(weights[-1], 2, strides=2, padding='same')
        values.append(total / (weight + EPSILON))
        weights.append(ops.minimum(4.0 * weight, 1.0))
    result = values[-1]
    for value, weight in zip(values[-2::-1], weights[-2::-1]):
        height, width = ops.shape(value)[1:3]
        result = value * weight + upsample_2d(result)[:, :height, :width] * (1.0 - weight)
    return result


def painted_over(image, content, known):
    """What is not known, painted from the photograph: its colours mapped as they are mapped around the hole.

    Args:
        image, content: [B, H, W, 3] in [-1, 1].
        known: [B, H, W, 1] in [0, 1].
    Returns:
        float32 [B, H, W, 3]: the best affine map of the photograph's colours to the picture's in what is known, plus
        what that map leaves over there, `filled`.
    """
    image, content = (ops.cast(picture, 'float32') for picture in (image, content))
    batch = ops.shape(image)[0]
    source = ops.reshape(ops.concatenate([content, ops.ones_like(content[..., :1])], axis=-1), (batch, -1, 4))
    target, weight = ops.reshape(image, (batch, -1, 3)), ops.reshape(known, (batch, -1, 1))
    transposed = ops.transpose(source * weight, (0, 2, 1))
    count = ops.sum(weight, axis=(1, 2))[:, None, None] + 1.0
    # A little damping, for photographs of one colour.
    squares = ops.matmul(transposed, source) / count + 1e-3 * ops.eye(4)
    matrix = ops.solve(squares, ops.matmul(transposed, target) / count)
    mapped = ops.reshape(ops.matmul(source, matrix), ops.shape(image))
    return ops.clip(mapped + filled(image - mapped, known), -1.0, 1.0)


def without_marks(image, where, reach=2):
    """Thin light or dark marks filled from beside them.

    Args:
        image: [B, H, W, 3] in [-1, 1].
        where: [B, H, W, 1] in [0, 1]: marks elsewhere stay.
        reach: Marks of up to 2 * reach pixels across are found.
    """
    image = ops.cast(image, 'float32')
    bright = ops.sum(image * ops.convert_to_tensor(LUMA, 'float32'), axis=-1, keepdims=True)
    size = 2 * reach + 1
    opening, closing = _widest(-_widest(-bright, size), size), -_widest(-_widest(bright, size), size)
    light, dark = bright - opening, closing - bright
    mark = ops.clip((ops.maximum(light, dark) - 0.15) / 0.15, 0.0, 1.0) * where
    return filled(image, 1.0 - _widest(mark, 3))


def _widest(x, size):
    return ops.max_pool(x, size, strides=1, padding='same')
