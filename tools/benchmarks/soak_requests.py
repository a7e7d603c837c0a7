"""The kinds of requests of a soak: what each sends, and what it must get.

A kind is a method of `Client` that returns None when the answer is right, raises `UnansweredError` when there is none
(then the request is sent again), and `WrongAnswerError` when it is another one than expected.
"""

import base64
import http.client
import json
import random
import socket
import struct

import grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

MODEL = 'tiny'
TIMEOUT_SECONDS = 30
FLOAT, STRING = 1, 7  # tensorflow.DataType
CORRUPT = (b'not a picture', b'', b'\x89PNG\r\n\x1a\n' + bytes(40))
# Shares of 100 requests.
KINDS = {'good_grpc': 32, 'good_rest': 28, 'status': 4, 'corrupt_grpc': 6, 'corrupt_rest': 6, 'wrong_grpc': 5,
         'wrong_rest': 5, 'malformed': 3, 'oversized_grpc': 2, 'oversized_rest': 2, 'aborted_grpc': 3,
         'aborted_rest': 4}


def kind_of(number):
    """The kind of a request, the same in every run."""
    return random.Random(number).choices(list(KINDS), KINDS.values())[0]


class UnansweredError(Exception):
    """No answer came, or one that asks to try again."""


class WrongAnswerError(Exception):
    """An answer that is not the expected one."""


class Client:
    """One client with connections of its own.

    Args:
        grpc_port: Port of 127.0.0.1.
        rest_port: The same for REST.
        files: Pictures to send.
        expected: Function (picture, answer, version or None, oldest version) -> whether it is a right answer now.
        max_body_bytes: Bodies beyond this are refused by the server.
    """

    def __init__(self, grpc_port, rest_port, files, expected, max_body_bytes):
        self._channel = grpc.insecure_channel(f'127.0.0.1:{grpc_port}', options=[
            ('grpc.use_local_subchannel_pool', 1), ('grpc.max_send_message_length', -1),
            ('grpc.initial_reconnect_backoff_ms', 100), ('grpc.max_reconnect_backoff_ms', 500)])
        self._predict = prediction_service_pb2_grpc.PredictionServiceStub(self._channel).Predict
        self._status = model_service_pb2_grpc.ModelServiceStub(self._channel).GetModelStatus
        self._rest_port, self._files, self._expected = rest_port, files, expected
        self._connection = http.client.HTTPConnection('127.0.0.1', rest_port, timeout=TIMEOUT_SECONDS)
        self._too_much = b'x' * (max_body_bytes + 1)

    def send(self, number, oldest):
        """Sends a request of the kind that its number says; no version before `oldest` may answer it."""
        self._oldest = oldest
        getattr(self, '_send_' + kind_of(number))(random.Random(number))

    def versions(self):
        """Dict version -> state, as the server tells it."""
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = MODEL
        state = get_model_status_pb2.ModelVersionStatus.State
        return {version.version: state.Name(version.state)
                for version in self._called(self._status, request).model_version_status}

    def close(self):
        """Closes the connections."""
        self._channel.close()
        self._connection.close()

    def _send_good_grpc(self, generator):
        files = generator.choices(self._files, k=generator.choice((1, 1, 1, 4)))
        answer = self._called(self._predict, _message(files))
        self._check(files, list(answer.outputs['stylized_bytes'].string_val), answer.model_spec.version.value)

    def _send_good_rest(self, generator):
        files = generator.choices(self._files, k=generator.choice((1, 1, 1, 4)))
        answer = json.loads(self._posted(_rows(files), 200))
        self._check(files, [base64.b64decode(row['b64']) for row in answer['predictions']], None)

    def _check(self, files, answers, version):
        if len(files) != len(answers) or not all(self._expected(file, answer, version, self._oldest)
                                                 for file, answer in zip(files, answers)):
            raise WrongAnswerError('other pictures than expected')

    def _send_status(self, generator):
        states = self.versions()
        if 'AVAILABLE' not in states.values():
            raise WrongAnswerError(f'no version is available: {states}')

    def _send_corrupt_grpc(self, generator):
        self._refused('INVALID_ARGUMENT', _message([self._files[0], self._corrupt(generator)]))

    def _send_corrupt_rest(self, generator):
        self._posted(_rows([self._files[0], self._corrupt(generator)]), 400)

    def _corrupt(self, generator):
        return generator.choice((*CORRUPT, generator.choice(self._files)[:generator.randrange(10, 60)]))

    def _send_wrong_grpc(self, generator):
        message = _message(self._files[:1])
        fault = generator.randrange(3)
        if fault == 0:
            del message.inputs['strength']
        elif fault == 1:
            message.inputs['strength'].dtype = STRING
        else:
            del message.inputs['image_bytes'].tensor_shape.dim[:]
        self._refused('INVALID_ARGUMENT', message)

    def _send_wrong_rest(self, generator):
        row = json.loads(_rows(self._files[:1]))['instances'][0]
        fault = generator.choice(({'strength': 'much'}, {'image_bytes': [[1, 2], [3]]}, {'unknown': 1}))
        self._posted(json.dumps({'instances': [{**row, **fault}]}).encode(), 400)

    def _send_malformed(self, generator):
        body = _rows(self._files[:1])
        self._posted(body[:generator.randrange(len(body))], 400)

    def _send_oversized_grpc(self, generator):
        self._refused('RESOURCE_EXHAUSTED', _message([self._too_much]))

    def _send_oversized_rest(self, generator):
        self._posted(b'"' + self._too_much, 413)

    def _send_aborted_grpc(self, generator):
        call = self._predict.future(_message(self._files[:1]), timeout=TIMEOUT_SECONDS)
        call.cancel()

    def _send_aborted_rest(self, generator):
        body = _rows(self._files[:1])
        sent = generator.choice((0, len(body) // 2, len(body)))
        try:
            with socket.create_connection(('127.0.0.1', self._rest_port), TIMEOUT_SECONDS) as connection:
                # Without lingering, closing resets the connection: the rudest way to go.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                head = f'POST /v1/models/{MODEL}:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}'
                connection.sendall(f'{head}\r\n\r\n'.encode() + body[:sent])
        except OSError as error:
            raise UnansweredError(type(error).__name__) from error

    def _called(self, method, message):
        try:
            return method(message, timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            # RESOURCE_EXHAUSTED of the call limit asks to come again; so do a full queue and a server that is away.
            if error.code() == grpc.StatusCode.UNAVAILABLE or 'Threadpool' in error.details():
                raise UnansweredError(error.code().name) from error
            raise WrongAnswerError(f'{error.code().name}: {error.details()[:200]}') from error

    def _refused(self, code, message):
        try:
            self._called(self._predict, message)
        except WrongAnswerError as error:
            if str(error).startswith(code):
                return
            raise
        raise WrongAnswerError(f'OK instead of {code}')

    def _posted(self, body, status):
        try:
            self._connection.request('POST', f'/v1/models/{MODEL}:predict', body)
            response = self._connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise UnansweredError(type(error).__name__) from error
        if response.status == 503:
            raise UnansweredError('HTTP 503')
        if response.status != status:
            raise WrongAnswerError(f'HTTP {response.status} instead of {status}: {data[:200]!r}')
        return data


def _message(files):
    message = predict_pb2.PredictRequest()
    message.model_spec.name = MODEL
    image_bytes, strength = message.inputs['image_bytes'], message.inputs['strength']
    image_bytes.dtype, strength.dtype = STRING, FLOAT
    image_bytes.string_val.extend(files)
    strength.float_val.extend([1.0] * len(files))
    for tensor in (image_bytes, strength):
        tensor.tensor_shape.dim.add().size = len(files)
    return message


def _rows(files):
    return json.dumps({'instances': [{'image_bytes': {'b64': base64.b64encode(file).decode()}, 'strength': 1.0}
                                     for file in files]}).encode()
