"""A stylisation system and a detector as one model: every stylised picture comes with its anomaly score."""

from __future__ import annotations

import dataclasses


class ScoredStylization:
    """What an exporter asks of a System: its config, signatures and model card.

    Args:
        stylization: System with the signature `stylize` of a content and a style picture.
        detector: System with the signature `score_with_references`.
    Raises:
        ValueError: One of them lacks it.
    """

    def __init__(self, stylization, detector):
        for system, needed in ((stylization, 'stylize'), (detector, 'score_with_references')):
            if needed not in system.signatures():
                raise ValueError(f'Expected a model with the signature {needed!r}. Received: {system.config.preset}, '
                                 f'which has {", ".join(system.signatures())}.')
        self.config = stylization.config
        self._stylization, self._detector = stylization, detector

    def signatures(self):
        """Those of both; `stylize` also tells 'anomaly_score' and 'p_value' of its result."""
        own, scores = self._stylization.signatures(), self._detector.signatures()
        judge, stylize = scores['score_with_references'].function, own['stylize']

        def scored(content, style, **options):
            import tensorflow as tf

            result = stylize.function(content=content, style=style, **options)
            file = tf.round(result['stylized'] * 255.0) / 255.0  # what is written is what is judged
            judged = judge(image=file, content=content, style=style)
            return {**result, 'anomaly_score': judged['anomaly_score'], 'p_value': judged['p_value']}

        outputs = {**stylize.outputs, 'anomaly_score': 'scalar', 'p_value': 'scalar'}
        return {**own, 'stylize': dataclasses.replace(stylize, function=scored, outputs=outputs), **scores}

    def model_card(self):
        """The stylisation's, with what the detector adds."""
        card = self._detector.model_card()
        return {**card, **self._stylization.model_card(),
                'scorer': {'preset': self._detector.config.preset, 'config_hash': self._detector.config.hash(),
                           'purpose': card['purpose'], 'architecture': card['architecture']}}
