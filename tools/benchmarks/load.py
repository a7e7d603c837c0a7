"""Load on a model: three ways to call it, closed and open loops, and the numbers of a loop.

A request is a dict input name -> list of rows: bytes of encoded pictures, or floats. An answer is a dict output name ->
list of rows, of the outputs that are bytes.
"""

import base64
import concurrent.futures
import dataclasses
import http.client
import itertools
import json
import random
import threading
import time
import urllib.parse
import urllib.request

MESSAGE_BYTES = 1 << 30
TIMEOUT_SECONDS = 120


class CallError(Exception):
    """A call that was answered with an error, or not at all; the message is its kind, such as 'UNAVAILABLE'."""


class InProcess:
    """The SavedModel in this process, as plain TensorFlow calls it.

    Args:
        folder: Folder of one version.
    """

    def __init__(self, folder):
        import tensorflow as tf

        self._tf = tf
        self._model = tf.saved_model.load(str(folder))
        self._function = self._model.signatures['serving_default']

    def inputs(self):
        """Dict input name -> whether it is a string; the others are floats."""
        _, specs = self._function.structured_input_signature
        return {name: spec.dtype == self._tf.string for name, spec in specs.items()}

    def connect(self):
        """Function request -> answer, for one thread."""
        return self._call

    def _call(self, request):
        tf = self._tf
        tensors = {name: tf.constant(rows, tf.string if isinstance(rows[0], bytes) else tf.float32)
                   for name, rows in request.items()}
        return {name: value.numpy().tolist() for name, value in self._function(**tensors).items()
                if value.dtype == tf.string}


class Grpc:
    """A server's gRPC PredictionService.

    Args:
        address: 'host:port'.
        model: Name of the model.
    """

    def __init__(self, address, model):
        self.address, self.model = address, model

    def inputs(self):
        """Dict input name -> whether it is a string; the others are floats."""
        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis import get_model_metadata_pb2

        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=['signature_def'])
        request.model_spec.name = self.model
        signatures = get_model_metadata_pb2.SignatureDefMap()
        try:
            answer = self._stub().GetModelMetadata(request, timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            raise CallError(f'{self.address}: {error.code().name}: {error.details()}') from error
        answer.metadata['signature_def'].Unpack(signatures)
        declared = signatures.signature_def['serving_default'].inputs
        return {name: info.dtype == tf.string.as_datatype_enum for name, info in declared.items()}

    def _stub(self):
        import grpc
        from tensorflow_serving.apis import prediction_service_pb2_grpc

        return prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(self.address, options=[
            ('grpc.max_receive_message_length', MESSAGE_BYTES), ('grpc.max_send_message_length', MESSAGE_BYTES),
            ('grpc.use_local_subchannel_pool', 1)]))

    def connect(self):
        """Function request -> answer, for one thread, over a connection of its own."""
        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        predict = self._stub().Predict

        def call(request):
            message = predict_pb2.PredictRequest()
            message.model_spec.name = self.model
            for name, rows in request.items():
                tensor = message.inputs[name]
                tensor.tensor_shape.dim.add().size = len(rows)
                if isinstance(rows[0], bytes):
                    tensor.dtype = tf.string.as_datatype_enum
                    tensor.string_val.extend(rows)
                else:
                    tensor.dtype = tf.float32.as_datatype_enum
                    tensor.float_val.extend(rows)
            try:
                outputs = predict(message, timeout=TIMEOUT_SECONDS).outputs
            except grpc.RpcError as error:
                raise CallError(error.code().name) from error
            return {name: list(value.string_val) for name, value in outputs.items() if value.string_val}
        return call


class Rest:
    """A server's REST interface, over a kept connection; pictures as base64.

    Args:
        address: 'http://host:port'.
        model: Name of the model.
    """

    def __init__(self, address, model):
        self.address, self.model = address, model

    def inputs(self):
        """Dict input name -> whether it is a string; the others are floats."""
        try:
            with urllib.request.urlopen(f'{self.address}/v1/models/{self.model}/metadata', timeout=30) as response:
                signatures = json.load(response)['metadata']['signature_def']['signature_def']
        except OSError as error:
            raise CallError(f'{self.address}: {error}') from error
        return {name: info['dtype'] == 'DT_STRING' for name, info in signatures['serving_default']['inputs'].items()}

    def connect(self):
        """Function request -> answer, for one thread, over a connection of its own."""
        url = urllib.parse.urlsplit(self.address)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=TIMEOUT_SECONDS)

        def call(request):
            columns = {name: [_encoded(row) for row in rows] for name, rows in request.items()}
            body = json.dumps({'inputs': columns}).encode()
            try:
                connection.request('POST', f'/v1/models/{self.model}:predict', body)
                response = connection.getresponse()
                data = response.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                raise CallError(type(error).__name__) from error
            if response.status != 200:
                raise CallError(f'HTTP {response.status}')
            outputs = json.loads(data)['outputs']
            named = outputs if isinstance(outputs, dict) else {'': outputs}
            return {name: [base64.b64decode(row['b64']) for row in rows] for name, rows in named.items()
                    if rows and isinstance(rows[0], dict)}
        return call


def _encoded(row):
    return {'b64': base64.b64encode(row).decode()} if isinstance(row, bytes) else row


@dataclasses.dataclass
class Measured:
    """What a loop saw: seconds of each answered call, kinds of errors, rows answered, seconds in all."""

    latencies: list = dataclasses.field(default_factory=list)
    errors: dict = dataclasses.field(default_factory=dict)
    rows: int = 0
    seconds: float = 0.0

    def numbers(self):
        """Dict of images a second, latencies in milliseconds at three quantiles, and counts of errors."""
        ordered = sorted(self.latencies)
        quantiles = {f'p{percent}_ms': round(1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 2)
                     for percent in (50, 95, 99)} if ordered else {}
        return {'images_per_second': round(self.rows / self.seconds, 2), **quantiles, 'requests': len(ordered),
                'errors': self.errors}

    def add(self, other):
        """Takes another measurement in; the seconds add up."""
        self.latencies += other.latencies
        self.rows, self.seconds = self.rows + other.rows, self.seconds + other.seconds
        for kind, count in other.errors.items():
            self.errors[kind] = self.errors.get(kind, 0) + count


class Loop:
    """Clients of one target, each a thread that keeps its connection from one measurement to the next.

    Args:
        target: InProcess, Grpc or Rest.
        clients: Number of clients.
        requests: Requests that are sent in turns.
    """

    def __init__(self, target, clients, requests):
        self._requests, self._clients = requests, clients
        self._threads = concurrent.futures.ThreadPoolExecutor(clients)
        self._target, self._connections = target, threading.local()

    def closed(self, count):
        """Sends `count` requests; each client sends its next one when it has its answer. Returns Measured."""
        numbers, lock = iter(range(count)), threading.Lock()

        def client(measured):
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                self._send(number, time.perf_counter(), measured, lock)
        return self._measure([client] * min(self._clients, count))

    def open(self, count, requests_per_second, *, seed=0):
        """Sends `count` requests at random moments, however fast answers come. Returns Measured.

        Latencies count from the moment at which a request was due, so that a slow server cannot hide its queue.
        With fewer clients than requests at a time, requests wait for one; that counts too.
        """
        generator, lock = random.Random(seed), threading.Lock()
        due = list(itertools.accumulate(generator.expovariate(requests_per_second) for _ in range(count)))
        start = time.perf_counter()

        def client(measured, number):
            time.sleep(max(0.0, start + due[number] - time.perf_counter()))
            self._send(number, start + due[number], measured, lock)
        return self._measure([lambda measured, number=number: client(measured, number) for number in range(count)])

    def close(self):
        """Ends the threads."""
        self._threads.shutdown()

    def _measure(self, works):
        measured, start = Measured(), time.perf_counter()
        for work in [self._threads.submit(work, measured) for work in works]:
            work.result()
        measured.seconds = time.perf_counter() - start
        return measured

    def _send(self, number, start, measured, lock):
        if not hasattr(self._connections, 'call'):
            self._connections.call = self._target.connect()
        request = self._requests[number % len(self._requests)]
        try:
            self._connections.call(request)
        except CallError as error:
            with lock:
                measured.errors[str(error)] = measured.errors.get(str(error), 0) + 1
            return
        with lock:
            measured.latencies.append(time.perf_counter() - start)
            measured.rows += len(next(iter(request.values())))
