"""Content-preserving stylisation: content encoder, style encoder, modulated synthesis.

No statistic of the picture is taken between content and pixels: the numbers that describe the
whole picture (style code, content statistics) are inputs. A picture may therefore be processed in
tiles, and any size works.
"""

from __future__ import annotations

import keras
from keras import ops

from stylegan_tf.layers.equalized import EqualizedConv2D, EqualizedDense, leaky_relu
from stylegan_tf.layers.modulated import ModulatedConv2D, StyledConv2D, ToRGB
from stylegan_tf.layers.normalization import instance_statistics
from stylegan_tf.layers.resample import upsample_2d

COLOUR_STATISTICS = 12  # means and covariances of three colours
STATISTICS_EPSILON = 0.03  # added to standard deviations, so that flat pictures are not amplified


class ContentEncoder(keras.Model):
    """Convolutional pyramid of a photograph.

    Args:
        channels: Channels of each level, full resolution first; each further level halves H, W.
    """

    def __init__(self, channels: tuple[int, ...], *, name: str = 'content_encoder', **options):
        super().__init__(name=name, **options)
        self.channels = tuple(channels)
        self.stem = EqualizedConv2D(channels[0], 3, padding='reflect', activation=leaky_relu,
                                    name='stem')
        self.downs = [EqualizedConv2D(count, 3, strides=2, padding='reflect',
                                      activation=leaky_relu, name=f'down_{level}')
                      for level, count in enumerate(channels[1:], 1)]

    def build(self, content_shape):
        depth = content_shape[-1]
        for layer in (self.stem, *self.downs):
            layer.build((None, None, None, depth))
            depth = layer.filters

    def call(self, content):
        """Images [B, H, W, 3] in [-1, 1] -> list of [B, H / 2**l, W / 2**l, channels[l]]."""
        maps = [self.stem(content)]
        for down in self.downs:
            maps.append(down(maps[-1]))
        return maps


class StyleEncoder(keras.Model):
    """Style code from the statistics of feature maps and of the picture's colours.

    Means and standard deviations of a network's channels describe texture and palette without
    place (Huang & Belongie 2017; Li et al. 2017). The maps come from a frozen network, or from a
    small trunk trained along.

    Args:
        code_size: Length of the code w.
        layers: Names of the feature maps used; empty = the trained trunk.
        hidden: Units of the hidden layer.
        dropout: Share of hidden units dropped in training.
    """

    def __init__(self, code_size: int, *, layers: tuple[str, ...] = (), hidden: int = 512,
                 dropout: float = 0.0, name: str = 'style_encoder', **options):
        super().__init__(name=name, **options)
        self.layer_names = tuple(layers)
        self.trunk = None if layers else ContentEncoder((16, 32, 64, 96), name='trunk')
        self.hidden = EqualizedDense(hidden, activation=leaky_relu, name='hidden')
        self.drop = keras.layers.Dropout(dropout, seed=0, name='drop') if dropout else None
        self.code = EqualizedDense(code_size, name='code')

    def build(self, style_shape, features_shape=None):
        if self.trunk:
            self.trunk.build(style_shape)
            counts = self.trunk.channels
        else:
            counts = [features_shape[name][-1] for name in self.layer_names]
        self.hidden.build((None, COLOUR_STATISTICS + 2 * sum(counts)))
        self.code.build((None, self.hidden.units))

    def call(self, style, features=None, training=False):
        """Style images [B, H, W, 3] in [-1, 1] and their feature maps -> code [B, code_size].

        `features` is a dict of maps [B, h, w, C] holding `layers`; unused with a trained trunk.
        """
        maps = self.trunk(style) if self.trunk else [features[name] for name in self.layer_names]
        hidden = self.hidden(ops.concatenate([_colour_statistics(style)]
                                             + [_log_statistics(x) for x in maps], axis=-1))
        if self.drop is not None:
            hidden = self.drop(hidden, training=training)
        return ops.cast(self.code(hidden), 'float32')


def _log_statistics(x):
    mean, deviation = instance_statistics(ops.cast(x, 'float32'))
    joined = ops.squeeze(ops.concatenate([ops.abs(mean), deviation], axis=-1), axis=(1, 2))
    return ops.log(joined + 0.1) * 0.7  # channel statistics are heavy-tailed


def _colour_statistics(image):
    image = ops.cast(image, 'float32')
    mean = ops.mean(image, axis=(1, 2))
    centred = image - mean[:, None, None, :]
    covariance = ops.mean(ops.expand_dims(centred, -1) * ops.expand_dims(centred, -2), axis=(1, 2))
    return ops.concatenate([2.0 * mean, 4.0 * ops.reshape(covariance, (-1, 9))], axis=-1)


class StylizationGenerator(keras.Model):
    """Content encoder and StyleGAN2-type synthesis with content injected at each resolution.

    The encoder's maps are normalised by the content's statistics (an input, so that a tile can be
    given those of its picture), then a modulated convolution lets the style code decide how much
    of each channel enters. Blocks are modulated and demodulated convolutions; the picture is the
    sum of every resolution's RGB (Karras et al. 2020, fig. 7).

    Args:
        width_channels: Channels at full resolution, doubled at each halving up to `max_channels`.
        max_channels: Upper bound.
        levels: Halvings; H and W must be multiples of 2**levels.
        residual_blocks: Modulated residual blocks at the lowest resolution.
    """

    def __init__(self, width_channels: int = 24, max_channels: int = 96, levels: int = 3,
                 residual_blocks: int = 3, *, name: str = 'generator', **options):
        super().__init__(name=name, **options)
        channels = tuple(min(max_channels, width_channels * 2 ** level)
                         for level in range(levels + 1))
        self.levels = levels
        self.channels = channels
        self.encoder = ContentEncoder(channels, name='content_encoder')
        self.injections = [ModulatedInjection(count, name=f'inject_{level}')
                           for level, count in enumerate(channels)]
        self.residuals = [
            (StyledConv2D(channels[-1], 3, padding='reflect', name=f'residual_{index}_a'),
             StyledConv2D(channels[-1], 3, padding='reflect', activation=None,
                          name=f'residual_{index}_b'))
            for index in range(residual_blocks)]
        self.ups = [StyledConv2D(channels[level], 3, upsample=True, padding='reflect',
                                 name=f'up_{level}') for level in range(levels)]
        self.refines = [StyledConv2D(channels[level], 3, padding='reflect', name=f'refine_{level}')
                        for level in range(levels)]
        self.to_rgb = [ToRGB(name=f'to_rgb_{level}') for level in range(levels + 1)]

    def build(self, content_shape, code_shape, statistics_shape=None):
        # By hand, because Keras would trace the whole network to find what these few lines say.
        if not self.encoder.built:
            self.encoder.build(content_shape)
        shapes = [(None, None, None, count) for count in self.channels]
        self.injections[-1].build(shapes[-1], code_shape)
        for layer in (layer for pair in self.residuals for layer in pair):
            layer.build(shapes[-1], code_shape)
        self.to_rgb[-1].build(shapes[-1], code_shape)
        for level in reversed(range(self.levels)):
            self.ups[level].build(shapes[level + 1], code_shape)
            for layer in (self.injections[level], self.refines[level], self.to_rgb[level]):
                layer.build(shapes[level], code_shape)

    def statistics(self, maps):
        """The encoder's maps -> statistics [B, S]: mean and deviation of each channel."""
        parts = []
        for x in maps:
            mean, deviation = instance_statistics(ops.cast(x, 'float32'))
            parts += [mean, deviation]
        return ops.squeeze(ops.concatenate(parts, axis=-1), axis=(1, 2))

    def call(self, content, code, statistics=None):
        """Stylises.

        Args:
            content: [B, H, W, 3] in [-1, 1], H and W multiples of 2**levels.
            code: Style code [B, D].
            statistics: [B, S] of the whole picture; None = those of `content` itself.
        Returns:
            Images [B, H, W, 3] in (-1, 1), float32.
        """
        maps = self.encoder(content)
        return self.synthesize(maps, code, self.statistics(maps) if statistics is None else statistics)

    def synthesize(self, maps, code, statistics):
        """The second half of `call`, from the encoder's maps."""
        maps = self._normalised(maps, statistics)
        x = self.injections[-1](maps[-1], code)
        for first, second in self.residuals:
            x = (x + second(first(x, code), code)) * 0.7071  # keeps the variance at 1
        rgb = self.to_rgb[-1](x, code)
        for level in reversed(range(self.levels)):
            x = self.ups[level](x, code)
            x = (x + self.injections[level](maps[level], code)) * 0.7071
            x = self.refines[level](x, code)
            rgb = upsample_2d(rgb) + self.to_rgb[level](x, code)
        return ops.tanh(ops.cast(rgb, 'float32'))

    def _normalised(self, maps, statistics):
        normalised, start = [], 0
        for x, count in zip(maps, self.channels, strict=True):
            mean = statistics[:, None, None, start:start + count]
            deviation = statistics[:, None, None, start + count:start + 2 * count]
            start += 2 * count
            scaled = (ops.cast(x, 'float32') - mean) / (deviation + STATISTICS_EPSILON)
            normalised.append(ops.cast(scaled, self.compute_dtype))
        return normalised


class ModulatedInjection(keras.layers.Layer):
    """1x1 modulated convolution through which content enters: the style decides how much.

    Not demodulated, so that a style can close it.

    Args:
        filters: Output channels.
    """

    def __init__(self, filters: int, *, name: str | None = None, **options):
        super().__init__(name=name, **options)
        self.filters = filters
        self.convolution = ModulatedConv2D(filters, 1, demodulate=False, name='convolution')

    def build(self, x_shape, w_shape):
        self.affine = EqualizedDense(x_shape[-1], bias_init=1.0, name='affine')
        self.affine.build(w_shape)
        self.convolution.build(x_shape, (w_shape[0], x_shape[-1]))

    def call(self, x, w):
        """Maps [B, h, w, C] and code [B, D] -> [B, h, w, filters]."""
        return self.convolution(x, self.affine(w))

    def compute_output_shape(self, x_shape, w_shape):
        return (*x_shape[:-1], self.filters)
