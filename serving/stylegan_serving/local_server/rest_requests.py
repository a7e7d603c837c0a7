"""Bodies of REST requests: JSON to the arrays and examples that a model is called with.

`predict_request` reads both forms of :predict. Rows, `{"instances": [...]}`, are values of the one input or objects
with a value for every input, stacked along a new first axis. Columns, `{"inputs": ...}`, are whole tensors. Strings
come as text or as `{"b64": "..."}`. What is refused, and with which words, is the original's.
"""

import binascii
import dataclasses
import math
import re
import string

import numpy as np
from tensorflow.core.example import example_pb2, feature_pb2
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import input_pb2

from stylegan_serving.local_server import json_reader, tensors
from stylegan_serving.local_server.errors import ServingError
from stylegan_serving.local_server.json_writer import echo

ARRAYS_FROM_BYTES = 1 << 16
MAX_RANK = 62  # NumPy's limit of 64 less the axis of the rows; the original's is 254

_INT32 = (-2**31, 2**31 - 1)
# dtype -> range of the integers it takes from JSON; those below 32 bits are read as int32 and wrap, as in the original
_INTEGER_RANGES = {
    types_pb2.DT_INT32: _INT32, types_pb2.DT_INT16: _INT32, types_pb2.DT_INT8: _INT32, types_pb2.DT_UINT8: _INT32,
    types_pb2.DT_UINT16: _INT32, types_pb2.DT_INT64: (-2**63, 2**63 - 1), types_pb2.DT_UINT32: (0, 2**32 - 1),
    types_pb2.DT_UINT64: (0, 2**64 - 1)}
_FLOATS = (types_pb2.DT_FLOAT, types_pb2.DT_DOUBLE)
_STRING, _BOOL = types_pb2.DT_STRING, types_pb2.DT_BOOL
_JSON_TYPES = {dict: 'Object', list: 'Array', str: 'String', int: 'Number', float: 'Number', type(None): 'Null'}
_BASE64 = re.compile(r'[A-Za-z0-9+/]*')


@dataclasses.dataclass(frozen=True)
class PredictRequest:
    """What the body of a :predict asks for.

    Attributes:
        signature_name: As it came; '' is `serving_default`.
        inputs: Dict input name -> array of the type that the signature declares, of any shape.
        in_rows: Whether it came as `instances`; the answer goes out in the same form.
    """

    signature_name: str
    inputs: dict
    in_rows: bool


def predict_request(body, inputs_of):
    """Reads the body of a :predict.

    Args:
        body: bytes.
        inputs_of: Function from a signature's name to its inputs, a mapping from names to TensorInfo; its ServingError
            passes. Called after the JSON was read and before anything is made of it.
    Returns:
        PredictRequest.
    Raises:
        ServingError: INVALID_ARGUMENT, or UNIMPLEMENTED for a type that JSON cannot hold.
    """
    try:
        if len(body) >= ARRAYS_FROM_BYTES:
            try:
                request = _predict_request(json_reader.read(body, arrays=True), inputs_of)
            except json_reader.ArraysError:  # an error, most likely: find it value by value
                request = _predict_request(json_reader.read(body), inputs_of)
        else:
            request = _predict_request(json_reader.read(body), inputs_of)
    except ServingError:
        json_reader.refuse_overflow(body)
        raise
    if any(array.dtype.kind == 'f' and np.isinf(array).any() for array in request.inputs.values()):
        json_reader.refuse_overflow(body)
    return request


def _predict_request(document, inputs_of):
    signature_name = _signature_name(document)
    dtypes = {name: info.dtype for name, info in inputs_of(signature_name).items()}
    if not dtypes:
        raise _refusal(f'Failed to get input map for signature: {signature_name or "DEFAULT"}')
    in_rows = 'instances' in document
    if in_rows and 'inputs' in document:
        raise _malformed(
            document, "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ")
    if in_rows:
        inputs = _from_rows(document, dtypes)
    elif 'inputs' in document:
        inputs = _from_columns(document['inputs'], dtypes)
    else:
        raise _refusal("Missing 'inputs' or 'instances' key")
    return PredictRequest(signature_name, inputs, in_rows)


def _signature_name(document):
    if not isinstance(document, dict):
        raise _malformed(document, 'Is not object')
    name = document.get('signature_name', '')
    if not isinstance(name, str):
        raise _malformed(document, "not formatted correctly. 'signature_name' key must be a string value.")
    return name


def _from_rows(document, dtypes):
    instances = document['instances']
    if isinstance(instances, np.ndarray) and len(dtypes) == 1:
        (name, dtype), = dtypes.items()
        return {name: _cast(instances, dtype)}
    if not isinstance(instances, (list, np.ndarray)):
        raise _malformed(document, "Expecting 'instances' to be an list/array")
    if not len(instances):
        raise _malformed(document, "No values in 'instances' array")
    if not isinstance(instances[0], dict) and len(dtypes) > 1:
        raise _refusal('instances is a plain list, but expecting list of objects as multiple input tensors required as '
                       'per tensorinfo_map')
    columns = {name: _Column(name, dtype) for name, dtype in dtypes.items()}
    add = _add_named if _is_object(instances[0]) else _add_bare
    for number, row in enumerate(instances):
        add(row, number, columns)
    return {name: column.stacked() for name, column in columns.items() if column.rows}


def _add_named(row, number, columns):
    if not _is_object(row):
        raise _refusal(f'Expecting object but got list at item {number} of input list')
    for name, value in row.items():
        try:
            if name not in columns:
                raise _refusal(f'JSON object: does not have named input: {name}')
            columns[name].add(value)
        except ServingError as error:
            raise _in_row(error, f'{number} key: {name}') from error
    if len(row) != len(columns):
        raise _refusal(f"Failed to process element: {number} of 'instances' list. JSON object: {echo(row)} "
                       f'keys must be equal to: {",".join(sorted(columns))}')


def _add_bare(row, number, columns):
    if _is_object(row):
        raise _refusal(f'Expecting value/list but got object at item {number} of input list')
    column = next(iter(columns.values()))  # {"b64": ...} comes here even if there are several
    try:
        column.add(row)
    except ServingError as error:
        raise _in_row(error, number) from error


def _in_row(error, where):
    if isinstance(error, _TooDeepError):
        return error
    return _refusal(f"Failed to process element: {where} of 'instances' list. Error: {error.code}: {error.message}")


class _Column:
    """One input's values of all rows."""

    def __init__(self, name, dtype):
        self._name, self._dtype, self.rows = name, dtype, []

    def add(self, value):
        row = _array(value, self._dtype, self._name)
        if self.rows:
            first = self.rows[0]
            if row.size != first.size:
                raise _refusal(f'Expecting tensor size: {first.size} but got: {row.size}')
            if row.shape != first.shape:
                raise _refusal(f'Expecting shape {_shape_text(first)} but got: {_shape_text(row)}')
        self.rows.append(row)

    def stacked(self):
        return np.stack(self.rows)


def _shape_text(array):
    return f'[{",".join(str(size) for size in array.shape)}]'


def _from_columns(inputs, dtypes):
    if not _is_object(inputs):
        if len(dtypes) > 1:
            raise _refusal('inputs is a plain value/list, but expecting an object as multiple input tensors required '
                           'as per tensorinfo_map')
        (name, dtype), = dtypes.items()
        return {name: _array(inputs, dtype, name)}
    arrays = {}
    for name, dtype in sorted(dtypes.items()):
        if name not in inputs:
            raise _refusal(f"Missing named input: {name} in 'inputs' object.")
        arrays[name] = _array(inputs[name], dtype, name)
    return arrays


def _array(value, dtype, name):
    """A JSON value as an array of the declared type; its shape is what the first value of each list says."""
    if isinstance(value, np.ndarray):
        return _cast(value, dtype)
    shape = _shape(value)
    if len(shape) > MAX_RANK:
        raise _TooDeepError('INVALID_ARGUMENT', f'tensor parsing error: {name}')
    flat = []
    _fill(value, 0, shape, dtype, flat)
    if dtype == _STRING:
        array = np.empty(len(flat), object)
        array[:] = flat
    elif dtype in _FLOATS:
        array = _cast(np.array(flat, np.float64), dtype)
    else:
        array = np.array(flat, np.uint64 if dtype == types_pb2.DT_UINT64 else np.int64 if dtype != _BOOL else bool)
        array = array.astype(tensors.numpy_type(dtype))
    return array.reshape(shape)


def _cast(array, dtype):
    """An array of int64 or float64, read from JSON, as one of the declared type."""
    if dtype in _FLOATS:
        with np.errstate(over='ignore'):
            return array.astype(np.float64, copy=False).astype(tensors.numpy_type(dtype), copy=False)
    low, high = _INTEGER_RANGES.get(dtype, (0, -1))
    if array.dtype != np.int64 or (array.size and (array.min() < low or array.max() > high)):
        raise json_reader.ArraysError()
    return array.astype(tensors.numpy_type(dtype), copy=False)


def _shape(value):
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    if isinstance(value, np.ndarray):
        raise json_reader.ArraysError()
    return tuple(shape)


def _fill(value, level, shape, dtype, flat):
    """Appends the values of a JSON tensor in order; `flat` grows by as many as `shape` says."""
    if isinstance(value, np.ndarray):
        raise json_reader.ArraysError()
    if not isinstance(value, list):
        if level != len(shape):
            raise _refusal(f'JSON Value: {echo(value)} found at incorrect level: {level + 1} in the JSON DOM. '
                           f'Expected at level: {len(shape)}')
        flat.append(_scalar(value, dtype))
        return
    if level >= len(shape):
        raise _refusal(f'Encountered list at unexpected level: {level} expected < {len(shape)}')
    if len(value) != shape[level]:
        raise _refusal(f'Encountered list at unexpected size: {len(value)} at level: {level} '
                       f'expected size: {shape[level]}')
    if dtype in _FLOATS and level == len(shape) - 1 and set(map(type, value)) <= {int, float}:
        flat.extend(value)
        return
    for item in value:
        _fill(item, level + 1, shape, dtype, flat)


def _scalar(value, dtype):
    kind = type(value)
    if dtype == _STRING and kind is str:
        return value.encode('utf-8', 'surrogateescape')
    if dtype == _STRING and kind is dict:
        return _decoded(value)
    if (dtype in _FLOATS and kind in (int, float)) or (dtype == _BOOL and kind is bool):
        return value
    if dtype in _INTEGER_RANGES and kind is int:
        low, high = _INTEGER_RANGES[dtype]
        if low <= value <= high:
            return value
    if dtype in _FLOATS or dtype in _INTEGER_RANGES or dtype in (_STRING, _BOOL) or kind is dict:
        raise _refusal(f'JSON Value: {echo(value)} Type: {_type_name(value)} is not of expected type: '
                       f'{tensors.dtype_name(dtype)}')
    raise ServingError('UNIMPLEMENTED',
                       f'Conversion of JSON Value: {echo(value)} to type: {tensors.dtype_name(dtype)}')


def _type_name(value):
    return str(value) if isinstance(value, bool) else _JSON_TYPES[type(value)]


def _is_object(value):
    return isinstance(value, dict) and not _is_base64(value)


def _is_base64(value):
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get('b64'), str)


def _decoded(value):
    if not _is_base64(value):
        raise _refusal(f'JSON Value: {echo(value)} not formatted correctly for base64 data')
    text = value['b64']
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        # white space anywhere, '.' for '=', or no padding at all
        letters = text.translate(dict.fromkeys(map(ord, string.whitespace)))
        plain = letters.rstrip('=.')
        padding = len(letters) - len(plain)
        needed = -len(plain) % 4
        if not _BASE64.fullmatch(plain) or needed == 3 or padding not in (0, needed):
            raise _refusal('Unable to base64 decode') from None
        return binascii.a2b_base64(plain + '=' * needed)


def examples_request(body):
    """Reads the body of a :classify or :regress.

    Returns:
        (signature_name, Input of tf.Examples).
    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    document = json_reader.read(body)
    signature_name = _signature_name(document)
    request = input_pb2.Input()
    examples = request.example_list
    if 'context' in document:
        examples = request.example_list_with_context
        examples.context.CopyFrom(_example(document['context']))
    if 'examples' not in document:
        raise _malformed(document, "When method is classify, key 'examples' is expected and was not found")
    if not isinstance(document['examples'], list):
        raise _malformed(document, "Expecting 'examples' value to be an list/array")
    if not document['examples']:
        raise _malformed(document, "'examples' value is an empty array")
    examples.examples.extend(_example(value) for value in document['examples'])
    return signature_name, request


def _example(value):
    if not isinstance(value, dict):
        raise _refusal(f'Example must be JSON object but got JSON {_type_name(value)}')
    example = example_pb2.Example()
    for name, content in value.items():
        feature = feature_pb2.Feature()
        for item in content if isinstance(content, list) else [content]:
            _add_to_feature(item, name, feature)
        example.features.feature[name.encode('utf-8', 'replace').decode()].CopyFrom(feature)
    return example


def _add_to_feature(value, name, feature):
    kind = feature.WhichOneof('kind')
    wanted, value = _feature_value(value, name)
    if kind not in (None, wanted):
        raise _refusal(f'Unexpected element type in feature: {name} expecting type: {kind.removesuffix("_list")}')
    getattr(feature, wanted).value.append(value)


def _feature_value(value, name):
    """The list of a Feature that a JSON value goes to, and the value in that list's type."""
    if isinstance(value, str):
        return 'bytes_list', value.encode('utf-8', 'surrogateescape')
    if _is_base64(value):
        return 'bytes_list', _decoded(value)
    if isinstance(value, int):
        if -2**63 <= value < 2**63:
            return 'int64_list', int(value)
        if 0 <= value < 2**64:
            raise _refusal(f'Feature: {name} has uint64 element. Only int64 is supported.')
        value = float(value)
    if isinstance(value, float):
        fits = abs(value) < 3.4028235677973366e38 or not math.isfinite(value)
        return 'float_list', value if fits else math.copysign(math.inf, value)
    raise _refusal(f'Feature: {name} has element with unexpected JSON type: {_type_name(value)}')


class _TooDeepError(ServingError):
    """More axes than a tensor has: found when a tensor is made of the values, so no row is named."""


def _malformed(value, message):
    return _refusal(f'JSON Value: {echo(value)} {message}')


def _refusal(message):
    return ServingError('INVALID_ARGUMENT', message)
