"""Convolutions whose weights depend on a style, as in StyleGAN2.

Equations of Karras et al. 2020, for kernel w, scales s of one example, output channel j:
    w'_ijk = s_i w_ijk                                          (1)
    sigma_j = sqrt(sum_ik w'_ijk^2)                             (2)
    w''_ijk = w'_ijk / sqrt(sum_ik w'_ijk^2 + epsilon)          (3)
Convolution is linear, so scaling the input by s_i and the output by 1 / sigma_j gives the same
numbers as one kernel an example, without a grouped convolution (no gradient on the CPU).
"""

from __future__ import annotations

import math

import keras
from keras import ops

from stylegan_tf.layers import equalized, resample
from stylegan_tf.layers.noise import NoiseInjection

PADDINGS = ('same', 'reflect')
EPSILON = 1e-8


@keras.saving.register_keras_serializable('stylegan_tf')
class ModulatedConv2D(keras.layers.Layer):
    """Convolution modulated, and by default demodulated, by scales of each example.

    Args:
        filters: Output channels.
        kernel_size: Side of the square kernel.
        demodulate: Whether to divide by the expected standard deviation, equation 3.
        padding: 'same' (zeros) or 'reflect' (mirrored borders).

    call(x, scales): x [B, H, W, Cin], scales [B, Cin] -> [B, H, W, filters]. H and W are free.
    """

    def __init__(self, filters: int, kernel_size: int, *, demodulate: bool = True,
                 padding: str = 'same', **kwargs):
        # Equation 3 needs scales and weights in float32 under mixed precision: `call` casts.
        super().__init__(**{'autocast': False, **kwargs})
        self.filters = filters
        self.kernel_size = kernel_size
        self.demodulate = demodulate
        self.padding = equalized.checked_padding(padding, PADDINGS)

    def build(self, x_shape, scales_shape):
        if x_shape[-1] != scales_shape[-1]:
            raise ValueError(
                'ModulatedConv2D needs one scale for each input channel. Received: x of shape '
                f'{tuple(x_shape)}, scales of shape {tuple(scales_shape)}.')
        shape = (self.kernel_size, self.kernel_size, x_shape[-1], self.filters)
        self.kernel = self.add_weight(
            shape=shape, name='kernel', autocast=False,
            initializer=keras.initializers.RandomNormal(stddev=1.0))
        self.kernel_scale = 1.0 / math.sqrt(math.prod(shape[:3]))

    def call(self, x, scales):
        kernel = ops.cast(self.kernel, 'float32') * self.kernel_scale
        scales = ops.cast(scales, 'float32')
        output_scales = None
        if self.demodulate:
            power = ops.sum(ops.square(kernel), axis=(0, 1))
            output_scales = ops.rsqrt(ops.matmul(ops.square(scales), power) + EPSILON)
            if self.compute_dtype == 'float16':
                # Large styles would overflow half precision before being divided out again.
                largest = ops.max(ops.abs(scales), axis=-1, keepdims=True) + EPSILON
                scales, output_scales = scales / largest, output_scales * largest
        x = ops.cast(x, self.compute_dtype)
        x = x * ops.cast(scales, x.dtype)[:, None, None, :]
        x = equalized.convolve(x, ops.cast(kernel, x.dtype), 1, self.padding)
        if output_scales is not None:
            x = x * ops.cast(output_scales, x.dtype)[:, None, None, :]
        return x

    def compute_output_shape(self, x_shape, scales_shape):
        return (*x_shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), 'filters': self.filters,
                'kernel_size': self.kernel_size, 'demodulate': self.demodulate,
                'padding': self.padding}


@keras.saving.register_keras_serializable('stylegan_tf')
class StyledConv2D(keras.layers.Layer):
    """Affine map of w, modulated convolution, upsampling, noise, bias, activation: in this order.

    Args:
        filters: Output channels.
        kernel_size: Side of the square kernel.
        upsample: Whether to double the size, after the convolution (cheaper, and the filter also
            smooths what the convolution made).
        use_noise: Whether to add noise of learned strength.
        padding: 'same' (zeros) or 'reflect' (mirrored borders).
        activation: None, a callable or a name.
        noise_seed: See NoiseInjection; another for each layer.

    call(x, w, noise=None): x [B, H, W, Cin], w [B, D], noise [B or 1, h, w, 1] at the output size
    or None for noise of the layer's own -> [B, h, w, filters], h = 2 H if upsampling else H.
    """

    def __init__(self, filters: int, kernel_size: int, *, upsample: bool = False,
                 use_noise: bool = False, padding: str = 'same',
                 activation=equalized.leaky_relu, noise_seed: int = 0, **kwargs):
        super().__init__(**{'autocast': False, **kwargs})
        self.filters = filters
        self.kernel_size = kernel_size
        self.upsample = upsample
        self.use_noise = use_noise
        self.padding = padding
        self.activation = equalized.activation_function(activation)
        self.noise_seed = noise_seed
        self.convolution = ModulatedConv2D(
            filters, kernel_size, padding=padding, name='convolution', dtype=self.dtype_policy)
        self.noise = (NoiseInjection(seed=noise_seed, name='noise', dtype=self.dtype_policy)
                      if use_noise else None)

    def build(self, x_shape, w_shape, noise_shape=None):
        self.affine = equalized.EqualizedDense(
            x_shape[-1], bias_init=1.0, name='affine', dtype='float32')
        self.affine.build(w_shape)
        self.convolution.build(x_shape, (w_shape[0], x_shape[-1]))
        if self.noise is not None:
            self.noise.build((*x_shape[:-1], self.filters))
        self.bias = self.add_weight(shape=(self.filters,), name='bias', initializer='zeros')

    def call(self, x, w, noise=None, training=None):
        x = self.convolution(x, self.affine(w))
        if self.upsample:
            x = resample.upsample_2d(x)
        if self.noise is not None:
            x = self.noise(x, noise, training=training)
        return self.activation(x + ops.cast(self.bias, x.dtype))

    def compute_output_shape(self, x_shape, w_shape, noise_shape=None):
        factor = 2 if self.upsample else 1
        height, width = (None if size is None else size * factor for size in x_shape[1:3])
        return (x_shape[0], height, width, self.filters)

    def get_config(self):
        return {**super().get_config(), 'filters': self.filters,
                'kernel_size': self.kernel_size, 'upsample': self.upsample,
                'use_noise': self.use_noise, 'padding': self.padding,
                'activation': equalized.activation_name(self.activation),
                'noise_seed': self.noise_seed}


@keras.saving.register_keras_serializable('stylegan_tf')
class ToRGB(keras.layers.Layer):
    """Modulated 1x1 convolution to image channels, without demodulation, plus a bias.

    Args:
        channels: Image channels.

    call(x, w): x [B, H, W, Cin], w [B, D] -> float32 [B, H, W, channels], unbounded.
    """

    def __init__(self, channels: int = 3, **kwargs):
        # Images stay float32 under mixed precision.
        super().__init__(**{'autocast': False, **kwargs})
        self.channels = channels
        self.convolution = ModulatedConv2D(
            channels, 1, demodulate=False, name='convolution', dtype='float32')

    def build(self, x_shape, w_shape):
        self.affine = equalized.EqualizedDense(
            x_shape[-1], bias_init=1.0, name='affine', dtype='float32')
        self.affine.build(w_shape)
        self.convolution.build(x_shape, (w_shape[0], x_shape[-1]))
        self.bias = self.add_weight(
            shape=(self.channels,), name='bias', initializer='zeros', autocast=False)

    def call(self, x, w):
        return self.convolution(x, self.affine(w)) + ops.cast(self.bias, 'float32')

    def compute_output_shape(self, x_shape, w_shape):
        return (*x_shape[:-1], self.channels)

    def get_config(self):
        return {**super().get_config(), 'channels': self.channels}
