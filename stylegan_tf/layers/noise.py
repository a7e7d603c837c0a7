"""Noise inputs of a synthesis network."""

from __future__ import annotations

import math

import keras
from keras import ops


def positional_noise(height, width, *, seed: int = 0, row: int = 0, column: int = 0):
    """Normal noise that depends on the absolute pixel position and on nothing else.

    The value at a position is a hash of (seed, position), so a tile taken at (row, column) gets
    the noise the whole image has there (but for the last bit), on every backend.

    Args:
        height: Rows; a Python integer or a scalar integer tensor.
        width: Columns, likewise.
        seed: Which noise field.
        row: Position of the first row in the whole image.
        column: Position of the first column.
    Returns:
        Float32 [1, height, width, 1], about standard normal.
    """
    rows = ops.cast(ops.arange(height), 'uint32') + _word(row)
    columns = ops.cast(ops.arange(width), 'uint32') + _word(column)
    key = _mixed(_mixed(rows + _word(seed))[:, None] + columns[None, :])
    first = _unit_interval(key)
    second = _unit_interval(_mixed(key + _word(0x9E3779B9)))
    # Box and Muller: two uniform numbers make a normal one.
    noise = ops.sqrt(-2.0 * ops.log(first)) * ops.cos(2.0 * math.pi * second)
    return noise[None, :, :, None]


def _word(value):
    if isinstance(value, int):
        value %= 2**32
    return ops.cast(value, 'uint32')


def _mixed(value):
    """Scrambles uint32 values with the constants of C. Wellons's 'lowbias32'."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        value = ops.bitwise_xor(value, ops.right_shift(value, _word(shift)))
        value = value * _word(factor)
    return ops.bitwise_xor(value, ops.right_shift(value, _word(16)))


def _unit_interval(value):
    """Uint32 to float32 in (0, 1), both ends left out so that the logarithm is finite."""
    top_bits = ops.cast(ops.right_shift(value, _word(9)), 'float32')
    return (top_bits + 0.5) / 2.0**23


@keras.saving.register_keras_serializable('stylegan_tf')
class NoiseInjection(keras.layers.Layer):
    """Adds noise times one learned strength (first 0) to every channel alike.

    Args:
        seed: Which `positional_noise` the layer uses outside training; give each layer of a
            network its own, else layers of one size add the same noise.

    call(x, noise=None, training=None): x [B, H, W, C]; noise [B or 1, H, W, 1], or None for fresh
    normal noise in training and `positional_noise` otherwise, so that results repeat and tiles
    agree. The fresh noise follows `seed_generator`, whose state the trainer sets.
    Source: Karras et al. 2019 (StyleGAN), section 2.
    """

    def __init__(self, *, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed, name='seed_generator')

    def build(self, x_shape, noise_shape=None):
        self.strength = self.add_weight(shape=(), name='strength', initializer='zeros')

    def call(self, x, noise=None, training=None):
        if noise is None:
            batch, height, width = ops.shape(x)[:3]
            if training:
                noise = keras.random.normal((batch, height, width, 1), dtype='float32',
                                            seed=self.seed_generator)
            else:
                noise = positional_noise(height, width, seed=self.seed)
        return x + ops.cast(noise, x.dtype) * self.strength

    def compute_output_shape(self, x_shape, noise_shape=None):
        return x_shape

    def get_config(self):
        return {**super().get_config(), 'seed': self.seed}
