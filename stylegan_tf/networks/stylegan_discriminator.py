"""StyleGAN2's residual discriminator, which also grows and tells classes."""

from __future__ import annotations

import math

import keras
from keras import ops

from stylegan_tf.layers.equalized import EqualizedConv2D, EqualizedDense, leaky_relu
from stylegan_tf.layers.labels import LabelEmbedding, label_projection
from stylegan_tf.layers.minibatch import MinibatchStddev
from stylegan_tf.layers.resample import downsample_2d, filter_2d
from stylegan_tf.networks.stylegan import channels_at, feature_map_sizes


@keras.saving.register_keras_serializable('stylegan_tf')
class DiscriminatorBlock(keras.layers.Layer):
    """Residual block [B, H, W, C] -> [B, H / 2, W / 2, channels], H and W even.

    Args:
        hidden_channels: Channels at the full size.
        channels: Channels at half the size.
    Source: Karras et al. 2020 (StyleGAN2), figure 7c.
    """

    def __init__(self, hidden_channels: int, channels: int, **kwargs):
        super().__init__(**kwargs)
        self.hidden_channels = hidden_channels
        self.channels = channels
        options = {'dtype': self.dtype_policy}
        self.conv_0 = EqualizedConv2D(
            hidden_channels, 3, activation=leaky_relu, name='conv_0', **options)
        self.conv_1 = EqualizedConv2D(
            channels, 3, strides=2, padding='valid', activation=leaky_relu, name='conv_1',
            **options)
        self.skip = EqualizedConv2D(channels, 1, use_bias=False, name='skip', **options)

    def build(self, input_shape):
        self.conv_0.build(input_shape)
        self.conv_1.build((*input_shape[:-1], self.hidden_channels))
        self.skip.build(input_shape)

    def call(self, x):
        skip = self.skip(downsample_2d(x))
        # Margin 2 and 4 taps leave H + 1 rows, of which the strided convolution makes H / 2.
        x = self.conv_1(filter_2d(self.conv_0(x), margin=2))
        return (x + skip) * math.sqrt(0.5)

    def get_config(self):
        return {**super().get_config(), 'hidden_channels': self.hidden_channels,
                'channels': self.channels}


@keras.saving.register_keras_serializable('stylegan_tf')
class DiscriminatorHead(keras.layers.Layer):
    """What a discriminator says of its features: real or not, fitting the label or not, of which class.

    Args:
        num_labels: Classes that the logit depends on by projection; 0 for none.
        num_classes: Classes that are told apart (auxiliary classifier); 0 for none.

    call(features, label=None): float32 [B, F], integers [B] with -1 for none -> logits [B]; with num_classes
    (logits [B], class logits [B, num_classes]), of which the second do not depend on the label.
    Source: label as in Miyato and Koyama 2018, auxiliary classifier as in Odena et al. 2017 (AC-GAN).
    """

    def __init__(self, num_labels: int = 0, num_classes: int = 0, **kwargs):
        # The end is cheap and its numbers are large sums, so it is always float32.
        super().__init__(**{**kwargs, 'dtype': 'float32'})
        self.num_labels, self.num_classes = num_labels, num_classes
        self.logit = EqualizedDense(1, name='logit', dtype='float32')
        self.classes = EqualizedDense(num_classes, name='classes', dtype='float32') if num_classes else None
        self.embedding = None

    def build(self, features_shape, label_shape=None):
        self.logit.build(features_shape)
        if self.classes is not None:
            self.classes.build(features_shape)
        if self.num_labels:
            self.embedding = LabelEmbedding(
                self.num_labels, features_shape[-1], name='label_embedding', dtype='float32')
            self.embedding.build((features_shape[0],))

    def call(self, features, label=None):
        logits = self.logit(features)
        if self.embedding is not None and label is not None:
            logits = logits + label_projection(features, self.embedding(label))
        if self.classes is None:
            return logits[:, 0]
        return logits[:, 0], self.classes(features)

    def get_config(self):
        return {**super().get_config(), 'num_labels': self.num_labels, 'num_classes': self.num_classes}


@keras.saving.register_keras_serializable('stylegan_tf')
class Discriminator(keras.Model):
    """StyleGAN2's residual discriminator.

    Args:
        resolution: Side of the images, or (height, width); see `feature_map_sizes`.
        num_labels: Classes that the logit depends on by projection; 0 for none.
        num_classes: Classes that it tells apart besides (auxiliary classifier); 0 for none.
        channel_base: Channels times short side of feature maps, up to channel_max.
        channel_max: Most channels of a feature map.
        group_size: Examples that minibatch statistics compare where there is no label.
        statistics_channels: Maps of minibatch statistics; 0 leaves examples independent.
        grows: Whether it also takes images of every smaller size in `feature_map_sizes`, each through an input layer
            of its own.

    call(image, label=None, share=None): image [B, H, W, C] in [-1, 1], label integers [B] with -1 for none, share the
    factor of the largest block where it is being faded in -> logits, float32 [B], or what `DiscriminatorHead` says.
    Source: Karras et al. 2020 (StyleGAN2), section 4; growth as in Karras et al. 2018, figure 2.
    """

    def __init__(self, resolution, *, num_labels: int = 0, num_classes: int = 0, channel_base: int = 16384,
                 channel_max: int = 512, group_size: int = 4, statistics_channels: int = 1, grows: bool = False,
                 **kwargs):
        super().__init__(**kwargs)
        self.resolution = resolution
        self.num_labels, self.num_classes = num_labels, num_classes
        self.channel_base, self.channel_max = channel_base, channel_max
        self.group_size = group_size
        self.statistics_channels = statistics_channels
        self.grows = grows
        self.sizes = feature_map_sizes(resolution)
        depths = [channels_at(size, channel_base, channel_max) for size in self.sizes]
        self.entry_sizes = self.sizes if grows else self.sizes[-1:]
        self.from_rgb = [
            EqualizedConv2D(depths[self.sizes.index(size)], 1, activation=leaky_relu, dtype=self.dtype_policy,
                            name=f'from_rgb_{min(size)}' if grows else 'from_rgb')
            for size in self.entry_sizes]
        self.blocks = [
            DiscriminatorBlock(depths[index], depths[index - 1], dtype=self.dtype_policy,
                               name=f'block_{min(self.sizes[index])}')
            for index in range(len(self.sizes) - 1, 0, -1)]
        self.statistics = None
        if statistics_channels:
            self.statistics = MinibatchStddev(
                group_size, statistics_channels, name='statistics', dtype='float32')
        self.conv = EqualizedConv2D(depths[0], 3, activation=leaky_relu, name='conv',
                                    dtype='float32')
        self.dense = EqualizedDense(depths[0], activation=leaky_relu, name='dense',
                                    dtype='float32')
        self.head = DiscriminatorHead(num_labels, num_classes, name='head')

    def build(self, image_shape, label_shape=None):
        self._entry(image_shape)
        batch, (height, width) = image_shape[0], self.sizes[0]
        for layer in self.from_rgb:
            layer.build((batch, None, None, image_shape[-1]))
        depth = self.from_rgb[-1].filters
        for block in self.blocks:
            block.build((batch, None, None, depth))
            depth = block.channels
        self.conv.build((batch, height, width, depth + self.statistics_channels))
        self.dense.build((batch, height * width * depth))
        self.head.build((batch, depth))

    def _entry(self, image_shape) -> int:
        """Index of the input layer for images of this shape."""
        size = tuple(image_shape[1:3])
        if size not in self.entry_sizes:
            known = ' or '.join(str(size) for size in self.entry_sizes)
            raise ValueError(f'Discriminator expects images of {known} pixels. Received: shape {tuple(image_shape)}.')
        return self.entry_sizes.index(size)

    def call(self, image, label=None, share=None):
        entry = self._entry(image.shape)
        x = self.from_rgb[entry](image)
        halvings = self.sizes.index(self.entry_sizes[entry])
        for block in self.blocks[len(self.blocks) - halvings:]:
            x = block(x)
            if share is not None:
                smaller = self.from_rgb[entry - 1](downsample_2d(image))
                x, share = smaller + share * (x - smaller), None  # of the first block only
        x = ops.cast(x, 'float32')
        if self.statistics is not None:
            x = self.statistics(x, label)
        x = self.conv(x)
        x = self.dense(ops.reshape(x, (-1, math.prod(x.shape[1:]))))
        return self.head(x, label)

    def get_config(self):
        return {**super().get_config(), 'resolution': self.resolution,
                'num_labels': self.num_labels, 'num_classes': self.num_classes, 'channel_base': self.channel_base,
                'channel_max': self.channel_max, 'group_size': self.group_size,
                'statistics_channels': self.statistics_channels, 'grows': self.grows}
