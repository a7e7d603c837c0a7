"""Numbers for styled pictures with their baselines, in one call for all pictures."""

import collections
import dataclasses
import hashlib

import numpy as np

from stylegan_tf import images
from stylegan_tf.evaluator.looks import Look, extractor
from stylegan_tf.evaluator.measures import METRICS, layer_table, parse
from stylegan_tf.metrics.bootstrap import bootstrap_interval

BASELINES = ('content unchanged', 'style pasted')
KEPT_BYTES = 256 * 2 ** 20  # of the looks at contents and styles, the latest ones


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
            metric, network = parse(name)
            if network:
                self._networks[network].add(metric.layers)
        self._looks = collections.OrderedDict()
        self._kept_bytes = 0

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
        return self.numbers(self.look(output), self.kept_look(content), self.kept_look(style))

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
        for pixels, *references in zip(outputs, contents, styles):
            output, (content, style) = self.look(pixels), map(self.kept_look, references)
            rows['outputs'].append(self.numbers(output, content, style))
            rows['content unchanged'].append(self.numbers(content, content, style))
            rows['style pasted'].append(self.numbers(style, content, style))
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
        table = layer_table(name)
        return tuple(dict.fromkeys(layer for group in sorted(self._networks[name]) for layer in table[group]))

    def numbers(self, output, content, style):
        """As `measure`, of three `Look`s."""
        numbers = {}
        for name in self.names:
            metric, network = parse(name)
            layers = tuple((network, layer) for layer in layer_table(network)[metric.layers]) if network else ()
            numbers[name] = float(metric.measure(output, content, style, layers))
        return numbers

    def kept_look(self, pixels):
        """As `look`, but kept for the next ones: contents and styles come again."""
        key = hashlib.sha1(np.ascontiguousarray(pixels)).digest() + repr(pixels.shape).encode()
        if key in self._looks:
            self._looks.move_to_end(key)
            return self._looks[key]
        look = self._looks[key] = self.look(pixels)
        self._kept_bytes += look.size_bytes
        while self._kept_bytes > KEPT_BYTES and len(self._looks) > 3:
            self._kept_bytes -= self._looks.popitem(last=False)[1].size_bytes
        return look

    def look(self, pixels):
        """The `Look` of a picture uint8 [H, W, 3]; not kept. Networks see one picture at a time, so that nothing
        depends on its company."""
        fitted = images.cover_crop(pixels, (self.size, self.size))
        features = {}
        for name in self._networks:
            maps = extractor(name, self._layers(name), self.engine)(images.to_float(fitted)[None])
            features.update({(name, layer): np.asarray(maps[layer]) for layer in self._layers(name)})
        return Look(fitted, features)


def _with_interval(score):
    if score.interval is None:
        return f'{score.mean:.3f}'
    return f'{score.mean:.3f} [{score.interval[0]:.3f}, {score.interval[1]:.3f}]'
