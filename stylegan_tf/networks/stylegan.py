"""StyleGAN2: mapping network, synthesis network and discriminator."""

from __future__ import annotations

import math

import keras
from keras import ops

from stylegan_tf.layers.equalized import EqualizedConv2D, EqualizedDense, leaky_relu
from stylegan_tf.layers.labels import LabelEmbedding, label_projection
from stylegan_tf.layers.minibatch import MinibatchStddev
from stylegan_tf.layers.modulated import StyledConv2D, ToRGB
from stylegan_tf.layers.normalization import PixelNorm
from stylegan_tf.layers.resample import downsample_2d, filter_2d, upsample_2d


def truncate(w, mean, psi):
    """Pulls style codes towards their mean: less variety, fewer failures.

    Args:
        w: Codes [B, D] or [B, L, D].
        mean: Mean code [D].
        psi: 1 keeps w, 0 gives the mean; a number or [B].
    Returns:
        mean + psi (w - mean), the shape of w.
    Source: Karras et al. 2019 (StyleGAN), appendix B.
    """
    psi = ops.convert_to_tensor(psi, dtype=w.dtype)
    if len(psi.shape) == 1:
        psi = ops.reshape(psi, (-1,) + (1,) * (len(w.shape) - 1))
    return mean + psi * (w - mean)


@keras.saving.register_keras_serializable('stylegan_tf')
class MappingNetwork(keras.Model):
    """Turns noise, and a class where there is one, into a style code w.

    Args:
        latent_size: Length of z.
        style_size: Length of w, and of the hidden layers.
        num_labels: Number of classes; 0 ignores labels.
        num_layers: Fully connected layers; 8 in StyleGAN, 2 in StyleGAN2-ADA's small models.
        lr_multiplier: Learning rate of these layers relative to the rest.
        is_linear: Whether the last layer has no activation, for codes that must reach any sign.

    call(z, label=None): z [B, latent_size], label integers [B] with -1 for none (None: all -1)
    -> w float32 [B, style_size]. Always computed in float32.
    Source: Karras et al. 2019, section 2; the embedding as in Karras et al. 2020 (StyleGAN2-ADA).
    """

    def __init__(self, latent_size: int, style_size: int, *, num_labels: int = 0,
                 num_layers: int = 8, lr_multiplier: float = 0.01, is_linear: bool = False,
                 **kwargs):
        kwargs.setdefault('dtype', 'float32')
        super().__init__(**kwargs)
        self.latent_size = latent_size
        self.style_size = style_size
        self.num_labels = num_labels
        self.num_layers = num_layers
        self.lr_multiplier = lr_multiplier
        self.is_linear = is_linear
        self.latent_norm = PixelNorm(name='latent_norm', dtype='float32')
        self.embedding = None
        if num_labels:
            self.embedding = LabelEmbedding(
                num_labels, latent_size, name='label_embedding', dtype='float32')
            self.label_norm = PixelNorm(name='label_norm', dtype='float32')
        self.dense_layers = [
            EqualizedDense(style_size, lr_multiplier=lr_multiplier, name=f'dense_{index}', dtype='float32',
                           activation=None if is_linear and index == num_layers - 1 else leaky_relu)
            for index in range(num_layers)]

    def build(self, z_shape, label_shape=None):
        size = z_shape[-1]
        if size != self.latent_size:
            raise ValueError(f'MappingNetwork expects z of shape [B, {self.latent_size}]. '
                             f'Received: shape {tuple(z_shape)}.')
        if self.embedding is not None:
            self.embedding.build((z_shape[0],))
            size += self.latent_size
        for layer in self.dense_layers:
            layer.build((z_shape[0], size))
            size = self.style_size

    def call(self, z, label=None):
        x = self.latent_norm(z)
        if self.embedding is not None:
            if label is None:
                label = ops.full((ops.shape(z)[0],), -1, dtype='int32')
            x = ops.concatenate([x, self.label_norm(self.embedding(label))], axis=-1)
        for layer in self.dense_layers:
            x = layer(x)
        return x

    def compute_output_shape(self, z_shape, label_shape=None):
        return (z_shape[0], self.style_size)

    def get_config(self):
        return {**super().get_config(), 'latent_size': self.latent_size,
                'style_size': self.style_size, 'num_labels': self.num_labels,
                'num_layers': self.num_layers, 'lr_multiplier': self.lr_multiplier, 'is_linear': self.is_linear}


def feature_map_sizes(resolution) -> list[tuple[int, int]]:
    """Sizes of a network's feature maps, from about 4 pixels up to the image.

    Args:
        resolution: Side of square images, or (height, width).
    Returns:
        [(h, w), ...], each twice the one before, ending with the resolution: 64 gives 4, 8, ... 64;
        (64, 96) starts at (4, 6); 28 at 7.
    Raises:
        ValueError: The resolution cannot be halved down to 16 pixels or less.
    """
    height, width = (resolution, resolution) if isinstance(resolution, int) else resolution
    sizes = [(height, width)]
    while height % 2 == 0 and width % 2 == 0 and min(height, width) >= 8:
        height, width = height // 2, width // 2
        sizes.insert(0, (height, width))
    if min(height, width) > 16:
        raise ValueError('The resolution must be a small number times a power of two in both '
                         f'directions. Received: {resolution}. Try 64, 128 or (128, 192).')
    return sizes


def channels_at(size: tuple[int, int], channel_base: int, channel_max: int) -> int:
    """Channels of feature maps of this size: channel_base / short side, at most channel_max."""
    return max(1, min(channel_base // min(size), channel_max))


@keras.saving.register_keras_serializable('stylegan_tf')
class SynthesisBlock(keras.layers.Layer):
    """Two styled convolutions (one if not upsampling) and this resolution's share of the image.

    Args:
        channels: Channels of the feature maps.
        image_channels: Channels of the image.
        upsample: Whether to double the size; False for the first block.
        use_noise: Whether the convolutions add noise.
        noise_seed: See NoiseInjection; the block uses this one and the next.
        padding: 'same' or 'reflect'.

    call(x, image, styles, noise): x [B, H, W, C], image [B, H, W, 3] or None, styles a list of
    one code [B, D] for each convolution and one for the image, noise a list of one map or None
    for each convolution -> (features, image).
    """

    def __init__(self, channels: int, image_channels: int = 3, *, upsample: bool = True,
                 use_noise: bool = True, noise_seed: int = 0, padding: str = 'same', **kwargs):
        super().__init__(**{'autocast': False, **kwargs})
        self.channels = channels
        self.image_channels = image_channels
        self.upsample = upsample
        self.use_noise = use_noise
        self.noise_seed = noise_seed
        self.padding = padding
        options = {'use_noise': use_noise, 'padding': padding, 'dtype': self.dtype_policy}
        self.convolutions = [
            StyledConv2D(channels, 3, noise_seed=noise_seed + 1, name='conv_1', **options)]
        if upsample:
            self.convolutions.insert(
                0, StyledConv2D(channels, 3, upsample=True, noise_seed=noise_seed, name='conv_0',
                                **options))
        self.to_rgb = ToRGB(image_channels, name='to_rgb')

    def build(self, x_shape, w_shape):
        """Creates the variables for feature maps and codes of these shapes."""
        for convolution in self.convolutions:
            convolution.build(x_shape, w_shape)
            x_shape = (*x_shape[:-1], self.channels)
        self.to_rgb.build(x_shape, w_shape)

    def call(self, x, image, styles, noise, training=None):
        for convolution, style, layer_noise in zip(self.convolutions, styles, noise):
            x = convolution(x, style, layer_noise, training=training)
        addition = self.to_rgb(x, styles[-1])
        if image is None:
            return x, addition
        if self.upsample:
            image = upsample_2d(image)
        return x, image + addition

    def get_config(self):
        return {**super().get_config(), 'channels': self.channels,
                'image_channels': self.image_channels, 'upsample': self.upsample,
                'use_noise': self.use_noise, 'noise_seed': self.noise_seed,
                'padding': self.padding}


@keras.saving.register_keras_serializable('stylegan_tf')
class Synthesis(keras.Model):
    """Turns style codes into images: learned constant, styled blocks, image as a sum over scales.

    Args:
        resolution: Side of the images, or (height, width); see `feature_map_sizes`.
        image_channels: 3 for RGB.
        channel_base: Channels times short side of feature maps, up to channel_max.
        channel_max: Most channels of a feature map.
        use_noise: Whether each convolution adds noise of learned strength.
        padding: 'same' or 'reflect'.

    call(w, noise=None, training=None):
        w: Codes [B, D], or [B, num_styles, D] for a code of its own in each layer.
        noise: None (see NoiseInjection), or a list of num_noises maps [B or 1, h, w, 1] of the
            sizes `noise_sizes`.
    Returns:
        Images, float32 [B, H, W, image_channels], about [-1, 1] but unbounded.
    Source: Karras et al. 2020 (StyleGAN2), sections 2-4, skip architecture.
    """

    def __init__(self, resolution, *, image_channels: int = 3, channel_base: int = 16384,
                 channel_max: int = 512, use_noise: bool = True, padding: str = 'same', **kwargs):
        super().__init__(**{'autocast': False, **kwargs})
        self.resolution = resolution
        self.image_channels = image_channels
        self.channel_base = channel_base
        self.channel_max = channel_max
        self.use_noise = use_noise
        self.padding = padding
        self.sizes = feature_map_sizes(resolution)
        self.blocks = [
            SynthesisBlock(channels_at(size, channel_base, channel_max), image_channels,
                           upsample=index > 0, use_noise=use_noise, noise_seed=2 * index,
                           padding=padding,
                           name=f'block_{min(size)}', dtype=self.dtype_policy)
            for index, size in enumerate(self.sizes)]

    @property
    def noise_sizes(self) -> list[tuple[int, int]]:
        """(height, width) of the noise of each convolution, in order."""
        return [size for size, block in zip(self.sizes, self.blocks) for _ in block.convolutions]

    @property
    def num_styles(self) -> int:
        """Codes that can differ: one for each convolution and one for the last image layer."""
        return len(self.noise_sizes) + 1

    def build(self, w_shape, noise_shape=None):
        style_shape = (w_shape[0], w_shape[-1])
        depth = self.blocks[0].channels
        self.constant = self.add_weight(
            shape=(*self.sizes[0], depth), name='constant',
            initializer=keras.initializers.RandomNormal(stddev=1.0))
        for block in self.blocks:
            block.build((w_shape[0], None, None, depth), style_shape)
            depth = block.channels

    def _style_list(self, w):
        if len(w.shape) == 2:
            return [w] * self.num_styles
        if w.shape[1] != self.num_styles:
            raise ValueError(f'Synthesis needs codes [B, D] or [B, {self.num_styles}, D]. '
                             f'Received: shape {tuple(w.shape)}.')
        return [w[:, index] for index in range(self.num_styles)]

    def call(self, w, noise=None, training=None):
        styles = self._style_list(w)
        noise = [None] * len(self.noise_sizes) if noise is None else list(noise)
        if len(noise) != len(self.noise_sizes):
            raise ValueError(f'Synthesis needs {len(self.noise_sizes)} noise maps of the sizes '
                             f'{self.noise_sizes}. Received: {len(noise)}.')
        batch = ops.shape(w)[0]
        constant = ops.cast(self.constant, self.compute_dtype)
        x = ops.broadcast_to(constant[None], (batch, *constant.shape))
        image, position = None, 0
        for block in self.blocks:
            end = position + len(block.convolutions)
            # An image layer shares the code of the convolution after it.
            x, image = block(x, image, styles[position:end + 1], noise[position:end],
                             training=training)
            position = end
        return image

    def get_config(self):
        return {**super().get_config(), 'resolution': self.resolution,
                'image_channels': self.image_channels, 'channel_base': self.channel_base,
                'channel_max': self.channel_max, 'use_noise': self.use_noise,
                'padding': self.padding}


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
class Discriminator(keras.Model):
    """StyleGAN2's residual discriminator, with a projection of the label where there is one.

    Args:
        resolution: Side of the images, or (height, width); see `feature_map_sizes`.
        num_labels: Number of classes; 0 for none.
        channel_base: Channels times short side of feature maps, up to channel_max.
        channel_max: Most channels of a feature map.
        group_size: Examples that minibatch statistics compare.
        statistics_channels: Maps of minibatch statistics; 0 leaves examples independent.

    call(image, label=None): image [B, H, W, C] in [-1, 1], label integers [B] with -1 for none
    -> logits, float32 [B].
    Source: Karras et al. 2020 (StyleGAN2), section 4; label as in Miyato and Koyama 2018.
    """

    def __init__(self, resolution, *, num_labels: int = 0, channel_base: int = 16384,
                 channel_max: int = 512, group_size: int = 4, statistics_channels: int = 1,
                 **kwargs):
        super().__init__(**kwargs)
        self.resolution = resolution
        self.num_labels = num_labels
        self.channel_base = channel_base
        self.channel_max = channel_max
        self.group_size = group_size
        self.statistics_channels = statistics_channels
        self.sizes = feature_map_sizes(resolution)
        depths = [channels_at(size, channel_base, channel_max) for size in self.sizes]
        self.from_rgb = EqualizedConv2D(depths[-1], 1, activation=leaky_relu, name='from_rgb',
                                        dtype=self.dtype_policy)
        self.blocks = [
            DiscriminatorBlock(depths[index], depths[index - 1], dtype=self.dtype_policy,
                               name=f'block_{min(self.sizes[index])}')
            for index in range(len(self.sizes) - 1, 0, -1)]
        # The end is cheap and its numbers are large sums, so it is always float32.
        self.statistics = None
        if statistics_channels:
            self.statistics = MinibatchStddev(
                group_size, statistics_channels, name='statistics', dtype='float32')
        self.conv = EqualizedConv2D(depths[0], 3, activation=leaky_relu, name='conv',
                                    dtype='float32')
        self.dense = EqualizedDense(depths[0], activation=leaky_relu, name='dense',
                                    dtype='float32')
        self.logit = EqualizedDense(1, name='logit', dtype='float32')
        self.embedding = None
        if num_labels:
            self.embedding = LabelEmbedding(
                num_labels, depths[0], name='label_embedding', dtype='float32')

    def build(self, image_shape, label_shape=None):
        if tuple(image_shape[1:3]) != self.sizes[-1]:
            raise ValueError(f'Discriminator expects images of {self.sizes[-1]} pixels. '
                             f'Received: shape {tuple(image_shape)}.')
        batch, (height, width) = image_shape[0], self.sizes[0]
        self.from_rgb.build(image_shape)
        depth = self.from_rgb.filters
        for block in self.blocks:
            block.build((batch, None, None, depth))
            depth = block.channels
        self.conv.build((batch, height, width, depth + self.statistics_channels))
        self.dense.build((batch, height * width * depth))
        self.logit.build((batch, depth))
        if self.embedding is not None:
            self.embedding.build((batch,))

    def call(self, image, label=None):
        x = self.from_rgb(image)
        for block in self.blocks:
            x = block(x)
        x = ops.cast(x, 'float32')
        if self.statistics is not None:
            x = self.statistics(x)
        x = self.conv(x)
        x = self.dense(ops.reshape(x, (-1, math.prod(x.shape[1:]))))
        logits = self.logit(x)
        if self.embedding is not None and label is not None:
            logits = logits + label_projection(x, self.embedding(label))
        return logits[:, 0]

    def get_config(self):
        return {**super().get_config(), 'resolution': self.resolution,
                'num_labels': self.num_labels, 'channel_base': self.channel_base,
                'channel_max': self.channel_max, 'group_size': self.group_size,
                'statistics_channels': self.statistics_channels}
