"""Exported functions of a stylisation system: floats in [0, 1], any height and width."""

from __future__ import annotations

from stylegan_tf.systems.system import Signature

OWN_CODE_SIDE = 64  # copy of the content whose code stands for "no change"
STYLE_SIDE = 256  # a style picture's longer side is brought down to this
STATISTICS_SIDE = 256  # beyond this the content is normalised by the statistics of a smaller copy


def stylization_signatures(system) -> dict[str, Signature]:
    """`stylize`, `encode_style`, `stylize_from_code` and `code_from_noise` of a system that has
    `encode_style`, `stylize`, and averaged 'generator' and 'mapping' networks.

    A strength s walks from the content's own code (s = 0) to the style's (s = 1); below 0.25 the
    result also fades into the photograph itself, so that strength 0 returns it unchanged.
    """
    import tensorflow as tf

    generator = system.average('generator')
    multiple = 2 ** generator.levels

    def encode_style(style):
        style = _bounded(tf, style * 2.0 - 1.0, STYLE_SIDE)
        return {'code': system.encode_style(style, average=True)}

    def stylize_from_code(content, code, strength):
        content = content * 2.0 - 1.0
        own = system.encode_style(_bounded(tf, content, OWN_CODE_SIDE), average=True)
        mixed = own + strength[:, None] * (code - own)
        padded, height, width = _padded(tf, content, multiple)
        maps = generator.encoder(padded)
        statistics = tf.cond(
            tf.maximum(height, width) <= STATISTICS_SIDE, lambda: generator.statistics(maps),
            lambda: generator.statistics(generator.encoder(
                _bounded(tf, content, STATISTICS_SIDE))))
        painted = generator.synthesize(maps, mixed, statistics)[:, :height, :width]
        share = tf.clip_by_value(4.0 * strength, 0.0, 1.0)[:, None, None, None]
        painted = content + share * (painted - content)
        return {'stylized': tf.clip_by_value(painted * 0.5 + 0.5, 0.0, 1.0)}

    def stylize(content, style, strength):
        return stylize_from_code(content, encode_style(style)['code'], strength)

    def code_from_noise(latent, label=None):
        return {'code': system.average('mapping')(latent, label)}

    code, latent = system.config.code_size, system.config.latent_size
    noise_inputs = {'latent': latent, **({'label': 'label'} if system.config.num_labels else {})}
    return {
        'stylize': Signature(stylize, {'content': 'image', 'style': 'image', 'strength': 'scalar'},
                             {'stylized': 'image'}),
        'encode_style': Signature(encode_style, {'style': 'image'}, {'code': code}),
        'stylize_from_code': Signature(
            stylize_from_code, {'content': 'image', 'code': code, 'strength': 'scalar'},
            {'stylized': 'image'}),
        'code_from_noise': Signature(code_from_noise, noise_inputs, {'code': code}),
    }


def _bounded(tf, image, side):
    """A copy whose longer side is at most `side`, never enlarged, never below 16 pixels."""
    shape = tf.shape(image)
    size = tf.cast(shape[1:3], tf.float32)
    scale = tf.minimum(1.0, side / tf.reduce_max(size))
    wanted = tf.maximum(tf.cast(tf.round(size * scale), tf.int32), 16)
    return tf.ensure_shape(tf.image.resize(image, wanted, antialias=True), [None, None, None, 3])


def _padded(tf, image, multiple):
    """Edge-reflected to multiples, two at least; returns the image and its true H and W."""
    shape = tf.shape(image)
    height, width = shape[1], shape[2]

    def missing(size):
        return tf.maximum(-(-size // multiple), 2) * multiple - size

    bottom, right = missing(height), missing(width)
    # Reflection needs more pixels than it adds; pictures of a few pixels repeat instead.
    is_enough = tf.logical_and(bottom < height, right < width)
    paddings = [[0, 0], [0, bottom], [0, right], [0, 0]]
    padded = tf.cond(is_enough, lambda: tf.pad(image, paddings, 'REFLECT'),
                     lambda: tf.tile(image, [1, 2 * multiple, 2 * multiple, 1])[
                         :, :height + bottom, :width + right])
    return tf.ensure_shape(padded, [None, None, None, 3]), height, width
