"""The server as a process: ports, limits, signals."""

import contextlib
import re
import signal
import subprocess
import threading
import time
import urllib.request

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from stylegan_serving.local_server import tensors
from tests.serving import server_process

X = np.float32([[1, 2, 3]])


def predict_request(signature='single', **inputs):
    """A PredictRequest to `pair`."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = 'pair'
    request.model_spec.signature_name = signature
    for name, array in {'x': X, **inputs}.items():
        request.inputs[name].CopyFrom(tensors.to_proto(array))
    return request


@contextlib.contextmanager
def stub_of(address):
    """A stub of PredictionService."""
    with grpc.insecure_channel(address) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


class Process:
    """A server that chooses its ports itself; what it prints names them."""

    def __init__(self, folder, *flags):
        self.log = folder / 'log'
        command = [*server_process.LOCAL_SERVER, '--port=0', '--rest_api_port=-1', *map(str, flags)]
        with open(self.log, 'w') as log:
            self.popen = subprocess.Popen(command, stdout=log, stderr=log, env=server_process.environment())
        wait_for(lambda: 'model ' in self.log.read_text(), self)
        self.grpc = re.search(r'gRPC +(\S+)', self.log.read_text())[1]
        self.rest = re.search(r'REST +(\S+)', self.log.read_text())[1]

    def ended(self, seconds=60):
        """The exit code, once it has ended."""
        return self.popen.wait(seconds)

    def stop(self):
        """Ends it, if it still runs."""
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


def wait_for(is_met, process, seconds=90):
    """Waits for something that a server is to do."""
    end = time.monotonic() + seconds
    while not is_met():
        assert process.popen.poll() is None and time.monotonic() < end, process.log.read_text()
        time.sleep(0.02)


@pytest.fixture(scope='module')
def server(golden_models, tmp_path_factory):
    """A server with small limits."""
    folder = tmp_path_factory.mktemp('server')
    process = Process(
        folder, '--model_name=pair', f'--model_base_path={golden_models}/pair', '--max_request_bytes=100000',
        '--grpc_max_threads=2', f'--grpc_socket_path={folder}/socket', '--enable_grpc_healthcheck_service',
        '--drain_seconds=60')
    process.socket = f'unix:{folder}/socket'
    yield process
    process.stop()


def slow_request(seconds):
    """A request that takes about this long."""
    return predict_request('slow', loops=np.int32([int(seconds * slow_request.loops_per_second)]))


slow_request.loops_per_second = 100_000


@pytest.fixture(scope='module')
def _calibrated(server):
    """Makes `slow_request` fit this machine."""
    with stub_of(server.grpc) as stub:
        started = time.monotonic()
        stub.Predict(predict_request('slow', loops=np.int32([50_000])), timeout=60)
        slow_request.loops_per_second = 50_000 / (time.monotonic() - started)


def test_free_ports_and_what_the_banner_says(server):
    text = server.log.read_text()
    assert 'stand-in' in text and 'not for production' in text and 'pair: version 2' in text
    assert server.grpc.startswith('127.0.0.1:') and not server.grpc.endswith(':0')
    with urllib.request.urlopen(server.rest, timeout=20) as response:
        assert b'AVAILABLE' in response.read()
    for address in (server.grpc, server.socket):
        with stub_of(address) as stub:
            answer = stub.Predict(predict_request(), timeout=20)
            np.testing.assert_array_equal(tensors.to_array(answer.outputs['y'], 'y'), X * [1, 2, 3] + 100)


def test_limits_of_requests(server):
    shaped = predict_request()
    shaped.inputs['x'].tensor_shape.dim[0].size = 10**9
    with stub_of(server.grpc) as stub:
        for request, code in ((predict_request(x=np.zeros((20_000, 3), np.float32)),
                               grpc.StatusCode.RESOURCE_EXHAUSTED), (shaped, grpc.StatusCode.INVALID_ARGUMENT)):
            with pytest.raises(grpc.RpcError) as caught:
                stub.Predict(request, timeout=20)
            assert caught.value.code() == code
        assert stub.Predict(predict_request(), timeout=20).outputs


def test_calls_beyond_the_threads_are_refused_at_once_and_cancelled_ones_give_their_place_back(server, _calibrated):
    refusals = []
    with stub_of(server.grpc) as stub:
        def refusal():
            try:
                stub.Predict(predict_request(), timeout=20)
            except grpc.RpcError as error:
                return error.code(), error.details()
            return None

        def is_refused_beside_one_that_is_then_cancelled():
            # Asked anew while it ends early: it is refused itself where another call still has the only place.
            first = stub.Predict.future(slow_request(4), timeout=20)
            while not first.done():
                refusals.append(refusal())
                if refusals[-1]:
                    return first.cancel()
            return False
        wait_for(is_refused_beside_one_that_is_then_cancelled, server)
        assert refusals[-1] == (grpc.StatusCode.RESOURCE_EXHAUSTED, 'Server Threadpool Exhausted')
        wait_for(lambda: refusal() is None, server)


@pytest.mark.parametrize('flag', ['port', 'rest_api_port'])
def test_a_port_that_is_taken_is_refused_in_one_line(server, flag):
    port = re.search(r':(\d+)', server.grpc)[1]
    ended = subprocess.run(
        [*server_process.LOCAL_SERVER, '--port=0', f'--{flag}={port}', '--model_base_path=models'], timeout=100,
        capture_output=True, text=True, check=False, env=server_process.environment())
    assert (ended.returncode, ended.stderr) == (
        2, f'Error: Cannot listen on 127.0.0.1:{port}: Address already in use. Give another --{flag}.\n')


def test_sigterm_lets_a_running_request_finish(server, _calibrated):
    answers = []
    with stub_of(server.grpc) as stub, grpc.insecure_channel(server.grpc) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        states = health.Watch(health_pb2.HealthCheckRequest())
        assert next(states).status == health_pb2.HealthCheckResponse.SERVING
        running = threading.Thread(target=lambda: answers.append(stub.Predict(slow_request(2), timeout=60)))
        running.start()
        time.sleep(0.5)
        server.popen.send_signal(signal.SIGTERM)
        assert next(states).status == health_pb2.HealthCheckResponse.NOT_SERVING
        states.cancel()
        with pytest.raises(grpc.RpcError) as caught:
            stub.Predict(predict_request(), timeout=20)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE, 'clients repeat that elsewhere'
        running.join(60)
    np.testing.assert_array_equal(tensors.to_array(answers[0].outputs['y'], 'y'), X * [1, 2, 3] + 100)
    assert server.ended() == 0
    assert 'Stopped' in server.log.read_text()


@pytest.mark.slow
def test_the_time_of_the_drain_is_bounded_and_a_second_signal_ends_it(golden_models, tmp_path):
    endless = predict_request('slow', loops=np.int32([2_000_000_000]))
    for flag, code in (('--drain_seconds=1', 0), ('--drain_seconds=600', 130)):
        process = Process(tmp_path, '--model_name=pair', f'--model_base_path={golden_models}/pair', flag)
        try:
            with stub_of(process.grpc) as stub:
                call = stub.Predict.future(endless, timeout=600)
                time.sleep(1)
                process.popen.send_signal(signal.SIGTERM)
                if code:
                    time.sleep(1)
                    assert process.popen.poll() is None
                    process.popen.send_signal(signal.SIGTERM)
                assert process.ended(30) == code
                assert call.exception(30).code() == grpc.StatusCode.UNAVAILABLE
        finally:
            process.stop()
