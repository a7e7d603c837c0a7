"""Reads JSON as RapidJSON does, which the original server uses: what it accepts, and its words for what it does not.

Two readers of one language. The fast one is Python's json module. For long bodies it walks the outer levels itself, a
piece at a time: lists of numbers become NumPy arrays as they are met, and other threads run in between. Whatever the
fast one cannot read goes to the exact one, slow and plain, which knows RapidJSON's grammar, messages and byte offsets.

As there: text after the first value is ignored, a byte order mark is skipped, NaN, Infinity and Inf are numbers, the
first of equal keys counts, and bytes that are not UTF-8 pass (as surrogate escapes in a str).
"""

import json
import re

import numpy as np

from stylegan_serving.local_server.errors import ServingError

MAX_LEVELS = 10_000
CHUNK_BYTES = 1 << 15  # read in one go, about 1 ms during which no other thread runs

_SPACE = re.compile(r'[ \t\n\r]*')
_BRACKETS = re.compile(r'(?:\[[ \t\n\r]*)+')
_SURROGATE_ESCAPE = re.compile(r'\\u[dD][89a-fA-F]')
_ESCAPES = dict(zip(b'"\\/bfnrt', b'"\\/\b\f\n\r\t', strict=True))
_OVERFLOW = re.compile(rb'[0-9][eE]\+?[0-9]{3}|[0-9]{309}')


class ArraysError(Exception):
    """What was asked needs every number as it was written: read the body again without arrays."""


def read(body, *, arrays=False):
    """Value of the first JSON text in a body.

    Args:
        body: bytes.
        arrays: Whether lists of numbers in an object may be returned as arrays, int64 or float64, of any rank; the
            rest stays lists.
    Returns:
        dict, list, str, int, float, bool, None, and arrays.
    Raises:
        ServingError: INVALID_ARGUMENT with RapidJSON's message and offset.
    """
    if not body:
        raise ServingError('INVALID_ARGUMENT', 'JSON Parse error: The document is empty')
    try:
        return _read_fast(body, arrays)
    except (ValueError, StopIteration, IndexError, RecursionError):
        return _ExactReader(body).read()


def refuse_overflow(body):
    """Raises ServingError if a number of the body is beyond float64, which Python reads as infinity.

    Searching costs time, so it is for bodies that hold an infinity or are refused for something else: that a body is
    not JSON is said first.
    """
    if _OVERFLOW.search(body):
        _ExactReader(body).read()


def _read_fast(body, arrays):
    text = body.decode('utf-8', 'surrogateescape')
    if '\\u' in text and _SURROGATE_ESCAPE.search(text):
        raise ValueError('Python lets half a surrogate pair pass.')
    start = _SPACE.match(text, 1 if text[0] == '\ufeff' else 0).end()
    if text[start] not in '{["':
        raise ValueError('Of a lone 1e Python reads the 1.')
    return _walk_object(text, start)[0] if arrays and text[start] == '{' else _scan(text, start)[0]


def _first_of_equal_keys(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        found = dict(reversed(pairs))
    return found


_scan = json.JSONDecoder(object_pairs_hook=_first_of_equal_keys).scan_once


def _walk(text, at):
    """Reads the value at a position; returns it and the position after it."""
    if text[at] == '{' and text.find('}', at, at + CHUNK_BYTES) < 0:
        return _walk_object(text, at)
    if text[at] != '[':
        return _scan(text, at)
    brackets = _BRACKETS.match(text, at).group().count('[')
    after = text[_BRACKETS.match(text, at).end()]
    if brackets > 2 or after == '{':
        return _walk_list(text, at)
    if after in '-0123456789IN':
        return _read_numbers(text, at, brackets)
    return _scan(text, at)


def _walk_list(text, at):
    items = []
    while True:
        at = _SPACE.match(text, at + 1).end()
        value, at = _walk(text, at)
        items.append(value)
        at = _SPACE.match(text, at).end()
        if text[at] == ']':
            return _joined(items), at + 1
        if text[at] != ',':
            raise ValueError('Expected a comma or a bracket.')


def _walk_object(text, at):
    found = {}
    at = _SPACE.match(text, at + 1).end()
    if text[at] == '}':
        return found, at + 1
    while True:
        if text[at] != '"':
            raise ValueError('Expected a name.')
        name, at = _scan(text, at)
        at = _SPACE.match(text, at).end()
        if text[at] != ':':
            raise ValueError('Expected a colon.')
        value, at = _walk(text, _SPACE.match(text, at + 1).end())
        found.setdefault(name, value)
        at = _SPACE.match(text, at).end()
        if text[at] == '}':
            return found, at + 1
        if text[at] != ',':
            raise ValueError('Expected a comma or a brace.')
        at = _SPACE.match(text, at + 1).end()


def _read_numbers(text, at, brackets):
    """Reads a list of numbers, or of lists of numbers, in pieces; as one list if that does not give an array."""
    closing, separator = (']]', '],') if brackets == 2 else (']', ',')
    end = text.find(closing, at)
    if end - at <= CHUNK_BYTES:
        value, end = _scan(text, at)
        array = _array_of(value, text, at, end)
        return (value if array is None else array), end
    arrays, cut, last = [], at, end + len(closing) - 1
    while cut != last:
        start = cut + 1
        cut = text.find(separator, start + CHUNK_BYTES, end)
        cut = last if cut < 0 else cut + len(separator) - 1
        piece = f'[{text[start:cut]}]'
        value, read = _scan(piece, 0)
        array = _array_of(value, piece, 0, read)
        if array is None or read < len(piece) or not len(array) or array.shape[1:] != (arrays or [array])[0].shape[1:]:
            return _scan(text, at)
        arrays.append(array)
    return np.concatenate(arrays), last + 1


def _array_of(value, text, at, end):
    """The list as an array if it holds nothing but numbers in rows of equal length, else None."""
    # NumPy takes true for 1 where it stands among numbers; strings and null would make other arrays
    if any(text.find(letter, at, end) >= 0 for letter in 'tfu"{'):
        return None
    try:
        array = np.array(value)
    except (ValueError, OverflowError):
        return None
    return array if array.dtype in (np.int64, np.float64) else None


def _joined(items):
    first = items[0]
    if isinstance(first, np.ndarray) and all(isinstance(item, np.ndarray) and item.shape == first.shape
                                             for item in items):
        return np.stack(items)
    return items


class _ExactReader:
    """RapidJSON's grammar over bytes. Keeps its own stack: bodies may nest deeper than Python's."""

    _SPACE = re.compile(rb'[ \t\n\r]*')
    _PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
    _DIGITS = re.compile(rb'[0-9]+')

    def __init__(self, body):
        # the zero stands for the end, as in the original
        self._data = body + b'\0'
        self._at = 3 if body.startswith(b'\xef\xbb\xbf') else 0

    def read(self):
        self._skip_space()
        if self._peek(b'\0'):
            self._fail('The document is empty.')
        stack = []  # containers not yet closed, each with the name its next value goes by
        while True:
            if self._opens(stack):
                continue
            value = self._value
            while stack:
                container, name = stack[-1]
                if isinstance(container, dict):
                    container.setdefault(name, value)
                else:
                    container.append(value)
                if self._closes(stack):
                    value = stack.pop()[0]
                else:
                    break
            else:
                return value

    def _opens(self, stack):
        """Reads a scalar or an empty container into `self._value`, or opens a container that has content."""
        for opening, closing, empty in ((b'{', b'}', {}), (b'[', b']', [])):
            if self._peek(opening):
                self._at += 1
                self._skip_space()
                if self._peek(closing):
                    self._at += 1
                    self._value = empty
                    return False
                if len(stack) == MAX_LEVELS:
                    self._fail(f'Values nested deeper than {MAX_LEVELS} levels.')
                stack.append((empty, self._name() if opening == b'{' else None))
                return True
        self._value = self._scalar()
        return False

    def _closes(self, stack):
        """Whether the innermost container ends here; if not, reads up to its next value."""
        container, _ = stack[-1]
        of_object = isinstance(container, dict)
        self._skip_space()
        if self._peek(b'}' if of_object else b']'):
            self._at += 1
            return True
        if not self._peek(b','):
            self._fail("Missing a comma or '}' after an object member." if of_object
                       else "Missing a comma or ']' after an array element.")
        self._at += 1
        self._skip_space()
        if of_object:
            stack[-1] = container, self._name()
        return False

    def _name(self):
        if not self._peek(b'"'):
            self._fail('Missing a name for object member.')
        name = self._string()
        self._skip_space()
        if not self._peek(b':'):
            self._fail('Missing a colon after a name of object member.')
        self._at += 1
        self._skip_space()
        return name

    def _scalar(self):
        if self._peek(b'"'):
            return self._string()
        for word, value in ((b'null', None), (b'true', True), (b'false', False)):
            if self._peek(word[:1]):
                self._word(word)
                return value
        return self._number()

    def _word(self, word):
        for index in range(len(word)):
            if not self._peek(word[index:index + 1]):
                self._fail('Invalid value.')
            self._at += 1

    def _number(self):
        start = self._at
        negative = self._peek(b'-')
        self._at += negative
        if self._peek(b'N'):
            self._word(b'NaN')
            return float('nan')
        if self._peek(b'I'):
            self._word(b'Inf')
            if self._peek(b'i'):
                self._word(b'inity')
            return float('-inf') if negative else float('inf')
        if self._peek(b'0'):
            self._at += 1
        else:
            self._digits('Invalid value.')
        whole = self._at
        if self._peek(b'.'):
            self._at += 1
            self._digits('Miss fraction part in number.')
        if self._peek(b'e') or self._peek(b'E'):
            self._at += 1
            self._at += self._peek(b'+') or self._peek(b'-')
            self._digits('Miss exponent in number.')
        number = float(self._data[start:self._at])
        if number in (float('inf'), float('-inf')):
            self._fail('Number too big to be stored in double.', start)
        return number if self._at > whole else int(self._data[start:whole])

    def _digits(self, message):
        digits = self._DIGITS.match(self._data, self._at)
        if not digits:
            self._fail(message)
        self._at = digits.end()

    def _string(self):
        self._at += 1
        parts = []
        while True:
            plain = self._PLAIN.match(self._data, self._at)
            parts.append(plain.group())
            self._at = plain.end()
            if self._peek(b'"'):
                self._at += 1
                return b''.join(parts).decode('utf-8', 'surrogateescape')
            if not self._peek(b'\\'):
                self._fail('Missing a closing quotation mark in string.' if self._peek(b'\0')
                           else 'Invalid encoding in string.')
            parts.append(self._escape())

    def _escape(self):
        start = self._at
        letter = self._data[start + 1]
        self._at += 2
        if letter in _ESCAPES:
            return bytes([_ESCAPES[letter]])
        if letter != ord('u'):
            self._fail('Invalid escape character in string.', start)
        code = self._four_hex_digits(start)
        if 0xD800 <= code <= 0xDFFF:
            if code > 0xDBFF or self._data[self._at:self._at + 2] != b'\\u':
                self._fail('The surrogate pair in string is invalid.', start)
            self._at += 2
            low = self._four_hex_digits(start)
            if not 0xDC00 <= low <= 0xDFFF:
                self._fail('The surrogate pair in string is invalid.', start)
            code = 0x10000 + ((code - 0xD800) << 10) + low - 0xDC00
        return chr(code).encode()

    def _four_hex_digits(self, start):
        digits = self._data[self._at:self._at + 4]
        if not re.fullmatch(rb'[0-9a-fA-F]{4}', digits):
            self._fail('Incorrect hex digit after \\u escape in string.', start)
        self._at += 4
        return int(digits, 16)

    def _skip_space(self):
        self._at = self._SPACE.match(self._data, self._at).end()

    def _peek(self, byte):
        return self._data.startswith(byte, self._at)

    def _fail(self, message, at=None):
        raise ServingError('INVALID_ARGUMENT',
                           f'JSON Parse error: {message} at offset: {self._at if at is None else at}')
