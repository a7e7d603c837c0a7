"""A PatchGAN that says of every patch whether it is real, damaged, and by which defect."""

from __future__ import annotations

import keras
from keras import ops

from stylegan_tf.layers.equalized import EqualizedConv2D, EqualizedDense, leaky_relu
from stylegan_tf.layers.resample import upsample_2d

FINE_GAIN = 4.0  # the finest details are weak beside the picture: amplified before the first layer
EPSILON = 1e-4


@keras.saving.register_keras_serializable('stylegan_tf')
class DefectDiscriminator(keras.Model):
    """Judges pictures as a whole and patch by patch, with the photograph and the style beside them where known.

    One trunk sees the picture joined with the photograph, and each with its high frequencies apart, so that noise and
    grids of a few grey levels are visible. The statistics of its maps describe the picture; the same trunk describes
    the style picture, and the two descriptions are compared.

    Args:
        num_defects: Kinds of defects, K.
        channels: Channels at 1/2, 1/4 and 1/8 of the resolution.
        hidden: Units of the hidden layer that compares descriptions.

    call(image, content=None, style=None, has_content=None, has_style=None, training=None):
        image: [B, H, W, 3] in [-1, 1], H and W multiples of 8, at least 32.
        content: The photograph, the same shape; style: [B, h, w, 3]. None where unknown for the whole batch.
        has_content, has_style: float [B], 1 where the example's reference counts. None: 1 where it was given.
    Returns:
        dict of float32 logits:
            'adversarial' [B, H/8, W/8, 1]: real against repaired;
            'damage' [B, H/4, W/4, 1]: damaged there;
            'defect_map' [B, H/8, W/8, K]: by which defect, there;
            'defects' [B, K]: which defects the picture has;
            'anomaly' [B]: whether it has any.
    Source: patches after Isola et al. 2017; statistics of maps as style after Huang and Belongie 2017.
    """

    def __init__(self, num_defects: int, channels: tuple[int, int, int] = (32, 64, 96), hidden: int = 192, **kwargs):
        super().__init__(**kwargs)
        if len(channels) != 3:
            raise ValueError(f'channels must be three numbers, for 1/2, 1/4 and 1/8. Received: {channels}.')
        self.num_defects, self.channels, self.hidden_units = num_defects, tuple(channels), hidden

        def convolution(count, size, name, **options):
            options = {'padding': 'reflect', 'activation': leaky_relu, 'dtype': self.dtype_policy, **options}
            return EqualizedConv2D(count, size, name=name, **options)

        one, two, three = channels
        self.halves = convolution(one, 4, 'halves', strides=2)
        self.halves_again = convolution(one, 3, 'halves_again')
        self.quarters = convolution(two, 4, 'quarters', strides=2)
        self.quarters_again = convolution(two, 3, 'quarters_again')
        self.eighths = convolution(three, 4, 'eighths', strides=2)
        self.wide = [convolution(three, 3, f'wide_{index}') for index in range(2)]
        linear = {'activation': None, 'dtype': 'float32'}
        self.adversarial = convolution(1, 3, 'adversarial', **linear)
        self.defect_map = convolution(num_defects, 1, 'defect_map', **linear)
        self.joined = convolution(two, 3, 'joined')
        self.damage = convolution(1, 3, 'damage', **linear)
        self.hidden = EqualizedDense(hidden, activation=leaky_relu, name='hidden', dtype='float32')
        self.hidden_again = EqualizedDense(hidden, activation=leaky_relu, name='hidden_again', dtype='float32')
        self.verdict = EqualizedDense(num_defects + 1, name='verdict', dtype='float32')

    def build(self, image_shape, content_shape=None, style_shape=None, has_content_shape=None, has_style_shape=None):
        one, two, three = self.channels
        for layer, depth in ((self.halves, 13), (self.halves_again, one), (self.quarters, one),
                             (self.quarters_again, two), (self.eighths, two), (self.wide[0], three),
                             (self.wide[1], three), (self.adversarial, three), (self.defect_map, three),
                             (self.joined, two + three), (self.damage, two)):
            layer.build((None, None, None, depth))
        description = 2 * (one + two + three) + COLOR_MOMENTS
        pooled = 2 * (1 + self.num_defects)
        self.hidden.build((None, 3 * description + COLOR_MOMENTS + pooled + 2))
        self.hidden_again.build((None, self.hidden_units))
        self.verdict.build((None, self.hidden_units))

    def call(self, image, content=None, style=None, has_content=None, has_style=None, training=None):
        has_content = _flag(image, content, has_content)
        has_style = _flag(image, style, has_style)
        maps = self._trunk(image, content, has_content)
        damage = self.damage(self.joined(ops.concatenate([maps[1], upsample_2d(maps[2])], axis=-1)))
        defect_map = self.defect_map(maps[2])
        own = _description(image, maps)
        other = self._reference(style, own, has_style)
        compared = [own, other, own - other, _color_difference(image, content, has_content), _peaks(damage),
                    _peaks(defect_map), has_content[:, None], has_style[:, None]]
        x = self.hidden_again(self.hidden(ops.concatenate(compared, axis=-1)))
        verdict = self.verdict(x)
        return {'adversarial': self.adversarial(maps[2]), 'damage': damage, 'defect_map': defect_map,
                'defects': verdict[:, 1:], 'anomaly': verdict[:, 0]}

    def _trunk(self, image, content, has_content):
        """Maps at 1/2, 1/4 and 1/8."""
        known = has_content[:, None, None, None]
        content = ops.zeros_like(image) if content is None else content * known
        seen = ops.ones_like(image[..., :1]) * known
        x = ops.concatenate([image, _fine(image), content, _fine(content), seen], axis=-1)
        halves = self.halves_again(self.halves(x))
        quarters = self.quarters_again(self.quarters(halves))
        eighths = self.eighths(quarters)
        for layer in self.wide:
            eighths = (eighths + layer(eighths)) * 0.7071
        return [halves, quarters, eighths]

    def _reference(self, style, own, has_style):
        if style is None:
            return ops.zeros_like(own)
        maps = self._trunk(style, None, ops.zeros_like(has_style))
        return _description(style, maps) * has_style[:, None]

    def get_config(self):
        return {**super().get_config(), 'num_defects': self.num_defects, 'channels': self.channels,
                'hidden': self.hidden_units}


COLOR_MOMENTS = 12  # of `_color_moments`


def _flag(image, reference, flag):
    if reference is None:
        return ops.zeros_like(image[:, 0, 0, 0])
    return ops.ones_like(image[:, 0, 0, 0]) if flag is None else ops.cast(flag, image.dtype)


def _fine(image):
    """What 3x3 means leave out: [B, H, W, C], amplified."""
    padded = ops.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)), mode='reflect')
    return (image - ops.average_pool(padded, 3, strides=1, padding='valid')) * FINE_GAIN


def _description(image, maps):
    """Means and deviations of maps, and colour moments: float32 [B, D]."""
    parts = []
    for x in maps:
        x = ops.cast(x, 'float32')
        mean = ops.mean(x, axis=(1, 2))
        parts += [mean, ops.sqrt(ops.var(x, axis=(1, 2)) + EPSILON)]
    return ops.concatenate([*parts, _color_moments(image)], axis=-1)


def _color_moments(image):
    """Means, deviations, covariances and the shares near both ends of the scale: float32 [B, 12]."""
    x = ops.cast(image, 'float32')
    mean = ops.mean(x, axis=(1, 2))
    deviation = ops.sqrt(ops.var(x, axis=(1, 2)) + EPSILON)
    centred = x - mean[:, None, None, :]
    red, green, blue = centred[..., 0], centred[..., 1], centred[..., 2]
    products = [ops.mean(a * b, axis=(1, 2)) for a, b in ((red, green), (green, blue), (blue, red))]
    products = ops.sign(ops.stack(products, axis=-1)) * ops.sqrt(ops.abs(ops.stack(products, axis=-1)) + EPSILON)
    ends = ops.mean(ops.relu(ops.abs(x) - 0.9) * 10.0, axis=(1, 2))
    return ops.concatenate([mean, deviation, products, ends], axis=-1)


def _color_difference(image, content, has_content):
    if content is None:
        return ops.zeros((ops.shape(image)[0], COLOR_MOMENTS))
    return (_color_moments(image) - _color_moments(content)) * has_content[:, None]


def _peaks(logits):
    """Largest and mean value of each map: [B, h, w, C] -> [B, 2 C]."""
    logits = ops.cast(logits, 'float32')
    return ops.concatenate([ops.max(logits, axis=(1, 2)), ops.mean(logits, axis=(1, 2))], axis=-1)
