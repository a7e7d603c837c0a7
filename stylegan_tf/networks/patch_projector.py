"""Patches of feature maps as unit vectors, for contrastive losses."""

from __future__ import annotations

import keras
from keras import ops

from stylegan_tf.layers.equalized import EqualizedDense

EPSILON = 1e-6


@keras.saving.register_keras_serializable('stylegan_tf')
class PatchProjector(keras.Model):
    """Takes the same places out of several feature maps, and maps each by two dense layers onto the unit sphere.

    Args:
        units: Length D of the vectors and of the hidden layers.

    call(maps, draws):
        maps: List of [B, h, w, C], always as many and of the same channels.
        draws: float32 [P] in [0, 1), which decide the places: one in each of P stretches of the rows put end to end,
            so that none is taken twice.
    Returns:
        List of float32 [B, min(P, h w), D] of length 1.
    Source: Park et al. 2020 (CUT), section 3.2 and its published code.
    """

    def __init__(self, units: int = 256, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.pairs = []

    def build(self, maps_shape, draws_shape=None):
        for index, shape in enumerate(maps_shape):
            hidden = EqualizedDense(self.units, activation='relu', name=f'hidden_{index}', dtype=self.dtype_policy)
            out = EqualizedDense(self.units, name=f'out_{index}', dtype='float32')
            hidden.build((None, None, shape[-1]))
            out.build((None, None, self.units))
            self.pairs.append((hidden, out))

    def call(self, maps, draws):
        projected = []
        for (hidden, out), x in zip(self.pairs, maps, strict=True):
            patches = ops.cast(out(hidden(patches_at(x, draws))), 'float32')
            length = ops.sqrt(ops.sum(ops.square(patches), axis=-1, keepdims=True))
            projected.append(patches / (length + EPSILON))
        return projected

    def get_config(self):
        return {**super().get_config(), 'units': self.units}


def patches_at(x, draws):
    """Channels of a map [B, h, w, C] at as many places as there are draws [P] in [0, 1): [B, min(P, h w), C]."""
    height, width, channels = x.shape[1:]
    count = min(draws.shape[0], height * width)
    stretch = height * width / count
    places = ops.floor((ops.arange(count, dtype='float32') + draws[:count]) * stretch)
    places = ops.minimum(ops.cast(places, 'int32'), height * width - 1)
    return ops.take(ops.reshape(x, (-1, height * width, channels)), places, axis=1)
