"""Exported functions that correct pictures: floats in [0, 1], any height and width.

`correct`, `correct_with_content` and `correct_with_references` take what the `score` of that name takes, and the
caller's false-alarm rate. Rows that are not accepted come back as they went in, bit for bit.
"""

from __future__ import annotations

from stylegan_tf.systems import anomaly_signatures, correction
from stylegan_tf.systems.anomaly_signatures import LEAST_SIDE, MULTIPLE, REFERENCES, Scoring
from stylegan_tf.systems.picture_sizes import bounded, padded
from stylegan_tf.systems.signature import Signature

OUTPUTS = {'corrected': 'image', 'accepted': 'flag', 'score_before': 'scalar', 'score_after': 'scalar',
           'p_value': 'scalar', 'changed': 'scalar', 'repair': 'names', 'reason': 'names'}


class Correcting(Scoring):
    """The signatures' functions. Images [B, H, W, 3] in [0, 1], `false_alarm_rate` float [B].

    All of them run one graph, in which references that are unknown are flagged 0: repairs and judgements are thousands
    of operations, which take long to trace.
    """

    def __init__(self, system):
        super().__init__(system)
        tf = self.tf
        picture, number = tf.TensorSpec([None, None, None, 3]), tf.TensorSpec([None])
        batch = dict.fromkeys(('image', 'content', 'style'), picture) | dict.fromkeys(
            ('has_content', 'has_style'), number)
        self._judge = tf.function(self._in_windows, autograph=False, input_signature=[batch])
        self._graph = tf.function(self._corrected, autograph=False, input_signature=[batch, number],
                                  experimental_attributes={'_noinline': True})

    def signatures(self) -> dict[str, Signature]:
        found = {}
        for name, references in REFERENCES.items():
            name = name.replace('score', 'correct')
            inputs = {**dict.fromkeys(('image', *references), 'image'), 'false_alarm_rate': 'scalar'}
            found[name] = Signature(getattr(self, name), inputs, OUTPUTS, is_warmed=False)
        return found

    def correct(self, image, false_alarm_rate):
        return self._run(false_alarm_rate, image)

    def correct_with_content(self, image, content, false_alarm_rate):
        return self._run(false_alarm_rate, image, content)

    def correct_with_references(self, image, content, style, false_alarm_rate):
        return self._run(false_alarm_rate, image, content, style)

    def _run(self, false_alarm_rate, image, content=None, style=None):
        tf = self.tf
        batch, height, width = self.prepared(image, content, style)
        known = tf.ones_like(image[:, 0, 0, 0])
        if content is None:
            batch['content'] = tf.zeros_like(batch['image'])
        if style is None:
            batch['style'] = tf.zeros([tf.shape(image)[0], LEAST_SIDE, LEAST_SIDE, 3])
        batch.update(has_content=known * float(content is not None), has_style=known * float(style is not None))
        found = self._graph(batch, false_alarm_rate)
        repaired = tf.clip_by_value(found['corrected'][:, :height, :width] * 0.5 + 0.5, 0.0, 1.0)
        # The input itself: not even rounded by the way to [-1, 1] and back.
        return {**found, 'corrected': tf.where(found['accepted'][:, None, None, None], repaired, image)}

    def _corrected(self, batch, false_alarm_rate):
        tf = self.tf
        judgement = self._judge(batch)
        row = tf.cast(batch['has_content'][0] + batch['has_style'][0], tf.int32)
        p_value = self.p_values(judgement['anomaly'], row, judgement['windows'])
        found = correction.correct(self.system.correct, self._judge, batch, judgement, p_value <= false_alarm_rate,
                                   for_each=self._one_by_one)
        return {'corrected': found['image'], 'accepted': found['accepted'],
                'score_before': tf.sigmoid(judgement['anomaly']), 'score_after': tf.sigmoid(found['after']),
                'p_value': p_value, 'changed': found['changed'] * 0.5,
                'repair': tf.gather(tf.constant(['', *correction.REPAIRS]), found['repair'] + 1)[:, None],
                'reason': tf.gather(tf.constant(correction.REASONS), found['reason'])[:, None]}

    def _in_windows(self, batch):
        """Logits of a batch as `correction` wants them, found as `score` finds them: reduced, and in windows."""
        tf, size = self.tf, self.tf.shape(batch['image'])[1:3]
        is_large = tf.reduce_max(size) > anomaly_signatures.LARGEST_SIDE

        def reduced(picture):
            picture = tf.cond(is_large, lambda: bounded(tf, picture, anomaly_signatures.LARGEST_SIDE), lambda: picture)
            return padded(tf, picture, MULTIPLE, LEAST_SIDE)

        (image, height, width), (content, _, _) = reduced(batch['image']), reduced(batch['content'])
        anomaly, found, damage, windows = self.judged({**batch, 'image': image, 'content': content})
        damage = tf.cond(is_large, lambda: tf.image.resize(damage[:, :height // 4, :width // 4], size // 4),
                         lambda: damage)
        damage = tf.ensure_shape(damage, [None, None, None, 1])
        damage = tf.clip_by_value(damage, 1e-6, 1.0 - 1e-6)
        return {'anomaly': anomaly, 'defects': found, 'damage': tf.math.log(damage / (1.0 - damage)),
                'windows': windows}

    def _one_by_one(self, function, pictures):
        # One at a time, because a judgement takes far more memory than the picture.
        tf = self.tf
        return tf.map_fn(function, pictures, parallel_iterations=1, fn_output_signature=tf.TensorSpec([None, None]))
