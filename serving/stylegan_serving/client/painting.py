"""Stylising by style codes: several styles mixed, many pictures in one style, and large pictures in tiles.

serving/README.md describes the signatures. Each function is a call as `calls` describes it, a generator of steps.
"""

import contextlib
import hashlib
import math

import numpy as np

from stylegan_serving.client import pictures
from stylegan_serving.client.errors import ClientError, InputError, ServerError
from stylegan_serving.client.exchanges import Compute
from stylegan_tf import images, tiles

# Of pictures that a model looks at as a whole, by copies of 256 pixels. As text, floats of a large one are too many: a
# reduced one changes the result by a level of 255 or so.
_MOST_PIXELS = 16_000_000  # a message of 192 MB
_MOST_PIXELS_AS_TEXT = 1_000_000
_TILE_SIGNATURES = ('encode_style', 'encode_content', 'stylize_tile')
CODE_OF_FILE, FILES_BY_CODE = 'encode_style_bytes', 'stylize_from_code_bytes'


class VersionGoneError(ClientError):
    """The version that encoded a style was unloaded before it had painted by the code."""


@contextlib.contextmanager
def version_watched():
    """Around the calls of a version that was chosen here: its end is a `VersionGoneError`."""
    try:
        yield
    except ServerError as error:
        if error.code == 'NOT_FOUND':
            raise VersionGoneError(str(error)) from error
        raise


def takes_files(metadata):
    """Whether a model paints encoded files by a style code."""
    return CODE_OF_FILE in metadata.signatures and FILES_BY_CODE in metadata.signatures


def saves_time(metadata):
    """Whether several files in one style are best painted by its code: nothing that a plain call tells is lost."""
    if not takes_files(metadata) or 'serving_default' not in metadata.signatures:
        return takes_files(metadata)
    told, kept = (set(metadata.signatures[name].outputs) for name in ('serving_default', FILES_BY_CODE))
    return told <= kept


def has_tiles(metadata):
    """Whether a model can work on a picture in tiles."""
    return all(name in metadata.signatures for name in _TILE_SIGNATURES)


def style_code(calls, spec, metadata, styles, weights, until):
    """The weighted mean of the codes of styles, float32 [1, D].

    Args:
        styles: List of `pictures.Prepared`.
        weights: One number each, of which only the ratios matter, or None for equal ones.
    """
    weights = _normalized(weights, len(styles)) if styles else []
    if not styles:
        raise InputError('The model needs a style, and none was given.')
    code = np.float32(0)
    with version_watched():
        for weight, style in zip(weights, styles, strict=True):
            one = yield from _code_of_one(calls, spec, metadata, style, until)
            code = code + np.float32(weight) * one
    return code


def _code_of_one(calls, spec, metadata, style, until):
    """Code of a style, float32 [1, D]; kept, because a folder of pictures is many calls in one style."""
    key = spec, hashlib.sha256(style.encoded).digest()
    code = calls.codes.get(key)
    if code is None:
        if CODE_OF_FILE in metadata.signatures:
            name, given = CODE_OF_FILE, {'style_bytes': [style.encoded]}
        else:
            name, given = 'encode_style', {'style': _batch(_sendable(calls, style.picture.pixels))}
        code = (yield from calls.predict(spec, metadata.signature(name).name, given, until))['code']
        calls.codes.put(key, code)
    return code


def paint(calls, spec, metadata, content, code, strength, until):
    """The `pictures.EncodedPicture` of a content in the style of a code, in tiles where it is large.

    Args:
        content: `pictures.Prepared`.
        code: As of `style_code`.
        strength: From 0 to 1, or None for 1.
    """
    pixels, given = content.picture.pixels, {'code': code, 'strength': strength}
    with version_watched():
        if math.prod(content.size) > calls.options.max_pixels and has_tiles(metadata):
            painted = yield from _paint_in_tiles(calls, spec, metadata, pixels, given, until)
            return (yield Compute(lambda: pictures.from_levels(painted)))
        signature = metadata.signature('stylize_from_code')
        inputs = signature.filled(1, given={'content': _batch(pixels), **given}, defaults={'strength': 1.0})
        outputs = yield from calls.predict(spec, signature.name, inputs, until)
        return (yield Compute(lambda: pictures.from_floats(outputs['stylized'][0])))


def _paint_in_tiles(calls, spec, metadata, pixels, given, until):
    most = calls.options.max_pixels
    whole = yield from calls.predict(spec, 'encode_content', {'content': _batch(_sendable(calls, pixels))}, until)
    geometry = {name: int(whole[f'tile_{name}'][0]) for name in ('margin', 'multiple')}
    signature = metadata.signature('stylize_tile')
    result = np.empty_like(pixels)
    for tile in tiles.plan(pixels.shape[:2], tiles.automatic_side(pixels.shape[:2], most, **geometry), **geometry):
        inputs = signature.filled(1, given={'content': _batch(pixels[tile.source]), 'statistics': whole['statistics'],
                                            **given}, defaults={'strength': 1.0})
        outputs = yield from calls.predict(spec, signature.name, inputs, until)
        result[tile.target] = pictures.to_levels(outputs['stylized'][0][tile.kept])
    return result


def _sendable(calls, pixels):
    most = _MOST_PIXELS_AS_TEXT if calls.bytes_factor > 1 else _MOST_PIXELS
    share = min(1.0, math.sqrt(most / math.prod(pixels.shape[:2])))
    return images.fit_within(pixels, max(1, int(share * max(pixels.shape[:2]))))


def _batch(pixels):
    return pictures.to_floats(pixels)[None]


def _normalized(weights, count):
    weights = [1.0] * count if weights is None else [float(weight) for weight in weights]
    if len(weights) != count or not sum(weights) or not all(np.isfinite(weights)):
        raise InputError(f'Expected one style weight for each of {count} styles, not adding up to 0. Received: '
                         f'{weights}.')
    return [weight / sum(weights) for weight in weights]
