"""Statistics of a batch for a discriminator."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable('stylegan_tf')
class MinibatchStddev(keras.layers.Layer):
    """Appends how much the examples of a group differ, so that lack of variety is visible.

    Args:
        group_size: Examples compared with each other: the largest divisor of the batch up to
            this. The batch size must be known when it is traced.
        channels: Maps appended, each from its share of the input channels.

    call(x): [B, H, W, C] -> [B, H, W, C + channels].
    Source: Karras et al. 2018 (Progressive growing), section 3, with the groups of StyleGAN2.
    """

    def __init__(self, group_size: int = 4, channels: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.group_size = group_size
        self.channels = channels

    def build(self, input_shape):
        if input_shape[-1] % self.channels:
            raise ValueError(f'MinibatchStddev of {self.channels} maps needs a multiple of as many '
                             f'channels. Received: shape {tuple(input_shape)}.')

    def call(self, x):
        batch, height, width, depth = ops.shape(x)
        if not isinstance(batch, int):
            raise ValueError('MinibatchStddev needs a known batch size: use drop_remainder=True. '
                             f'Received: shape {tuple(x.shape)}.')
        group = max(size for size in range(1, self.group_size + 1) if batch % size == 0)
        y = ops.reshape(ops.cast(x, 'float32'), (
            group, batch // group, height, width, self.channels, depth // self.channels))
        variance = ops.mean(ops.square(y - ops.mean(y, axis=0, keepdims=True)), axis=0)
        # The root of 0 has no finite gradient.
        deviation = ops.mean(ops.sqrt(variance + 1e-8), axis=(1, 2, 4))
        maps = ops.tile(deviation[:, None, None, :], (group, height, width, 1))
        return ops.concatenate([x, ops.cast(maps, x.dtype)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + self.channels)

    def get_config(self):
        return {**super().get_config(), 'group_size': self.group_size, 'channels': self.channels}
