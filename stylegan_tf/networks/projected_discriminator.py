"""A discriminator that looks through a frozen network: what learns from hundreds of pictures instead of thousands."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from stylegan_tf.layers.equalized import leaky_relu
from stylegan_tf.layers.labels import LabelEmbedding, label_projection
from stylegan_tf.layers.resample import upsample_2d
from stylegan_tf.layers.spectral import SpectralConv2D
from stylegan_tf.networks import features
from stylegan_tf.networks.feature_layers import LAYERS
from stylegan_tf.networks.frozen import FrozenConvolution

LEAST_SIDE = 96  # pixels; smaller pictures are doubled until they have as many
PATCHES = 4  # logits a side, of each map
MAX_WIDENING = 4
SEED = 0  # of the random projections, which are a constant of the method


class ProjectedFeatures(keras.Model):
    """Maps of a frozen network, mixed across channels and scales by fixed random convolutions.

    Without the mixing, a discriminator soon rests on few channels of the deepest map.

    Args:
        network: As of `features.load`.
        channels: Channels of each map that is returned.

    call(image): float [B, H, W, 3] in [-1, 1] -> list of four maps [B, h, w, channels], the largest first.
    Source: Sauer et al. 2021 (Projected GANs), section 3.2.
    Raises:
        FeatureWeightsError: As `features.load`, or a network whose maps do not halve.
    """

    def __init__(self, network, channels: int = 64, *, dtype='float32', **kwargs):
        super().__init__(trainable=False, dtype=dtype, **kwargs)
        layers = LAYERS[features.architecture(network)].get('projected')
        if layers is None:
            raise features.FeatureWeightsError(f'The maps of {network} do not halve from one to the next, so that no '
                                               "discriminator can look through it. Try 'efficientnet_lite0'.")
        self.extractor = features.load(network, layers, dtype=dtype)
        random = np.random.default_rng(SEED)

        def convolution(name, size, depth):
            kernel = random.standard_normal((size, size, depth, channels)) / math.sqrt(size * size * depth)
            return FrozenConvolution(kernel, np.zeros(channels), dtype=self.dtype_policy, name=name)

        depths = self.extractor.channels
        self.across_channels = [convolution(f'across_channels_{name}', 1, depth) for name, depth in depths.items()]
        self.across_scales = [convolution(f'across_scales_{name}', 3, channels) for name in depths]
        self.built = True

    def call(self, image):
        while min(image.shape[1:3]) < LEAST_SIDE:
            image = upsample_2d(image)
        maps, deeper = [], None
        steps = zip(self.extractor(image).values(), self.across_channels, self.across_scales, strict=True)
        for value, mix_channels, mix_scales in reversed(list(steps)):
            value = mix_channels(value)
            if deeper is not None:
                value = (value + _enlarged(deeper, value.shape[1:3])) * math.sqrt(0.5)
            deeper = mix_scales(value)
            maps.append(deeper)
        return maps[::-1]


def _enlarged(value, size):
    """Twice as large, without the last row or column where the larger map has an odd number of them."""
    return upsample_2d(value)[:, :size[0], :size[1]]


@keras.saving.register_keras_serializable('stylegan_tf')
class MapDiscriminator(keras.layers.Layer):
    """Judges one map by convolutions of spectral norm 1 down to about 4 x 4 logits.

    Args:
        channels: Channels of the first layer; doubled each layer up to 4 times this.
        num_labels: Classes that the logits depend on by projection; 0 for none.

    call(value, label=None, training=None): [B, h, w, C], integers [B] with -1 for none -> float32 [B, h', w'].
    """

    def __init__(self, channels: int = 64, num_labels: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.num_labels = channels, num_labels
        self.blocks = []

    def build(self, value_shape, label_shape=None):
        height, width, depth = value_shape[1:]
        while not self.blocks or min(height, width) > PATCHES:
            stride = 2 if min(height, width) > PATCHES else 1
            height, width = -(-height // stride), -(-width // stride)
            filters = self.channels * min(2 ** len(self.blocks), MAX_WIDENING)
            block = SpectralConv2D(filters, 4 if stride == 2 else 3, strides=stride, activation=leaky_relu,
                                   name=f'block_{len(self.blocks)}', dtype=self.dtype_policy)
            block.build((None, None, None, depth))
            self.blocks.append(block)
            depth = filters
        self.logit = SpectralConv2D(1, 3, name='logit', dtype='float32')
        self.logit.build((None, None, None, depth))
        self.embedding = None
        if self.num_labels:
            self.embedding = LabelEmbedding(self.num_labels, depth, name='label_embedding', dtype='float32')
            self.embedding.build((None,))

    def call(self, value, label=None, training=None):
        for block in self.blocks:
            value = block(value, training=training)
        value = ops.cast(value, 'float32')
        logits = self.logit(value, training=training)
        if self.embedding is not None and label is not None:
            logits = logits + label_projection(value, self.embedding(label))
        return logits[..., 0]

    def get_config(self):
        return {**super().get_config(), 'channels': self.channels, 'num_labels': self.num_labels}


@keras.saving.register_keras_serializable('stylegan_tf')
class ProjectedDiscriminator(keras.Model):
    """One small discriminator for each map of `ProjectedFeatures`.

    Args:
        channels: As of `MapDiscriminator`.
        num_labels: Classes that the logits depend on by projection; 0 for none.

    call(maps, label=None, training=None): list of [B, h, w, C], integers [B] with -1 for none -> logits, float32
    [B, N] of all patches of all maps.
    Source: Sauer et al. 2021 (Projected GANs), section 3 and appendix; label term of Miyato and Koyama 2018.
    """

    def __init__(self, channels: int = 64, num_labels: int = 0, *, num_maps: int = 4, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.num_labels, self.num_maps = channels, num_labels, num_maps
        self.heads = [MapDiscriminator(channels, num_labels, name=f'map_{index}', dtype=self.dtype_policy)
                      for index in range(num_maps)]

    def build(self, maps_shape, label_shape=None):
        for head, shape in zip(self.heads, maps_shape, strict=True):
            head.build(tuple(shape))

    def call(self, maps, label=None, training=None):
        logits = [head(value, label, training=training) for head, value in zip(self.heads, maps, strict=True)]
        return ops.concatenate([ops.reshape(value, (-1, math.prod(value.shape[1:]))) for value in logits], axis=-1)

    def get_config(self):
        return {**super().get_config(), 'channels': self.channels, 'num_labels': self.num_labels,
                'num_maps': self.num_maps}
