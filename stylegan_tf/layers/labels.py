"""Class labels as vectors."""

from __future__ import annotations

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable('stylegan_tf')
class LabelEmbedding(keras.layers.Layer):
    """Learned vector of each label; the label -1, for "none", is the zero vector.

    Args:
        num_labels: Number of classes, at least 1.
        size: Length of the vectors, whose entries start standard normal.

    call(label): integers [B] in -1 .. num_labels - 1 -> [B, size].
    """

    def __init__(self, num_labels: int, size: int, **kwargs):
        super().__init__(**kwargs)
        if num_labels < 1:
            raise ValueError(f'LabelEmbedding needs at least 1 label. Received: {num_labels}.')
        self.num_labels = num_labels
        self.size = size

    def build(self, label_shape):
        self.embedding = self.add_weight(
            shape=(self.num_labels, self.size), name='embedding',
            initializer=keras.initializers.RandomNormal(stddev=1.0))

    def call(self, label):
        # A one-hot row of -1 is all zeros.
        rows = ops.one_hot(ops.cast(label, 'int32'), self.num_labels, dtype=self.compute_dtype)
        return ops.matmul(rows, self.embedding)

    def compute_output_shape(self, label_shape):
        return (*label_shape, self.size)

    def get_config(self):
        return {**super().get_config(), 'num_labels': self.num_labels, 'size': self.size}


def label_projection(features, embedding):
    """Inner product of features with a label's vector, over sqrt(D).

    Args:
        features: [B, D] or [B, h, w, D].
        embedding: [B, D].
    Returns:
        [B, 1] or [B, h, w, 1], to be added to unconditional logits.
    Source: Miyato and Koyama 2018, equation 3; the root is that of StyleGAN2-ADA.
    """
    size = embedding.shape[-1]
    shape = (-1,) + (1,) * (len(features.shape) - 2) + (size,)
    product = features * ops.cast(ops.reshape(embedding, shape), features.dtype)
    return ops.sum(product, axis=-1, keepdims=True) / math.sqrt(size)
