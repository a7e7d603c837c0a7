"""Models that judge pictures: is this stylised picture as it should be, and if not, where and how?

    model = load('anomaly')
    score = model.score('result.png', 'photo.jpg', 'painting.jpg', false_alarm_rate=0.05)
    print(score.is_anomalous, score.p_value, score.named)

`stylegan_tf.api.load` makes them of exports and run folders with the signature `score`.
"""

import dataclasses

import numpy as np

from stylegan_tf import corrections, images
from stylegan_tf.loaded_models import STYLE_LONG_SIDE, ModelError, NetworkModel
from stylegan_tf.metrics import conformal

NAMED_FROM = 0.5  # defects that score at least this are named
SIGNATURES = {0: 'score', 1: 'score_with_content', 2: 'score_with_references'}  # by the number of references


@dataclasses.dataclass(frozen=True, eq=False)
class Score:
    """What a model says of a picture.

    Attributes:
        score: In [0, 1]; higher is worse. To be compared within one model and one set of references only.
        p_value: Share of clean pictures that score as high, in (0, 1]; 1 from a model that is not calibrated.
        false_alarm_rate: The rate that was asked for.
        defects: Name -> score in [0, 1], the highest first.
        evidence: Name -> number: measured parts of the judgement, where the model reports them.
        map: Probability of damage at each pixel, float32 [H, W] in [0, 1].
        calibration_pictures: Clean pictures that the p-value rests on; None where the model does not tell.
    """

    score: float
    p_value: float
    false_alarm_rate: float
    defects: dict
    evidence: dict
    map: np.ndarray
    calibration_pictures: int | None = None

    @property
    def is_anomalous(self):
        """Whether this is an alarm: p_value is at most false_alarm_rate."""
        return self.p_value <= self.false_alarm_rate

    @property
    def named(self):
        """Names of the defects that score at least NAMED_FROM, the highest first."""
        return tuple(name for name, score in self.defects.items() if score >= NAMED_FROM)


class AnomalyModel(NetworkModel):
    """A model with the signature `score`, and maybe others."""

    def score(self, image, content=None, style=None, *, false_alarm_rate=0.05):
        """Says whether a stylised picture went wrong, where and how.

        Args:
            image: The picture: path, encoded file or uint8 array [H, W, 3]; or a list of several.
            content: The photograph it was made from, in the same forms; for a list one for all or one for each. Other
                sizes are cut and stretched to the picture's.
            style: The picture whose style it has, likewise; needs `content`.
            false_alarm_rate: Share of clean pictures that may be taken for anomalous, in (0, 1).
        Returns:
            A `Score`; a list of them for a list.
        Raises:
            ModelError: If the model cannot do this, or a value is out of range.
            ImageError: If a picture cannot be read.
        """
        check_false_alarm_rate(false_alarm_rate)
        signature = self.score_signature(content is not None, style is not None)
        if not isinstance(image, list | tuple):
            return self._scored(signature, image, content, style, false_alarm_rate)
        references = [_one_each(what, given, len(image)) for what, given in (('content', content), ('style', style))]
        return [self._scored(signature, *row, false_alarm_rate) for row in zip(image, *references, strict=True)]

    def correct(self, image, content=None, style=None, *, false_alarm_rate=0.05, generator=None):
        """Repairs a stylised picture that went wrong, where a repair stands up to verification.

        Args:
            image, content, style: As of `score`; with `generator` both references are needed.
            false_alarm_rate: Share of clean pictures that may be taken for anomalous, in (0, 1).
            generator: None, or the `Model` that painted it: painting again is then a repair too.
        Returns:
            A `corrections.Correction`, its image the picture itself where nothing was accepted; a list for a list.
        Raises:
            ModelError: If the model cannot do this, or a value is out of range.
            ImageError: If a picture cannot be read.
        """
        check_false_alarm_rate(false_alarm_rate)

        def corrected(*row):
            return corrections.correct(self, *row, false_alarm_rate=false_alarm_rate, generator=generator)

        if not isinstance(image, list | tuple):
            return corrected(image, content, style)
        references = [_one_each(what, given, len(image)) for what, given in (('content', content), ('style', style))]
        return [corrected(*row) for row in zip(image, *references, strict=True)]

    def score_signature(self, has_content, has_style):
        """Name of the signature that judges with these references.

        Raises:
            ModelError: If there is none.
        """
        if has_style and not has_content:
            raise ModelError('A style is compared together with the content: give the content too.')
        name = SIGNATURES[has_content + has_style]
        self._require(name)
        return name

    def calibration_pictures(self, signature):
        """Clean pictures that p-values of a signature rest on; None where the model card does not tell."""
        return self.card.get('calibration_pictures', {}).get(signature)

    def calibration_warning(self, signature, false_alarm_rate):
        """A sentence where this rate cannot be kept or no alarm is possible at all, else None."""
        count = self.calibration_pictures(signature)
        if count is None:
            return f'The model {self.name} does not tell what its p-values rest on.'
        if not count:
            return (f'The model {self.name} is not calibrated for {signature}: every p-value is 1 and nothing is '
                    'flagged. Scores still compare pictures. See docs/anomaly.md.')
        needed = conformal.needed_examples(false_alarm_rate)
        if count < needed:
            return (f'The model {self.name} is calibrated on {count} pictures for {signature}: nothing can be flagged '
                    f'at a false-alarm rate of {false_alarm_rate:g}, which needs {needed}.')
        return None

    def _scored(self, signature, image, content, style, false_alarm_rate):
        pixels = images.read(image)
        inputs = {'image': pixels}
        if content is not None:
            inputs['content'] = images.cover_crop(images.read(content), pixels.shape[:2])
        if style is not None:
            inputs['style'] = images.fit_within(images.read(style), STYLE_LONG_SIDE)
        outputs = self._run(signature, **{name: np.divide(picture[None], np.float32(255), dtype=np.float32)
                                          for name, picture in inputs.items()})
        defects = _named(outputs, 'defect_names', 'defect_scores')
        return Score(
            # In float32 a p-value of 1/20 is a little above a rate of 0.05.
            float(outputs['anomaly_score'][0]), round(float(outputs['p_value'][0]), 7), float(false_alarm_rate),
            dict(sorted(defects.items(), key=lambda item: -item[1])), _named(outputs, 'evidence_names', 'evidence'),
            outputs['anomaly_map'][0, :, :, 0], self.calibration_pictures(signature))


def check_false_alarm_rate(rate):
    """Raises ModelError unless the rate lies in (0, 1)."""
    if not 0 < rate < 1:
        raise ModelError(f'The false-alarm rate must lie between 0 and 1, such as 0.05. Received: {rate}.')


def _one_each(what, given, count):
    if not isinstance(given, list | tuple):
        return [given] * count
    if len(given) != count:
        raise ModelError(f'Expected one {what} for all pictures, or one for each of {count}. Received: {len(given)}.')
    return given


def _named(outputs, names, values):
    """Dict of a row's values by its names; empty where the model has no such outputs."""
    if names not in outputs or values not in outputs:
        return {}
    return {name.decode(): float(value) for name, value in zip(outputs[names][0], outputs[values][0], strict=True)}
