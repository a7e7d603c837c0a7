"""U-Net: an encoder and a decoder joined at every resolution."""

from __future__ import annotations

import keras
from keras import ops

from stylegan_tf.layers.equalized import EqualizedConv2D, leaky_relu
from stylegan_tf.layers.resample import upsample_2d

OUT_SCALE = 0.1  # standard deviation of the first results for inputs of standard deviation 1

@keras.saving.register_keras_serializable('stylegan_tf')
class UNet(keras.Model):
    """Maps a picture to a picture of the same size, without normalisation, so that tiles see what the whole does.

    Args:
        channels: Channels of each level, full resolution first; each further level halves H and W.
        out_channels: Channels of the result.
        blocks: 3x3 convolutions a level, in the encoder and in the decoder.
        dilations: Dilated 3x3 convolutions at the lowest level, one a number, added to their input: a wider view
            than the levels alone give, as holes to be filled need.

    call(image, condition=None, training=None):
        image: [B, H, W, C], any H and W.
        condition: [B, H, W, K], joined to the image at the first layer; given in every call or in none.
    Returns:
        float32 [B, H, W, out_channels], not bounded; small at the start, so that adding it to the picture starts
        from the picture.
    Source: Ronneberger et al. 2015; as a generator Isola et al. 2017, section 3.2.1.
    """

    def __init__(self, channels: tuple[int, ...] = (32, 64, 128, 128), out_channels: int = 3, *, blocks: int = 1,
                 dilations: tuple[int, ...] = (2, 4), **kwargs):
        super().__init__(**kwargs)
        if len(channels) < 2 or blocks < 1:
            raise ValueError('A UNet needs at least two levels and one block a level. '
                             f'Received: channels={tuple(channels)}, blocks={blocks}.')
        self.channels, self.out_channels = tuple(channels), out_channels
        self.blocks, self.dilations = blocks, tuple(dilations)

        def convolution(count, name, **options):
            return EqualizedConv2D(count, 3, padding='reflect', activation=leaky_relu, name=name,
                                   dtype=self.dtype_policy, **options)

        self.stem = convolution(channels[0], 'stem')
        self.downs = [convolution(count, f'down_{level}', strides=2) for level, count in enumerate(channels[1:], 1)]
        self.encoders = [[convolution(count, f'encoder_{level}_{index}') for index in range(blocks)]
                         for level, count in enumerate(channels[1:], 1)]
        self.wide = [_DilatedBlock(channels[-1], rate, name=f'wide_{index}', dtype=self.dtype_policy)
                     for index, rate in enumerate(self.dilations)]
        self.decoders = [[convolution(count, f'decoder_{level}_{index}') for index in range(blocks)]
                         for level, count in reversed(list(enumerate(channels[:-1])))]
        self.out = EqualizedConv2D(out_channels, 3, padding='reflect', name='out', dtype='float32')

    @property
    def multiple(self) -> int:
        """Tiles must begin at multiples of this, so that they are halved as the whole picture is."""
        return 2 ** (len(self.channels) - 1)

    @property
    def reach(self) -> int:
        """Pixels that a pixel of the result depends on, on each side: how far tiles must overlap.

        Follows the layers back from a pixel of each phase of the coarsest grid.
        """
        widest = 0
        for pixel in range(self.multiple):
            first, last = pixel - 1, pixel + 1  # out
            skips = []  # what the decoder needs of the encoder's maps, full resolution first
            for _ in self.channels[1:]:
                first, last = first - self.blocks, last + self.blocks
                skips.append((first, last))
                first, last = (first - 1) // 2, (last + 1) // 2
            spread = sum(self.dilations)
            first, last = first - spread, last + spread
            for skip in reversed(skips):
                first, last = first - self.blocks, last + self.blocks
                first, last = min(2 * first - 1, skip[0]), max(2 * last + 1, skip[1])
            widest = max(widest, pixel - first + 1, last + 1 - pixel)  # the stem sees one more
        return widest

    def build(self, image_shape, condition_shape=None):
        depth = image_shape[-1] + (0 if condition_shape is None else condition_shape[-1])
        self.is_conditioned = condition_shape is not None
        self._build(self.stem, depth)
        for level, (down, blocks) in enumerate(zip(self.downs, self.encoders)):
            self._build(down, self.channels[level])
            for block in blocks:
                self._build(block, self.channels[level + 1])
        for block in self.wide:
            self._build(block, self.channels[-1])
        depth = self.channels[-1]
        for blocks, skip in zip(self.decoders, reversed(self.channels[:-1])):
            for index, block in enumerate(blocks):
                self._build(block, skip if index else depth + skip)
            depth = skip
        self._build(self.out, depth)

    @staticmethod
    def _build(layer, depth):
        layer.build((None, None, None, depth))

    def call(self, image, condition=None, training=None):
        if (condition is not None) != self.is_conditioned:
            raise ValueError(f'This UNet was built {"with" if self.is_conditioned else "without"} a condition; every '
                             f'call must be alike. Received: {None if condition is None else tuple(condition.shape)}.')
        x = image if condition is None else ops.concatenate([image, condition], axis=-1)
        return self.decode(self.encode(x))

    def encode(self, image, count: int | None = None):
        """The first `count` maps of the encoder, full resolution first; all of them, one a level, for None."""
        maps = [self.stem(image)]
        for down, blocks in zip(self.downs[:None if count is None else count - 1], self.encoders):
            x = down(maps[-1])
            for block in blocks:
                x = block(x)
            maps.append(x)
        return maps

    def decode(self, maps):
        """The result, from all maps of `encode`."""
        x = maps[-1]
        for block in self.wide:
            x = block(x)
        for blocks, skip in zip(self.decoders, reversed(maps[:-1])):
            height, width = ops.shape(skip)[1:3]
            x = ops.concatenate([upsample_2d(x)[:, :height, :width], skip], axis=-1)
            for block in blocks:
                x = block(x)
        return self.out(x) * OUT_SCALE

    def get_config(self):
        return {**super().get_config(), 'channels': self.channels, 'out_channels': self.out_channels,
                'blocks': self.blocks, 'dilations': self.dilations}


class _DilatedBlock(keras.layers.Layer):
    """Residual 3x3 convolution whose taps lie `rate` pixels apart (Yu and Koltun 2016)."""

    def __init__(self, filters, rate, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.rate = filters, rate
        self.spread = keras.layers.Conv2D(filters, 3, padding='same', dilation_rate=rate, name='spread',
                                          kernel_initializer=keras.initializers.HeNormal(), dtype=self.dtype_policy)

    def build(self, input_shape):
        self.spread.build(input_shape)

    def call(self, x):
        # The sum of two parts of equal variance keeps that variance.
        return (x + leaky_relu(self.spread(x))) * 0.7071

    def compute_output_shape(self, input_shape):
        return input_shape
