"""The networks of a stylisation system as LiteRT runs them fast: one picture, any height and width.

What surrounds them in `stylization_signatures` (reducing, padding, fading) has operations without a LiteRT
form; `litert.stylization` does it in NumPy.

LiteRT computes each factor and each sum of a feature map in a pass over the memory, which costs as much as a small
convolution. `_paint` is `networks.stylization.StylizationGenerator.call` with those passes joined:
    leaky ReLU is positively homogeneous, so its gain and the demodulation (positive) move into the next layer's scales;
    the normalisation of the content and the scales of its injection are one factor of the injection's matrix and one
        offset, which passes mirrored borders as it is and joins the bias of the convolution behind the sum.
"""

from __future__ import annotations

import math

from keras import ops

from stylegan_tf.layers import equalized, modulated, padding, resample
from stylegan_tf.networks.stylization import STATISTICS_EPSILON
from stylegan_tf.systems import stylization_signatures as signatures

GAIN = math.sqrt(2.0)  # of `equalized.leaky_relu`
MEAN_OF_TWO = 0.7071  # the generator's factor for sums of two


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

    def encode_style(style):
        return {'code': system.encode_style(style * 2.0 - 1.0, average=True)}

    def content_statistics(content):
        return {'statistics': generator.statistics(_encoded(generator, content * 2.0 - 1.0))}

    def paint(content, code, statistics):
        return {'painted': _paint(generator, content * 2.0 - 1.0, code, statistics) * 0.5 + 0.5}

    def code_from_noise(latent, label=None):
        return {'code': mapping(latent, label)}

    image = ([1, None, None, 3], tf.float32)
    noise = {'latent': ([1, config.latent_size], tf.float32),
             **({'label': ([1], tf.int32)} if config.num_labels else {})}
    functions = {
        'encode_style': _trace(tf, encode_style, {'style': image}),
        'content_statistics': _trace(tf, content_statistics, {'content': image}),
        'paint': _trace(tf, paint, {'content': image, 'code': ([1, config.code_size], tf.float32),
                                    'statistics': ([1, 2 * sum(generator.channels)], tf.float32)}),
        'code_from_noise': _trace(tf, code_from_noise, noise)}
    facts = {
        'kind': 'stylization', 'latent_size': config.latent_size, 'has_labels': bool(config.num_labels),
        'channels': list(generator.channels), 'tile_multiple': 2 ** generator.levels,
        'tile_margin': signatures.content_reach(generator.levels, len(generator.residuals)),
        'style_side': signatures.STYLE_SIDE, 'statistics_side': signatures.STATISTICS_SIDE}
    return functions, facts


def _trace(tf, function, inputs):
    traced = tf.function(function, autograph=False, jit_compile=False)
    with padding.mirroring_by_slices():
        return traced.get_concrete_function(
            **{name: tf.TensorSpec(shape, dtype, name) for name, (shape, dtype) in inputs.items()})


def _encoded(generator, content):
    """`ContentEncoder.call`."""
    maps, x = [], content
    for layer in (generator.encoder.stem, *generator.encoder.downs):
        x = equalized.convolve(x, layer.kernel * (layer.kernel_scale * GAIN), layer.strides, layer.padding)
        x = _leaky(x + layer.bias * (layer.lr_multiplier * GAIN))
        maps.append(x)
    return maps


def _paint(generator, content, code, statistics):
    """`StylizationGenerator.call`."""
    maps = _encoded(generator, content)
    injected, offsets = _injected(generator, maps, code, statistics)
    x = injected[-1] - _channels(offsets[-1])
    for first, second in generator.residuals:
        middle, gain = _styled(first, x, code)
        out, power = _modulated(second, middle, code, gain)
        x = (x + (out * _channels(power) + second.bias)) * MEAN_OF_TWO
    rgb, gain = _to_rgb(generator.to_rgb[-1], x, code), None
    for level in reversed(range(generator.levels)):
        up, refine = generator.ups[level], generator.refines[level]
        x, power = _modulated(up, x, code, gain)
        # At the lower resolution, where factor and sum cost a quarter.
        x = x * _channels(power * (GAIN * MEAN_OF_TWO)) + up.bias * (GAIN * MEAN_OF_TWO)
        x = _leaky(resample.upsample_2d(x)) + injected[level]
        x, gain = _styled(refine, x, code, offset=offsets[level])
        rgb = resample.upsample_2d(rgb) + _to_rgb(generator.to_rgb[level], x, code, gain)
    return ops.tanh(rgb)


def _injected(generator, maps, code, statistics):
    """Injected content of each level, with the factor of the sum it enters, and what to subtract from it, [1, C]."""
    results, offsets, start = [], [], 0
    for level, (x, layer) in enumerate(zip(maps, generator.injections, strict=True)):
        count = generator.channels[level]
        mean, deviation = statistics[:, start:start + count], statistics[:, start + count:start + 2 * count]
        start += 2 * count
        factor = layer.affine(code) / (deviation + STATISTICS_EPSILON)
        if level < generator.levels:
            factor = factor * MEAN_OF_TWO
        matrix = ops.reshape(factor, (-1, 1)) * (layer.convolution.kernel[0, 0] * layer.convolution.kernel_scale)
        results.append(ops.matmul(x, matrix))
        offsets.append(ops.matmul(mean, matrix))
    return results, offsets


def _modulated(layer, x, code, gain):
    """(convolution of x * gain before demodulation, factor [1, F] of the demodulation) of a `StyledConv2D`."""
    scales = layer.affine(code)
    kernel = layer.convolution.kernel * layer.convolution.kernel_scale
    power = ops.sum(ops.square(kernel), axis=(0, 1))
    demodulation = ops.rsqrt(ops.matmul(ops.square(scales), power) + modulated.EPSILON)
    scales = scales if gain is None else scales * gain
    return equalized.convolve(x * _channels(scales), kernel, 1, layer.padding), demodulation


def _styled(layer, x, code, gain=None, offset=None):
    """(y, gain [1, F]) of which y * gain is the result of a `StyledConv2D` with its activation, of x - offset."""
    x, demodulation = _modulated(layer, x, code, gain)
    bias = layer.bias / demodulation
    if offset is not None:
        kernel = ops.sum(layer.convolution.kernel, axis=(0, 1)) * layer.convolution.kernel_scale
        bias = bias - ops.matmul(offset * layer.affine(code), kernel)
    return _leaky(x + _channels(bias)), demodulation * GAIN


def _to_rgb(layer, x, code, gain=None):
    """`ToRGB.call` of x * gain."""
    scales = layer.affine(code) if gain is None else layer.affine(code) * gain
    kernel = layer.convolution.kernel * layer.convolution.kernel_scale
    return equalized.convolve(x * _channels(scales), kernel, 1, 'same') + layer.bias


def _leaky(x):
    return ops.leaky_relu(x, negative_slope=0.2)


def _channels(vector):
    """[1, C] as a factor or summand of maps [1, H, W, C]."""
    return ops.reshape(vector, (1, 1, 1, -1))
