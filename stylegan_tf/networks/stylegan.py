"""StyleGAN2's generator: mapping network and synthesis network."""

from __future__ import annotations

import keras
from keras import ops

from stylegan_tf.layers.equalized import EqualizedDense, leaky_relu
from stylegan_tf.layers.labels import LabelEmbedding
from stylegan_tf.layers.modulated import StyledConv2D, ToRGB
from stylegan_tf.layers.normalization import PixelNorm
from stylegan_tf.layers.resample import upsample_2d


def truncate(w, mean, psi):
    """Pulls style codes towards their mean: less variety, fewer failures.

    Args:
        w: Codes [B, D] or [B, L, D].
        mean: Mean code [D], or one of each example, of w's shape or [B, D].
        psi: 1 keeps w, 0 gives the mean; a number or [B].
    Returns:
        mean + psi (w - mean), the shape of w.
    Source: Karras et al. 2019 (StyleGAN), appendix B.
    """
    psi = ops.convert_to_tensor(psi, dtype=w.dtype)
    if len(psi.shape) == 1:
        psi = ops.reshape(psi, (-1,) + (1,) * (len(w.shape) - 1))
    if len(mean.shape) == 2 and len(w.shape) == 3:
        mean = mean[:, None]
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
    for each convolution, share a factor of what the block adds to the image (None: 1)
    -> (features, image).
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

    def call(self, x, image, styles, noise, share=None, training=None):
        for convolution, style, layer_noise in zip(self.convolutions, styles, noise):
            x = convolution(x, style, layer_noise, training=training)
        addition = self.to_rgb(x, styles[-1])
        if share is not None:
            addition = addition * share
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

    call(w, noise=None, shares=None, training=None):
        w: Codes [B, D], or [B, num_styles, D] for a code of its own in each layer.
        noise: None (see NoiseInjection), or a list of num_noises maps [B or 1, h, w, 1] of the
            sizes `noise_sizes`.
        shares: None, or factors of what the first len(shares) blocks add to the image; the later blocks are left out.
            A network that grows fades a block in by its factor.
    Returns:
        Images, float32 [B, H, W, image_channels] of the last block's size, about [-1, 1] but unbounded.
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

    def call(self, w, noise=None, shares=None, training=None):
        styles = self._style_list(w)
        noise = [None] * len(self.noise_sizes) if noise is None else list(noise)
        if len(noise) != len(self.noise_sizes):
            raise ValueError(f'Synthesis needs {len(self.noise_sizes)} noise maps of the sizes '
                             f'{self.noise_sizes}. Received: {len(noise)}.')
        batch = ops.shape(w)[0]
        constant = ops.cast(self.constant, self.compute_dtype)
        x = ops.broadcast_to(constant[None], (batch, *constant.shape))
        image, position = None, 0
        for block, share in zip(self.blocks, shares or [None] * len(self.blocks)):
            end = position + len(block.convolutions)
            # An image layer shares the code of the convolution after it.
            x, image = block(x, image, styles[position:end + 1], noise[position:end], share=share,
                             training=training)
            position = end
        return image

    def get_config(self):
        return {**super().get_config(), 'resolution': self.resolution,
                'image_channels': self.image_channels, 'channel_base': self.channel_base,
                'channel_max': self.channel_max, 'use_noise': self.use_noise,
                'padding': self.padding}
