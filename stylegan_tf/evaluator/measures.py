"""The table of metrics of one picture beside its content and its style picture."""

import dataclasses
import functools
from typing import Any

import numpy as np

from stylegan_tf.metrics import distribution, similarity, spectrum
from stylegan_tf.networks.feature_layers import LAYERS


@dataclasses.dataclass(frozen=True)
class Metric:
    """A row of the table of metric names.

    Attributes:
        measure: Function (output, content, style, layers) -> float of three `Look`s.
        better: 'lower' or 'higher'.
        purpose: One line.
        layers: Key of LAYERS for the layers it looks at, or '' for a metric without a network.
    """

    measure: Any
    better: str
    purpose: str
    layers: str = ''


def _style_distance(output, content, style, layers):
    return np.mean([similarity.relative_distance(output.gram(layer), style.gram(layer)) for layer in layers])


def _moments_distance(output, content, style, layers):
    return np.mean([similarity.relative_distance(output.moments(layer), style.moments(layer)) for layer in layers])


def _patch_kernel(output, content, style, layers):
    return np.mean([distribution.discrepancy(output.places(layer), output.within(layer), style.places(layer),
                                             style.within(layer)) for layer in layers])


def _content_distance(output, content, style, layers):
    return similarity.content_distance(output.features, content.features, layers)[0]


def _content_retention(output, content, style, layers):
    return 1.0 - _content_distance(output, content, style, layers)


def _lpips(output, content, style, layers):
    return similarity.lpips(output.features, content.features, layers)[0]


def _style_leak(output, content, style, layers):
    apart = similarity.content_distance(content.features, style.features, layers)[0]
    left = similarity.content_distance(output.features, style.features, layers)[0]
    return 1.0 - left / max(apart, similarity.EPSILON)


METRICS = {
    'style_distance': Metric(
        _style_distance, 'lower', 'relative Gram error to the style picture, 0..1', 'style'),
    'moments_distance': Metric(
        _moments_distance, 'lower', "relative error of the channels' means and deviations to the style picture",
        'style'),
    'patch_kernel': Metric(
        _patch_kernel, 'lower',
        'kernel distance of what the picture and the style picture look like from place to place', 'places'),
    'style_leak': Metric(
        _style_leak, 'lower',
        "how much of the style picture's own layout shows: 0 none, 1 it is the picture", 'content'),
    'content_distance': Metric(
        _content_distance, 'lower', 'relative feature error to the content picture', 'content'),
    'content_retention': Metric(
        _content_retention, 'higher', '1 - content_distance: 1 for an unchanged content', 'content'),
    'lpips': Metric(
        _lpips, 'lower',
        'distance of unit feature vectors to the content picture, without learned heads, 0..4', 'lpips'),
    'structure_retention': Metric(
        lambda output, content, style, layers: similarity.structure_retention(output.pixels, content.pixels),
        'higher', 'correlation of edge strengths with the content picture, no network'),
    'ssim': Metric(
        lambda output, content, style, layers: similarity.ssim(output.pixels, content.pixels),
        'higher', 'structural similarity to the content picture, no network'),
    'psnr': Metric(
        lambda output, content, style, layers: similarity.psnr(output.pixels, content.pixels),
        'higher', 'signal-to-noise ratio to the content picture in dB, no network'),
    'grid_peaks': Metric(
        lambda output, content, style, layers: spectrum.grid_peaks(output.pixels, content.pixels),
        'lower', 'checkerboards: dB above the content at the frequencies of a pixel grid, no network'),
}


def parse(name):
    """(Metric, network name or '') of a metric name; raises ValueError if it is unknown or does not fit."""
    base, _, network = name.partition('@')
    if base not in METRICS:
        raise ValueError(f"Unknown metric '{name}'. Known: {', '.join(METRICS)}.")
    metric = METRICS[base]
    if bool(metric.layers) != bool(network):
        wanted = f"'{base}@NETWORK', such as '{base}@vgg16_hed'" if metric.layers else f"'{base}'"
        raise ValueError(f"Expected {wanted}. Received: '{name}'.")
    return metric, network


@functools.cache
def layer_table(network):
    """The entry of LAYERS for a network by name or path."""
    from stylegan_tf.networks import features

    return LAYERS[features.architecture(network)]
