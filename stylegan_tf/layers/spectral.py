"""Convolution whose kernel has spectral norm 1.

keras.layers.SpectralNormalization overwrites the stored kernel during training, so that the
optimizer steps on another function than the one differentiated, JAX's stateless calls lose the
overwritten kernel, and evaluation uses a stale norm. Here the stored kernel stays free and is
divided by its norm when used, with the gradient through the division, as in the paper.

Source: Miyato et al. 2018, algorithm 1 and equation 12.
"""

from __future__ import annotations

import keras
from keras import ops

from stylegan_tf.layers import equalized

EPSILON = 1e-12


def _unit(x):
    return x * ops.rsqrt(ops.sum(ops.square(x)) + EPSILON)


def spectral_norm(matrix, u, iterations: int = 1):
    """Largest singular value of `matrix` by power iteration.

    Args:
        matrix: Float32 [M, N].
        u: Unit estimate of the first right singular vector, [N].
        iterations: Rounds of the power iteration, at least 0.
    Returns:
        (norm, u): a scalar differentiable in `matrix` only, and the improved vector.
    """
    fixed = ops.stop_gradient(matrix)
    v = _unit(ops.matmul(fixed, u))
    for _ in range(iterations):
        u = _unit(ops.matmul(v, fixed))
        v = _unit(ops.matmul(fixed, u))
    u, v = ops.stop_gradient(u), ops.stop_gradient(v)
    return ops.sum(v * ops.matmul(matrix, u)), u


@keras.saving.register_keras_serializable('stylegan_tf')
class SpectralConv2D(keras.layers.Layer):
    """Convolution [B, H, W, C] -> [B, h, w, filters]; the kernel as [k k C, filters] has norm 1.

    Args:
        filters: Output channels.
        kernel_size: Side of the square kernel.
        strides: Step in both directions.
        padding: 'same', 'valid' or 'reflect', as `EqualizedConv2D`.
        use_bias: Whether to add a bias (first 0).
        activation: None, a callable or a name ('leaky_relu' is the scaled one).
        power_iterations: Rounds for every call with training=True, which also keeps the
            singular vector for the next; other calls do not change the layer.
    """

    def __init__(self, filters: int, kernel_size: int, *, strides: int = 1, padding: str = 'same',
                 use_bias: bool = True, activation=None, power_iterations: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = equalized.checked_padding(padding)
        self.use_bias = use_bias
        self.activation = equalized.activation_function(activation)
        self.power_iterations = power_iterations

    def build(self, input_shape):
        shape = (self.kernel_size, self.kernel_size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(
            shape=shape, name='kernel', initializer='glorot_uniform', autocast=False)
        # Replicas compute the same vector from the same kernel, so one of them may speak for all.
        self.singular_vector = self.add_weight(
            shape=(self.filters,), name='singular_vector', trainable=False, autocast=False,
            initializer=keras.initializers.RandomNormal(stddev=self.filters ** -0.5),
            aggregation='only_first_replica')
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.filters,), name='bias', initializer='zeros')

    def call(self, x, training=None):
        kernel = ops.cast(self.kernel, 'float32')
        norm, vector = spectral_norm(
            ops.reshape(kernel, (-1, self.filters)), ops.cast(self.singular_vector, 'float32'),
            self.power_iterations if training else 0)
        if training:
            self.singular_vector.assign(vector)
        x = equalized.convolve(x, ops.cast(kernel / norm, x.dtype), self.strides, self.padding)
        if self.use_bias:
            x = x + self.bias
        return self.activation(x)

    def get_config(self):
        return {**super().get_config(), 'filters': self.filters,
                'kernel_size': self.kernel_size, 'strides': self.strides,
                'padding': self.padding, 'use_bias': self.use_bias,
                'activation': equalized.activation_name(self.activation),
                'power_iterations': self.power_iterations}
