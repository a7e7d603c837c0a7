"""Entries measured pair by pair against the same contents and styles, beside two baselines.

    evaluation = Evaluation([Pair('000', 'photo.jpg', 'painting.jpg'), ...])
    result = evaluation.evaluate(['mine/000.png', ...], progress=lambda done, total, row: ...)
    print(result.summary['metrics']['balance@efficientnet_lite0'])

Numbers do not depend on the order in which pairs are scored, nor on what else is scored: networks see one picture at a
time, and all linear algebra runs on one thread, so that the same kind of machine gives the same bits.
"""

import dataclasses
import functools
import hashlib
import json
import math

from stylegan_tf import heat_maps, images
from stylegan_tf.evaluator import combinations, copies, names, summaries
from stylegan_tf.evaluator.evaluator import Evaluator
from stylegan_tf.evaluator.references import References, describe, layers_needed

EDITION = 1  # of the formulas: raised whenever a number changes
FALSE_ALARM_RATE = 0.05


class Cancelled(Exception):  # noqa: N818  it is no error: somebody asked for it
    """An evaluation that was told to stop."""


@dataclasses.dataclass(frozen=True)
class Result:
    """Rows and summary of an entry, as plain values for JSON."""

    rows: list
    summary: dict


class Evaluation:
    """Measures entries: results for the same pairs.

    Args:
        pairs: List of `Pair`, at least one.
        metrics: Names of `names.describe`.
        size: Side in pixels that every picture is brought to for measuring.
        seed: Of bootstraps and splits.
        cache: Folder where what is known of the pairs is kept for later evaluations; None keeps it in memory only.
    Attributes:
        hash: 16 hex characters that change whenever a number could.
        pairs, metrics, size, seed: As given.
    Raises:
        ValueError: No pairs, or a name, size or network that does not fit.
    """

    def __init__(self, pairs, metrics=names.DEFAULT_METRICS, *, size=256, seed=0, cache=None):
        self.pairs, self.metrics, self.size, self.seed = list(pairs), tuple(metrics), int(size), int(seed)
        if not self.pairs:
            raise ValueError('Expected at least one pair of content and style.')
        if not self.metrics or len(set(self.metrics)) < len(self.metrics):
            raise ValueError('Expected different metrics, at least one. Received: '
                             f'{", ".join(self.metrics) or "none"}.')
        if not 32 <= self.size <= 1024:
            raise ValueError(f'Pictures are measured at 32 to 1024 pixels. Received: {size}.')
        self.described = {name: names.describe(name) for name in self.metrics}
        self._anomaly_models = [name.partition('@')[2] for name in self.metrics if self._base(name) == names.ANOMALY]
        measured, self._combined, self._networks = [], [], []
        for name in self.metrics:
            base, _, network = name.partition('@')
            if base in combinations.COMBINATIONS:
                self._combined.append((name, base, network))
                measured += combinations.needed(network)
            elif base in names.SET_METRICS:
                self._networks.append(network)
                measured += layers_needed(network)
            elif base != names.ANOMALY:
                measured.append(name)
        self._fingerprint_network = next((name.partition('@')[2] for name in measured if '@' in name), names.JUDGE)
        self._networks = list(dict.fromkeys((*self._networks, self._fingerprint_network)))
        measured += [name for network in self._networks for name in layers_needed(network)]
        self._judge = Evaluator(list(dict.fromkeys(measured)), size=self.size, seed=self.seed,
                                engine=_engine(measured))
        self._references = References(self.pairs, self._judge, self._networks, self.hash, cache)

    @staticmethod
    def _base(name):
        return name.partition('@')[0]

    @functools.cached_property
    def conditions(self):
        """What a report says beside its numbers, as plain values."""
        found = self._judge.conditions(len(self.pairs))
        for name in self._anomaly_models:
            model = _anomaly_model(name)
            found['networks'][name] = {'sha256': model.hash, 'licence': model.card.get('licence', ''),
                                       'source': f'model {model.name}'}
        identity = json.dumps([EDITION, self.metrics, self.size, self.seed, self._judge.engine,
                               sorted((name, network['sha256']) for name, network in found['networks'].items())])
        return {**found, 'size': self.size, 'metrics': list(self.metrics), 'engine': self._judge.engine,
                'edition': EDITION, 'hash': hashlib.sha256(identity.encode()).hexdigest()[:16]}

    @property
    def hash(self):
        return self.conditions['hash']

    def warm_up(self):
        """Loads the networks and measures the baselines of all pairs; raises images.ImageError for a bad picture."""
        with summaries.one_thread():
            for index in range(len(self.pairs)):
                self.reference(index)

    def entry(self):
        """A new `Entry`."""
        return Entry(self)

    def evaluate(self, outputs, *, progress=None, is_cancelled=None):
        """Measures an entry.

        Args:
            outputs: List of pictures (path, bytes or uint8 array), one a pair; or a function from index to picture.
            progress: None, or called with (pairs done, pairs, row) after each.
            is_cancelled: None, or asked before each pair.
        Returns:
            A Result.
        Raises:
            Cancelled: `is_cancelled` returned true.
            ValueError: Another number of outputs than of pairs.
            images.ImageError: A picture cannot be read; the message begins with its name.
        """
        if not callable(outputs):
            outputs = list(outputs)
            if len(outputs) != len(self.pairs):
                raise ValueError(f'Expected a result for each of {len(self.pairs)} pairs. Received: {len(outputs)}.')
            given = outputs.__getitem__
        else:
            given = outputs
        entry = self.entry()
        for index in range(len(self.pairs)):
            if is_cancelled is not None and is_cancelled():
                raise Cancelled(f'Stopped after {index} of {len(self.pairs)} pairs.')
            row = entry.score_pair(index, given(index))
            if progress is not None:
                progress(index + 1, len(self.pairs), row)
        return Result(entry.rows, entry.summary())

    def reference(self, index):
        """{'content unchanged' | 'style pasted': pair-level metrics, 'style': hash} of a pair; None for anomalies."""
        found = self._references.baselines(index)
        return {'style': found['style'],
                **{kind: self._named(found[kind], found) for kind in summaries.BASELINES}}

    def _measured(self, index, output):
        """(pair-level metrics without anomalies, look) of a result uint8 [H, W, 3]."""
        look = self._judge.look(output)
        content, style = (self._references.look(index, role) for role in ('content', 'style'))
        for network in self._networks:
            self._references.description(index, 'style', network)  # wanted in the end, when its look may be gone
        return self._named(self._judge.numbers(look, content, style), self._references.baselines(index)), look

    def _named(self, numbers, baselines):
        found = {name: numbers[name] for name in self.metrics if name in numbers}
        for name, kind, network in self._combined:
            found[name] = combinations.combined(kind, network, numbers, baselines['content unchanged'],
                                                baselines['style pasted'])
        return {name: _finite(found[name]) for name in self.metrics if name in found}


class Entry:
    """Results of one method for the pairs of an `Evaluation`.

    Attributes:
        rows: Rows scored so far, in the pairs' order.
    """

    def __init__(self, evaluation):
        self._evaluation = evaluation
        self._rows, self._descriptions, self._heat_map = {}, {}, (None, None)

    @property
    def rows(self):
        return [self._rows[index] for index in sorted(self._rows)]

    def score_pair(self, index, output):
        """Measures one result.

        Args:
            index: Of the pair.
            output: Picture: path, encoded bytes or uint8 array [H, W, 3], of the content's aspect.
        Returns:
            The row, a dict for JSON: 'pair', 'name', 'content', 'style', 'metrics', 'flags', 'fingerprint'.
        Raises:
            IndexError: There is no such pair.
            images.ImageError: A picture cannot be read.
        """
        evaluation = self._evaluation
        pair = evaluation.pairs[index]
        pixels = images.read(output)
        references = evaluation._references
        with summaries.one_thread():
            numbers, look = evaluation._measured(index, pixels)
            self._descriptions[index] = {network: describe(look, network) for network in evaluation._networks}
            content, style = (references.pixels(index, role) for role in ('content', 'style'))
            flags = copies.reference_flags(pixels, content, style)
            moments = self._descriptions[index][evaluation._fingerprint_network][1]
            fingerprint = copies.fingerprint(pixels, moments)
        for model in evaluation._anomaly_models:
            score = _anomaly_model(model).score(pixels, content, false_alarm_rate=FALSE_ALARM_RATE)
            numbers[f'{names.ANOMALY}@{model}'] = float(score.is_anomalous)
            self._heat_map = index, heat_maps.overlay(pixels, score.map)
        self._rows[index] = {
            'pair': index, 'name': pair.name, 'content': pair.shown('content'), 'style': pair.shown('style'),
            'metrics': {name: numbers[name] for name in evaluation.metrics if name in numbers},
            'flags': flags, 'fingerprint': fingerprint}
        return self._rows[index]

    def heat_map(self, index):
        """The damage found in the result scored last, over it, uint8 [H, W, 3]; None if that was another pair or
        anomalies are not measured."""
        return self._heat_map[1] if self._heat_map[0] == index else None

    def summary(self, indices=None):
        """Means with intervals over pairs, beside the baselines.

        Args:
            indices: Pairs that count; None for all that were scored.
        Returns:
            Dict for JSON, see docs/evaluation.md.
        Raises:
            ValueError: None of the pairs was scored.
        """
        chosen = sorted(self._rows if indices is None else set(indices) & set(self._rows))
        if not chosen:
            raise ValueError('Expected at least one scored pair.')
        with summaries.one_thread():
            return summaries.summary(self._evaluation, [self._rows[index] for index in chosen],
                                     {index: self._descriptions[index] for index in chosen})


def _engine(measured):
    """'litert' where it can run every network, which starts fast and takes little memory; else 'tensorflow'."""
    from stylegan_tf.litert import runtime
    from stylegan_tf.networks import litert_features

    wanted = {name.partition('@')[2] for name in measured} - {''}
    return 'litert' if runtime.is_available() and all(map(litert_features.is_offline, wanted)) else 'tensorflow'


@functools.lru_cache(maxsize=4)
def _anomaly_model(name):
    from stylegan_tf import api

    return api.load(name, engine='tensorflow')


def _finite(value):
    return float(value) if math.isfinite(value) else None
