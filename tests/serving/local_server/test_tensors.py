"""TensorProto <-> NumPy, against TensorFlow's own parser of the message."""

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from stylegan_serving.local_server import errors, tensors

TYPES = [np.float32, np.float64, np.float16, ml_dtypes.bfloat16, np.int8, np.int16, np.int32, np.int64, np.uint8,
         np.uint16, np.uint32, np.uint64, np.bool_, np.complex64, np.complex128]


def parsed(proto):
    """What the C++ runtime makes of a message."""
    return tf.io.parse_tensor(proto.SerializeToString(), tf.as_dtype(proto.dtype)).numpy()


def message(array, fields=None, **changes):
    """The message of an array, with other values or attributes."""
    proto = tensors.to_proto(np.asarray(array, np.float32))
    if fields is not None:
        proto.ClearField('float_val')
        proto.float_val.extend(fields)
    for name, value in changes.items():
        setattr(proto, name, value)
    return proto


@pytest.mark.parametrize('as_content', [False, True], ids=['typed', 'content'])
@pytest.mark.parametrize('numpy_type', TYPES, ids=lambda numpy_type: np.dtype(numpy_type).name)
def test_every_type_goes_there_and_back(numpy_type, as_content):
    array = np.array([[0, 1, 2], [100, 3, 1]]).astype(numpy_type)
    if np.dtype(numpy_type).kind in 'if':
        array[0, 0] = -7
    proto = tensors.to_proto(array, as_content=as_content)
    assert bool(proto.tensor_content) == as_content
    for back in (tensors.to_array(proto, 'x'), parsed(proto)):
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize('as_content', [False, True], ids=['typed', 'content'])
def test_strings_of_any_bytes_and_length(as_content):
    array = np.array([[b'', b'\x00\xff'], [b'a' * 300, b'text']], np.object_)
    proto = tensors.to_proto(array, as_content=as_content)
    np.testing.assert_array_equal(tensors.to_array(proto, 'x'), array)
    np.testing.assert_array_equal(parsed(proto), array)


@pytest.mark.parametrize('array', [np.float32(3), np.zeros((0, 3), np.float32), np.zeros((2, 0), np.object_),
                                   np.float32(range(24)).reshape(2, 3, 4)[:, ::-1, ::2]],
                         ids=['scalar', 'no rows', 'no strings', 'not contiguous'])
def test_shapes(array):
    proto = tensors.to_proto(np.asarray(array))
    np.testing.assert_array_equal(tensors.to_array(proto, 'x'), array)
    np.testing.assert_array_equal(parsed(proto), array)


@pytest.mark.parametrize('values', [[7], [1, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8], []],
                         ids=['one', 'short', 'long', 'none'])
def test_a_short_field_repeats_its_last_value_and_a_long_one_is_cut(values):
    proto = message(np.zeros((2, 3)), values)
    expected = (values + values[-1:] * 6)[:6] or [0] * 6
    np.testing.assert_array_equal(tensors.to_array(proto, 'x').ravel(), expected)
    np.testing.assert_array_equal(parsed(proto).ravel(), expected)


def bad_messages():
    """Messages that are no tensors, by name."""
    negative, unknown = message([[1, 2, 3]]), message([1])
    negative.tensor_shape.dim[0].size = -1
    unknown.tensor_shape.unknown_rank = True
    strings = tensors.to_proto(np.array([b'abc', b'de'], np.object_), as_content=True)
    return {
        'negative size': negative, 'unknown rank': unknown,
        'short content': message([[1, 2, 3]], [], tensor_content=b'\0' * 11),
        'long content': message([[1, 2, 3]], [], tensor_content=b'\0' * 16),
        'no type': message([1], dtype=types_pb2.DT_INVALID), 'resource': message([1], dtype=types_pb2.DT_RESOURCE),
        'strings end early': tensor_pb2.TensorProto(
            dtype=strings.dtype, tensor_shape=strings.tensor_shape, tensor_content=strings.tensor_content[:-1]),
        'lengths end early': tensor_pb2.TensorProto(
            dtype=strings.dtype, tensor_shape=strings.tensor_shape, tensor_content=b'\x83'),
    }


@pytest.mark.parametrize('name', bad_messages())
def test_what_is_no_tensor_is_refused_with_the_name_of_the_input(name):
    with pytest.raises(errors.ServingError) as caught:
        tensors.to_array(bad_messages()[name], 'x')
    assert (caught.value.code, caught.value.message) == ('INVALID_ARGUMENT', 'tensor parsing error: x')


def test_a_small_message_may_not_ask_for_much_memory():
    proto = message(np.zeros((2, 3)), [1])
    proto.tensor_shape.dim[0].size = 1 << 40
    with pytest.raises(errors.ServingError, match='--max_request_bytes'):
        tensors.to_array(proto, 'x', max_bytes=1 << 20)


def test_names_of_types_are_the_runtimes():
    assert [tensors.dtype_name(number) for number in (
        types_pb2.DT_FLOAT, types_pb2.DT_DOUBLE, types_pb2.DT_STRING, types_pb2.DT_HALF)] == [
            'float', 'double', 'string', 'half']
