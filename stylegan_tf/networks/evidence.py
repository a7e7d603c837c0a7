"""Evidence of defects that is computed, not learnt: energies, grids, correlations with the photograph.

A network could find each of these, but only after very many pictures: they are logarithms, products and means over
places. Everything is float32, differentiable, and of any size.
"""

from __future__ import annotations

import math

import numpy as np
from keras import ops

from stylegan_tf.layers.lab import rgb_to_lab

OPPONENT = ((0.299, -0.169, 0.5), (0.587, -0.331, -0.419), (0.114, 0.5, -0.081))  # RGB -> Y, Cb, Cr
FLOOR = 2e-5  # energy of half a grey level on the scale [-1, 1]
SHIFTS = tuple((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1))
FAR_SHIFTS = tuple((y, x) for y in (-2, -1, 0, 1, 2) for x in (-2, -1, 0, 1, 2) if max(abs(y), abs(x)) == 2)
ECHO_REACH = 3  # in steps of four pixels
ECHO_SHIFTS = tuple((y, x) for y in range(-ECHO_REACH, ECHO_REACH + 1) for x in range(-ECHO_REACH, ECHO_REACH + 1))
HUES = 24  # of `hue_profile`, 15 degrees each
TURNS = tuple(range(-5, 6))  # in steps of a hue
OWN_MAPS = 23  # of `own_maps`
JOINT_MAPS = 49  # of `joint_maps`
MOMENTS = 15  # of `color_moments`
PROFILE = 4  # of `grid_profile`
PROFILE_GAIN = 4.0

# Names of `summary`, and the references each needs.
PARTS = {'structure_kept': ('content',), 'structure_inverted': ('content',), 'color_drift': ('style',),
         'sharpness_ratio': ('style',), 'contrast_ratio': ('style',), 'clipped_share': (), 'grid_peak': (),
         'block_steps': ()}


def opponent(image):
    """[B, H, W, 3] RGB in [-1, 1] -> brightness and two colour differences, [B, H, W, 3]."""
    return ops.matmul(ops.cast(image, 'float32'), ops.convert_to_tensor(OPPONENT, 'float32'))


def own_maps(image):
    """What a picture shows by itself, place by place.

    Args:
        image: [B, H, W, 3] in [-1, 1], H and W multiples of 8.
    Returns:
        float32 [B, H/4, W/4, OWN_MAPS], about within [-2, 2]: mean colours, log energies of four bands of brightness,
        of gradients across and along, of fine colour; coherent grids of periods 2 and 4; shares of clipped values;
        thin bright and dark lines; straight steps, upright and level.
    """
    colors = opponent(image)
    bright = colors[..., :1]
    levels = _levels(bright, 4)
    bands = [(_band(x), level) for level, x in enumerate(levels)]
    bands += [(step, level) for level in (0, 1) for step in _differences(levels[level])]
    chroma = colors[..., 1:]
    bands += [(_band(chroma), 0), (_band(_pooled(chroma, 2)), 1)]
    peaks = ops.cast(image, 'float32')
    clipped = ops.max(ops.relu(ops.stack([-peaks, peaks], axis=-2) - 0.94) / 0.06, axis=-1)
    return ops.concatenate([
        _pooled(colors, 4), _quarter_energies(bands), _grid(colors, 2), _grid(colors, 4), _pooled(clipped, 4),
        _thin_lines(ops.concatenate([bright, -bright], axis=-1)), *_straight_steps(bright)], axis=-1)


def joint_maps(image, content):
    """How a picture relates to the photograph behind it, place by place.

    Args:
        image, content: [B, H, W, 3] in [-1, 1], H and W multiples of 8.
    Returns:
        float32 [B, H/4, W/4, JOINT_MAPS]: correlations of the gradients within windows, at displacements of up to 2 and
        up to 4 pixels; correlations of their lengths, of the brightness and of the colours; ratios of the energies of
        four bands; log differences of brightness and colour; correlations at displacements of up to 8 pixels and the
        displacements that correlate best.
    """
    colors, others = opponent(image), opponent(content)
    levels, other_levels = _levels(colors[..., :1], 4), _levels(others[..., :1], 4)
    gradients = {level: (_gradient(levels[level]), _gradient(other_levels[level])) for level in (1, 2)}
    near = _displaced_correlations(*gradients[1], 1, SHIFTS)
    far = _displaced_correlations(*gradients[2], 2, SHIFTS + FAR_SHIFTS)
    maps = [near, far[..., :len(SHIFTS)]]
    for level in (1, 2):
        lengths = [ops.sqrt(ops.sum(ops.square(x), axis=1)[..., None] + FLOOR) for x in gradients[level]]
        maps.append(_to_quarter(_correlation(*lengths, window=8 if level == 1 else 7), level))
    maps.append(_correlation(levels[2], other_levels[2], window=7))
    maps.append(_correlation(_pooled(colors[..., 1:], 4), _pooled(others[..., 1:], 4), window=7))
    bands, other_bands = (_quarter_energies([(_band(x), level) for level, x in enumerate(picture)])
                          for picture in (levels, other_levels))
    difference = colors - others
    maps += [bands - other_bands, _quarter_energies([(difference[..., :1], 0), (difference[..., 1:], 0)]),
             _correlation(_pooled(colors, 4), _pooled(others, 4), window=15), far[..., len(SHIFTS):],
             _best_displacement(near, SHIFTS), _best_displacement(far, SHIFTS + FAR_SHIFTS)]
    return ops.concatenate(maps, axis=-1)


def color_moments(image):
    """Means, deviations, correlations, skews and the tails of brightness and colour: float32 [B, MOMENTS]."""
    x = opponent(image)
    mean = ops.mean(x, axis=(1, 2))
    centred = x - mean[:, None, None, :]
    deviation = ops.sqrt(ops.mean(ops.square(centred), axis=(1, 2)) + FLOOR)
    scaled = centred / deviation[:, None, None, :]
    first, second, third = scaled[..., 0], scaled[..., 1], scaled[..., 2]
    products = ops.stack([ops.mean(a * b, axis=(1, 2)) for a, b in (
        (first, second), (second, third), (third, first))], axis=-1)
    skew = ops.mean(ops.clip(scaled, -3.0, 3.0) ** 3, axis=(1, 2)) / 3.0
    tails = ops.stack([ops.mean(ops.relu(sign * ops.cast(image, 'float32') - 0.8), axis=(1, 2, 3)) * 10.0
                       for sign in (-1.0, 1.0)] + [ops.mean(ops.abs(x[..., 1:]), axis=(1, 2, 3))], axis=-1)
    return ops.concatenate([mean * 2.0, ops.log(deviation) + 1.5, products, skew, tails], axis=-1)


def grid_profile(image):
    """How far steps between neighbours gather at one phase of a grid of 8 or 4 pixels: float32 [B, PROFILE].

    Codecs and tiles leave such grids; the logarithm of the largest over the mean phase, across and along.
    """
    bright = opponent(image)[..., 0]
    parts = []
    for x in (bright, ops.transpose(bright, (0, 2, 1))):
        # A step that is larger than its neighbours' mean, so that edges of the picture count less.
        step = ops.abs(x[:, :, 1:] - x[:, :, :-1])
        step = ops.pad(step, ((0, 0), (0, 0), (0, 1)))
        excess = ops.sqrt(step + 1e-4)
        column = ops.mean(excess, axis=1)
        for period in (8, 4):
            phases = ops.mean(ops.reshape(column, (ops.shape(column)[0], -1, period)), axis=1)
            parts.append(PROFILE_GAIN * ops.log(ops.max(phases, axis=-1) / ops.mean(phases, axis=-1)))
    return ops.stack(parts, axis=-1)


def hue_profile(image):
    """Shares of the hues, each pixel counting by its colourfulness: float32 [B, HUES], about 1 where all are alike."""
    colors = _pooled(opponent(image), 2)[..., 1:]
    strength = ops.sqrt(ops.sum(ops.square(colors), axis=-1) + FLOOR)
    direction = colors / strength[..., None]
    angles = ops.arange(HUES, dtype='float32') * (2.0 * math.pi / HUES)
    axes = ops.stack([ops.cos(angles), ops.sin(angles)])
    near = ops.exp(16.0 * (ops.matmul(direction, axes) - 1.0)) * strength[..., None]
    total = ops.mean(near, axis=(1, 2))
    return total / (ops.mean(total, axis=-1, keepdims=True) + 1e-3)


def hue_agreement(profile, other):
    """Correlation of two hue profiles, one of them turned by TURNS: [B, number of TURNS] in [-1, 1]."""
    profile, other = (x - ops.mean(x, axis=-1, keepdims=True) for x in (profile, other))
    norm = ops.sqrt((ops.sum(ops.square(profile), axis=-1) + 1e-3) * (ops.sum(ops.square(other), axis=-1) + 1e-3))
    turned = ops.take(other, [[(hue - turn) % HUES for hue in range(HUES)] for turn in TURNS], axis=-1)
    return ops.sum(profile[:, None] * turned, axis=-1) / norm[:, None]


def echoes(image, other):
    """Correlation of the gradients of two pictures, one displaced by ECHO_SHIFTS: [B, number of shifts], times 3.

    With the photograph behind it a clean picture agrees at no displacement alone, a doubled one at two.
    """
    x, y = (_gradient(_pooled(opponent(picture)[..., :1], 4)) for picture in (image, other))
    norm = ops.sqrt((ops.sum(ops.square(x), axis=(1, 2, 3)) + FLOOR) * (ops.sum(ops.square(y), axis=(1, 2, 3)) + FLOOR))
    products = ops.sum(x[:, None, None] * _moved(y, ECHO_REACH), axis=(3, 4, 5))
    return 3.0 * ops.reshape(products, (-1, len(ECHO_SHIFTS))) / norm[:, None]


def summary(image, content=None, style=None):
    """Evidence in numbers that a person can read; beside the score, not part of it.

    Args:
        image, content: [B, H, W, 3] in [-1, 1], H and W multiples of 8.
        style: [B, h, w, 3], multiples of 8; None, like content, where unknown.
    Returns:
        dict of PARTS whose references are there -> float32 [B]:
            'structure_kept': mean correlation with the photograph's gradients within windows, each at its best
                displacement of up to 4 pixels, in [-1, 1]; 'structure_inverted': share of the picture where dark and
                bright have changed places;
            'color_drift': distance of the mean colour from the style picture's, CIE Lab 1976;
            'sharpness_ratio': fine detail over the style picture's; 'contrast_ratio': spread of lightness over the
                style picture's;
            'clipped_share': share of the picture at either end of the scale;
            'grid_peak': amplitude of a coherent checkerboard, grey levels of 255; 'block_steps': mean excess of the
                steps at one phase of a grid of 8 or 4 pixels, a share.
    """
    parts = {}
    if content is not None:
        joint = joint_maps(image, content)
        best = ops.max(joint[..., :2 * len(SHIFTS)], axis=-1)
        brightness = joint[..., 2 * len(SHIFTS) + 2]
        parts['structure_kept'] = ops.mean(best, axis=(1, 2))
        parts['structure_inverted'] = ops.mean(ops.cast(brightness < -0.5, 'float32'), axis=(1, 2))
    if style is not None:
        lab, other = rgb_to_lab(image), rgb_to_lab(style)
        moved = ops.mean(lab, axis=(1, 2)) - ops.mean(other, axis=(1, 2))
        parts['color_drift'] = ops.sqrt(ops.sum(ops.square(moved), axis=-1))
        fine, other_fine = (ops.sqrt(ops.mean(ops.square(_band(opponent(x)[..., :1])), axis=(1, 2, 3)) + FLOOR)
                            for x in (image, style))
        parts['sharpness_ratio'] = fine / other_fine
        spread, other_spread = (ops.std(x[..., 0], axis=(1, 2)) + 0.1 for x in (lab, other))
        parts['contrast_ratio'] = spread / other_spread
    ends = ops.max(ops.abs(ops.cast(image, 'float32')), axis=-1) >= 1.0 - 1.0 / 255
    parts['clipped_share'] = ops.mean(ops.cast(ends, 'float32'), axis=(1, 2))
    parts['grid_peak'] = 127.5 * ops.maximum(*(_grid_amplitude(image, period) for period in (2, 4)))
    parts['block_steps'] = ops.exp(ops.max(grid_profile(image), axis=-1) / PROFILE_GAIN) - 1.0
    return parts


def _levels(x, count):
    levels = [x]
    for _ in range(count - 1):
        levels.append(_pooled(levels[-1], 2))
    return levels


def _pooled(x, size):
    return ops.average_pool(x, size, strides=size)


def _smoothed(x, window):
    """Means over odd windows, stride 1, edges repeated by what lies inside."""
    return ops.average_pool(x, window, strides=1, padding='same')


def _band(x):
    """What 3x3 means leave out."""
    return x - _smoothed(x, 3)


def _differences(x):
    """Steps downwards and to the right, of the same shape."""
    down = ops.pad(x[:, 1:] - x[:, :-1], ((0, 0), (0, 1), (0, 0), (0, 0)))
    across = ops.pad(x[:, :, 1:] - x[:, :, :-1], ((0, 0), (0, 0), (0, 1), (0, 0)))
    return down, across


def _gradient(x):
    """Of a map [B, h, w, 1]: [B, 2, h, w]."""
    return ops.stack([step[..., 0] for step in _differences(x)], axis=1)


def _quarter_energies(bands):
    """Scaled log energies of (band at 1/2^level, level), in windows of at least 8 pixels: [B, H/4, W/4, how many]."""
    energies = []
    for x, level in bands:
        energy = ops.mean(ops.square(x), axis=-1, keepdims=True)
        if level < 2:
            energy = _pooled(energy, 4 >> level)
        energies.append(_to_quarter(_smoothed(energy, 3), max(level, 2)))
    return (ops.log(ops.concatenate(energies, axis=-1) + FLOOR) + 6.0) / 3.0


def _to_quarter(x, level):
    if level == 1:
        return _pooled(x, 2)
    if level == 3:
        return ops.repeat(ops.repeat(x, 2, axis=1), 2, axis=2)
    return x


def _grid(colors, period):
    """Log amplitude of a checkerboard of a period, coherent within 32 pixels, over the picture's own there."""
    window = 16 // period * 2 - 1
    responses = _grid_responses(colors, period)
    total = ops.sum(ops.square(_smoothed(responses, window)), axis=-1, keepdims=True)
    total_energy = ops.sum(_smoothed(ops.square(responses), window), axis=-1, keepdims=True)
    amplitude = (ops.log(total + FLOOR / 40) + 10.0) / 3.0
    coherence = 4.0 * total / (total_energy + FLOOR / 4)
    both = ops.concatenate([amplitude, coherence], axis=-1)
    return _pooled(both, 2) if period == 2 else both


def _grid_responses(colors, period):
    """Inner products with a checkerboard, at each of n places where it may begin: [B, H/period, W/period, 3 n]."""
    cell = period // 2
    kernel = [[1.0 if (row // cell + column // cell) % 2 == 0 else -1.0 for column in range(period)]
              for row in range(period)]
    kernels = [kernel]
    if cell > 1:
        kernels += [_rolled(kernel, *shift) for shift in ((0, 1), (1, 0), (1, 1))]
    weights = np.stack(kernels, axis=-1)[:, :, None].repeat(3, axis=2) / period ** 2
    return ops.depthwise_conv(colors, ops.convert_to_tensor(weights, 'float32'), strides=period)


def _grid_amplitude(image, period):
    """Amplitude of a checkerboard that is coherent over the whole picture: [B]."""
    means = ops.mean(_grid_responses(ops.cast(image, 'float32'), period), axis=(1, 2))
    return ops.max(ops.abs(means), axis=-1)


def _rolled(kernel, down, right):
    size = len(kernel)
    return [[kernel[(row + down) % size][(column + right) % size] for column in range(size)] for row in range(size)]


def _correlation(x, y, window):
    """Correlation of two maps of any channels within windows: [B, h, w, 1] in [-1, 1]."""
    x, y = (values - _smoothed(values, window) for values in (x, y))
    sums = [ops.sum(values, axis=-1, keepdims=True) for values in (x * y, x * x, y * y)]
    product, first, second = ops.split(_smoothed(ops.concatenate(sums, axis=-1), window), 3, axis=-1)
    return product / ops.sqrt((first + FLOOR) * (second + FLOOR))


def _displaced_correlations(x, y, level, shifts):
    """Correlations of two gradients at some shifts of a level: [B, H/4, W/4, number of shifts]."""
    window, reach = 9 if level == 1 else 7, max(max(shift) for shift in shifts)
    products = ops.transpose(ops.sum(x[:, None, None] * _moved(y, reach), axis=3), (0, 3, 4, 1, 2))
    side = 2 * reach + 1
    products = ops.reshape(products, (*ops.shape(products)[:3], side * side))
    if len(shifts) > len(SHIFTS):
        products = ops.take(products, [(down + reach) * side + right + reach for down, right in shifts], axis=-1)
    first, second = (_smoothed(ops.sum(ops.square(values), axis=1)[..., None], window) for values in (x, y))
    result = _smoothed(products, window) / ops.sqrt((first + FLOOR) * (second + FLOOR))
    return _to_quarter(result, level)


def _moved(x, reach):
    """Copies of [B, 2, h, w] read at all shifts of up to `reach`, zero beyond the border: [B, down, right, 2, h, w].

    Rows first and then columns, which takes far fewer operations than one after the other.
    """
    x = ops.pad(x, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    ends = [(start, start - 2 * reach or None) for start in range(2 * reach + 1)]
    x = ops.stack([x[:, :, start:end] for start, end in ends], axis=1)
    return ops.stack([x[..., start:end] for start, end in ends], axis=2)


def _best_displacement(correlations, shifts):
    """Mean of the shifts, weighted by how well each correlates: [B, h, w, 2], in steps."""
    weights = ops.softmax(8.0 * correlations, axis=-1)
    return ops.matmul(weights, ops.convert_to_tensor(shifts, 'float32'))


def _thin_lines(x):
    """Log height of what is brighter than all around it and narrower than five pixels: [B, H/4, W/4, C]."""
    opened = _highest(-_highest(-x))
    highest = ops.max_pool(x - opened, 4, strides=4)
    return (ops.log(ops.square(highest) + FLOOR) + 4.0) / 3.0


def _highest(x):
    """Largest value of 5x5 pixels, stride 1."""
    return ops.max_pool(ops.max_pool(x, (5, 1), strides=1, padding='same'), (1, 5), strides=1, padding='same')


def _straight_steps(bright):
    """Log height of steps that go on for 36 pixels, upright and level: two of [B, H/4, W/4, 1]."""
    down, across = _differences(bright)
    maps = []
    for step, along, beside in ((across, (4, 1), (1, 4)), (down, (1, 4), (4, 1))):
        means = ops.average_pool(step, along, strides=along)
        window = tuple(9 if size > 1 else 1 for size in along)
        coherent = ops.abs(ops.average_pool(means, window, strides=1, padding='same'))
        highest = ops.max_pool(coherent, beside, strides=beside)
        maps.append((ops.log(ops.square(highest) + FLOOR) + 7.0) / 3.0)
    return maps
