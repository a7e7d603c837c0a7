"""What a discriminator sees, changed at random and differentiably, so that few pictures suffice.

'diffaugment' changes every picture: colour, translation, cutout. 'ada' changes each with a
probability that follows how sure the discriminator is of real pictures: flips, quarter turns,
translation, scale, rotation, and colour. Real and generated pictures are changed by draws of their
own from one distribution, so that the generator learns the unchanged one.

Geometric changes move maps that belong to the picture (a discriminator's condition) along with it.
Everything is differentiable to any order: R1 may go through it.

Source: Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training"; Karras et
al. 2020, "Training Generative Adversarial Networks with Limited Data" (ADA), appendix B. Unlike
there, pictures are resampled bilinearly, without a wavelet filter.
"""

from __future__ import annotations

import math

import keras
from keras import ops

KINDS = ('none', 'diffaugment', 'ada')
BORDERS = ('reflect', 'zero')

SIGN_IMAGES = 256  # horizon of the average of the discriminator's signs (4 batches of 64 in the paper)
SHIFT = 0.125  # largest translation of both kinds, as a share of the side
CUTOUT = 0.5  # side of the hole, as a share of the picture's side

_ADA_GATES, _ADA_UNIFORMS, _ADA_NORMALS = 13, 8, 7


@keras.saving.register_keras_serializable('stylegan_tf')
class DiscriminatorAugmentation(keras.layers.Layer):
    """Augments pictures on their way into a discriminator.

    Args:
        kind: 'diffaugment' or 'ada'.
        target: ADA's wanted mean sign of the discriminator on real pictures.
        images: Real pictures seen while ADA's probability may rise from 0 to 1.
        batch_size: Real pictures a step, for `update`.

    call(image, *maps): float [B, H, W, 3] in [-1, 1], and maps [B, h, w, C] or None that belong to
        it -> tuple of the changed image, float32, not clipped, and the maps, moved along.

    Attributes:
        probability: Scalar variable, 'ada' only; for `System.extra_state`.
        sign: Scalar variable: the running mean sign, 'ada' only; for `System.extra_state`.
    """

    def __init__(self, kind: str, *, target: float = 0.6, images: int = 10_000, batch_size: int = 8, **kwargs):
        kwargs.setdefault('dtype', 'float32')
        super().__init__(**kwargs)
        if kind not in KINDS[1:]:
            raise ValueError(f"The kind of augmentation must be 'diffaugment' or 'ada'. Received: {kind!r}.")
        self.kind, self.target, self.images, self.batch_size = kind, target, images, batch_size
        self.seed_generator = keras.random.SeedGenerator(0, name='augmentation')
        self.probability = self.sign = None
        if kind == 'ada':
            self.probability, self.sign = (
                keras.Variable(value, dtype='float32', trainable=False, name=name, aggregation='only_first_replica')
                for name, value in (('probability', 0.0), ('sign', target)))

    def state(self) -> dict:
        """Variables that a checkpoint must hold, by name."""
        if self.kind != 'ada':
            return {}
        return {'augmentation_probability': self.probability, 'augmentation_sign': self.sign}

    def update(self, sign) -> dict:
        """Moves ADA's probability after a step; nothing to do for the other kind.

        Args:
            sign: Mean sign of the discriminator on the step's real pictures, in [-1, 1].
        Returns:
            Scalars to log.
        """
        if self.kind != 'ada':
            return {}
        kept = math.exp(-self.batch_size / SIGN_IMAGES)
        sign = kept * self.sign.value + (1.0 - kept) * ops.cast(sign, 'float32')
        change = ops.sign(sign - self.target) * (self.batch_size / self.images)
        probability = ops.clip(self.probability.value + change, 0.0, 1.0)
        self.sign.assign(sign)
        self.probability.assign(probability)
        return {'probability': probability, 'sign': sign}

    def call(self, image, *maps):
        count = ops.shape(image)[0]

        def uniform(columns):
            return keras.random.uniform((count, columns), seed=self.seed_generator)

        if self.kind == 'diffaugment':
            return diffaugment(image, maps, uniform(7))
        normal = keras.random.normal((count, _ADA_NORMALS), seed=self.seed_generator)
        return ada(image, maps, self.probability.value, uniform(_ADA_GATES), uniform(_ADA_UNIFORMS), normal)

    def compute_output_shape(self, image_shape, *map_shapes):
        return (image_shape, *map_shapes)

    def get_config(self):
        return {**super().get_config(), 'kind': self.kind, 'target': self.target, 'images': self.images,
                'batch_size': self.batch_size}


def diffaugment(image, maps, draws):
    """Colour, translation and cutout of every picture.

    Args:
        image: Float [B, H, W, 3] in [-1, 1].
        maps: Maps [B, h, w, C] or None that move along; the hole is not cut into them.
        draws: Float32 [B, 7] in [0, 1): brightness, saturation, contrast, translation (rows,
            columns), hole (row, column).
    Returns:
        Tuple (image, *maps). What comes into view is 0: middle grey.
    Source: Zhao et al. 2020; the numbers of their published code.
    """
    draw = [draws[:, index, None, None, None] for index in range(3)]
    x = ops.cast(image, 'float32') + (draw[0] - 0.5)
    grey = ops.mean(x, axis=-1, keepdims=True)
    x = grey + (x - grey) * (2.0 * draw[1])
    middle = ops.mean(x, axis=(1, 2, 3), keepdims=True)
    x = middle + (x - middle) * (0.5 + draw[2])
    height, width = image.shape[1:3]
    shifts = [_whole(draws[:, 3 + axis], 2 * reach + 1) - reach
              for axis, reach in enumerate((int(height * SHIFT + 0.5), int(width * SHIFT + 0.5)))]
    matrix = _matrices([[1, 0, shifts[0]], [0, 1, shifts[1]], [0, 0, 1]], like=draws)
    x = warp(x, matrix, (height, width), border='zero') * _hole(draws[:, 5:7], height, width)
    return (x, *(None if m is None else warp(m, matrix, (height, width), border='zero') for m in maps))


def ada(image, maps, probability, gates, uniforms, normals):
    """The blitting, geometric and colour groups of ADA, each change with a probability.

    Args:
        image: Float [B, H, W, 3] in [-1, 1].
        maps: Maps [B, h, w, C] or None that move along.
        probability: Scalar in [0, 1]; at 0 pictures and maps return bit for bit.
        gates: Float32 [B, 13] in [0, 1): which changes a picture gets.
        uniforms: Float32 [B, 8] in [0, 1): how far it is changed.
        normals: Float32 [B, 7], standard normal: likewise.
    Returns:
        Tuple (image, *maps). What comes into view is the picture mirrored at its border.
    Source: Karras et al. 2020 (ADA), appendix B, figure 20.
    """
    height, width = image.shape[1:3]
    matrix, is_moved = _ada_geometry(probability, gates[:, :8], uniforms[:, :6], normals[:, :4], height, width)
    colors, is_colored = _ada_colors(probability, gates[:, 8:], uniforms[:, 6:], normals[:, 4:])

    def moved(x):
        return ops.where(is_moved[:, None, None, None], warp(x, matrix, (height, width)), ops.cast(x, 'float32'))

    x = moved(image)
    x = ops.where(is_colored[:, None, None, None], recolored(x, colors), x)
    return (x, *(None if m is None else moved(m) for m in maps))


def warp(x, matrix, frame, *, border: str = 'reflect'):
    """Resamples pictures or maps bilinearly under an affine map.

    Args:
        x: Float [B, h, w, C].
        matrix: Float32 [B, 3, 3]: from (row, column, 1) of an output pixel to that of
            the input, both measured from the middle, in pixels of `frame`.
        frame: (height, width) that the matrix's pixels count in; x covers the same area.
        border: What lies outside: 'reflect', mirrored without repeating the border, or 'zero'.
    Returns:
        Float32 [B, h, w, C].
    Raises:
        ValueError: Unknown border.
    """
    if border not in BORDERS:
        raise ValueError(f'The border of a warp must be one of {", ".join(BORDERS)}. Received: {border!r}.')
    x = ops.cast(x, 'float32')
    height, width = x.shape[1:3]
    row = (ops.arange(height, dtype='float32') - (height - 1) / 2) * (frame[0] / height)
    column = (ops.arange(width, dtype='float32') - (width - 1) / 2) * (frame[1] / width)
    m = ops.reshape(matrix[:, :2], (-1, 6, 1, 1))
    rows = m[:, 0] * row[:, None] + m[:, 1] * column + m[:, 2]
    columns = m[:, 3] * row[:, None] + m[:, 4] * column + m[:, 5]
    rows = rows * (height / frame[0]) + (height - 1) / 2
    columns = columns * (width / frame[1]) + (width - 1) / 2
    top, left = ops.floor(rows), ops.floor(columns)
    down, right = rows - top, columns - left
    total = 0.0
    for row_step, row_share in ((0, 1.0 - down), (1, down)):
        for column_step, column_share in ((0, 1.0 - right), (1, right)):
            total += _picked(x, top + row_step, left + column_step, row_share * column_share, border)
    return total


def recolored(x, matrix):
    """Pixels [B, H, W, 3] through an affine map of colours, float32 [B, 4, 4] on (R, G, B, 1)."""
    m = matrix[:, None, None]
    return sum(x[..., index:index + 1] * m[..., :3, index] for index in range(3)) + m[..., :3, 3]


def _picked(x, rows, columns, shares, border):
    """The pixels of x at whole positions [B, h, w], weighted by `shares`."""
    count, height, width, channels = ops.shape(x)
    rows, columns = ops.cast(rows, 'int32'), ops.cast(columns, 'int32')
    if border == 'zero':
        is_inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        shares = shares * ops.cast(is_inside, 'float32')
        rows, columns = ops.clip(rows, 0, height - 1), ops.clip(columns, 0, width - 1)
    else:
        rows, columns = _mirrored(rows, height), _mirrored(columns, width)
    index = (ops.arange(count, dtype='int32')[:, None, None] * height + rows) * width + columns
    return ops.take(ops.reshape(x, (-1, channels)), index, axis=0) * shares[..., None]


def _mirrored(index, size):
    period = max(1, 2 * (size - 1))
    index = ops.mod(index, period)
    return ops.minimum(index, period - index) if size > 1 else index


def _ada_geometry(probability, gates, uniforms, normals, height, width):
    """Matrix [B, 3, 3] for `warp`, and which pictures are moved [B]."""
    rotation_probability = 1.0 - ops.sqrt(1.0 - probability)  # so that `probability` has a rotation, in two chances
    is_on = gates < ops.stack([probability] * 4 + [rotation_probability, probability] + [
        rotation_probability, probability])
    flip = 1.0 - 2.0 * _whole(uniforms[:, 0], 2)
    quarter = ops.cast(_whole(uniforms[:, 1], 4), 'int32')
    turn = [ops.take(ops.convert_to_tensor(table, 'float32'), quarter) for table in ([1, 0, -1, 0], [0, 1, 0, -1])]
    scale, stretch = 2.0 ** (0.2 * normals[:, 0]), 2.0 ** (0.2 * normals[:, 1])
    whole = [ops.round((2.0 * uniforms[:, 2 + axis] - 1.0) * SHIFT * side) for axis, side in enumerate((height, width))]
    part = [SHIFT * normals[:, 2 + axis] * side for axis, side in enumerate((height, width))]
    rotations = [math.pi * (2.0 * uniforms[:, index] - 1.0) for index in (4, 5)]
    changes = [
        [[1, 0, 0], [0, flip, 0], [0, 0, 1]],
        _rotation(*turn),
        [[1, 0, whole[0]], [0, 1, whole[1]], [0, 0, 1]],
        [[scale, 0, 0], [0, scale, 0], [0, 0, 1]],
        _rotation(ops.cos(rotations[0]), ops.sin(rotations[0])),
        [[stretch, 0, 0], [0, 1.0 / stretch, 0], [0, 0, 1]],
        _rotation(ops.cos(rotations[1]), ops.sin(rotations[1])),
        [[1, 0, part[0]], [0, 1, part[1]], [0, 0, 1]]]
    matrix = _matrices([[1, 0, 0], [0, 1, 0], [0, 0, 1]], like=gates)
    for index, change in enumerate(changes):
        matrix = _product(matrix, _where_on(is_on[:, index], _matrices(change, like=gates)))
    return matrix, ops.any(is_on, axis=1)


def _ada_colors(probability, gates, uniforms, normals):
    """Matrix [B, 4, 4] for `recolored`, and which pictures change colour [B]."""
    is_on = gates < probability
    brightness, contrast = 0.2 * normals[:, 0], 2.0 ** (0.5 * normals[:, 1])
    saturation = (2.0 ** normals[:, 2])[:, None, None]
    flip, hue = _whole(uniforms[:, 0], 2), (math.pi * (2.0 * uniforms[:, 1] - 1.0))[:, None, None]
    third, root = 1.0 / 3.0, 1.0 / math.sqrt(3.0)
    grey = _matrices([[third] * 3 + [0]] * 3 + [[0, 0, 0, 1]], like=gates)  # the part along (1, 1, 1)
    color = _matrices([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], like=gates) - grey
    around = _matrices([[0, -root, root, 0], [root, 0, -root, 0], [-root, root, 0, 0], [0] * 4], like=gates)
    diagonal, side = 1.0 - 2.0 * third * flip, -2.0 * third * flip
    changes = [
        _matrices([[1, 0, 0, brightness], [0, 1, 0, brightness], [0, 0, 1, brightness], [0, 0, 0, 1]], like=gates),
        _matrices([[contrast, 0, 0, 0], [0, contrast, 0, 0], [0, 0, contrast, 0], [0, 0, 0, 1]], like=gates),
        _matrices([[diagonal, side, side, 0], [side, diagonal, side, 0], [side, side, diagonal, 0], [0, 0, 0, 1]],
                  like=gates),
        grey + ops.cos(hue) * color + ops.sin(hue) * around,
        grey + saturation * color]
    matrix = grey + color
    for index, change in enumerate(changes):
        matrix = _product(_where_on(is_on[:, index], change), matrix)
    return matrix, ops.any(is_on, axis=1)


def _hole(draws, height, width):
    """1 outside a rectangle around a drawn middle, 0 inside: float32 [B, H, W, 1]."""
    inside = []
    for axis, side in enumerate((height, width)):
        size = int(side * CUTOUT + 0.5)
        first = _whole(draws[:, axis], side + 1 - size % 2)[:, None] - size // 2
        place = ops.arange(side, dtype='float32')
        inside.append(ops.cast((place >= first) & (place < first + size), 'float32'))
    return 1.0 - (inside[0][:, :, None] * inside[1][:, None, :])[..., None]


def _whole(draws, count):
    """Uniform draws in [0, 1) as whole numbers 0 ... count - 1, float32."""
    return ops.minimum(ops.floor(draws * count), count - 1.0)


def _rotation(cosine, sine):
    return [[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]


def _matrices(rows, like):
    """Matrices [B, n, n] of entries that are numbers or [B]."""
    zero = 0.0 * like[:, 0]
    return ops.stack([ops.stack([entry + zero for entry in row], axis=-1) for row in rows], axis=1)


def _where_on(is_on, matrix):
    identity = ops.eye(matrix.shape[-1], dtype='float32')
    return ops.where(is_on[:, None, None], matrix, identity)


def _product(a, b):
    # Not ops.matmul: accelerators multiply matrices in fewer bits, which would move pixels.
    return ops.sum(a[:, :, :, None] * b[:, None, :, :], axis=2)
