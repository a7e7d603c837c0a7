"""What correcting one picture means to the user: the verified repair of the model, or a verified re-rendering.

Where the model that painted the picture is at hand, painting it again is a repair like the others: with less strength,
whole or in the damaged places alone. It is judged by the same detector and by the same witnesses
(`systems.correction`), and taken if it does better than the model's own repairs.
"""

import dataclasses

import numpy as np

from stylegan_tf import images
from stylegan_tf.loaded_models import STYLE_LONG_SIDE, ModelError

SIGNATURES = {0: 'correct', 1: 'correct_with_content', 2: 'correct_with_references'}  # by the number of references
STRENGTHS = (1.0, 0.8, 0.6)  # of re-renderings
LARGEST_CHANGE = 0.25  # mean absolute change that a re-rendering may make, of 1
_CERTAIN = 1e-6  # scores nearer to 0 or 1 are not told apart


@dataclasses.dataclass(frozen=True, eq=False)
class Correction:
    """A picture after an attempt to correct it.

    Attributes:
        image: uint8 [H, W, 3]; the picture itself where nothing was accepted.
        accepted: Whether a repair was taken.
        score_before, score_after: In [0, 1]; equal where nothing was accepted.
        p_value: Share of clean pictures that score as high as it did before.
        false_alarm_rate: The rate that was asked for: pictures with a higher p-value are left alone.
        repair: Name of the repair that was taken, or ''.
        reason: Why none was, or ''.
        changed: Mean absolute change, of 1 (from black to white).
        changed_share: Share of the pixels that changed by more than 2 of 255 levels.
    """

    image: np.ndarray
    accepted: bool
    score_before: float
    score_after: float
    p_value: float
    false_alarm_rate: float
    repair: str = ''
    reason: str = ''
    changed: float = 0.0
    changed_share: float = 0.0


def correct(model, image, content=None, style=None, *, false_alarm_rate=0.05, generator=None):
    """Corrects one picture by a model that has the `correct` signatures.

    Args:
        model: A `loaded_models.NetworkModel`.
        image, content, style: Path, encoded file or uint8 array [H, W, 3]; references None where unknown.
        false_alarm_rate: In (0, 1).
        generator: None, or a `loaded_models.Model` that stylises; needs content and style.
    Returns:
        `Correction`.
    Raises:
        ModelError: The model cannot correct with these references, or the generator lacks them.
        ImageError: A picture cannot be read.
    """
    if style is not None and content is None:
        raise ModelError('A style is compared together with the content: give the content too.')
    if generator is not None and (content is None or style is None):
        raise ModelError('A generator paints a content in a style again: give both.')
    signature = SIGNATURES[(content is not None) + (style is not None)]
    pixels = images.read(image)
    references = {}
    if content is not None:
        references['content'] = images.cover_crop(images.read(content), pixels.shape[:2])
    if style is not None:
        references['style'] = images.fit_within(images.read(style), STYLE_LONG_SIDE)
    outputs = model.run_signature(signature, image=_batch(pixels), false_alarm_rate=np.float32([false_alarm_rate]),
                                  **{name: _batch(picture) for name, picture in references.items()})
    found = _of_outputs(outputs, pixels, false_alarm_rate)
    if generator is None or found.reason == 'not flagged':
        return found
    return _rerendered(model, generator, pixels, references, found)


def _of_outputs(outputs, pixels, false_alarm_rate):
    row = {name: value[0] for name, value in outputs.items()}
    accepted = bool(row['accepted'])
    repaired = images.to_uint8(row['corrected'] * 2 - 1) if accepted else pixels
    return _correction(pixels, repaired, accepted, score_before=float(row['score_before']),
                       score_after=float(row['score_after']), p_value=round(float(row['p_value']), 7),
                       false_alarm_rate=false_alarm_rate, repair=row['repair'][0].decode() if accepted else '',
                       reason='' if accepted else row['reason'][0].decode())


def _correction(pixels, repaired, accepted, **known):
    difference = np.abs(repaired.astype(np.int16) - pixels)
    return Correction(repaired, accepted, changed=float(difference.mean() / 255),
                      changed_share=float((difference.max(axis=-1) > 2).mean()), **known)


def _rerendered(model, generator, pixels, references, found):
    """The best of `found` and of what the generator paints, where that stands up to verification."""
    from stylegan_tf.systems import correction

    batch = {name: _batch(picture) * 2 - 1 for name, picture in {'image': pixels, **references}.items()}
    batch.update(has_content=np.ones(1, np.float32), has_style=np.ones(1, np.float32))

    def testimony(picture):
        return [float(value[0]) for value in correction.witnesses(_batch(picture) * 2 - 1, batch)]

    start = testimony(pixels)
    before = _logit(found.score_before)
    best, best_logit = found, min(_logit(found.score_after), before - correction.CLEAR_FALL)
    damage = _score(model, pixels, references)['anomaly_map'][0]
    for name, repaired in _paintings(generator, references, pixels, damage):
        if np.abs(repaired.astype(np.float32) - pixels).mean() / 255 > LARGEST_CHANGE:
            continue
        score = float(_score(model, repaired, references)['anomaly_score'][0])
        now = testimony(repaired)
        keeps = now[0] >= start[0] - correction.STRUCTURE_LOSS and now[1] <= start[1] + correction.COLOR_LOSS
        if keeps and _logit(score) <= best_logit:
            best_logit = _logit(score)
            best = _correction(pixels, repaired, True, score_before=found.score_before, score_after=score,
                               p_value=found.p_value, false_alarm_rate=found.false_alarm_rate, repair=name)
    return best


def _paintings(generator, references, pixels, damage):
    """(name, uint8 [H, W, 3]) of what the generator makes of the references, whole and put into the damage."""
    style = generator.prepare_style(references['style'])
    share = np.clip((damage - 0.5) / 0.25, 0, 1)
    for strength in STRENGTHS:
        painted = generator.stylize(references['content'], style, strength=strength)
        if painted.shape != pixels.shape:
            painted = images.resize(painted, pixels.shape[:2])
        yield f'painted again at strength {strength:g}', painted
        mixed = pixels + share * (painted.astype(np.float32) - pixels)
        yield f'painted again at strength {strength:g} where damaged', np.rint(mixed).astype(np.uint8)


def _score(model, pixels, references):
    return model.run_signature('score_with_references', image=_batch(pixels),
                               **{name: _batch(picture) for name, picture in references.items()})


def _logit(score):
    score = np.clip(score, _CERTAIN, 1 - _CERTAIN)
    return float(np.log(score / (1 - score)))


def _batch(picture):
    return np.divide(picture[None], np.float32(255), dtype=np.float32)
