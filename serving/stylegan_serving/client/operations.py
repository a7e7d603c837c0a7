"""What models of this project do, by the signatures of serving/README.md: stylize, score, correct, generate.

Each function is a call as `calls` describes it, a generator of steps; `clients` runs them. Inputs that a model does not
declare are left out where they are defaults, and refused where they were asked for.
"""

import dataclasses

import numpy as np

from stylegan_serving.client import pictures
from stylegan_serving.client.errors import InputError, RowsError
from stylegan_serving.client.exchanges import Compute
from stylegan_serving.client.pictures import EncodedPicture
from stylegan_tf import images

STYLE_LONG_SIDE = 1024  # larger styles of a mix are reduced, as `stylegan_tf` does; models look at smaller copies


@dataclasses.dataclass(frozen=True, eq=False)
class Stylized(EncodedPicture):
    """A stylised picture: `encoded` (PNG), `pixels`, `save`."""

    anomaly_score: float | None = None  # in [0, 1], where the model includes a scorer


@dataclasses.dataclass(frozen=True, eq=False)
class Score:
    """How unusual a picture is."""

    anomaly_score: float  # in [0, 1]
    p_value: float | None  # share of good pictures that score as high
    defect_scores: np.ndarray | dict | None  # float32 [K], or dict defect name -> score where the model names them
    anomaly_map: EncodedPicture | None  # grey: the brighter, the more unusual


@dataclasses.dataclass(frozen=True, eq=False)
class Correction(EncodedPicture):
    """A corrected picture: `encoded` (PNG), `pixels`, `save`."""

    accepted: bool = True
    score_before: float | None = None
    score_after: float | None = None


def stylize(calls, spec, content, style, strength, style_weights, until):
    """List of `Stylized` for a list of contents; `clients.Client.stylize` describes the arguments."""
    _check_range('strength', strength)
    contents = yield Compute(lambda: [pictures.prepare(source) for source in content])
    styles = yield Compute(lambda: [pictures.prepare(source) for source in _as_list(style)])
    if len(styles) > 1:
        return (yield from _stylize_by_mix(calls, spec, contents, styles, strength, style_weights, until))
    if style_weights is not None:
        raise InputError(f'style_weights belong to several styles. Received: {len(styles)} style.')
    metadata = yield from calls.metadata(spec, until)
    signature = metadata.signature('serving_default')
    inputs = _matched(signature, len(contents), given={
        'content_bytes': [picture.encoded for picture in contents],
        'style_bytes': [styles[0].encoded] * len(contents) if styles else None,
        'strength': strength}, defaults={'strength': 1.0})

    def result(row):
        return Stylized(row['stylized_bytes'], anomaly_score=_number(row, 'anomaly_score'))

    return (yield from _rows(calls, spec, signature, inputs, contents, result, until))


def _stylize_by_mix(calls, spec, contents, styles, strength, style_weights, until):
    weights = _normalized(style_weights, len(styles))
    metadata = yield from calls.metadata(spec, until)
    encode, paint = metadata.signature('encode_style'), metadata.signature('stylize_from_code')
    code = 0.0
    for weight, style in zip(weights, styles, strict=True):
        reduced = images.fit_within(style.picture.pixels, STYLE_LONG_SIDE).astype(np.float32) / np.float32(255)
        outputs = yield from calls.predict(spec, encode.name, {'style': reduced[None]}, until)
        code = code + np.float32(weight) * outputs['code']
    results = []
    for content in contents:  # one by one: the rows of a float batch share one size
        inputs = _matched(paint, 1, given={'content': pictures.to_floats(content)[None], 'code': code,
                                           'strength': strength}, defaults={'strength': 1.0})
        outputs = yield from calls.predict(spec, paint.name, inputs, until)
        results.append(Stylized(pictures.from_floats(outputs['stylized'][0]).encoded))
    return results


def score(calls, spec, image, content, until):
    """List of `Score` for a list of pictures; `clients.Client.score` describes the arguments."""
    sources, contents = yield Compute(lambda: _prepared_pairs(image, content))
    metadata = yield from calls.metadata(spec, until)
    signature = metadata.signature('score_bytes' if contents is None else 'score_with_content_bytes')
    inputs = _matched(signature, len(sources), given=_files(sources, contents))

    def result(row):
        encoded = row.get('anomaly_map_bytes')
        return Score(_number(row, 'anomaly_score'), _number(row, 'p_value'), _defects(row),
                     None if encoded is None else EncodedPicture(encoded))

    return (yield from _rows(calls, spec, signature, inputs, sources, result, until))


def correct(calls, spec, image, content, false_alarm_rate, until):
    """List of `Correction` for a list of pictures; `clients.Client.correct` describes the arguments."""
    _check_range('false_alarm_rate', false_alarm_rate)
    sources, contents = yield Compute(lambda: _prepared_pairs(image, content))
    metadata = yield from calls.metadata(spec, until)
    names = ('correct_bytes',) if contents is None else ('correct_with_content_bytes', 'correct_bytes')
    signature = metadata.signature(*names)
    given = {**_files(sources, contents), 'false_alarm_rate': false_alarm_rate}
    inputs = _matched(signature, len(sources), given=given, defaults={'false_alarm_rate': 0.05})

    def result(row):
        return Correction(row['corrected_bytes'], bool(row.get('accepted', True)), _number(row, 'score_before'),
                          _number(row, 'score_after'))

    return (yield from _rows(calls, spec, signature, inputs, sources, result, until))


def generate(calls, spec, count, seed, latent, label, truncation, until):
    """List of EncodedPicture; `clients.Client.generate` describes the arguments."""
    metadata = yield from calls.metadata(spec, until)
    signature = metadata.signature('generate')
    if latent is None:
        declared = signature.inputs.get('latent')
        if declared is None or not declared.shape or declared.shape[-1] is None:
            raise InputError(f'Signature {signature.name!r} does not tell the size of its latent: give `latent`.')
        latent = np.random.default_rng(seed).normal(size=(count, declared.shape[-1])).astype(np.float32)
    inputs = _matched(signature, len(latent), given={'latent': latent, 'label': label, 'truncation': truncation},
                      defaults={'label': -1, 'truncation': 1.0})
    names = [f'picture {row}' for row in range(len(latent))]
    return (yield from _rows(calls, spec, signature, inputs, names, lambda row: pictures.from_floats(row['image']),
                             until))


def _rows(calls, spec, signature, inputs, sources, result, until):
    """Results of a predict call, one a row; refused rows are named after their pictures."""
    try:
        outputs = yield from calls.predict(spec, signature.name, inputs, until)
        rows, failures = range(len(sources)), None
    except RowsError as error:
        outputs, rows = error.results, error.rows
        failures = {row: f'{getattr(sources[row], "name", sources[row])}: {reason}'
                    for row, reason in error.failures.items()}
    results = [None] * len(sources)
    for at, row in enumerate(rows):
        results[row] = result({name: value[at] if len(value) == len(rows) else value  # names of defects: one for all
                               for name, value in outputs.items()})
    if failures:
        raise RowsError(failures, results, list(rows))
    return results


def _matched(signature, count, *, given, defaults=None):
    """The declared inputs out of what was given (None: was not) and the defaults, single numbers for each row."""
    extra = [name for name, value in given.items() if value is not None and name not in signature.inputs]
    if extra:
        raise InputError(f'The model\'s signature {signature.name!r} takes no {" and no ".join(extra)}; it takes '
                         f'{", ".join(signature.inputs)}.')
    inputs = {}
    for name in signature.inputs:
        value = given.get(name)
        value = (defaults or {}).get(name) if value is None else value
        if value is None:
            raise InputError(f'The model\'s signature {signature.name!r} needs {name}, which was not given.')
        inputs[name] = [value] * count if isinstance(value, int | float) else value
    return inputs


def _prepared_pairs(image, content):
    sources = [pictures.prepare(source) for source in image]
    if content is None:
        return sources, None
    contents = [pictures.prepare(source) for source in _as_list(content)]
    if len(contents) == 1:
        contents *= len(sources)
    if len(contents) != len(sources):
        raise InputError(f'Expected one content, or one for each picture. Received: {len(contents)} contents for '
                         f'{len(sources)} pictures.')
    return sources, contents


def _files(sources, contents):
    return {'image_bytes': [picture.encoded for picture in sources],
            'content_bytes': None if contents is None else [picture.encoded for picture in contents]}


def _defects(row):
    scores, names = row.get('defect_scores'), row.get('defect_names')
    if scores is None or names is None or len(names) != len(scores):
        return scores
    return {name.decode('utf-8', 'replace'): float(score) for name, score in zip(names, scores, strict=True)}


def _number(row, name):
    return float(row[name]) if name in row else None


def _normalized(weights, count):
    weights = [1.0] * count if weights is None else [float(weight) for weight in weights]
    if len(weights) != count or not sum(weights) or not all(np.isfinite(weights)):
        raise InputError(f'Expected one style weight for each of {count} styles, not adding up to 0. Received: '
                         f'{weights}.')
    return [weight / sum(weights) for weight in weights]


def _check_range(name, value):
    if value is not None and not (isinstance(value, int | float) and 0 <= value <= 1):
        raise InputError(f'{name} must be a number from 0 to 1. Received: {value!r}.')


def _as_list(value):
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
