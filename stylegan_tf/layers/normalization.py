"""Normalisation by the statistics of one example, never of a batch."""

from __future__ import annotations

import keras
from keras import ops

EPSILON = 1e-5


def instance_statistics(x, epsilon: float = EPSILON):
    """Mean and standard deviation of every channel of every example.

    Args:
        x: Tensor [B, H, W, C].
        epsilon: Added to the variance, so that flat channels keep a finite gradient.
    Returns:
        (mean, std), both float32 [B, 1, 1, C]; the variance is the biased one.
    """
    x = ops.cast(x, 'float32')
    mean = ops.mean(x, axis=(1, 2), keepdims=True)
    variance = ops.mean(ops.square(x - mean), axis=(1, 2), keepdims=True)
    return mean, ops.sqrt(variance + epsilon)


def without_statistics(x, least: float = 0.05):
    """What is left of maps without the mean and contrast of their channels: where things are, in no style.

    Args:
        x: Tensor [B, H, W, C].
        least: Added to the standard deviation, so that flat channels are not amplified.
    Returns:
        float32 [B, H, W, C].
    """
    x = ops.cast(x, 'float32')
    mean, deviation = instance_statistics(x)
    return (x - mean) / (deviation + least)


def adain(x, mean, std, *, content_statistics=None, epsilon: float = EPSILON):
    """Adaptive instance normalisation: gives `x` the channel statistics (mean, std).

    Args:
        x: Content features [B, H, W, C].
        mean: Wanted mean, broadcastable to [B, 1, 1, C].
        std: Wanted standard deviation, likewise.
        content_statistics: (mean, std) of the content when `x` is one tile of it; None measures
            `x` itself.
        epsilon: See `instance_statistics`.
    Returns:
        Tensor of x's shape and type.
    Source: Huang and Belongie 2017, equation 8.
    """
    own_mean, own_std = content_statistics or instance_statistics(x, epsilon)
    y = (ops.cast(x, 'float32') - own_mean) / own_std
    return ops.cast(y * ops.cast(std, 'float32') + ops.cast(mean, 'float32'), x.dtype)


@keras.saving.register_keras_serializable('stylegan_tf')
class InstanceNormalization(keras.layers.Layer):
    """Normalises each channel of each example to mean 0 and deviation 1, then an affine map.

    Args:
        use_affine: Whether to learn a gain (first 1) and an offset (first 0) for each channel.
        epsilon: Added to the variance.

    call(x, statistics=None):
        x: [B, H, W, C].
        statistics: (mean, std) of the whole map, each [B, 1, 1, C], where `x` is one tile of it; None measures `x`.
    Source: Ulyanov et al. 2016. Statistics depend on the whole map, so tiles of one image differ without them.
    """

    def __init__(self, *, use_affine: bool = True, epsilon: float = EPSILON, **kwargs):
        # Statistics are float32 whatever x is: cast to half with the inputs they would lose what they are for.
        super().__init__(autocast=False, **kwargs)
        self.use_affine = use_affine
        self.epsilon = epsilon

    def build(self, input_shape):
        if self.use_affine:
            shape = (input_shape[-1],)
            self.gain = self.add_weight(
                shape=shape, name='gain', initializer='ones', autocast=False)
            self.offset = self.add_weight(
                shape=shape, name='offset', initializer='zeros', autocast=False)

    def call(self, x, statistics=None):
        x = ops.cast(x, self.compute_dtype)
        gain, offset = (self.gain, self.offset) if self.use_affine else (1.0, 0.0)
        return adain(x, offset, gain, content_statistics=statistics, epsilon=self.epsilon)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), 'use_affine': self.use_affine, 'epsilon': self.epsilon}


@keras.saving.register_keras_serializable('stylegan_tf')
class PixelNorm(keras.layers.Layer):
    """Scales every feature vector (last axis) to mean square 1.

    Source: Karras et al. 2018 (Progressive growing), section 4.2.
    """

    def __init__(self, epsilon: float = 1e-8, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, x):
        wide = ops.cast(x, 'float32')
        power = ops.mean(ops.square(wide), axis=-1, keepdims=True)
        return ops.cast(wide * ops.rsqrt(power + self.epsilon), x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), 'epsilon': self.epsilon}
