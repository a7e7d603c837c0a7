"""Numbers for styled pictures, and the table of metric names.

    evaluator = Evaluator(['style_distance@vgg16_hed', 'content_retention@vgg16_hed', 'structure_retention'])
    report = evaluator.evaluate(outputs, contents, styles)
    print(report.table())

A name carries the network it looks through: `style_distance@efficientnet_lite0`, or `style_distance@PATH` for a
converted file. Judge a model with a network that was not used to train it. Every report says n, the networks'
hashes, how pictures were resized, the seed and a 95% bootstrap interval, and always holds two baselines: the content
left unchanged and the style picture pasted in its place.
"""

import collections
import dataclasses
import functools
import hashlib
import threading
from typing import Any

import numpy as np

from stylegan_tf import images
from stylegan_tf.metrics import similarity, spectrum
from stylegan_tf.metrics.bootstrap import bootstrap_interval
from stylegan_tf.networks.feature_layers import LAYERS

BASELINES = ('content unchanged', 'style pasted')


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


@dataclasses.dataclass(frozen=True)
class Look:
    """A picture as the metrics see it: resized pixels and feature maps {layer: [1, h, w, C]}."""

    pixels: np.ndarray
    features: dict


METRICS = {
    'style_distance': Metric(
        lambda output, content, style, layers: similarity.style_distance(output.features, style.features, layers)[0],
        'lower', 'relative Gram error to the style picture, 0..1', 'style'),
    'content_distance': Metric(
        lambda output, content, style, layers: similarity.content_distance(
            output.features, content.features, layers)[0],
        'lower', 'relative feature error to the content picture', 'content'),
    'content_retention': Metric(
        lambda output, content, style, layers: 1.0 - similarity.content_distance(
            output.features, content.features, layers)[0],
        'higher', '1 - content_distance: 1 for an unchanged content', 'content'),
    'lpips': Metric(
        lambda output, content, style, layers: similarity.lpips(output.features, content.features, layers)[0],
        'lower', 'distance of unit feature vectors to the content picture, without learned heads, 0..4', 'lpips'),
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


@dataclasses.dataclass(frozen=True)
class Score:
    """One metric over all pictures of one kind of output."""

    values: tuple[float, ...]
    interval: tuple[float, float] | None  # 95% bootstrap interval of the mean; None for fewer than two pictures

    @property
    def mean(self):
        return float(np.mean(self.values))


@dataclasses.dataclass(frozen=True)
class Report:
    """What `Evaluator.evaluate` found.

    Attributes:
        scores: {'outputs' | baseline: {metric name: Score}}.
        conditions: n, resize rule, seed, the networks with hash, licence and layers.
        names: One name a picture.
    """

    scores: dict
    conditions: dict
    names: tuple[str, ...]

    def as_dict(self):
        """The report as plain values for JSON, per-image numbers included; None where a number is infinite."""
        def finite(value):
            return value if np.isfinite(value) else None

        def plain(score, metric):
            return {'mean': finite(score.mean), 'interval': list(score.interval) if score.interval else None,
                    'better': METRICS[metric.partition('@')[0]].better,
                    'per_image': [finite(value) for value in score.values]}

        return {**self.conditions, 'names': list(self.names),
                'scores': {kind: {metric: plain(score, metric) for metric, score in row.items()}
                           for kind, row in self.scores.items()}}

    def table(self):
        """The means with their intervals as a text table, the conditions below."""
        metrics = list(next(iter(self.scores.values())))
        rows = [['', *(f"{name} ({METRICS[name.partition('@')[0]].better})" for name in metrics)]]
        for kind, row in self.scores.items():
            rows.append([kind, *(_with_interval(row[name]) for name in metrics)])
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ['  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
        networks = '; '.join(f"{name} sha256 {network['sha256'][:12]}, {network['licence']}"
                             for name, network in self.conditions['networks'].items())
        lines.append(f"n = {self.conditions['n']}; {self.conditions['resize']}; seed {self.conditions['seed']}; "
                     f"95% bootstrap intervals; {networks or 'no network'}")
        return '\n'.join(lines)


class Evaluator:
    """Measures styled pictures against their content and style pictures.

    Args:
        names: Metric names, such as 'style_distance@vgg16_hed' or 'ssim'; see METRICS and features.NAMES.
        size: Side in pixels that every picture is brought to.
        seed: Of the bootstrap.
        engine: What runs the networks: 'tensorflow', or 'litert' for those of `litert_features`, without TensorFlow.
    Raises:
        ValueError: If a name is unknown, lacks its network or has one that it does not use.
    """

    def __init__(self, names, *, size=256, seed=0, engine='tensorflow'):
        self.names = tuple(names)
        self.size, self.seed, self.engine = size, seed, engine
        self._networks = collections.defaultdict(set)
        for name in self.names:
            metric, network = _parse(name)
            if network:
                self._networks[network].add(metric.layers)
        self._looks = collections.OrderedDict()

    @property
    def resize_rule(self):
        return f'covering centre crop to {self.size}x{self.size}, area averaging'

    def measure(self, output, content, style):
        """The numbers of one picture.

        Args:
            output: uint8 [H, W, 3], the styled picture.
            content: uint8 [h, w, 3] of the same aspect.
            style: uint8 [h', w', 3].
        Returns:
            Dict from metric name to float.
        """
        return self._numbers(*(self._look(pixels) for pixels in (output, content, style)))

    def evaluate(self, outputs, contents, styles, *, names=None):
        """The numbers of many pictures and of the two baselines.

        Args:
            outputs: Styled pictures, uint8 [H, W, 3].
            contents: The content of each output, of the same aspect.
            styles: The style of each output.
            names: One name a picture; None for their indices.
        Returns:
            A Report.
        Raises:
            ValueError: If the lists differ in length or are empty.
        """
        outputs, contents, styles = list(outputs), list(contents), list(styles)
        if not outputs or not len(outputs) == len(contents) == len(styles):
            raise ValueError('Expected as many contents and styles as outputs, at least one. Received: '
                             f'{len(outputs)} outputs, {len(contents)} contents, {len(styles)} styles.')
        rows = {kind: [] for kind in ('outputs', *BASELINES)}
        for trio in zip(outputs, contents, styles):
            output, content, style = (self._look(pixels) for pixels in trio)
            rows['outputs'].append(self._numbers(output, content, style))
            rows['content unchanged'].append(self._numbers(content, content, style))
            rows['style pasted'].append(self._numbers(style, content, style))
        scores = {kind: {name: self._score([row[name] for row in numbers]) for name in self.names}
                  for kind, numbers in rows.items()}
        names = tuple(names) if names is not None else tuple(str(index) for index in range(len(outputs)))
        return Report(scores, self.conditions(len(outputs)), names)

    def conditions(self, count):
        """What a report must say beside its numbers, as plain values."""
        networks = {}
        for name in self._networks:
            network = extractor(name, self._layers(name), self.engine)
            networks[name] = {'sha256': network.weights_hash, 'licence': network.licence, 'source': network.source}
        return {'n': count, 'resize': self.resize_rule, 'seed': self.seed, 'interval': '95% percentile bootstrap',
                'networks': networks}

    def _score(self, values):
        return Score(tuple(float(value) for value in values), bootstrap_interval(values, seed=self.seed))

    def _layers(self, name):
        table = _layer_table(name)
        return tuple(dict.fromkeys(layer for group in sorted(self._networks[name]) for layer in table[group]))

    def _numbers(self, output, content, style):
        numbers = {}
        for name in self.names:
            metric, network = _parse(name)
            layers = tuple((network, layer) for layer in _layer_table(network)[metric.layers]) if network else ()
            numbers[name] = float(metric.measure(output, content, style, layers))
        return numbers

    def _look(self, pixels):
        """The Look of a picture, kept for the next ones: a folder of contents meets the same few styles."""
        key = hashlib.sha1(np.ascontiguousarray(pixels)).digest() + repr(pixels.shape).encode()
        if key in self._looks:
            self._looks.move_to_end(key)
            return self._looks[key]
        fitted = images.cover_crop(pixels, (self.size, self.size))
        features = {}
        for name in self._networks:
            maps = extractor(name, self._layers(name), self.engine)(images.to_float(fitted)[None])
            features.update({(name, layer): np.asarray(maps[layer]) for layer in self._layers(name)})
        self._looks[key] = Look(fitted, features)
        while len(self._looks) > 8:
            self._looks.popitem(last=False)
        return self._looks[key]


_extractors = {}
_lock = threading.Lock()


def extractor(name, layers, engine='tensorflow'):
    """The frozen network `name` with at least `layers`: one a process and engine, loaded when first asked for."""
    from stylegan_tf.networks import features, litert_features

    with _lock:
        loaded = _extractors.get((name, engine))
        if loaded is None or not set(layers) <= set(loaded.layer_names):
            known = loaded.layer_names if loaded else ()
            make = litert_features.LiteRTFeatures if engine == 'litert' else features.load
            loaded = _extractors[(name, engine)] = make(name, tuple(dict.fromkeys((*known, *layers))))
        return loaded


def _parse(name):
    """(Metric, network name or '') of a metric name."""
    base, at, network = name.partition('@')
    if base not in METRICS:
        raise ValueError(f"Unknown metric '{name}'. Known: {', '.join(METRICS)}.")
    metric = METRICS[base]
    if bool(metric.layers) != bool(network):
        wanted = f"'{base}@NETWORK', such as '{base}@vgg16_hed'" if metric.layers else f"'{base}'"
        raise ValueError(f"Expected {wanted}. Received: '{name}'.")
    return metric, network


@functools.cache
def _layer_table(network):
    from stylegan_tf.networks import features

    return LAYERS[features.architecture(network)]


def _with_interval(score):
    if score.interval is None:
        return f'{score.mean:.3f}'
    return f'{score.mean:.3f} [{score.interval[0]:.3f}, {score.interval[1]:.3f}]'
