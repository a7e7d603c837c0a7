"""What a real TensorFlow Serving answered, read by the transports. The record is described in tests/serving/golden."""

import base64
import json
import re

import httpx
import numpy as np
import pytest
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2

from stylegan_serving import client
from stylegan_serving.client import exchanges, grpc_transport, rest_transport
from tests.serving import golden_record

RECORD = golden_record.read()
PREDICT = re.compile(r'/v1/models/(pair|image)(?:/\w+/\w+)?:predict')


def body_of(message):
    """The bytes of a recorded body (a long one as parsed), or None where only a digest was kept."""
    if 'b64' in message:
        return base64.b64decode(message['b64'])
    if 'text' in message:
        return message['text'].encode()
    return json.dumps(message['json']).encode() if 'json' in message else None


def answer(request, message):
    content = body_of(message)
    return rest_transport._answer(request, httpx.Response(message['status'], content=content), content)


@pytest.fixture(scope='module')
def models():
    """Dict name -> ModelMetadata, as REST told it."""
    return {name: answer(exchanges.Metadata(exchanges.ModelSpec(name)), RECORD[identifier]['response'])
            for name, identifier in (('pair', 'metadata.model'), ('image', 'metadata.image'))}


def columnar():
    """Recorded REST exchanges in the columnar format with a whole answer: (model, signature, response)."""
    for exchange in RECORD.values():
        request, response = exchange['request'], exchange['response']
        named = PREDICT.fullmatch(request.get('path', ''))
        if (exchange['transport'] == 'rest' and named and response.get('status') == 200 and body_of(response)
                and isinstance(request.get('body'), str) and request['body'].startswith('{')):
            document = json.loads(body_of(response).decode('utf-8', 'surrogateescape'))
            if 'outputs' in document:
                sent, _ = json.JSONDecoder().raw_decode(request['body'])
                yield named[1], sent.get('signature_name') or 'serving_default', response, document['outputs']


def test_recorded_metadata_is_the_same_by_both_transports(models):
    message = get_model_metadata_pb2.GetModelMetadataResponse()
    json_format.ParseDict(RECORD['grpc.metadata.ok']['response']['message'], message)
    by_grpc = grpc_transport._answer(exchanges.Metadata(exchanges.ModelSpec('image')), message)
    assert by_grpc == models['image'] and by_grpc.version == 1
    assert models['pair'].version == 2 and '__saved_model_init_op' not in models['pair'].signatures
    assert str(models['pair'].signature('vector_arg').inputs['x']) == 'x: float32 [?, 3]'


def test_recorded_outputs_have_their_declared_types(models):
    count = 0
    for model, signature_name, response, outputs in columnar():
        signature = models[model].signature(signature_name)
        prediction = answer(exchanges.Predict(exchanges.ModelSpec(model), signature, {}), response)
        assert set(prediction.outputs) == set(signature.outputs)
        for name, array in prediction.outputs.items():
            assert array.dtype == signature.outputs[name].dtype
            told = outputs[name] if len(signature.outputs) > 1 else outputs
            if array.dtype != object:
                np.testing.assert_array_equal(array, np.array(told, array.dtype))
        count += 1
    assert count > 15


def test_recorded_refusals_become_errors_with_short_texts(models):
    codes = {400: 'INVALID_ARGUMENT', 404: 'NOT_FOUND', 501: 'UNIMPLEMENTED', 504: 'DEADLINE_EXCEEDED'}
    request, count = exchanges.Predict(exchanges.ModelSpec('pair'), models['pair'].signature('single'), {}), 0
    for exchange in RECORD.values():
        response = exchange['response']
        if exchange['transport'] != 'rest' or response.get('status') in (200, None) or body_of(response) is None:
            continue
        with pytest.raises(client.ServerError) as caught:
            answer(request, response)
        assert caught.value.code == codes[response['status']], exchange['id']
        assert 0 < len(caught.value.message) <= 410 and not re.search(r'[A-Za-z0-9+/]{80}', caught.value.message)
        assert '{{function_node' not in caught.value.message
        count += 1
    assert count > 100


def test_recorded_grpc_answers_are_read(models):
    count = 0
    for exchange in RECORD.values():
        if exchange['transport'] != 'grpc' or exchange['response'].get('code') != 'OK':
            continue
        method, told = exchange['request']['method'].split('/')[-1], exchange['response'].get('message')
        if method == 'GetModelStatus':
            message = json_format.ParseDict(told, get_model_status_pb2.GetModelStatusResponse())
            statuses = grpc_transport._answer(exchanges.Status(exchanges.ModelSpec('pair')), message)
            assert all(entry.state in ('LOADING', 'AVAILABLE', 'END') for entry in statuses)
        elif method == 'Predict' and 'outputs' in told:
            message = json_format.ParseDict(told, predict_pb2.PredictResponse())
            request = exchanges.Predict(exchanges.ModelSpec('pair'), None, {})
            prediction = grpc_transport._answer(request, message)
            assert prediction.version == int(told['model_spec']['version'])
            for name, tensor in told['outputs'].items():
                array = prediction.outputs[name]
                assert list(array.shape) == [int(size.get('size', 0)) for size in tensor['tensor_shape'].get('dim', [])]
                if tensor['dtype'] == 'DT_STRING':
                    assert all(isinstance(element, bytes) for element in array.flat)
                if tensor.get('float_val'):
                    np.testing.assert_array_equal(array.ravel(), np.array(tensor['float_val'], np.float32))
            count += 1
    assert count > 30


def test_strings_in_tensor_content_are_unpacked():
    told = RECORD['limits.tensor_content.grpc_strings']['response']['message']
    message = json_format.ParseDict(told, predict_pb2.PredictResponse())
    prediction = grpc_transport._answer(exchanges.Predict(exchanges.ModelSpec('pair'), None, {}), message)
    assert prediction.outputs['echo'].tolist() == [b'abc']
    long = message.outputs['echo']
    del long.tensor_shape.dim[:]
    for size in (2, 1):
        long.tensor_shape.dim.add(size=size)
    long.tensor_content = b'\xac\x02\x00' + b'x' * 300  # the lengths 300 and 0
    prediction = grpc_transport._answer(exchanges.Predict(exchanges.ModelSpec('pair'), None, {}), message)
    assert prediction.outputs['echo'].tolist() == [[b'x' * 300], [b'']]
