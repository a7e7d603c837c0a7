"""Self-attention over the positions of a feature map."""

from __future__ import annotations

import math

import keras
from keras import ops

from stylegan_tf.layers.equalized import EqualizedConv2D


@keras.saving.register_keras_serializable('stylegan_tf')
class SelfAttention2D(keras.layers.Layer):
    """x + gamma * attention(x), gamma learned and first 0, so that the layer starts as identity.

    Args:
        reduction: Queries and keys have C // reduction channels, values C // 2.

    call(x): [B, H, W, C] -> same shape; memory grows with (H W)^2, so use it up to about 64 x 64.
    Source: Zhang et al. 2019 (SAGAN), equations 1-3; logits over sqrt(d) because equalized
        convolutions keep the variance of queries and keys at 1.
    """

    def __init__(self, reduction: int = 8, **kwargs):
        super().__init__(**kwargs)
        self.reduction = reduction

    def build(self, input_shape):
        depth = input_shape[-1]
        self.key_depth, self.value_depth = max(1, depth // self.reduction), max(1, depth // 2)
        self.query = self._projection(self.key_depth, 'query', input_shape)
        self.key = self._projection(self.key_depth, 'key', input_shape)
        self.value = self._projection(self.value_depth, 'value', input_shape)
        self.output_projection = self._projection(
            depth, 'output_projection', (*input_shape[:-1], self.value_depth))
        self.gamma = self.add_weight(shape=(), name='gamma', initializer='zeros')

    def _projection(self, filters, name, shape):
        layer = EqualizedConv2D(filters, 1, use_bias=False, name=name, dtype=self.dtype_policy)
        layer.build(shape)
        return layer

    def call(self, x):
        batch, height, width, _ = ops.shape(x)
        rows = (batch, height * width)
        query = ops.reshape(self.query(x), (*rows, self.key_depth))
        key = ops.reshape(self.key(x), (*rows, self.key_depth))
        value = ops.reshape(self.value(x), (*rows, self.value_depth))
        logits = ops.cast(ops.matmul(query, ops.transpose(key, (0, 2, 1))), 'float32')
        attention = ops.softmax(logits / math.sqrt(self.key_depth), axis=-1)
        mixed = ops.matmul(ops.cast(attention, x.dtype), value)
        mixed = ops.reshape(mixed, (batch, height, width, self.value_depth))
        return x + self.gamma * self.output_projection(mixed)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), 'reduction': self.reduction}
