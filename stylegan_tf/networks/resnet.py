"""ResNet generator: halvings, residual blocks, doublings, each normalised by the picture's own statistics."""

from __future__ import annotations

import math

import keras
from keras import ops

from stylegan_tf.layers.equalized import EqualizedConv2D
from stylegan_tf.layers.normalization import EPSILON, InstanceNormalization, instance_statistics
from stylegan_tf.layers.resample import upsample_2d

OUTER_KERNEL = 7  # of the first and of the last convolution
MAX_WIDENING = 4


@keras.saving.register_keras_serializable('stylegan_tf')
class ResnetGenerator(keras.Model):
    """Maps a picture to a picture of the same size.

    Statistics of every normalised map may be given: those of the whole picture, where the input is a tile of it.
    Doubling is smooth (FIR), followed by a convolution, instead of transposed convolutions: no checkerboards.

    Args:
        channels: Channels at full resolution, doubled at each halving up to 4 times this.
        blocks: Residual blocks at the lowest resolution: 6 for 128 px, 9 from 256 px on (Zhu et al. 2017).
        levels: Halvings; H and W must be multiples of 2**levels.
        out_channels: Channels of the result.

    call(image, statistics=None):
        image: [B, H, W, C].
        statistics: float32 [B, `statistics_size`] as `statistics` tells them of the whole picture; None takes those
            of `image`.
    Returns:
        float32 [B, H, W, out_channels], not bounded, of a deviation of about 1 at the start.
    Source: Johnson et al. 2016, Zhu et al. 2017 (appendix 7.2); convolutions with an equalized learning rate.
    """

    def __init__(self, channels: int = 64, blocks: int = 9, *, levels: int = 2, out_channels: int = 3, **kwargs):
        super().__init__(autocast=False, **kwargs)  # given statistics stay float32; convolutions cast the picture
        if blocks < 1 or levels < 1:
            raise ValueError('A ResnetGenerator needs at least one block and one halving. '
                             f'Received: blocks={blocks}, levels={levels}.')
        self.channels, self.levels, self.out_channels = channels, levels, out_channels
        widths = [channels * min(2 ** level, MAX_WIDENING) for level in range(levels + 1)]
        self.stem = _NormalisedConvolution(widths[0], OUTER_KERNEL, name='stem', dtype=self.dtype_policy)
        self.downs = [_NormalisedConvolution(width, 3, strides=2, name=f'down_{level}', dtype=self.dtype_policy)
                      for level, width in enumerate(widths[1:], 1)]
        self.blocks = [(_NormalisedConvolution(widths[-1], 3, name=f'block_{index}_a', dtype=self.dtype_policy),
                        _NormalisedConvolution(widths[-1], 3, is_rectified=False, name=f'block_{index}_b',
                                               dtype=self.dtype_policy)) for index in range(blocks)]
        self.ups = [_NormalisedConvolution(widths[level], 3, name=f'up_{level}', dtype=self.dtype_policy)
                    for level in reversed(range(levels))]
        self.out = EqualizedConv2D(out_channels, OUTER_KERNEL, padding='reflect', name='out', dtype='float32')

    @property
    def map_count(self) -> int:
        """How many maps `encode` has: the stem's, one a halving, one a block."""
        return 1 + self.levels + len(self.blocks)

    @property
    def multiple(self) -> int:
        """H and W must be multiples of this, and tiles begin at them, so that they are halved as the whole is."""
        return 2 ** self.levels

    @property
    def statistics_size(self) -> int:
        """Numbers that describe one picture: mean and logarithm of the deviation of every normalised channel."""
        return 2 * sum(layer.filters for layer in self._normalised_layers())

    @property
    def reach(self) -> int:
        """Pixels that a pixel of the result depends on, on each side, where the statistics are given.

        Follows the layers back from a pixel of each phase of the coarsest grid.
        """
        widest = 0
        for pixel in range(self.multiple):
            first, last = pixel - OUTER_KERNEL // 2, pixel + OUTER_KERNEL // 2  # out
            for _ in range(self.levels):
                first, last = (first - 2) // 2, (last + 2) // 2  # convolution, then doubling
            first, last = first - 2 * len(self.blocks), last + 2 * len(self.blocks)
            for _ in range(self.levels):
                first, last = 2 * first - 1, 2 * last + 1
            stem = OUTER_KERNEL // 2
            widest = max(widest, pixel - first + stem, last + stem - pixel)
        return widest

    def _normalised_layers(self):
        return [self.stem, *self.downs, *(layer for pair in self.blocks for layer in pair), *self.ups]

    def build(self, image_shape, statistics_shape=None):
        depth = image_shape[-1]
        for layer in self._normalised_layers():
            layer.build((None, None, None, depth))
            depth = layer.filters
        self.out.build((None, None, None, depth))

    def call(self, image, statistics=None):
        taken = _Statistics(statistics)
        return self._decode(self._encode(image, None, taken)[-1], taken)

    def encode(self, image, count: int | None = None):
        """The first `count` of the `map_count` maps before the doublings; all for None."""
        return self._encode(image, count, _Statistics())

    def decode(self, maps):
        """The result, from all maps of `encode`."""
        return self._decode(maps[-1], _Statistics())

    def statistics(self, image):
        """What `call` may be given of a picture [B, H, W, C]: float32 [B, statistics_size]."""
        taken = _Statistics()
        self._decode(self._encode(image, None, taken)[-1], taken, is_whole=False)
        return ops.concatenate([ops.squeeze(part, axis=(1, 2)) for mean, deviation in taken.measured
                                for part in (mean, ops.log(deviation))], axis=-1)

    def _encode(self, image, count, taken):
        maps = [self.stem(image, taken=taken)]
        for down in self.downs:
            maps.append(down(maps[-1], taken=taken))
        for first, second in self.blocks[:None if count is None else max(0, count - len(maps))]:
            maps.append(maps[-1] + second(first(maps[-1], taken=taken), taken=taken))
        return maps if count is None else maps[:count]

    def _decode(self, x, taken, is_whole=True):
        for up in self.ups:
            x = up(upsample_2d(x), taken=taken)
        return self.out(x) if is_whole else x

    def get_config(self):
        return {**super().get_config(), 'channels': self.channels, 'blocks': len(self.blocks), 'levels': self.levels,
                'out_channels': self.out_channels}


class _Statistics:
    """Hands each normalisation its part of given statistics, or measures and remembers them."""

    def __init__(self, given=None):
        self.given, self.measured, self._start = given, [], 0

    def of(self, x):
        if self.given is None:
            self.measured.append(instance_statistics(x))
            return self.measured[-1]
        middle, end = self._start + x.shape[-1], self._start + 2 * x.shape[-1]
        mean, logarithm = self.given[:, None, None, self._start:middle], self.given[:, None, None, middle:end]
        self._start = end
        # Below this no picture's deviation lies; whoever calls a server may send anything.
        return mean, ops.exp(ops.maximum(logarithm, 0.5 * math.log(EPSILON)))


class _NormalisedConvolution(keras.layers.Layer):
    """Convolution, instance normalisation, ReLU."""

    def __init__(self, filters, kernel_size, *, strides=1, is_rectified=True, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.is_rectified = filters, is_rectified
        # A bias before the normalisation would be subtracted again.
        self.convolution = EqualizedConv2D(filters, kernel_size, strides=strides, padding='reflect', use_bias=False,
                                           name='convolution', dtype=self.dtype_policy)
        self.normalization = InstanceNormalization(name='normalization', dtype=self.dtype_policy)

    def build(self, input_shape):
        self.convolution.build(input_shape)
        self.normalization.build((None, None, None, self.filters))

    def call(self, x, taken):
        x = self.convolution(x)
        x = self.normalization(x, taken.of(x))
        return ops.relu(x) if self.is_rectified else x

    def compute_output_shape(self, input_shape, taken=None):
        return (*input_shape[:-1], self.filters)
