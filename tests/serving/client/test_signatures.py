"""Checks of inputs that model servers do not make."""

import numpy as np
import pytest

from stylegan_serving.client import InputError
from stylegan_serving.client.signatures import ModelMetadata, Signature, TensorInfo


def signature(**inputs):
    return Signature('f', {name: TensorInfo(name, *declared) for name, declared in inputs.items()}, {})


@pytest.mark.parametrize(('type_name', 'value', 'expected'), [
    ('DT_FLOAT', [1, 2], np.array([1, 2], np.float32)),
    ('DT_FLOAT', np.array([0.5], np.float64), np.array([0.5], np.float32)),
    ('DT_FLOAT', [float('nan'), float('inf')], np.array([np.nan, np.inf], np.float32)),
    ('DT_UINT8', [0, 255], np.array([0, 255], np.uint8)),
    ('DT_INT64', [2**62], np.array([2**62], np.int64)),
    ('DT_BOOL', [True, False], np.array([True, False]))])
def test_values_become_the_declared_type(type_name, value, expected):
    array = signature(x=(type_name, (None,))).arrays({'x': value})['x']
    assert array.dtype == expected.dtype
    np.testing.assert_array_equal(array, expected)


def test_strings_keep_every_byte():
    array = signature(x=('DT_STRING', (None,))).arrays({'x': [b'a\x00\x00', 'é', b'']})['x']
    assert list(array) == [b'a\x00\x00', b'\xc3\xa9', b''] and array.dtype == object


@pytest.mark.parametrize(('type_name', 'shape', 'value', 'message'), [
    ('DT_UINT8', (None,), [256], r'uint8 \[\?\], from 0 to 255. Received: 256 to 256'),  # wraps to 0 over REST
    ('DT_UINT8', (None,), [-1], 'from 0 to 255'),
    ('DT_INT32', (None,), [2**31], 'int32'),
    ('DT_INT32', (None,), [1.0], 'Received: float64 values'),
    ('DT_FLOAT', (None,), [1e39], 'beyond the range of float32'),  # becomes Infinity over REST
    ('DT_FLOAT', (None,), ['1'], r'x: float32 \[\?\]. Received: <U1'),
    ('DT_BOOL', (None,), [1], 'Received: int64'),
    ('DT_STRING', (None,), [1], 'each element bytes or str. Received: int'),
    ('DT_STRING', (None,), np.array([b'a\x00']), 'cuts zero bytes'),
    ('DT_STRING', (None,), b'alone', r'Received the shape \[\]'),
    ('DT_FLOAT', (None, None, None, 3), np.zeros((1, 4, 4, 4)), r'\?, 3\]. Received the shape \[1, 4, 4, 4\]'),
    ('DT_FLOAT', (None, 3), [1, 2, 3], r'Received the shape \[3\]'),
    ('DT_FLOAT', (None, 3), [[1, 2, 3], [1, 2]], 'lists of different lengths'),
    ('DT_FLOAT', (None,), [], 'at least one row'),  # would not be answered under batching
    ('DT_VARIANT', (None,), [1], 'DT_VARIANT, which this client cannot send')])
def test_what_a_server_would_take_or_misread_is_refused(type_name, shape, value, message):
    with pytest.raises(InputError, match=message):
        signature(x=(type_name, shape)).arrays({'x': value})


def test_names_and_row_counts_are_compared():
    two = signature(x=('DT_FLOAT', (None, 3)), strength=('DT_FLOAT', (None,)))
    with pytest.raises(InputError, match=r"'f' takes x: float32 \[\?, 3\]; strength: float32 \[\?\]. Received: x, z"):
        two.arrays({'x': [[1, 2, 3]], 'z': [1]})
    with pytest.raises(InputError, match=r'same number of rows. Received: x 2, strength 1'):  # would be broadcast
        two.arrays({'x': [[1, 2, 3]] * 2, 'strength': [1]})
    assert not signature(x=('DT_FLOAT', (3,))).has_rows
    assert not signature().has_rows


def test_a_missing_signature_names_those_there_are():
    metadata = ModelMetadata('style', 4, {'serving_default': signature(), 'stylize': signature()})
    with pytest.raises(InputError, match=r"Model 'style', version 4, has no signature 'stylise'; it has "
                                         r"serving_default, stylize\. Did you mean 'stylize'\?"):
        metadata.signature('stylise')
    assert metadata.signature('score_bytes', 'stylize') is metadata.signatures['stylize']
