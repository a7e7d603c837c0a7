"""What models of this project do, by the signatures of serving/README.md: stylize, score, correct, generate.

Each function is a call as `calls` describes it, a generator of steps; `clients` runs them. Inputs that a model does not
declare are left out where they are defaults, and refused where they were asked for.
"""

import dataclasses
import math

import numpy as np

from stylegan_serving.client import painting, pictures
from stylegan_serving.client.errors import InputError, RowsError, ServerError
from stylegan_serving.client.exchanges import Compute
from stylegan_serving.client.pictures import EncodedPicture

_VERSION_ATTEMPTS = 3  # while versions come and go

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
    evidence: np.ndarray | dict | None = None  # measured parts of the judgement, as defect_scores


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
    if style_weights is not None and len(styles) < 2:
        raise InputError(f'style_weights belong to several styles. Received: {len(styles)} style.')
    for attempt in range(_VERSION_ATTEMPTS):
        metadata = yield from calls.metadata(spec, until)
        is_last = attempt == _VERSION_ATTEMPTS - 1
        try:
            return (yield from _stylize_by(metadata, calls, spec, contents, styles, strength, style_weights, until,
                                           prefers_code=not is_last))
        except painting.VersionGoneError as error:
            calls.forget(spec)  # and once more, by the version that took its place
            if is_last:
                raise ServerError('NOT_FOUND', str(error)) from error
    raise AssertionError('the last attempt returns or raises')


def _stylize_by(metadata, calls, spec, contents, styles, strength, weights, until, *, prefers_code):
    """Large contents in tiles, several files in one style by its code, the others by `serving_default`."""
    tiled = [row for row, picture in enumerate(contents)
             if math.prod(picture.size) > calls.options.max_pixels and painting.has_tiles(metadata)]
    others = [row for row in range(len(contents)) if row not in tiled]
    saves_time = prefers_code and len(styles) == 1 < len(others) and painting.saves_time(metadata)
    by_code = others if len(styles) > 1 or saves_time else []
    results, failures = [None] * len(contents), {}

    def take(rows, painted):
        try:
            found = yield from painted
        except RowsError as error:
            found = error.results
            failures.update({rows[row]: reason for row, reason in error.failures.items()})
        for row, result in zip(rows, found, strict=True):
            results[row] = result

    if tiled or by_code:
        # A code is of one version: the same one must paint by it.
        pinned = dataclasses.replace(spec, version=metadata.version, label=None, is_pinned=True)
        code = yield from painting.style_code(calls, pinned, metadata, styles, weights, until)
        if by_code and painting.takes_files(metadata):
            yield from take(by_code, _stylize_files(calls, pinned, metadata, [contents[row] for row in by_code],
                                                    {'code': code}, strength, until))
        else:
            tiled = sorted({*tiled, *by_code})
        for row in tiled:
            painted = yield from painting.paint(calls, pinned, metadata, contents[row], code, strength, until)
            results[row] = Stylized(painted.encoded)
    if others and not by_code:
        yield from take(others, _stylize_files(calls, spec, metadata, [contents[row] for row in others], {
            'style_bytes': styles[0].encoded if styles else None}, strength, until))
    if failures:
        raise RowsError(failures, results, [row for row, result in enumerate(results) if result is not None])
    return results


def _stylize_files(calls, spec, metadata, contents, style, strength, until):
    """List of `Stylized` by a signature on files: by `style_bytes`, or by `code` [1, D]."""
    by_code = 'code' in style
    signature = metadata.signature(painting.FILES_BY_CODE if by_code else 'serving_default')
    if by_code:
        style = {'code': np.repeat(style['code'], len(contents), axis=0)}
    elif style['style_bytes'] is not None:
        style = {'style_bytes': [style['style_bytes']] * len(contents)}
    inputs = signature.filled(len(contents), given={
        'content_bytes': [picture.encoded for picture in contents], 'strength': strength, **style},
        defaults={'strength': 1.0})

    def result(row):
        return Stylized(row['stylized_bytes'], anomaly_score=_number(row, 'anomaly_score'))

    if not by_code:
        return (yield from _rows(calls, spec, signature, inputs, contents, result, until))
    with painting.version_watched():
        return (yield from _rows(calls, spec, signature, inputs, contents, result, until))


def score(calls, spec, image, content, style, until):
    """List of `Score` for a list of pictures; `clients.Client.score` describes the arguments."""
    pairs = yield Compute(lambda: _paired(image, content, style))
    metadata = yield from calls.metadata(spec, until)
    signature = metadata.signature(_named_for('score', pairs))
    inputs = signature.filled(len(pairs['image']), given=_files(pairs))

    def result(row):
        encoded = row.get('anomaly_map_bytes')
        return Score(_number(row, 'anomaly_score'), _number(row, 'p_value'),
                     _by_names(row, 'defect_names', 'defect_scores'),
                     None if encoded is None else EncodedPicture(encoded), _by_names(row, 'evidence_names', 'evidence'))

    return (yield from _rows(calls, spec, signature, inputs, pairs['image'], result, until))


def correct(calls, spec, image, content, style, false_alarm_rate, until):
    """List of `Correction` for a list of pictures; `clients.Client.correct` describes the arguments."""
    _check_range('false_alarm_rate', false_alarm_rate)
    pairs = yield Compute(lambda: _paired(image, content, style))
    metadata = yield from calls.metadata(spec, until)
    signature = metadata.signature(_named_for('correct', pairs), 'correct_bytes')
    given = {**_files(pairs), 'false_alarm_rate': false_alarm_rate}
    inputs = signature.filled(len(pairs['image']), given=given, defaults={'false_alarm_rate': 0.05})

    def result(row):
        return Correction(row['corrected_bytes'], bool(row.get('accepted', True)), _number(row, 'score_before'),
                          _number(row, 'score_after'))

    return (yield from _rows(calls, spec, signature, inputs, pairs['image'], result, until))


def generate(calls, spec, count, seed, latent, label, truncation, until):
    """List of EncodedPicture; `clients.Client.generate` describes the arguments."""
    metadata = yield from calls.metadata(spec, until)
    signature = metadata.signature('generate')
    if latent is None:
        declared = signature.inputs.get('latent')
        if declared is None or not declared.shape or declared.shape[-1] is None:
            raise InputError(f'Signature {signature.name!r} does not tell the size of its latent: give `latent`.')
        latent = np.random.default_rng(seed).normal(size=(count, declared.shape[-1])).astype(np.float32)
    inputs = signature.filled(len(latent), given={'latent': latent, 'label': label, 'truncation': truncation},
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


def _paired(image, content, style):
    """Dict role -> list of prepared pictures, one each; without the references that are not there."""
    if style is not None and content is None:
        raise InputError('A style is compared together with the content: give the content too.')
    pairs = {'image': [pictures.prepare(source) for source in image]}
    count = len(pairs['image'])
    for role, given in (('content', content), ('style', style)):
        if given is None:
            continue
        prepared = [pictures.prepare(source) for source in _as_list(given)]
        if len(prepared) not in (1, count):
            raise InputError(f'Expected one {role}, or one for each picture. Received: {len(prepared)} {role}s for '
                             f'{count} pictures.')
        pairs[role] = prepared * count if len(prepared) == 1 else prepared
    return pairs


def _named_for(operation, pairs):
    """The signature that takes these references."""
    references = '_with_references' if 'style' in pairs else '_with_content' if 'content' in pairs else ''
    return f'{operation}{references}_bytes'


def _files(pairs):
    return {f'{role}_bytes': [picture.encoded for picture in prepared] for role, prepared in pairs.items()}


def _by_names(row, names, values):
    """Numbers of a row by their names; as an array where the model does not name them, None without any."""
    names, values = row.get(names), row.get(values)
    if values is None or names is None or len(names) != len(values):
        return values
    return {name.decode('utf-8', 'replace'): float(value) for name, value in zip(names, values, strict=True)}


def _number(row, name):
    return float(row[name]) if name in row else None


def _check_range(name, value):
    if value is not None and not (isinstance(value, int | float) and 0 <= value <= 1):
        raise InputError(f'{name} must be a number from 0 to 1. Received: {value!r}.')


def _as_list(value):
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
