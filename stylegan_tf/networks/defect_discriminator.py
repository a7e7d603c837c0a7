"""A PatchGAN that says of every patch whether it is real, damaged, and by which defect."""

from __future__ import annotations

import keras
from keras import ops

from stylegan_tf.layers.equalized import EqualizedConv2D, EqualizedDense, leaky_relu
from stylegan_tf.layers.resample import upsample_2d
from stylegan_tf.networks import evidence

FINE_GAIN = 4.0  # the finest details are weak beside the picture: amplified before the first layer
EPSILON = 1e-4


@keras.saving.register_keras_serializable('stylegan_tf')
class DefectDiscriminator(keras.Model):
    """Judges pictures as a whole and patch by patch, with the photograph and the style beside them where known.

    The trunk sees learnt maps of the picture and the photograph, their high frequencies apart so that noise and grids
    of a few grey levels are visible, joined with the computed maps of `networks.evidence`. Statistics of the maps
    describe the picture; those that need no photograph describe the style picture too, and the two are compared.

    Args:
        num_defects: Kinds of defects, K.
        channels: Channels at 1/2, 1/4, 1/8 and 1/16 of the resolution.
        hidden: Units of the hidden layers that compare descriptions.

    call(image, content=None, style=None, has_content=None, has_style=None, training=None):
        image: [B, H, W, 3] in [-1, 1], H and W multiples of 8, at least 32.
        content: The photograph, the same shape; style: [B, h, w, 3], multiples of 8 too. None where unknown for the
            whole batch.
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

    def __init__(self, num_defects: int, channels: tuple[int, int, int, int] = (24, 64, 96, 128), hidden: int = 192,
                 **kwargs):
        super().__init__(autocast=False, **kwargs)  # half precision would round away what is a grey level strong
        if len(channels) != 4:
            raise ValueError(f'channels must be four numbers, for 1/2, 1/4, 1/8 and 1/16. Received: {channels}.')
        self.num_defects, self.channels, self.hidden_units = num_defects, tuple(channels), hidden

        def convolution(count, size, name, **options):
            options = {'padding': 'reflect', 'activation': leaky_relu, 'dtype': self.dtype_policy, **options}
            return EqualizedConv2D(count, size, name=name, **options)

        one, two, three, four = channels
        self.halves = convolution(one, 4, 'halves', strides=2)
        self.pair = convolution(one, 4, 'pair', strides=2)
        self.quarters = convolution(two, 3, 'quarters', strides=2)
        self.joined = convolution(two, 3, 'joined')
        self.joined_again = convolution(two, 3, 'joined_again')
        self.eighths = convolution(three, 4, 'eighths', strides=2)
        self.near = [convolution(three, 3, f'near_{index}') for index in range(2)]
        self.sixteenths = convolution(four, 3, 'sixteenths', strides=2)
        self.far = [convolution(four, 3, f'far_{index}') for index in range(2)]
        self.back = convolution(three, 1, 'back')
        linear = {'activation': None, 'dtype': 'float32'}
        self.adversarial = convolution(1, 3, 'adversarial', **linear)
        self.defect_map = convolution(num_defects, 1, 'defect_map', **linear)
        self.fine = convolution(two, 3, 'fine')
        self.damage = convolution(1, 3, 'damage', **linear)
        self.hidden = EqualizedDense(hidden, activation=leaky_relu, name='hidden', dtype='float32')
        self.hidden_again = EqualizedDense(hidden, activation=leaky_relu, name='hidden_again', dtype='float32')
        self.verdict = EqualizedDense(num_defects + 1, name='verdict', dtype='float32')

    def build(self, image_shape, content_shape=None, style_shape=None, has_content_shape=None, has_style_shape=None):
        one, two, three, four = self.channels
        seen = evidence.OWN_MAPS * 2 + evidence.JOINT_MAPS + 1
        for layer, depth in ((self.halves, 6), (self.pair, 12), (self.quarters, 2 * one), (self.joined, two + seen),
                             (self.joined_again, two), (self.eighths, two), (self.near[0], three),
                             (self.near[1], three), (self.sixteenths, three), (self.far[0], four), (self.far[1], four),
                             (self.back, four), (self.adversarial, three), (self.defect_map, three),
                             (self.fine, two + three), (self.damage, two)):
            layer.build((None, None, None, depth))
        own = 2 * (one + evidence.OWN_MAPS) + evidence.MOMENTS + evidence.PROFILE + evidence.HUES
        trunk = 3 * (two + three + four) + evidence.MOMENTS + 2 * evidence.JOINT_MAPS
        echoes = 3 * len(evidence.ECHO_SHIFTS) + 2 * len(evidence.TURNS)
        self.hidden.build((None, 3 * own + trunk + 2 * (1 + self.num_defects) + 2 + echoes))
        self.hidden_again.build((None, self.hidden_units))
        self.verdict.build((None, self.hidden_units))

    def call(self, image, content=None, style=None, has_content=None, has_style=None, training=None):
        has_content, has_style = _flag(image, content, has_content), _flag(image, style, has_style)
        halves, own_maps = self._own(image)
        own = _description(image, halves, own_maps)
        other = ops.zeros_like(own)
        if style is not None:
            other = _description(style, *self._own(style)) * has_style[:, None]
        joint, content_maps, known = _beside(image, content, own_maps, has_content)
        maps = self._trunk(image, content, halves, [own_maps, content_maps, joint, known])
        quarters, eighths, sixteenths = maps
        damage = self.damage(self.fine(ops.concatenate([quarters, upsample_2d(eighths)], axis=-1)))
        defect_map = self.defect_map(eighths)
        compared = [own, other, (own - other) * has_style[:, None], *(_statistics(x, with_peak=True) for x in maps),
                    _color_difference(image, content, has_content), _statistics(joint), _peaks(damage),
                    _peaks(defect_map), has_content[:, None], has_style[:, None],
                    *_agreements(image, content, style, has_content, has_style)]
        verdict = self.verdict(self.hidden_again(self.hidden(ops.concatenate(compared, axis=-1))))
        return {'adversarial': self.adversarial(eighths), 'damage': damage, 'defect_map': defect_map,
                'defects': verdict[:, 1:], 'anomaly': verdict[:, 0]}

    def _own(self, picture):
        """Learnt maps at 1/2 and computed ones at 1/4 of a picture alone."""
        return self.halves(ops.concatenate([picture, _fine(picture)], axis=-1)), evidence.own_maps(picture)

    def _trunk(self, image, content, halves, computed):
        """Maps at 1/4, 1/8 and 1/16."""
        known = computed[-1][:, :1, :1]
        content = ops.zeros_like(image) if content is None else content * known
        pair = self.pair(ops.concatenate([image, _fine(image), content, _fine(content)], axis=-1))
        quarters = self.quarters(ops.concatenate([halves, pair], axis=-1))
        computed = [ops.cast(x, quarters.dtype) for x in computed]
        quarters = self.joined(ops.concatenate([quarters, *computed], axis=-1))
        quarters = (quarters + self.joined_again(quarters)) * 0.7071
        eighths = self.eighths(quarters)
        for layer in self.near:
            eighths = (eighths + layer(eighths)) * 0.7071
        sixteenths = self.sixteenths(eighths)
        for layer in self.far:
            sixteenths = (sixteenths + layer(sixteenths)) * 0.7071
        height, width = ops.shape(eighths)[1:3]
        eighths = (eighths + upsample_2d(self.back(sixteenths))[:, :height, :width]) * 0.7071
        return [quarters, eighths, sixteenths]

    def get_config(self):
        return {**super().get_config(), 'num_defects': self.num_defects, 'channels': self.channels,
                'hidden': self.hidden_units}


def _flag(image, reference, flag):
    if reference is None:
        return ops.zeros_like(image[:, 0, 0, 0])
    return ops.ones_like(image[:, 0, 0, 0]) if flag is None else ops.cast(flag, image.dtype)


def _fine(image):
    """What 3x3 means leave out: [B, H, W, C], amplified."""
    padded = ops.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)), mode='reflect')
    return (image - ops.average_pool(padded, 3, strides=1, padding='valid')) * FINE_GAIN


def _beside(image, content, own_maps, has_content):
    """Maps that need the photograph, those of the photograph itself, and where it is known: 0 where it is not."""
    known = ops.ones_like(own_maps[..., :1]) * has_content[:, None, None, None]
    if content is None:
        empty = ops.zeros_like(own_maps[..., :1])
        return ops.repeat(empty, evidence.JOINT_MAPS, axis=-1), ops.zeros_like(own_maps), known
    return evidence.joint_maps(image, content) * known, evidence.own_maps(content) * known, known


def _description(picture, halves, own_maps):
    """Statistics of what a picture shows by itself: float32 [B, D]."""
    return ops.concatenate([_statistics(halves), _statistics(own_maps), evidence.color_moments(picture),
                            evidence.grid_profile(picture), evidence.hue_profile(picture)], axis=-1)


def _statistics(x, with_peak=False):
    """Means and deviations of maps, and their largest values where wanted: float32 [B, 2 C or 3 C]."""
    x = ops.cast(x, 'float32')
    parts = [ops.mean(x, axis=(1, 2)), ops.sqrt(ops.var(x, axis=(1, 2)) + EPSILON)]
    if with_peak:
        parts.append(ops.max(x, axis=(1, 2)) / 3.0)
    return ops.concatenate(parts, axis=-1)


def _color_difference(image, content, has_content):
    if content is None:
        return ops.zeros((ops.shape(image)[0], evidence.MOMENTS))
    return (evidence.color_moments(image) - evidence.color_moments(content)) * has_content[:, None]


def _agreements(image, content, style, has_content, has_style):
    """Echoes of the picture in itself, in the photograph and of the photograph in itself; hues beside both references.

    Five of float32 [B, D]; 0 where the reference is unknown.
    """
    hues, parts = evidence.hue_profile(image), [evidence.echoes(image, image)]
    if content is None:
        parts += [ops.zeros_like(parts[0])] * 2
    else:
        parts += [evidence.echoes(image, content) * has_content[:, None],
                  evidence.echoes(content, content) * has_content[:, None]]
    for other, known in ((content, has_content), (style, has_style)):
        agreement = evidence.hue_agreement(hues, hues if other is None else evidence.hue_profile(other))
        parts.append(agreement * known[:, None])
    return parts


def _peaks(logits):
    """Largest and mean value of each map: [B, h, w, C] -> [B, 2 C]."""
    logits = ops.cast(logits, 'float32')
    return ops.concatenate([ops.max(logits, axis=(1, 2)), ops.mean(logits, axis=(1, 2))], axis=-1)


def full_size(damage):
    """A map at 1/4 of the resolution, such as 'damage', at the picture's: [B, h, w, C] -> [B, 4 h, 4 w, C], bilinear.

    For graphs of unknown sizes, which `ops.image.resize` refuses.
    """
    return upsample_2d(damage, 4, kernel=(1, 3, 5, 7, 7, 5, 3, 1))
