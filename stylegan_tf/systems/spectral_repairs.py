"""Repairs that look at whole pictures by their Fourier transforms: blur, motion, ghosts, and seams between tiles.

A picture that was smeared or doubled tells by how much and in which direction: the logarithm of its spectrum turns the
product of picture and damage into a sum, whose own transform, the cepstrum, has a peak at the displacement.
Everything takes and returns float32 [B, H, W, 3] in [-1, 1].
"""

from __future__ import annotations

import math

from keras import ops

LUMA = (0.299, 0.587, 0.114)  # BT.601
REACH = 20  # displacements that the cepstrum is searched for, pixels
BORDER = 24  # mirrored around a picture before it is filtered, less than the smallest picture
LEAST_POWER = 1.6e-7  # of a spectrum's value, about that of 8-bit rounding
GHOST_LENGTHS, MOTION_LENGTHS = (4.4, 14.6), (3.5, 19.0)  # pixels
LEAST_GHOST, LEAST_MOTION = 0.1, 0.09  # of a cepstrum's peak; pictures without show 0.09 and 0.05 at most
GHOST_TURNS = 8  # a ghost of share a is down to (a / (1 - a))^8
MOST_GHOST = 0.85  # of a / (1 - a)
CEPSTRUM_NOISE = 0.02  # of pictures without any ghost
SEAM_WINDOW, SEAM_NEIGHBOURS = 25, 15  # pixels along a seam, and across
SEAM_RATIO = 2.1  # steps at a seam over those nearby; of pictures without seams 1.9 at most
LEAST_STEP = 0.008  # between tiles, of 2


def deblurred(image, sigma, noise=0.005):
    """Undoes a Gaussian blur of `sigma` pixels, as far as it left anything above `noise` (energy over the signal's).

    Source: Wiener 1949.
    """
    def response(down, right):
        return ops.exp(-2.0 * (math.pi * sigma) ** 2 * (down ** 2 + right ** 2))

    return _unfiltered(image, response, noise)


def without_motion(image, noise=0.03):
    """Undoes a blur along a straight path, whose length and direction the cepstrum tells; nothing where it tells none.

    Source: Rom 1975, "On the cepstrum of two-dimensional functions", for the path; Wiener 1949.
    """
    cepstrum, lengths = _cepstrum(image)
    row, column = _extreme(-cepstrum, lengths, MOTION_LENGTHS)
    is_moved = -_at(cepstrum, row[:, None], column[:, None])[:, 0] >= LEAST_MOTION
    row, column = (ops.cast(part, 'float32')[:, None, None, None] for part in (row, column))

    def response(down, right):
        path = math.pi * (down * row + right * column)
        return ops.where(ops.abs(path) < 1e-4, 1.0, ops.sin(path) / ops.where(ops.abs(path) < 1e-4, 1.0, path))

    return ops.where(is_moved[:, None, None, None], _unfiltered(image, response, noise), ops.cast(image, 'float32'))


def _unfiltered(image, response, noise):
    """The picture before a filter that is symmetrical, given its response to frequencies in cycles a pixel."""
    image = ops.cast(image, 'float32')
    height, width = ops.shape(image)[1:3]
    around = ((0, 0), (BORDER, BORDER), (BORDER, BORDER), (0, 0))
    x = ops.transpose(ops.pad(image, around, mode='reflect'), (0, 3, 1, 2))
    real, imaginary = ops.fft2((x, ops.zeros_like(x)))
    passed = response(_frequencies(height + 2 * BORDER)[:, None], _frequencies(width + 2 * BORDER)[None, :])
    gain = passed * (1.0 + noise) / (ops.square(passed) + noise)
    x, _ = ops.ifft2((real * gain, imaginary * gain))
    x = ops.transpose(x, (0, 2, 3, 1))[:, BORDER:BORDER + height, BORDER:BORDER + width]
    return ops.clip(x, -1.0, 1.0)


def without_ghost(image):
    """Takes out a second picture that shines through, displaced by a few pixels.

    The cepstrum tells how far and how strong, but not to which side: of the two results the one with less edges is
    right, because the other has got ghosts of ghosts. Nothing is taken out where it tells none.
    Source: Bogert, Healy and Tukey 1963, for the echo; the rest is the series of its inverse.
    """
    image = ops.cast(image, 'float32')
    cepstrum, lengths = _cepstrum(image)
    row, column = _extreme(cepstrum, lengths, GHOST_LENGTHS)
    steps = [-1] * 3 + [0] * 3 + [1] * 3, [-1, 0, 1] * 3
    around = _at(cepstrum, *(whole[:, None] + ops.convert_to_tensor(parts, 'int32')
                             for whole, parts in zip((row, column), steps)))  # [B, 9]
    peak = around[:, 4]
    around = ops.relu(around - CEPSTRUM_NOISE)
    total = ops.sum(around, axis=-1)
    share = around / (total[:, None] + 1e-6)
    # Parts of a pixel, by the centre of the peak.
    row, column = (ops.cast(whole, 'float32') + ops.sum(share * ops.convert_to_tensor(parts, 'float32'), axis=-1)
                   for whole, parts in zip((row, column), steps))
    ratio = ops.where(peak >= LEAST_GHOST, ops.minimum(total, MOST_GHOST), 0.0)
    weight = (ratio / (1.0 + ratio))[:, None, None, None]
    both = _echo_removed(ops.concatenate([image, image]), ops.concatenate([row, -row]),
                         ops.concatenate([column, -column]), ops.concatenate([weight, weight]))
    count = ops.shape(image)[0]
    first, second = both[:count], both[count:]
    is_first = _edges(first) <= _edges(second)
    return ops.where(is_first[:, None, None, None], first, second)


def _echo_removed(image, row, column, weight):
    one, none = ops.ones_like(row), ops.zeros_like(row)
    # (x, y) of the result is read at (x + column, y + row).
    transform = ops.stack([one, none, column, none, one, row, none, none], axis=-1)

    def turned(_, result):
        ghost = ops.image.affine_transform(result, transform, interpolation='bilinear', fill_mode='reflect',
                                           data_format='channels_last')
        # Its shape is known to be the image's, which a loop must see.
        ghost = ops.reshape(ghost, ops.shape(image))
        return ops.clip((image - weight * ghost) / (1.0 - weight), -1.0, 1.0)

    return ops.fori_loop(0, GHOST_TURNS, turned, image)


def _edges(image):
    return (ops.mean(ops.abs(image[:, 1:] - image[:, :-1]), axis=(1, 2, 3))
            + ops.mean(ops.abs(image[:, :, 1:] - image[:, :, :-1]), axis=(1, 2, 3)))


def _cepstrum(image):
    """Displacements of up to REACH pixels: ([B, 2 REACH + 1, 2 REACH + 1], their lengths of the same size)."""
    bright = ops.sum(ops.cast(image, 'float32') * ops.convert_to_tensor(LUMA, 'float32'), axis=-1)
    bright = bright - ops.mean(bright, axis=(1, 2), keepdims=True)
    height, width = ops.shape(bright)[1:3]
    x = bright * _hann(height)[:, None] * _hann(width)[None, :]
    real, imaginary = ops.fft2((x, ops.zeros_like(x)))
    count = ops.cast(height * width, 'float32')
    power = (ops.square(real) + ops.square(imaginary)) / count
    log = ops.log(power + LEAST_POWER)
    cepstrum, _ = ops.fft2((log, ops.zeros_like(log)))  # of a symmetrical picture: its inverse too
    near = ops.arange(-REACH, REACH + 1)
    cepstrum = ops.take(ops.take(cepstrum, ops.mod(near, height), axis=1), ops.mod(near, width), axis=2) / count
    near = ops.cast(near, 'float32')
    return cepstrum, ops.sqrt(near[:, None] ** 2 + near[None, :] ** 2)


def _extreme(cepstrum, lengths, bounds):
    """Where it is largest among displacements within bounds: rows [B], columns [B]."""
    allowed = ops.logical_and(lengths >= bounds[0], lengths <= bounds[1])
    size = 2 * REACH + 1
    best = ops.argmax(ops.reshape(ops.where(allowed[None], cepstrum, -1e9), (-1, size * size)), axis=-1)
    best = ops.cast(best, 'int32')
    return best // size - REACH, best % size - REACH


def _at(cepstrum, rows, columns):
    """Its values [B, n] at displacements [B, n]."""
    size = 2 * REACH + 1
    index = (rows + REACH) * size + columns + REACH
    return ops.take_along_axis(ops.reshape(cepstrum, (-1, size * size)), index, axis=1)


def _hann(size):
    position = ops.cast(ops.arange(size), 'float32') + 1.0
    return 0.5 - 0.5 * ops.cos(2.0 * math.pi * position / (ops.cast(size, 'float32') + 1.0))


def _frequencies(size):
    """Cycles a pixel of a transform's places, float32 [size] in [-0.5, 0.5)."""
    index = ops.arange(size)
    index = ops.where(index < (size + 1) // 2, index, index - size)
    return ops.cast(index, 'float32') / ops.cast(size, 'float32')


def without_seams(image):
    """Levels tiles that do not meet: steps along straight rows and columns are taken out of the picture's gradient.

    Source: Perez, Gangnet and Blake 2003, for pictures from gradients.
    """
    image = ops.cast(image, 'float32')
    down = _seam_steps(image)
    right = ops.transpose(_seam_steps(ops.transpose(image, (0, 2, 1, 3))), (0, 2, 1, 3))
    return ops.clip(image - _from_gradient(down, right), -1.0, 1.0)


def _seam_steps(image):
    """Steps from rows to the next where these are seams, and 0 elsewhere: [B, H, W, 3]."""
    step = ops.pad(image[:, 1:] - image[:, :-1], ((0, 0), (0, 1), (0, 0), (0, 0)))
    step = ops.average_pool(step, (1, SEAM_WINDOW), strides=1, padding='same')
    # The median, because an edge of the picture may be steep but is not as long as a seam.
    size = ops.median(ops.mean(ops.abs(step), axis=-1), axis=2)
    nearby = ops.average_pool(size[..., None], SEAM_NEIGHBOURS, strides=1, padding='same')[..., 0]
    is_seam = ops.cast(size / (nearby + LEAST_STEP) > SEAM_RATIO, 'float32')
    return step * is_seam[:, :, None, None]


def _from_gradient(down, right):
    """The picture of mean 0 whose steps to the next row and column come nearest to these."""
    divergence = down + right
    divergence -= ops.pad(down[:, :-1], ((0, 0), (1, 0), (0, 0), (0, 0)))
    divergence -= ops.pad(right[:, :, :-1], ((0, 0), (0, 0), (1, 0), (0, 0)))
    height, width = ops.shape(divergence)[1:3]
    # Mirrored, so that the ends are free.
    whole = ops.concatenate([divergence, ops.flip(divergence, axis=1)], axis=1)
    whole = ops.transpose(ops.concatenate([whole, ops.flip(whole, axis=2)], axis=2), (0, 3, 1, 2))
    real, imaginary = ops.fft2((whole, ops.zeros_like(whole)))
    waves = (ops.cos(2.0 * math.pi * _frequencies(2 * size)) for size in (height, width))
    down, right = waves
    laplacian = 2.0 * down[:, None] + 2.0 * right[None, :] - 4.0
    inverse = ops.where(laplacian > -1e-7, 0.0, 1.0 / ops.minimum(laplacian, -1e-7))
    x, _ = ops.ifft2((real * inverse, imaginary * inverse))
    return ops.transpose(x, (0, 2, 3, 1))[:, :height, :width]
