"""Statistics of a batch for a discriminator."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable('stylegan_tf')
class MinibatchStddev(keras.layers.Layer):
    """Appends how much the examples of a group differ, so that lack of variety is visible.

    Args:
        group_size: Examples compared with each other where there are no labels: the largest divisor of the batch up
            to this. The batch size must be known when it is traced.
        channels: Maps appended, each from its share of the input channels.

    call(x, label=None): [B, H, W, C], integers [B] -> [B, H, W, C + channels]. With labels the examples of a class are
    its group: those of two classes always differ, and would hide that a class has become one picture.
    Source: Karras et al. 2018 (Progressive growing), section 3, with the groups of StyleGAN2.
    """

    def __init__(self, group_size: int = 4, channels: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.group_size = group_size
        self.channels = channels

    def build(self, x_shape, label_shape=None):
        if x_shape[-1] % self.channels:
            raise ValueError(f'MinibatchStddev of {self.channels} maps needs a multiple of as many '
                             f'channels. Received: shape {tuple(x_shape)}.')

    def call(self, x, label=None):
        batch, height, width, depth = ops.shape(x)
        if not isinstance(batch, int):
            raise ValueError('MinibatchStddev needs a known batch size: use drop_remainder=True. '
                             f'Received: shape {tuple(x.shape)}.')
        flat = ops.reshape(ops.cast(x, 'float32'), (batch, height * width * depth))
        weights = self._weights(batch, label)
        variance = ops.matmul(weights, ops.square(flat - ops.matmul(weights, flat)))
        # The root of 0 has no finite gradient.
        deviation = ops.reshape(ops.sqrt(variance + 1e-8), (batch, height * width, self.channels, -1))
        maps = ops.tile(ops.mean(deviation, axis=(1, 3))[:, None, None, :], (1, height, width, 1))
        return ops.concatenate([x, ops.cast(maps, x.dtype)], axis=-1)

    def _weights(self, batch, label):
        """[B, B]: row i averages over the group of example i."""
        if label is None:
            label = ops.arange(batch) % (batch // max(
                size for size in range(1, self.group_size + 1) if batch % size == 0))
        is_same = ops.cast(ops.equal(label[:, None], label[None, :]), 'float32')
        return is_same / ops.sum(is_same, axis=1, keepdims=True)

    def compute_output_shape(self, x_shape, label_shape=None):
        return (*x_shape[:-1], x_shape[-1] + self.channels)

    def get_config(self):
        return {**super().get_config(), 'group_size': self.group_size, 'channels': self.channels}
