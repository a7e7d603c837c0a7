"""PatchGAN: a discriminator that judges every patch of an image by itself."""

from __future__ import annotations

import math

import keras
from keras import ops

from stylegan_tf.layers.equalized import EqualizedConv2D, leaky_relu
from stylegan_tf.layers.labels import LabelEmbedding, label_projection
from stylegan_tf.layers.spectral import SpectralConv2D

MAX_WIDENING = 8


@keras.saving.register_keras_serializable('stylegan_tf')
class PatchDiscriminator(keras.Model):
    """Convolutional discriminator with one logit for each overlapping patch, no normalisation.

    Args:
        channels: Channels of the first layer; doubled each layer up to 8 times this.
        num_layers: Layers of stride 2. 3 gives patches of 70 x 70 pixels, 2 of 34, 1 of 16.
        use_spectral_norm: Divide kernels by their spectral norm instead of equalizing them.
        num_labels: Number of classes; 0 for none.
        padding: 'same' or 'reflect'; 'reflect' needs more than 2 pixels a side at the end.

    call(image, condition=None, label=None, training=None):
        image: [B, H, W, C] in [-1, 1].
        condition: Feature map [B, hc, wc, Cc] the image should agree with (the content's), given in
            every call or in none. It is projected by a 1x1 convolution and joined where the
            image's map has its resolution (resized to the nearest one otherwise).
        label: Integers [B], -1 for no class; needs num_labels.
    Returns:
        Logits, float32 [B, h, w, 1], h about H / 2**num_layers.
    Source: Isola et al. 2017, sections 3.2.2 and 6.1.2; label term of Miyato and Koyama 2018.
    """

    def __init__(self, channels: int = 64, num_layers: int = 3, *,
                 use_spectral_norm: bool = False, num_labels: int = 0, padding: str = 'same',
                 **kwargs):
        super().__init__(**kwargs)
        if num_layers < 1:
            raise ValueError(f'PatchDiscriminator needs num_layers of at least 1. '
                             f'Received: {num_layers}.')
        self.channels = channels
        self.num_layers = num_layers
        self.use_spectral_norm = use_spectral_norm
        self.num_labels = num_labels
        self.padding = padding
        convolution = SpectralConv2D if use_spectral_norm else EqualizedConv2D
        self.blocks = [
            convolution(channels * min(2 ** index, MAX_WIDENING), 4,
                        strides=2 if index < num_layers else 1, padding=padding,
                        activation=leaky_relu, name=f'block_{index}', dtype=self.dtype_policy)
            for index in range(num_layers + 1)]
        self.logit = convolution(1, 4, padding=padding, name='logit', dtype='float32')
        self.embedding = None
        if num_labels:
            self.embedding = LabelEmbedding(
                num_labels, self.blocks[-1].filters, name='label_embedding', dtype='float32')
        self.condition_projection = None
        self.condition_stage = None

    def build(self, image_shape, condition_shape=None, label_shape=None):
        sizes = [tuple(image_shape[1:3])]
        for _ in range(self.num_layers):
            sizes.append(tuple(None if size is None else -(-size // 2) for size in sizes[-1]))
        if condition_shape is not None:
            self._build_condition(sizes, condition_shape)
        depth = image_shape[-1]
        for index, block in enumerate(self.blocks):
            if index == self.condition_stage:
                depth += self.condition_projection.filters
            block.build((image_shape[0], None, None, depth))
            depth = block.filters
        self.logit.build((image_shape[0], None, None, depth))
        if self.embedding is not None:
            self.embedding.build((image_shape[0],))

    def _build_condition(self, sizes, condition_shape):
        wanted = condition_shape[1:3]
        if None in wanted or None in sizes[0]:
            raise ValueError(
                'A conditioned PatchDiscriminator needs known image and condition sizes. '
                f'Received: image {sizes[0]}, condition of shape {tuple(condition_shape)}.')
        distances = [abs(math.log(size[0] / wanted[0])) for size in sizes]
        self.condition_stage = distances.index(min(distances))
        self.condition_projection = EqualizedConv2D(
            min(condition_shape[-1], self.channels), 1, activation=leaky_relu,
            name='condition_projection', dtype=self.dtype_policy)
        self.condition_projection.build(condition_shape)

    def _join(self, x, condition):
        condition = self.condition_projection(condition)
        size = tuple(x.shape[1:3])
        if tuple(condition.shape[1:3]) != size:
            condition = ops.image.resize(
                condition, size, interpolation='bilinear', data_format='channels_last')
        return ops.concatenate([x, ops.cast(condition, x.dtype)], axis=-1)

    def call(self, image, condition=None, label=None, training=None):
        if (condition is None) != (self.condition_stage is None):
            raise ValueError(
                'This PatchDiscriminator was built '
                f'{"without" if self.condition_stage is None else "with"} a condition; every '
                'call must be alike. Received: condition '
                f'{None if condition is None else tuple(condition.shape)}.')
        options = {'training': training} if self.use_spectral_norm else {}
        x = image
        for index, block in enumerate(self.blocks):
            if index == self.condition_stage:
                x = self._join(x, condition)
            x = block(x, **options)
        logits = self.logit(x, **options)
        if self.embedding is not None and label is not None:
            x = ops.cast(x, 'float32')
            logits = logits + label_projection(x, self.embedding(label))
        return logits

    def get_config(self):
        return {**super().get_config(), 'channels': self.channels,
                'num_layers': self.num_layers, 'use_spectral_norm': self.use_spectral_norm,
                'num_labels': self.num_labels, 'padding': self.padding}
