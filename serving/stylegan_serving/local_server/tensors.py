"""TensorProto <-> NumPy by the rules of the C++ server, at the speed of memcpy.

A message holds a tensor's values either as bytes (`tensor_content`) or in a typed field (`float_val`, ...). A typed
field may be short, then its last value is repeated, or long, then it is cut. Strings are object arrays of bytes.
"""

import math

import ml_dtypes
import numpy as np
from tensorflow.core.framework import tensor_pb2, types_pb2

from stylegan_serving.local_server import errors

_STRING = types_pb2.DT_STRING

# dtype -> (NumPy type, typed field). Halves are stored as the 16 bits of their pattern in an integer field.
_FIELDS = {
    types_pb2.DT_FLOAT: (np.float32, 'float_val'),
    types_pb2.DT_DOUBLE: (np.float64, 'double_val'),
    types_pb2.DT_INT32: (np.int32, 'int_val'),
    types_pb2.DT_INT16: (np.int16, 'int_val'),
    types_pb2.DT_INT8: (np.int8, 'int_val'),
    types_pb2.DT_UINT8: (np.uint8, 'int_val'),
    types_pb2.DT_UINT16: (np.uint16, 'int_val'),
    types_pb2.DT_UINT32: (np.uint32, 'uint32_val'),
    types_pb2.DT_UINT64: (np.uint64, 'uint64_val'),
    types_pb2.DT_INT64: (np.int64, 'int64_val'),
    types_pb2.DT_BOOL: (np.bool_, 'bool_val'),
    types_pb2.DT_HALF: (np.float16, 'half_val'),
    types_pb2.DT_BFLOAT16: (ml_dtypes.bfloat16, 'half_val'),
    types_pb2.DT_COMPLEX64: (np.complex64, 'scomplex_val'),
    types_pb2.DT_COMPLEX128: (np.complex128, 'dcomplex_val'),
    _STRING: (np.object_, 'string_val'),
}
_DTYPES = {np.dtype(numpy_type): number for number, (numpy_type, _) in _FIELDS.items()}

# Fields whose packed wire form is the array's own memory: (field number, type of one stored element).
_MEMORY_FIELDS = {'float_val': (5, np.dtype('<f4')), 'double_val': (6, np.dtype('<f8')),
                  'scomplex_val': (9, np.dtype('<f4')), 'bool_val': (11, np.dtype('u1')),
                  'dcomplex_val': (12, np.dtype('<f8'))}
_WIRE_VARINT, _WIRE_LENGTH_DELIMITED = 0, 2


def dtype_name(number):
    """The runtime's name of a dtype number: 'float', 'double', 'int32', 'string', ..."""
    return types_pb2.DataType.Name(number).removeprefix('DT_').lower()


def dtype_number(array):
    """The dtype number of a NumPy array, DT_INVALID when TensorFlow has none for it."""
    return _DTYPES.get(array.dtype, types_pb2.DT_INVALID)


def numpy_type(number):
    """The NumPy type that holds tensors of a dtype number.

    Raises:
        KeyError: Values of the dtype cannot be sent (resources, variants, quantised types).
    """
    return np.dtype(_FIELDS[number][0])


def to_array(proto, name, *, max_bytes=None):
    """The tensor of a message.

    Args:
        proto: TensorProto.
        name: Name of the input, for the error.
        max_bytes: Largest tensor; a shape of many elements over one repeated value is a small message.
    Returns:
        Array; possibly a read-only view of the message's bytes.
    Raises:
        ServingError: INVALID_ARGUMENT if the message is not a tensor.
    """
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if proto.dtype not in _FIELDS or proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise errors.ServingError('INVALID_ARGUMENT', f'tensor parsing error: {name}')
    numpy_type, field = _FIELDS[proto.dtype]
    count = math.prod(shape)
    if max_bytes and count * np.dtype(numpy_type).itemsize > max_bytes:
        raise errors.ServingError('INVALID_ARGUMENT', f'tensor parsing error: {name}: a tensor of shape {shape} is '
                                  f'larger than the {max_bytes} bytes of --max_request_bytes.')
    try:
        if proto.tensor_content and count:
            return _from_content(proto.tensor_content, numpy_type, count).reshape(shape)
        return _from_field(proto, numpy_type, field, count).reshape(shape)
    except ValueError as error:
        raise errors.ServingError('INVALID_ARGUMENT', f'tensor parsing error: {name}') from error


def _from_content(content, numpy_type, count):
    if numpy_type is np.object_:
        return _as_objects(_split_strings(content, count))
    if len(content) != count * np.dtype(numpy_type).itemsize:
        raise ValueError(f'Expected {count} values of {np.dtype(numpy_type)}. Received: {len(content)} bytes.')
    return np.frombuffer(content, numpy_type)


def _from_field(proto, numpy_type, field, count):
    values = getattr(proto, field)
    if numpy_type is np.object_:
        values = list(values[:count])
        return _as_objects(values + [values[-1] if values else b''] * (count - len(values)))
    if field in _MEMORY_FIELDS:
        stored = _field_memory(proto, field).view(numpy_type)
    elif field == 'half_val':
        stored = np.fromiter(values, np.int64, len(values)).astype(np.uint16).view(numpy_type)
    else:
        stored = np.fromiter(values, np.int64 if field != 'uint64_val' else np.uint64, len(values)).astype(numpy_type)
    if len(stored) >= count:
        return stored[:count]
    filled = np.empty(count, numpy_type)
    filled[:len(stored)] = stored
    filled[len(stored):] = stored[-1] if len(stored) else 0
    return filled


def _field_memory(proto, field):
    """The values of a packed field as an array, through the wire form: far faster than element by element."""
    number, stored = _MEMORY_FIELDS[field]
    data, position = proto.SerializeToString(), 0
    while position < len(data):
        key, position = _read_varint(data, position)
        if key & 7 == _WIRE_VARINT:
            _, position = _read_varint(data, position)
            continue
        length, position = _read_varint(data, position)  # a TensorProto has no fields of fixed width outside of these
        if key >> 3 == number:
            return np.frombuffer(data, stored, length // stored.itemsize, position)
        position += length
    return np.empty(0, stored)


def to_proto(array, *, as_content=False):
    """The message of an array, values in the typed field as the C++ server writes them.

    Args:
        array: Array; strings as objects of bytes.
        as_content: Values in `tensor_content` instead (--enable_serialization_as_tensor_content).
    Returns:
        TensorProto.
    """
    proto = tensor_pb2.TensorProto()
    fill(proto, array, as_content=as_content)
    return proto


def fill(proto, array, *, as_content=False):
    """As `to_proto`, into an empty message: one copy less of a message within another."""
    proto.dtype = dtype_number(array)
    proto.tensor_shape.SetInParent()
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    numpy_type, field = _FIELDS[proto.dtype]
    if as_content:
        proto.tensor_content = (_join_strings(array.ravel()) if numpy_type is np.object_
                                else np.ascontiguousarray(array).tobytes())
    elif field in _MEMORY_FIELDS:
        number, _ = _MEMORY_FIELDS[field]
        data = np.ascontiguousarray(array).tobytes()
        proto.MergeFromString(_varint(number << 3 | _WIRE_LENGTH_DELIMITED) + _varint(len(data)) + data)
    elif field == 'half_val':
        proto.half_val.extend(array.view(np.uint16).ravel().tolist())
    else:
        getattr(proto, field).extend(array.ravel().tolist())


def size_bytes(array):
    """Bytes of an array's values, strings included."""
    return sum(map(len, array.ravel())) if array.dtype.hasobject else array.nbytes


def _as_objects(values):
    array = np.empty(len(values), np.object_)
    array[:] = values
    return array


def _split_strings(content, count):
    """Strings of a `tensor_content`: all lengths as varints, then all bytes."""
    lengths, position = [], 0
    for _ in range(count):
        length, position = _read_varint(content, position)
        lengths.append(length)
    if position + sum(lengths) != len(content):
        raise ValueError('The strings and their lengths differ.')
    strings = []
    for length in lengths:
        strings.append(content[position:position + length])
        position += length
    return strings


def _join_strings(strings):
    strings = [value if isinstance(value, bytes) else str(value).encode() for value in strings]
    return b''.join(_varint(len(value)) for value in strings) + b''.join(strings)


def _read_varint(data, position):
    """(value, position after it)."""
    value = shift = 0
    while position < len(data):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
    raise ValueError('The data end within a number.')


def _varint(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
