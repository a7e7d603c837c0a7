"""The networks of a stylisation system as LiteRT can run them: one picture, any height and width.

What surrounds them in `stylization_signatures` (reducing, padding, mixing, fading) has operations without a LiteRT
form; `litert.stylization` does it in NumPy.
"""

from __future__ import annotations

from stylegan_tf.systems import stylization_signatures as signatures


def litert_functions(system):
    """The functions of a stylisation system for a LiteRT model, and what their caller must know.

    Args:
        system: As of `stylization_signatures.stylization_signatures`.
    Returns:
        (dict name -> concrete tf function, dict of JSON values): 'encode_style' (style -> code), 'content_statistics'
        (content -> statistics), 'paint' (content, code, statistics -> painted), 'code_from_noise' (latent[, label] ->
        code). Images are float32 [1, H, W, 3] in [0, 1]; for 'paint' H and W are multiples of 'tile_multiple'.
    """
    import tensorflow as tf

    generator, mapping = system.average('generator'), system.average('mapping')
    config = system.config
    statistics = 2 * sum(generator.channels)

    def encode_style(style):
        return {'code': system.encode_style(style * 2.0 - 1.0, average=True)}

    def content_statistics(content):
        return {'statistics': generator.statistics(generator.encoder(content * 2.0 - 1.0))}

    def paint(content, code, statistics):
        maps = generator.encoder(content * 2.0 - 1.0)
        return {'painted': generator.synthesize(maps, code, statistics) * 0.5 + 0.5}

    def code_from_noise(latent, label=None):
        return {'code': mapping(latent, label)}

    image, code = [1, None, None, 3], [1, config.code_size]
    noise = {'latent': ([1, config.latent_size], tf.float32),
             **({'label': ([1], tf.int32)} if config.num_labels else {})}
    functions = {
        'encode_style': _trace(tf, encode_style, {'style': (image, tf.float32)}),
        'content_statistics': _trace(tf, content_statistics, {'content': (image, tf.float32)}),
        'paint': _trace(tf, paint, {'content': (image, tf.float32), 'code': (code, tf.float32),
                                    'statistics': ([1, statistics], tf.float32)}),
        'code_from_noise': _trace(tf, code_from_noise, noise)}
    facts = {
        'kind': 'stylization', 'latent_size': config.latent_size, 'has_labels': bool(config.num_labels),
        'channels': list(generator.channels), 'tile_multiple': 2 ** generator.levels,
        'tile_margin': signatures.content_reach(generator.levels, len(generator.residuals)),
        'own_code_side': signatures.OWN_CODE_SIDE, 'style_side': signatures.STYLE_SIDE,
        'statistics_side': signatures.STATISTICS_SIDE}
    return functions, facts


def _trace(tf, function, inputs):
    traced = tf.function(function, autograph=False, jit_compile=False)
    return traced.get_concrete_function(
        **{name: tf.TensorSpec(shape, dtype, name) for name, (shape, dtype) in inputs.items()})
