"""Writes JSON as RapidJSON's PrettyWriter does: four spaces a level, lists on one line or an item a line.

Numbers are printed as the original prints them: six significant digits if they read back as the same number, else as
many as every float32 (9) or float64 (17) needs, with `.0` after whole numbers; NaN and Infinity as bare words.
"""

import functools
import json
import math
import re

import numpy as np

from stylegan_serving.local_server.json_reader import ArraysError

CHUNK_VALUES = 8192  # formatted in one go, about 3 ms during which no other thread runs
ECHO_BYTES = 256
FLOAT32_MAX = float(np.finfo(np.float32).max)

_SPECIAL = re.compile(rb'["\\\x00-\x1f]')
_SHORT_ESCAPES = {0x22: b'\\"', 0x5c: b'\\\\', 0x08: b'\\b', 0x0c: b'\\f', 0x0a: b'\\n', 0x0d: b'\\r', 0x09: b'\\t'}
_FORMATS = np.array(['%.6g', '%.9g', '%.17g', '%.1f', 'NaN', 'Infinity', '-Infinity'], object)
_SIX, _NINE, _SEVENTEEN, _WHOLE, _NAN, _INFINITY, _MINUS_INFINITY = range(7)


def quoted(text):
    """A JSON string. Bytes that are not UTF-8 pass as they are.

    Args:
        text: bytes, or str with surrogate escapes.
    Returns:
        bytes, quotation marks included.
    """
    if isinstance(text, str):
        text = text.encode('utf-8', 'surrogateescape')
    return b'"%s"' % _SPECIAL.sub(_escaped, text)


def _escaped(match):
    byte = match.group()[0]
    return _SHORT_ESCAPES.get(byte) or b'\\u%04X' % byte


def enclosed(items, level, *, one_line):
    """A JSON list of texts.

    Args:
        items: str or bytes each.
        level: How many lists and objects enclose the list.
        one_line: Whether the items stand on one line, else an item a line.
    """
    if not items:
        return '[]'
    if one_line:
        return f'[{", ".join(items)}]'
    line = '\n' + '    ' * (level + 1)
    return f'[{line}{f",{line}".join(items)}\n{"    " * level}]'


def numbers(array):
    """Texts of the numbers of an array (float, int or bool; any shape), a list of str in the array's order."""
    array = np.asarray(array)
    if array.dtype.kind == 'b':
        return ['true' if value else 'false' for value in array.ravel().tolist()]
    if array.dtype.kind in 'iu':
        return [str(value) for value in array.ravel().tolist()]
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32)
    texts = []
    values = array.ravel()
    for start in range(0, values.size, CHUNK_VALUES):
        texts += _floats(values[start:start + CHUNK_VALUES])
    return texts


def rows(array, level, *, one_line):
    """Texts of the rows of a numeric array.

    Args:
        array: Numbers, rank at least 1.
        level: How many lists and objects enclose a row.
        one_line: As in `enclosed`.
    Returns:
        List of str, as long as the array.
    """
    shape = array.shape[1:]
    size = math.prod(shape)
    if size > CHUNK_VALUES and len(shape) > 1:
        return [enclosed(rows(row, level + 1, one_line=one_line), level, one_line=one_line) for row in array]
    if not shape:
        return numbers(array)
    skeleton = _skeleton(shape, level, one_line)
    texts = numbers(array)
    if not size:
        return [skeleton] * len(array)
    return [skeleton % tuple(texts[start:start + size]) for start in range(0, len(texts), size)]


@functools.lru_cache(maxsize=16)
def _skeleton(shape, level, one_line):
    if not shape:
        return '%s'
    return enclosed([_skeleton(shape[1:], level + 1, one_line)] * shape[0], level, one_line=one_line)


def _floats(values):
    """Texts of a flat array of float32 or float64."""
    exact = values.astype(np.float64)
    with np.errstate(all='ignore'):
        kinds = np.where(_reads_back_from_six_digits(values, exact), _SIX,
                         _NINE if values.dtype == np.float32 else _SEVENTEEN)
        digits = np.where(kinds == _SIX, 1e6, 1e9 if values.dtype == np.float32 else 1e17)
        # %g writes these without a point
        kinds[(exact == np.rint(exact)) & (np.abs(exact) < digits)] = _WHOLE
    finite = np.isfinite(exact)
    if not finite.all():
        kinds[np.isnan(exact)] = _NAN
        kinds[exact == np.inf] = _INFINITY
        kinds[exact == -np.inf] = _MINUS_INFINITY
        exact = exact[finite]
    return ('\n'.join(_FORMATS[kinds].tolist()) % tuple(exact.tolist())).split('\n')


def _reads_back_from_six_digits(values, exact):
    """Whether each number, rounded to six significant digits, is itself again.

    Whole numbers of six digits and powers of ten up to 22 are exact in float64, so their quotient is what reading the
    decimal gives. The few numbers outside that range are written and read.
    """
    magnitude = np.abs(exact)
    exponent = 5 - np.floor(np.log10(np.where((magnitude > 0) & np.isfinite(magnitude), magnitude, 1.))).astype(int)
    power = 10. ** np.clip(np.abs(exponent), 0, 22)
    up = exponent >= 0
    decimal = np.rint(np.where(up, exact * power, exact / power))
    same = np.where(up, decimal / power, decimal * power).astype(values.dtype) == values
    for index in np.flatnonzero((np.abs(exponent) > 22) & np.isfinite(exact)):
        same[index] = values.dtype.type(f'{exact[index]:.6g}') == values[index]
    return same


def echo(value):
    """JSON text of a value that was read, as the original repeats it in its errors: lists on one line.

    No further name, value or bracket is written after `ECHO_BYTES` bytes, so a long string is there as a whole.

    Returns:
        str, with surrogate escapes for what is not UTF-8.
    Raises:
        ArraysError: The value was read with arrays.
    """
    if isinstance(value, float):
        # a number that is the whole value is printed like an output
        fits = not abs(value) > FLOAT32_MAX or math.isinf(value)
        return numbers(np.float32(value) if fits else np.float64(value))[0]
    parts, length = [], 0
    for part in _tokens(value):
        parts.append(part)
        length += len(part)
        if length >= ECHO_BYTES:
            break
    return b''.join(parts).decode('utf-8', 'surrogateescape')


def _tokens(value):
    """The text of a value in the steps in which RapidJSON writes it. Keeps its own stack, as the reader does."""
    stack = []  # of open containers: their tokens, or pairs of a prefix and a value, and the closing text
    pending = iter([(b'', value)])
    closing = b''
    while True:
        for prefix, item in pending:
            if prefix is None:
                yield item
            elif isinstance(item, (dict, list)) and item:
                yield prefix + (b'{' if isinstance(item, dict) else b'[')
                stack.append((pending, closing))
                pending, closing = _members(item, len(stack))
                break
            else:
                yield prefix + _scalar(item)
        else:
            if not stack:
                return
            yield closing
            pending, closing = stack.pop()


def _members(container, level):
    """Pairs of a prefix and a value, or of None and a name's text; and the text that closes the container."""
    if isinstance(container, list):
        return ((b', ' if index else b'', item) for index, item in enumerate(container)), b']'
    line = b'\n' + b'    ' * level
    members = enumerate(container.items())
    pairs = (pair for index, (name, item) in members
             for pair in ((None, (b',' if index else b'') + line + quoted(name)), (b': ', item)))
    return pairs, b'\n' + b'    ' * (level - 1) + b'}'


def _scalar(value):
    if isinstance(value, np.ndarray):
        raise ArraysError()
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float):
        return _shortest(value).encode()
    return json.dumps(value).encode()  # an integer, true, false, null, or an empty container


def _shortest(value):
    """The shortest decimal that reads back, in RapidJSON's layout: no exponent from 1e-6 to 1e21."""
    if not math.isfinite(value):
        return 'NaN' if math.isnan(value) else 'Infinity' if value > 0 else '-Infinity'
    sign, digits, exponent = ('-' if math.copysign(1, value) < 0 else ''), *_decimal(abs(value))
    point = len(digits) + exponent
    if exponent >= 0 and point <= 21:
        return f'{sign}{digits}{"0" * exponent}.0'
    if 0 < point <= 21:
        return f'{sign}{digits[:point]}.{digits[point:]}'
    if -6 < point <= 0:
        return f'{sign}0.{"0" * -point}{digits}'
    return f'{sign}{digits[0]}{"." + digits[1:] if len(digits) > 1 else ""}e{point - 1}'


def _decimal(value):
    """Shortest digits of a number that is not negative, and the power of ten of the last one."""
    mantissa, _, exponent = repr(value).partition('e')
    whole, _, fraction = mantissa.partition('.')
    digits = (whole + fraction).lstrip('0')
    exponent = int(exponent or 0) - len(fraction)
    kept = digits.rstrip('0')
    return (kept, exponent + len(digits) - len(kept)) if kept else ('0', 0)
