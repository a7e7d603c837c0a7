"""Exported functions of a detector of defects: floats in [0, 1], any height and width.

`score` judges a picture alone, `score_with_content` beside the photograph it shows, `score_with_references` beside
the style picture as well. Each has a calibration of its own, stored with the weights: what clean pictures scored.
"""

from __future__ import annotations

import keras
import numpy as np

from stylegan_tf.data import defects
from stylegan_tf.metrics import conformal
from stylegan_tf.networks import evidence
from stylegan_tf.systems.picture_sizes import bounded, covering, padded
from stylegan_tf.systems.signature import Signature

# Signature -> the references it takes; the rows of a calibration, in this order.
REFERENCES = {'score': (), 'score_with_content': ('content',), 'score_with_references': ('content', 'style')}
CALIBRATION_ROOM = 4096  # most clean pictures that a calibration holds
UNUSED = -60_000.0  # fills what a calibration leaves empty; finite, also as float16, as weights must be
USUAL_RATES = (0.01, 0.02, 0.05, 0.1, 0.2)  # of false alarms, for which the model card has thresholds
MULTIPLE, LEAST_SIDE = 8, 32  # sides that the discriminator takes
WINDOW, LARGEST_WINDOW = 256, 320  # sides above the second are judged in windows of the first
LARGEST_SIDE = 2 * WINDOW  # larger pictures are reduced: at their own size clean ones look worse (docs/anomaly.md)
STYLE_SIDE = 256  # a style picture's longer side is brought down to this, as in training


def calibration_variable() -> keras.Variable:
    """An empty calibration: float32 [3, CALIBRATION_ROOM], a row of `REFERENCES` each, logits of clean pictures in
    any order. While a row is empty its p-values are 1."""
    return keras.Variable(empty_calibration(), dtype='float32', trainable=False, name='calibration',
                          aggregation='only_first_replica')


def empty_calibration() -> np.ndarray:
    return np.full((len(REFERENCES), CALIBRATION_ROOM), UNUSED, np.float32)


def score_signatures(scoring: Scoring) -> dict[str, Signature]:
    """`score`, `score_with_content` and `score_with_references`."""
    outputs = {'anomaly_score': 'scalar', 'p_value': 'scalar', 'defect_scores': len(defects.DEFECTS),
               'defect_names': 'names', 'anomaly_map': 'map', 'evidence_names': 'names'}
    return {name: Signature(getattr(scoring, name), dict.fromkeys(('image', *references), 'image'),
                            {**outputs, 'evidence': len(evidence_names(references))})
            for name, references in REFERENCES.items()}


def evidence_names(references) -> list[str]:
    """Names of `networks.evidence.summary` that need no other references than these."""
    return [name for name, needed in evidence.PARTS.items() if set(needed) <= set(references)]


class Scoring:
    """The signatures' functions, and the steps they are made of.

    Large pictures are judged in windows of the size that the detector was trained and calibrated on, because its
    statistics and peaks depend on the size. The worst window counts, and its p-value times the number of windows is
    the picture's (Bonferroni), which keeps the promised rate however the windows depend on each other.

    Args:
        system: A `systems.anomaly.Anomaly`, or one with its `judge` and `calibration`.
    """

    def __init__(self, system):
        import tensorflow as tf

        self.tf = tf
        self.system = system
        self._looks = {}

    def score(self, image):
        return self._outputs(image)

    def score_with_content(self, image, content):
        return self._outputs(image, content)

    def score_with_references(self, image, content, style):
        return self._outputs(image, content, style)

    def prepared(self, image, content=None, style=None):
        """What the networks take of pictures [B, H, W, 3] in [0, 1].

        Args:
            image: The picture to judge.
            content, style: Its references, of any size, or None where unknown.
        Returns:
            (dict 'image', 'content', 'style', 'has_content', 'has_style' as `Anomaly.judge` takes it: float32 in
            [-1, 1], sides multiples of MULTIPLE, None for what is unknown; the true H and W of the image). The flags
            are there where both references are.
        """
        tf = self.tf
        whole, height, width = padded(tf, image * 2.0 - 1.0, MULTIPLE, LEAST_SIDE)
        batch = {'image': whole, 'content': None, 'style': None, 'has_content': None, 'has_style': None}
        if content is not None:
            content = covering(tf, content * 2.0 - 1.0, height, width)
            batch['content'], _, _ = padded(tf, content, MULTIPLE, LEAST_SIDE)
        if style is not None:
            batch['style'], _, _ = padded(tf, bounded(tf, style * 2.0 - 1.0, STYLE_SIDE), MULTIPLE, LEAST_SIDE)
        if content is not None and style is not None:
            batch['has_content'] = batch['has_style'] = tf.ones_like(image[:, 0, 0, 0])
        return batch, height, width

    def judged(self, batch):
        """The worst of a picture's windows.

        Args:
            batch: As of `prepared`.
        Returns:
            (anomaly logits [B] of the worst window; logits [B, K] of each defect where it is worst; probability of
            damage [B, h/4, w/4, 1]; number of windows, int32).
        """
        tf, shape = self.tf, self.tf.shape(batch['image'])
        (tops, height), (lefts, width) = (self._windows(shape[axis]) for axis in (1, 2))
        count, columns = tf.size(tops) * tf.size(lefts), tf.size(lefts)

        def look(index, anomaly, found, damage):
            top, left = tops[index // columns], lefts[index % columns]
            parts = {role: tf.ensure_shape(batch[role][:, top:top + height, left:left + width], [None, None, None, 3])
                     for role in ('image', 'content') if batch[role] is not None}
            logits = self._look({**batch, **parts})
            place = [[0, 0], *([start // 4, (shape[axis] - start - size) // 4] for axis, start, size in (
                (1, top, height), (2, left, width))), [0, 0]]
            damage = tf.maximum(damage, tf.pad(tf.sigmoid(logits['damage']), place))
            return (index + 1, tf.maximum(anomaly, logits['anomaly']), tf.maximum(found, logits['defects']), damage)

        start = (tf.constant(0), tf.fill(shape[:1], UNUSED), tf.fill([shape[0], len(defects.DEFECTS)], UNUSED),
                 tf.zeros([shape[0], shape[1] // 4, shape[2] // 4, 1]))
        shapes = tuple(tf.TensorShape(sides) for sides in (
            [], [None], [None, len(defects.DEFECTS)], [None, None, None, 1]))
        _, anomaly, found, damage = tf.while_loop(
            lambda index, *_: index < count, look, start, shape_invariants=shapes, parallel_iterations=1)
        return anomaly, found, damage, count

    def _look(self, batch):
        """`Anomaly.judge` of what is known, as one traced function that all graphs call.

        It is thousands of operations. A function that is not inlined is traced, optimised and loaded once for all
        signatures, their twins and each of their calls.
        """
        tf, known = self.tf, {name: value for name, value in batch.items() if value is not None}
        names = tuple(sorted(known))
        if names not in self._looks:
            specs = {name: tf.TensorSpec([None] if name.startswith('has_') else [None, None, None, 3])
                     for name in names}
            unknown = dict.fromkeys(set(batch) - set(names))
            self._looks[names] = tf.function(
                lambda known: self.system.judge({**unknown, **known}, average=True), input_signature=[specs],
                autograph=False, experimental_attributes={'_noinline': True})
        return self._looks[names](known)

    def p_values(self, logits, row, windows=1):
        """Conformal p-values [B] of anomaly logits [B] by a row of the calibration: `metrics.conformal.p_values` times
        the number of windows that the logits are the largest of, at most 1; and 1 where that row is empty."""
        tf = self.tf
        clean = tf.convert_to_tensor(self.system.calibration)[row]
        count = tf.reduce_sum(tf.cast(clean > UNUSED, tf.float32))
        as_bad = tf.reduce_sum(tf.cast(clean[None, :] >= logits[:, None], tf.float32), axis=1)
        return tf.minimum((1.0 + as_bad) / (count + 1.0) * tf.cast(windows, tf.float32), 1.0)

    def _windows(self, side):
        """Where the windows along a side begin, at multiples of MULTIPLE, and their size."""
        tf = self.tf
        is_one = side <= LARGEST_WINDOW
        last = (side - WINDOW) // MULTIPLE
        count = tf.where(is_one, 1, -(-side // WINDOW))
        starts = tf.range(count) * last // tf.maximum(count - 1, 1) * MULTIPLE
        return starts, tf.where(is_one, side, WINDOW)

    def _outputs(self, image, content=None, style=None):
        tf, size = self.tf, self.tf.shape(image)[1:3]
        is_large = tf.reduce_max(size) > LARGEST_SIDE
        image = tf.cond(is_large, lambda: bounded(tf, image, LARGEST_SIDE), lambda: image)
        batch, height, width = self.prepared(image, content, style)
        anomaly, found, damage, windows = self.judged(batch)
        row = (content is not None) + (style is not None)
        parts = evidence.summary(*(batch[role] for role in ('image', 'content', 'style')))
        part_names = evidence_names(tuple(REFERENCES.values())[row])
        damage = tf.image.resize(damage, tf.shape(batch['image'])[1:3])[:, :height, :width]
        damage = tf.cond(is_large, lambda: tf.image.resize(damage, size), lambda: damage)

        def repeated(names):
            return tf.tile(tf.constant(names)[None], [tf.shape(image)[0], 1])

        return {'anomaly_score': tf.sigmoid(anomaly), 'p_value': self.p_values(anomaly, row, windows),
                'defect_scores': tf.sigmoid(found), 'defect_names': repeated(list(defects.DEFECTS)),
                'anomaly_map': tf.ensure_shape(damage, [None, None, None, 1]),
                'evidence': tf.stack([parts[name] for name in part_names], axis=-1),
                'evidence_names': repeated(part_names)}


def score_thresholds(system) -> dict[str, dict[str, float]]:
    """Scores from which pictures are flagged at usual false-alarm rates: signature -> rate as text -> score.

    For reading only: who scores compares p-values.
    """
    clean = keras.ops.convert_to_numpy(system.calibration)
    found = {}
    for name, row in zip(REFERENCES, clean, strict=True):
        scores = 1.0 / (1.0 + np.exp(-row[row > UNUSED].astype(np.float64)))
        found[name] = {f'{rate:g}': conformal.threshold(scores, rate) for rate in USUAL_RATES
                       if len(scores) >= conformal.needed_examples(rate)}
    return found


def calibration_counts(system) -> dict[str, int]:
    """Clean pictures in each row of a system's calibration, by signature."""
    counts = np.sum(keras.ops.convert_to_numpy(system.calibration) > UNUSED, axis=1)
    return {name: int(count) for name, count in zip(REFERENCES, counts, strict=True)}
