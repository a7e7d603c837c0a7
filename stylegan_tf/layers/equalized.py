"""Dense and convolution layers with an equalized learning rate.

Weights are stored with unit variance and scaled by 1 / sqrt(fan in) when used, so that one learning
rate suits every layer under Adam.

Source: Karras et al. 2018 (Progressive growing), section 4.1; the learning-rate multiplier is
that of StyleGAN's mapping network.
"""

from __future__ import annotations

import math

import keras
from keras import ops

from stylegan_tf.layers import padding as padding_functions

PADDINGS = ('same', 'valid', 'reflect')


def leaky_relu(x):
    """Leaky ReLU of slope 0.2 times sqrt(2), which keeps the variance of normal input about 1."""
    return ops.leaky_relu(x, negative_slope=0.2) * math.sqrt(2.0)


def activation_function(activation):
    """Callable for None, a callable, 'leaky_relu' (the scaled one) or the name of a Keras one."""
    if activation == 'leaky_relu':
        return leaky_relu
    return keras.activations.get(activation)


def activation_name(activation):
    """The inverse of `activation_function`, for get_config."""
    if activation is leaky_relu:
        return 'leaky_relu'
    return keras.activations.serialize(activation)


def checked_padding(padding: str, allowed=PADDINGS) -> str:
    if padding not in allowed:
        raise ValueError(f'Padding must be one of {allowed}. Received: {padding!r}.')
    return padding


def convolve(x, kernel, strides: int, padding: str):
    """Convolution [B, H, W, C] by [k, k, C, F] with 'same', 'valid' or 'reflect' borders."""
    if padding == 'reflect':
        x = padding_functions.reflect_pad(
            x, padding_functions.same_padding_amounts(kernel.shape[0]))
        padding = 'valid'
    return ops.conv(x, kernel, strides=strides, padding=padding, data_format='channels_last')


@keras.saving.register_keras_serializable('stylegan_tf')
class EqualizedDense(keras.layers.Layer):
    """Fully connected layer [..., D] -> [..., units] with an equalized learning rate.

    Args:
        units: Size of the output.
        activation: None, a callable or a name ('leaky_relu' is the scaled one of this file).
        use_bias: Whether to add a bias.
        bias_init: First effective value of every bias.
        lr_multiplier: Effective learning rate relative to other layers; StyleGAN's mapping
            network uses 0.01.
    """

    def __init__(self, units: int, *, activation=None, use_bias: bool = True,
                 bias_init: float = 0.0, lr_multiplier: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = activation_function(activation)
        self.use_bias = use_bias
        self.bias_init = bias_init
        self.lr_multiplier = lr_multiplier

    def build(self, input_shape):
        size = input_shape[-1]
        self.kernel = self.add_weight(
            shape=(size, self.units), name='kernel',
            initializer=keras.initializers.RandomNormal(stddev=1.0 / self.lr_multiplier))
        self.kernel_scale = self.lr_multiplier / math.sqrt(size)
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.units,), name='bias',
                initializer=keras.initializers.Constant(self.bias_init / self.lr_multiplier))

    def call(self, x):
        x = ops.matmul(x, self.kernel * self.kernel_scale)
        if self.use_bias:
            x = x + self.bias * self.lr_multiplier
        return self.activation(x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), 'units': self.units,
                'activation': activation_name(self.activation), 'use_bias': self.use_bias,
                'bias_init': self.bias_init, 'lr_multiplier': self.lr_multiplier}


@keras.saving.register_keras_serializable('stylegan_tf')
class EqualizedConv2D(keras.layers.Layer):
    """Convolution [B, H, W, C] -> [B, h, w, filters] with an equalized learning rate.

    Args:
        filters: Output channels.
        kernel_size: Side of the square kernel.
        strides: Step in both directions.
        padding: 'same' (zeros), 'valid', or 'reflect' (mirrored borders, no frame artefacts);
            'reflect' pads (k - 1) // 2 before and k // 2 after, so h = ceil(H / strides).
        use_bias: Whether to add a bias (first 0).
        activation: None, a callable or a name ('leaky_relu' is the scaled one of this file).
        lr_multiplier: Effective learning rate relative to other layers.
    """

    def __init__(self, filters: int, kernel_size: int, *, strides: int = 1, padding: str = 'same',
                 use_bias: bool = True, activation=None, lr_multiplier: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = checked_padding(padding)
        self.use_bias = use_bias
        self.activation = activation_function(activation)
        self.lr_multiplier = lr_multiplier

    def build(self, input_shape):
        shape = (self.kernel_size, self.kernel_size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(
            shape=shape, name='kernel',
            initializer=keras.initializers.RandomNormal(stddev=1.0 / self.lr_multiplier))
        self.kernel_scale = self.lr_multiplier / math.sqrt(math.prod(shape[:3]))
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.filters,), name='bias', initializer='zeros')

    def call(self, x):
        x = convolve(x, self.kernel * self.kernel_scale, self.strides, self.padding)
        if self.use_bias:
            x = x + self.bias * self.lr_multiplier
        return self.activation(x)

    def get_config(self):
        return {**super().get_config(), 'filters': self.filters,
                'kernel_size': self.kernel_size, 'strides': self.strides,
                'padding': self.padding, 'use_bias': self.use_bias,
                'activation': activation_name(self.activation),
                'lr_multiplier': self.lr_multiplier}
