"""DCGAN: the plain networks of the classic tutorials, for teaching and for small pictures."""

from __future__ import annotations

import math

import keras
from keras import ops

from stylegan_tf.layers.labels import LabelEmbedding, label_projection
from stylegan_tf.networks.stylegan import channels_at, feature_map_sizes

KERNEL_SIZE = 4  # a multiple of the stride, so that no pixel gets more taps than its neighbour
SLOPE = 0.2


def _options(dtype):
    return {'kernel_size': KERNEL_SIZE, 'strides': 2, 'padding': 'same', 'dtype': dtype,
            'kernel_initializer': keras.initializers.RandomNormal(stddev=0.02)}


@keras.saving.register_keras_serializable('stylegan_tf')
class DCGANGenerator(keras.Model):
    """Noise, and a class where there is one, to images by transposed convolutions.

    Args:
        resolution: Side of the images, or (height, width); see `feature_map_sizes`.
        latent_size: Length of z.
        num_labels: Number of classes; 0 ignores labels.
        image_channels: 3 for RGB.
        channel_base: Channels times short side of feature maps, up to channel_max.
        channel_max: Most channels of a feature map.

    call(z, label=None, training=None): z [B, latent_size], label integers [B] with -1 for none -> images, float32
    [B, H, W, image_channels] in [-1, 1].
    Source: Radford et al. 2016, figure 1; the class as in Mirza and Osindero 2014, by a learned vector.
    """

    def __init__(self, resolution, latent_size: int, *, num_labels: int = 0, image_channels: int = 3,
                 channel_base: int = 4096, channel_max: int = 1024, **kwargs):
        super().__init__(**kwargs)
        self.resolution, self.latent_size, self.num_labels = resolution, latent_size, num_labels
        self.image_channels, self.channel_base, self.channel_max = image_channels, channel_base, channel_max
        self.sizes = feature_map_sizes(resolution)
        depths = [channels_at(size, channel_base, channel_max) for size in self.sizes[:-1]]
        dtype = self.dtype_policy
        self.embedding = None
        if num_labels:
            self.embedding = LabelEmbedding(num_labels, latent_size, name='label_embedding', dtype='float32')
        self.start_shape = (*self.sizes[0], depths[0])
        self.start = keras.layers.Dense(math.prod(self.start_shape), use_bias=False, name='start', dtype=dtype,
                                        kernel_initializer=keras.initializers.RandomNormal(stddev=0.02))
        self.norms = [keras.layers.BatchNormalization(momentum=0.9, name=f'norm_{min(size)}', dtype=dtype)
                      for size in self.sizes[:-1]]
        self.enlargements = [
            keras.layers.Conv2DTranspose(depth, use_bias=False, name=f'up_{min(size)}', **_options(dtype))
            for size, depth in zip(self.sizes[1:-1], depths[1:])]
        self.to_rgb = keras.layers.Conv2DTranspose(image_channels, name='to_rgb', **_options(dtype))

    def build(self, z_shape, label_shape=None):
        if z_shape[-1] != self.latent_size:
            raise ValueError(f'DCGANGenerator expects z of shape [B, {self.latent_size}]. '
                             f'Received: shape {tuple(z_shape)}.')
        if self.embedding is not None:
            self.embedding.build((z_shape[0],))
        self.start.build((z_shape[0], self.latent_size * (2 if self.num_labels else 1)))
        depth = self.start_shape[-1]
        self.norms[0].build((z_shape[0], None, None, depth))
        for enlargement, norm in zip(self.enlargements, self.norms[1:]):
            enlargement.build((z_shape[0], None, None, depth))
            depth = enlargement.filters
            norm.build((z_shape[0], None, None, depth))
        self.to_rgb.build((z_shape[0], None, None, depth))

    def call(self, z, label=None, training=None):
        if self.embedding is not None:
            if label is None:
                label = ops.full((ops.shape(z)[0],), -1, dtype='int32')
            z = ops.concatenate([z, ops.cast(self.embedding(label), z.dtype)], axis=-1)
        x = ops.reshape(self.start(z), (-1, *self.start_shape))
        x = ops.relu(self.norms[0](x, training=training))
        for enlargement, norm in zip(self.enlargements, self.norms[1:]):
            x = ops.relu(norm(enlargement(x), training=training))
        return ops.tanh(ops.cast(self.to_rgb(x), 'float32'))

    def get_config(self):
        return {**super().get_config(), 'resolution': self.resolution, 'latent_size': self.latent_size,
                'num_labels': self.num_labels, 'image_channels': self.image_channels,
                'channel_base': self.channel_base, 'channel_max': self.channel_max}


@keras.saving.register_keras_serializable('stylegan_tf')
class DCGANDiscriminator(keras.Model):
    """Strided convolutions down to the smallest feature map, then one logit.

    Without batch normalisation, which would tie the examples that a gradient penalty looks at one by one
    (Gulrajani et al. 2017, section 4).

    Args:
        resolution: Side of the images, or (height, width); see `feature_map_sizes`.
        num_labels: Classes that the logit depends on by projection; 0 for none.
        num_classes: Classes that it tells apart besides (auxiliary classifier); 0 for none.
        channel_base: Channels times short side of feature maps, up to channel_max.
        channel_max: Most channels of a feature map.

    call(image, label=None): image [B, H, W, C] in [-1, 1], label integers [B] with -1 for none -> logits, float32 [B];
    with num_classes (logits [B], class logits [B, num_classes]).
    Source: Radford et al. 2016; label as in Miyato and Koyama 2018, auxiliary classifier as in Odena et al. 2017.
    """

    def __init__(self, resolution, *, num_labels: int = 0, num_classes: int = 0, channel_base: int = 4096,
                 channel_max: int = 1024, **kwargs):
        super().__init__(**kwargs)
        self.resolution, self.num_labels, self.num_classes = resolution, num_labels, num_classes
        self.channel_base, self.channel_max = channel_base, channel_max
        self.sizes = feature_map_sizes(resolution)
        self.reductions = [
            keras.layers.Conv2D(channels_at(size, channel_base, channel_max), name=f'down_{min(size)}',
                                **_options(self.dtype_policy))
            for size in self.sizes[-2::-1]]
        self.logit = keras.layers.Dense(1, name='logit', dtype='float32')
        self.classes = keras.layers.Dense(num_classes, name='classes', dtype='float32') if num_classes else None
        self.embedding = None

    def build(self, image_shape, label_shape=None):
        if tuple(image_shape[1:3]) != self.sizes[-1]:
            raise ValueError(f'DCGANDiscriminator expects images of {self.sizes[-1]} pixels. '
                             f'Received: shape {tuple(image_shape)}.')
        depth = image_shape[-1]
        for reduction in self.reductions:
            reduction.build((image_shape[0], None, None, depth))
            depth = reduction.filters
        features = (image_shape[0], math.prod(self.sizes[0]) * depth)
        self.logit.build(features)
        if self.classes is not None:
            self.classes.build(features)
        if self.num_labels:
            self.embedding = LabelEmbedding(self.num_labels, features[-1], name='label_embedding', dtype='float32')
            self.embedding.build((image_shape[0],))

    def call(self, image, label=None):
        x = image
        for reduction in self.reductions:
            x = ops.leaky_relu(reduction(x), negative_slope=SLOPE)
        x = ops.reshape(ops.cast(x, 'float32'), (-1, math.prod(x.shape[1:])))
        logits = self.logit(x)
        if self.embedding is not None and label is not None:
            logits = logits + label_projection(x, self.embedding(label))
        return logits[:, 0] if self.classes is None else (logits[:, 0], self.classes(x))

    def get_config(self):
        return {**super().get_config(), 'resolution': self.resolution, 'num_labels': self.num_labels,
                'num_classes': self.num_classes, 'channel_base': self.channel_base, 'channel_max': self.channel_max}
