"""JSON of the REST API against what TensorFlow Serving took, refused and wrote."""

import base64
import functools
import json
import random
import re

import numpy as np
import pytest
from google.protobuf import json_format
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import classification_pb2, get_model_metadata_pb2, regression_pb2

from stylegan_serving.local_server import json_reader, json_writer, rest_requests, rest_responses
from stylegan_serving.local_server.errors import ServingError
from tests.serving import golden_record

_PATH = re.compile(r'/v1/models/(pair|image|examples)(?:/versions/[12]|/labels/\w+)?:(predict|classify|regress)')
# errors of the graph, of the signature's kind, and of what the outputs turned out to be
_AFTER_READING = re.compile(r'\[\[\{\{|has no shape information|inconsistent batch size|No classification inputs|'
                            'Expected one output|No signature was found|larger than maximum input batch|Unrecognized')


RECORD = golden_record.read()


def _body(entry):
    return golden_record.checker().request_bytes(entry) or b''


def _answer(entry):
    """The bytes that came back; None of an answer that was recorded by its ends only."""
    answer = entry['response']
    if 'b64' in answer:
        return base64.b64decode(answer['b64'])
    return None if 'text_head' in answer else answer.get('text', '').encode()


@functools.cache
def _signatures(model):
    entry = RECORD[{'pair': 'metadata.model', 'image': 'metadata.image', 'examples': 'metadata.classify_model'}[model]]
    recorded = entry['response']['json']['metadata']['signature_def']
    return json_format.ParseDict(recorded, get_model_metadata_pb2.SignatureDefMap()).signature_def


def _runs():
    """Exchanges that sent a body to a model of the record: (model, verb, exchange)."""
    for entry in RECORD.values():
        request = entry['request']
        match = entry['transport'] == 'rest' and request['method'] == 'POST' and _PATH.fullmatch(request['path'])
        plain = 'Content-Encoding' not in request.get('headers', {}) and 'Content-Length' in request.get('headers', {})
        if match and plain and entry['response'].get('status') in (200, 400) and not entry['id'].startswith('big.'):
            yield pytest.param(*match.groups(), entry, id=entry['id'])


def _inputs_of(model):
    def inputs_of(name):
        name = name or 'serving_default'
        if name not in _signatures(model):
            raise ServingError('INVALID_ARGUMENT', f'Serving signature name: "{name}" not found in signature def')
        return _signatures(model)[name].inputs
    return inputs_of


def _read(model, verb, body):
    return rest_requests.predict_request(body, _inputs_of(model)) if verb == 'predict' else (
        rest_requests.examples_request(body))


@pytest.mark.parametrize(('model', 'verb', 'entry'), list(_runs()))
def test_a_request_is_read_or_refused_as_recorded(model, verb, entry):
    answer = _answer(entry)
    try:
        _read(model, verb, _body(entry))
    except ServingError as error:
        assert rest_responses.error_body(error.message) == answer
    else:
        assert entry['response']['status'] == 200 or _AFTER_READING.search(answer.decode())


def test_the_record_covers_both_sides():
    verdicts = [param.values[2]['response']['status'] for param in _runs()]
    assert verdicts.count(200) > 100 and verdicts.count(400) > 80


def _answered():
    for param in _runs():
        model, verb, entry = param.values
        if verb == 'predict' and entry['response']['status'] == 200 and _answer(entry) is not None:
            yield pytest.param(model, entry, id=entry['id'])


@pytest.mark.parametrize(('model', 'entry'), list(_answered()))
def test_an_answer_is_written_as_recorded(model, entry):
    """The outputs are read from the recorded answer; keys have no order there, so lines are compared sorted."""
    answer = _answer(entry)
    asked = rest_requests.predict_request(_body(entry), _inputs_of(model))
    outputs = _signatures(model)[asked.signature_name or 'serving_default'].outputs
    document, _array = json_reader.read(answer), rest_requests._array
    if asked.in_rows:
        rows = document['predictions']
        arrays = {name: np.stack([_array(row if len(outputs) == 1 else row[name], info.dtype, name) for row in rows])
                  for name, info in outputs.items()}
    else:
        tensors = {name: document['outputs'] if len(outputs) == 1 else document['outputs'][name] for name in outputs}
        arrays = {name: _array(value, outputs[name].dtype, name) for name, value in tensors.items()}
    written = rest_responses.predict_body(arrays, in_rows=asked.in_rows)
    assert _sorted_lines(written) == _sorted_lines(answer)


def _sorted_lines(text):
    return sorted(line.rstrip(b',') for line in text.split(b'\n'))


def test_a_large_answer_is_written_byte_for_byte():
    entry = RECORD['http.accept_encoding_gzip.large']
    rows = np.tile(np.float32([101, 104, 109]), (5000, 1))
    assert entry['response']['bytes'] == len(rest_responses.predict_body({'y': rows}, in_rows=True))


def _declared(**dtypes):
    class Info:
        def __init__(self, dtype):
            self.dtype = dtype
    return lambda _: {name: Info(dtype) for name, dtype in dtypes.items()}


def _both_readers(body, inputs_of, monkeypatch):
    """What the two ways through a body give: value by value, and with arrays."""
    read = []
    for from_bytes in (1 << 30, 0):
        monkeypatch.setattr(rest_requests, 'ARRAYS_FROM_BYTES', from_bytes)
        try:
            read.append(rest_requests.predict_request(body, inputs_of))
        except ServingError as error:
            read.append((error.code, error.message))
    return read


@pytest.mark.parametrize('values', [
    '[[1, 2.5], [3, 4]]', '[[[0.1, 0.2], [0.3, 0.4]], [[1, 2], [3, 4]]]', '[[], []]', '[1, 2, 3]', '[1e39, 2]',
    '[NaN, -Infinity]', '[[1, true], [2, 3]]', '[[1, null], [2, 3]]', '[[1], [2, 3]]', '[[[1], [2]], [[3], 4]]',
    '[[[1], [2]], [[3]]]', '[["1"], [2]]', '[1e400]', '[18446744073709551616, 1]', '[[1], {"a": 2}]',
    '[ [ 1 ] , [ 2 ] ]', '[[[[1,2],[3,4]]],[[[5,6],[7,8.5]]]]', '[9007199254740993]', '[-0.0]', '[1,]',
    '[[1, 2], [3, 4]', '[-1, 256]',
    '[2147483648]', '[1.0]'])
@pytest.mark.parametrize('dtype', [types_pb2.DT_FLOAT, types_pb2.DT_INT32, types_pb2.DT_UINT8, types_pb2.DT_DOUBLE])
@pytest.mark.parametrize('form', ['{"instances": %s}', '{"inputs": %s}', '{"inputs": {"x": %s}}'])
@pytest.mark.parametrize('chunk', [1, 1 << 15])
def test_arrays_change_nothing_but_the_speed(monkeypatch, values, dtype, form, chunk):
    monkeypatch.setattr(json_reader, 'CHUNK_BYTES', chunk)
    exact, fast = _both_readers((form % values).encode(), _declared(x=dtype), monkeypatch)
    if isinstance(exact, tuple):
        assert exact == fast
        return
    assert exact.in_rows == fast.in_rows
    assert exact.inputs['x'].dtype == fast.inputs['x'].dtype
    np.testing.assert_array_equal(exact.inputs['x'], fast.inputs['x'], strict=True)


def test_named_rows_of_images_are_read_as_arrays(monkeypatch):
    pictures = np.random.default_rng(5).integers(0, 256, (3, 4, 5, 3)) / 255
    body = json.dumps({'instances': [{'image': picture.tolist(), 'strength': 0.5} for picture in pictures]}).encode()
    exact, fast = _both_readers(body, _declared(image=types_pb2.DT_FLOAT, strength=types_pb2.DT_FLOAT), monkeypatch)
    np.testing.assert_array_equal(exact.inputs['image'], pictures.astype(np.float32), strict=True)
    np.testing.assert_array_equal(fast.inputs['image'], pictures.astype(np.float32), strict=True)
    np.testing.assert_array_equal(fast.inputs['strength'], np.float32([0.5] * 3), strict=True)


@pytest.mark.parametrize(('body', 'message', 'offset'), [
    (b'', 'The document is empty', None),
    (b' \n\t ', 'The document is empty.', 4),
    (b'\xef\xbb\xbf', 'The document is empty.', 3),
    (b'{"a"}', 'Missing a colon after a name of object member.', 4),
    (b'{"a":1,}', 'Missing a name for object member.', 7),
    (b'{"a":1 "b"', "Missing a comma or '}' after an object member.", 7),
    (b'[1 2]', "Missing a comma or ']' after an array element.", 3),
    (b'[01]', "Missing a comma or ']' after an array element.", 2),
    (b'nul', 'Invalid value.', 3),
    (b'[-]', 'Invalid value.', 2),
    (b'[1.]', 'Miss fraction part in number.', 3),
    (b'[1e]', 'Miss exponent in number.', 3),
    (b'["a', 'Missing a closing quotation mark in string.', 3),
    (b'["\n"]', 'Invalid encoding in string.', 2),
    (b'["\\x"]', 'Invalid escape character in string.', 2),
    (b'["\\u12g4"]', 'Incorrect hex digit after \\u escape in string.', 2),
    (b'["\\ud800"]', 'The surrogate pair in string is invalid.', 2),
    (b'["\\udc00"]', 'The surrogate pair in string is invalid.', 2),
    (b'[' * 10_001, 'Values nested deeper than 10000 levels.', 10_001)])
def test_errors_of_the_grammar(body, message, offset):
    with pytest.raises(ServingError) as caught:
        json_reader.read(body)
    where = '' if offset is None else f' at offset: {offset}'
    assert caught.value.message == f'JSON Parse error: {message}{where}'


def test_a_number_beyond_float64_is_refused():
    with pytest.raises(ServingError, match=re.escape('Number too big to be stored in double. at offset: 12')):
        rest_requests.predict_request(b'{"inputs": [1e309]}', _declared(x=types_pb2.DT_DOUBLE))
    with pytest.raises(ServingError, match='Number too big'):  # before what else is wrong
        rest_requests.predict_request(b'{"instances": [1e309, "x"]}', _declared(x=types_pb2.DT_DOUBLE))


@pytest.mark.parametrize(('body', 'value'), [
    (b'{"a": 1, "a": 2} trailing', {'a': 1}), (b'["\\ud83d\\ude00\\u00e9\\/"]', ['\U0001f600é/']), (b'-0', 0),
    (b'[1E2, -1.5e-3, 0]', [100.0, -0.0015, 0]), (b'["\xff"]', ['\udcff']), (b'[Inf, -Inf]', [np.inf, -np.inf]),
    (b'[[], {}, [[]], {"a": {}}]', [[], {}, [[]], {'a': {}}]), (b' true', True), (b'null', None)])
def test_what_both_readers_read(body, value):
    assert json_reader.read(body) == value
    assert json_reader._ExactReader(body).read() == value


def test_the_readers_agree_on_damaged_json(monkeypatch):
    """Truncated, altered and extended bodies: value by value, as arrays, and by RapidJSON's grammar."""
    seeded = random.Random(11)
    body = (b'{"signature_name": "a\\u00e9\\n\xc3\xa9", "instances": [{"x": [[1, 2.5], [-3e2, 0.0]], '
            b'"s": {"b64": "AA=="}}, {"x": [[4, 5], [6, 7]], "s": "t"}], '
            b'"more": [null, true, NaN, -Infinity, 18446744073709551616]}')
    inputs_of = _declared(x=types_pb2.DT_FLOAT, s=types_pb2.DT_STRING)
    read, refused = 0, 0
    for _ in range(1500):
        damaged = bytearray(body)
        for _ in range(seeded.randint(1, 3)):
            at, replacement = seeded.randrange(len(damaged)), seeded.choices(b'[]{},:"\\0123e.-ntN \x00\xff', k=2)
            damaged[at:at + seeded.randint(0, 2)] = bytes(replacement[:seeded.randint(0, 2)])
        monkeypatch.setattr(json_reader, 'CHUNK_BYTES', seeded.choice([1, 4, 1 << 15]))
        exact, fast = _both_readers(bytes(damaged), inputs_of, monkeypatch)
        if isinstance(exact, tuple):
            assert exact == fast, damaged
            refused += 1
        else:
            for name in exact.inputs:
                np.testing.assert_array_equal(exact.inputs[name], fast.inputs[name], strict=True)
            read += 1
        by_grammar = _outcome(json_reader._ExactReader(bytes(damaged)).read)
        # of numbers beyond float64 only those of the tensors are looked for
        assert 'too big' in by_grammar or by_grammar == _outcome(
            lambda damaged=damaged: json_reader.read(bytes(damaged)))
    assert read > 100 and refused > 500


def _outcome(read):
    try:
        return repr(read())
    except ServingError as error:
        return error.message


def test_a_base64_row_for_several_inputs_is_the_value_of_one(monkeypatch):
    inputs_of = _declared(x=types_pb2.DT_STRING, y=types_pb2.DT_STRING)
    request = rest_requests.predict_request(b'{"instances": [{"b64": "AAE="}]}', inputs_of)
    assert {name: array.tolist() for name, array in request.inputs.items()} == {'x': [b'\x00\x01']}


@pytest.mark.parametrize(('value', 'text'), [
    (np.float32(0.1), '0.1'), (np.float32(3.00001e7), '3.00001e+07'), (np.float32(100.000198), '100.000198'),
    (np.float32(123456896), '123456896.0'), (np.float32(1e-20), '1e-20'), (np.float32(-0.0), '-0.0'),
    (np.float32(1e6), '1e+06'), (np.float32(999999), '999999.0'), (np.float32(1234567), '1234567.0'),
    (np.float32(1.4e-45), '1.4013e-45'), (np.float32(3.4028235e38), '3.40282347e+38'), (np.float64(0.1), '0.1'),
    (np.float64(1 / 3), '0.33333333333333331'), (np.float64(1e300), '1e+300'), (np.float64(1e22), '1e+22'),
    (np.float32('nan'), 'NaN'), (np.float32('-inf'), '-Infinity'), (np.float16(0.5), '0.5'), (np.uint8(7), '7'),
    (np.bool_(True), 'true'), (np.int64(-2**63), '-9223372036854775808')])
def test_numbers(value, text):
    assert json_writer.numbers(value) == [text]


def test_floats_are_written_as_printf_would():
    values = np.random.default_rng(3).standard_normal(20_000).astype(np.float32)
    values = np.concatenate([values, np.round(values, 3), values * np.float32(1e12), values * np.float32(1e-30)])
    for value, text in zip(values, json_writer.numbers(values), strict=True):
        short = f'{value:.6g}'
        expected = short if np.float32(short) == value else f'{value:.9g}'
        assert text == (expected if re.search('[.e]', expected) else f'{expected}.0')


@pytest.mark.parametrize('one_line', [True, False])
def test_long_rows_are_enclosed_like_short_ones(monkeypatch, one_line):
    array = np.arange(2 * 3 * 4 * 5, dtype=np.int32).reshape(2, 3, 4, 5)
    whole = json_writer.rows(array, 2, one_line=one_line)
    monkeypatch.setattr(json_writer, 'CHUNK_VALUES', 7)
    assert json_writer.rows(array, 2, one_line=one_line) == whole
    assert [json.loads(text) for text in whole] == array.tolist()


@pytest.mark.parametrize(('value', 'text'), [
    ([1.0, 0.1, 1e21, 1e-6, 1.5e-7, -0.0, 12.5], '[1.0, 0.1, 1e21, 0.000001, 1.5e-7, -0.0, 12.5]'),
    ([123456789012345680.0], '[123456789012345680.0]'),
    ({'a': [{'b': None}, []]}, '{\n    "a": [{\n            "b": null\n        }, []]\n}'),
    ('é\x01"', '"é\\u0001\\""'),
    (['x' * 300, 1], f'["{"x" * 300}"')])
def test_echo(value, text):
    assert json_writer.echo(value) == text


@pytest.mark.parametrize(('outputs', 'in_rows', 'body'), [
    ({'a': np.zeros((0, 3), np.float32)}, True, '{"predictions": []}'),
    ({'a': np.zeros((2, 0), np.float32)}, True, '{"predictions": [[], []]}'),
    ({'a': np.zeros((2, 0), np.float32)}, False, '{"outputs": [[], []]}'),
    ({'a': np.array(b'x', object)}, False, '{"outputs": "x"}'),
    ({'a_bytes': np.array(b'x', object), 'b': np.int32(3)}, False, '{"outputs": {"a_bytes": {"b64": "eA=="}, "b": 3}}'),
])
def test_outputs_of_odd_shapes(outputs, in_rows, body):
    assert json.loads(rest_responses.predict_body(outputs, in_rows=in_rows)) == json.loads(body)


def test_outputs_that_json_cannot_hold():
    with pytest.raises(ServingError, match='Failed to write JSON value for tensor type: complex64'):
        rest_responses.predict_body({'a': np.zeros(1, np.complex64)}, in_rows=True)
    with pytest.raises(ServingError, match='Cannot convert empty tensor map to JSON'):
        rest_responses.predict_body({}, in_rows=True)


def test_results_of_classify_and_regress():
    result = classification_pb2.ClassificationResult()
    for label, score in (('pos', 1.5), ('neg', -1.5)):
        result.classifications.add().classes.add(label=label, score=score)
    assert rest_responses.classification_body(result) == (
        b'{\n    "results": [[["pos", 1.5]], [["neg", -1.5]]\n    ]\n}')
    regression = regression_pb2.RegressionResult()
    regression.regressions.add(value=1.5)
    assert rest_responses.regression_body(regression) == _answer(RECORD['classify.ok.regress'])


@pytest.mark.parametrize(('example', 'message'), [
    ('{"a": null}', 'Feature: a has element with unexpected JSON type: Null'),
    ('{"a": [[1]]}', 'Feature: a has element with unexpected JSON type: Array'),
    ('{"a": [1, 1.5]}', 'Unexpected element type in feature: a expecting type: int64'),
    ('{"a": 9223372036854775808}', 'Feature: a has uint64 element. Only int64 is supported.'),
    ('3', 'Example must be JSON object but got JSON Number')])
def test_examples_that_are_refused(example, message):
    with pytest.raises(ServingError, match=re.escape(message)):
        rest_requests.examples_request(f'{{"examples": [{example}]}}'.encode())


def test_features_of_every_kind():
    _, request = rest_requests.examples_request(
        b'{"examples": [{"f": [1.5, 2.5], "i": [1, true], "s": ["x", {"b64": "AAE="}]}]}')
    features = request.example_list.examples[0].features.feature
    assert list(features['f'].float_list.value) == [1.5, 2.5]
    assert list(features['i'].int64_list.value) == [1, 1]
    assert list(features['s'].bytes_list.value) == [b'x', b'\x00\x01']
