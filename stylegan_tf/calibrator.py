"""Calibrating a run's detector: what clean pictures score, stored with its weights, and whether the promise holds.

The p-value of a picture is the share of clean pictures that score as high (`metrics.conformal`). It is right for
pictures that are drawn like those of the calibration. So half of the clean pictures are kept apart to measure the rate
that was promised, and the same is done with styles, and with kinds of pictures, that the calibration has not seen.
"""

import dataclasses

import numpy as np

from stylegan_tf import exporter, images
from stylegan_tf.data import defects, order
from stylegan_tf.metrics import conformal
from stylegan_tf.metrics.bootstrap import bootstrap_interval
from stylegan_tf.systems import anomaly_signatures
from stylegan_tf.systems.anomaly_signatures import LARGEST_SIDE, LARGEST_WINDOW, REFERENCES, WINDOW
from stylegan_tf.training import checkpoints

RATES = (0.01, 0.02, 0.05, 0.1, 0.2)  # promised rates that are measured
LEAST_ZOOM = 0.7  # sides of a crop, as a share of the picture's
LEAST_CROPS = 20  # on either side of a measurement
STATE_NAME = 'extra/calibration'


class CalibrationError(Exception):
    """A run or pictures that nothing can be calibrated with; the message says what to do."""


@dataclasses.dataclass(frozen=True)
class Scores:
    """What clean pictures score with the references of one signature.

    Attributes:
        logits: float64 [N] anomaly logits; several crops of a picture stand for it.
        pictures: int [N], the picture of each.
        styles: int [N], its style picture; -1 where there is none.
        labels: int [N], its kind; -1 where there is none.
        label_names: Names of the kinds.
    """

    logits: np.ndarray
    pictures: np.ndarray
    styles: np.ndarray
    labels: np.ndarray
    label_names: tuple[str, ...]

    def halves(self, groups, seed):
        """Masks [N] of two halves that share no group, such as no picture or no style."""
        known = np.unique(groups)
        first = np.isin(groups, order.generator_from(seed, 'halves').permutation(known)[:len(known) // 2])
        return first, ~first


def clean_scores(system, source, references, count, *, seed=0, progress=None):
    """Scores crops of clean pictures.

    Each picture is first taken whole, then, where `count` is larger, in crops at random places, some mirrored; of a
    large one a window, as the detector sees it. Half of them are resampled by parts of a pixel, as clean pictures are
    in training.

    Args:
        system: A `systems.anomaly.Anomaly`.
        source: `data.sources.Source` of clean pictures, no part of the detector's training.
        references: Those that the pictures are scored with, of `anomaly_signatures.REFERENCES`; pictures without them
            are left out.
        count: Crops.
        seed: Decides all chance.
        progress: Called with the number of crops done so far, or None.
    Returns:
        Scores, or None where no picture has these references.
    """
    judge = _judge(system)
    usable = [index for index in range(len(source)) if set(references) <= set(source.references_of(index))]
    if not usable:
        return None
    rows, styles = [], {}
    for position in range(count):
        key = order.key_from(seed, 'calibration', len(references))
        index = usable[order.permuted_index(position, len(usable), key)]
        rng = order.generator_from(seed, 'crop', position)
        record = source.read(index)
        if not set(references) <= set(record.references):  # it could not be read, and another one stands for it
            continue
        pictures = {'image': record.image, **{role: record.references[role] for role in references}}
        pictures = _cropped(pictures, rng, is_whole=position < len(usable))
        logit = float(judge(**{role: picture[None] / np.float32(255) for role, picture in pictures.items()})[0])
        style = source.references_of(index).get('style')
        rows.append((logit, index, styles.setdefault(style, len(styles)) if style else -1, record.label))
        if progress is not None:
            progress(position + 1)
    logits, pictures, styles, labels = (np.array(column) for column in zip(*rows, strict=True))
    return Scores(logits, pictures, styles, labels, tuple(source.label_names))


def _judge(system):
    """Function from pictures [1, H, W, 3] in [0, 1] to anomaly logits [1]."""
    import tensorflow as tf

    scoring = anomaly_signatures.Scoring(system)
    spec = tf.TensorSpec([None, None, None, 3], tf.float32)
    traced = tf.function(lambda **pictures: scoring.judged(scoring.prepared(**pictures)[0])[0], autograph=False)

    def judge(**pictures):
        return traced.get_concrete_function(**dict.fromkeys(pictures, spec))(
            **{role: tf.constant(picture, tf.float32) for role, picture in pictures.items()}).numpy()

    return judge


def _cropped(pictures, rng, *, is_whole):
    image = pictures['image'] = images.fit_within(pictures['image'], LARGEST_SIDE)
    if 'content' in pictures:
        pictures['content'] = images.cover_crop(pictures['content'], image.shape[:2])
    share = 1.0 if is_whole else rng.uniform(LEAST_ZOOM, 1.0)
    size = [WINDOW if side > LARGEST_WINDOW else max(1, round(side * share)) for side in image.shape[:2]]
    if size != list(image.shape[:2]):
        place, is_mirrored = rng.random(2), rng.random() < 0.5
        top, left = (int(part * (have - wanted + 1)) for part, have, wanted in zip(place, image.shape, size))
        for role in {'image', 'content'} & set(pictures):
            part = pictures[role][top:top + size[0], left:left + size[1]]
            pictures[role] = np.ascontiguousarray(part[:, ::-1] if is_mirrored else part)
    pictures['image'] = defects.recapture(pictures['image'], seed=[int(part) for part in rng.integers(1 << 31, size=2)])
    return pictures


def measured(scores, seed=0):
    """False-alarm rates on pictures apart from those that calibrate.

    Args:
        scores: Scores.
        seed: Decides the halves.
    Returns:
        dict 'other pictures', 'unseen styles' (halves without a common style) and 'unseen: LABEL' (calibrated on all
        other kinds), each where there are enough: dict of the RATES as texts -> (share of alarms, low and high end of
        its 95% bootstrap interval over pictures, crops).
    """
    splits = {'other pictures': scores.halves(scores.pictures, seed)}
    has_style = scores.styles >= 0
    if len(np.unique(scores.styles[has_style])) > 1:
        splits['unseen styles'] = [has_style & half for half in scores.halves(scores.styles, seed)]
    for label in np.unique(scores.labels[scores.labels >= 0]):
        is_it = scores.labels == label
        splits[f'unseen: {scores.label_names[label]}'] = (~is_it, is_it)
    return {name: _rates(scores, *masks) for name, masks in splits.items() if min(map(np.sum, masks)) >= LEAST_CROPS}


def _rates(scores, calibrating, judged):
    p_values = conformal.p_values(scores.logits[judged], scores.logits[calibrating])
    pictures = scores.pictures[judged]
    found = {}
    for rate in RATES:
        alarms = (p_values <= rate).astype(np.float64)
        by_picture = [alarms[pictures == picture].mean() for picture in np.unique(pictures)]
        low, high = bootstrap_interval(by_picture) or (0.0, 1.0)
        found[f'{rate:g}'] = (float(alarms.mean()), low, high, len(alarms))
    return found


def calibrate(workdir, source, count, *, seed=0, progress=None):
    """Calibrates the newest checkpoint of a run and writes it anew.

    Args:
        workdir: Run folder of a detector, or the folder of one that ships.
        source: As of `clean_scores`.
        count: Crops that calibrate for each set of references; as many are kept apart to measure.
        seed: Decides all chance.
        progress: Called with (signature, crops done), or None.
    Returns:
        dict, as the model card has it: 'data', 'seed', 'signatures': dict of REFERENCES that the pictures allow ->
        dict 'crops', 'pictures' and 'measured', as of `measured`.
    Raises:
        CalibrationError: No detector, or too few pictures.
        ExportError, RunFolderError, CheckpointError, ConfigError: The folder holds no run.
    """
    if not 1 <= count <= anomaly_signatures.CALIBRATION_ROOM:
        raise CalibrationError(f'A calibration holds 1 to {anomaly_signatures.CALIBRATION_ROOM} crops. '
                               f'Received: {count}.')
    system, _, _ = exporter.load_run(workdir, has_twins=False)
    if not hasattr(system, 'calibration'):
        raise CalibrationError(f'{workdir} holds a {system.config.preset}, which detects nothing: expected a run of an '
                               'anomaly preset.')
    checkpoint = checkpoints.find(workdir)
    values, facts = anomaly_signatures.empty_calibration(), {}
    for row, (name, references) in enumerate(REFERENCES.items()):
        scores = clean_scores(system, source, references, 2 * count, seed=seed,
                              progress=progress and (lambda done, name=name: progress(name, done)))
        if scores is None:
            continue
        if len(np.unique(scores.pictures)) < 2 or not np.isfinite(scores.logits).all():
            raise CalibrationError(f'{source.spec}: expected two good pictures at least, with finite scores.')
        kept, _ = scores.halves(scores.pictures, seed)
        logits = scores.logits[kept][:values.shape[1]]
        values[row, :len(logits)] = logits
        facts[name] = {'crops': len(logits), 'pictures': len(np.unique(scores.pictures[kept])),
                       'measured': measured(scores, seed)}
    facts = {'data': source.spec, 'seed': seed, 'signatures': facts}
    checkpoints.save(checkpoint.path.parent, checkpoint.step, {**checkpoint.arrays, STATE_NAME: values},
                     {**checkpoint.record, 'calibration': facts})
    return facts
