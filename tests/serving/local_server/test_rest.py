"""The REST application over a made-up model: what a client meets on the wire, and what the record does not hold."""

import asyncio
import contextlib
import gzip
import json
import re
import socket
import threading
import time

import numpy as np
import pytest
from prometheus_client import parser
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import get_model_status_pb2

from stylegan_serving.local_server import configuration, metrics, rest, rest_server
from stylegan_serving.local_server.errors import ServingError

BODY = b'{"instances": [[1.0, 2.0], [3.0, 4.0]]}'
ANSWER = b'{\n    "predictions": [[2.0, 4.0], [6.0, 8.0]\n    ]\n}'
METRICS_PATH = '/monitoring/prometheus/metrics'


class DoublingModel:
    """An `Inference` of one model, `double`: `slow` takes its time, `stuck` knows no limit, `broken` fails."""

    def __init__(self):
        self.running = self.most_running = 0
        signature = meta_graph_pb2.SignatureDef()
        signature.inputs['x'].dtype = 1
        self.signatures = dict.fromkeys(('serving_default', 'slow', 'stuck', 'broken'), signature)

    @contextlib.contextmanager
    def open(self, spec):
        if spec.name != 'double':
            raise ServingError('NOT_FOUND', f'Servable not found for request: Latest({spec.name})')
        yield self

    async def predict(self, servable, signature_name, inputs, output_names=None, *, deadline=None):
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            if signature_name == 'broken':
                raise ZeroDivisionError('a bug')
            if signature_name == 'stuck':
                await asyncio.sleep(20)
            if signature_name == 'slow':
                wait = min(0.2, deadline - time.monotonic())
                await asyncio.sleep(wait)
                if wait < 0.2:
                    raise ServingError('DEADLINE_EXCEEDED', 'Timed out waiting for notification')
            return {'y': inputs['x'] * 2}
        finally:
            self.running -= 1

    def status(self, spec):
        response = get_model_status_pb2.GetModelStatusResponse()
        response.model_version_status.add(version=spec.version or 1)
        return response


class Served:
    """The application on a port of its own, in a thread of its own."""

    def __init__(self, **settings):
        self.model, self.metrics = DoublingModel(), metrics.Metrics()
        self.settings = configuration.Settings(None, metrics_path=METRICS_PATH, **settings)

    def __enter__(self):
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._ready = threading.Event()
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def stop(self):
        with contextlib.suppress(RuntimeError):  # it has stopped before
            self._loop.call_soon_threadsafe(self._stop.set)

    def __exit__(self, *_):
        self.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()

    async def _serve(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        application = rest.application(self.model, self.settings, self.metrics)
        server = rest_server.RestServer(application, '127.0.0.1', 0)
        self.port = server.port
        await server.start()
        self._ready.set()
        await self._stop.wait()
        await server.stop(5)

    def connect(self):
        return socket.create_connection(('127.0.0.1', self.port), 20)

    def exchange(self, data):
        """The answer to these bytes, on a connection of their own."""
        with self.connect() as client:
            client.sendall(data)
            return _answer(client)

    def post(self, body, *, path='/v1/models/double:predict', headers=()):
        return self.exchange(request('POST', path, body, *headers))


def request(method, path, body=None, *headers, version='1.1'):
    lines = [f'{method} {path} HTTP/{version}', 'Host: test', *headers]
    if body is not None and not any(header.startswith('Transfer-Encoding') for header in headers):
        lines.append(f'Content-Length: {len(body)}')
    return '\r\n'.join([*lines, '', '']).encode() + (body or b'')


def _answer(client):
    """(status line, dict of headers, body)"""
    received = b''
    while b'\r\n\r\n' not in received:
        piece = client.recv(1 << 16)
        if not piece:
            return received.decode(), {}, b''
        received += piece
    head, _, body = received.partition(b'\r\n\r\n')
    status, *lines = head.decode().split('\r\n')
    headers = {name.lower(): value for name, value in (line.split(': ', 1) for line in lines)}
    while len(body) < int(headers.get('content-length', 0)):
        body += client.recv(1 << 20)
    return status, headers, body


@pytest.fixture(scope='module')
def served():
    with Served(max_request_bytes=100_000, rest_threads=2) as running:
        yield running


def test_headers_are_those_of_the_record(served):
    status, headers, body = served.post(BODY)
    assert (status, body) == ('HTTP/1.1 200 OK', ANSWER)
    assert list(headers) == ['content-type', 'date', 'content-length']
    assert headers['content-type'] == 'application/json'
    assert re.fullmatch(r'\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT', headers['date'])


def test_a_connection_serves_pipelined_requests_in_order(served):
    with served.connect() as client:
        client.sendall(request('POST', '/v1/models/double:predict', BODY) * 2 + request('GET', '/v1/models/double'))
        received = b''
        while received.count(b'HTTP/1.1 200 OK') < 3 or not received.endswith(b'}\n'):
            received += client.recv(1 << 16)
        assert received.index(ANSWER) < received.index(b'model_version_status')


def test_a_request_in_small_pieces(served):
    whole = request('POST', '/v1/models/double:predict', BODY)
    with served.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(whole), 7):
            client.sendall(whole[start:start + 7])
        assert _answer(client)[2] == ANSWER


def test_chunks_and_expect_continue(served):
    chunked = b'%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n' % (5, BODY[:5], len(BODY) - 5, BODY[5:])
    assert served.post(chunked, headers=['Transfer-Encoding: chunked'])[2] == ANSWER
    with served.connect() as client:
        client.sendall(request('POST', '/v1/models/double:predict', BODY, 'Expect: 100-continue')[:-len(BODY)])
        assert client.recv(100) == b'HTTP/1.1 100 Continue\r\n\r\n'
        client.sendall(BODY)
        assert _answer(client)[2] == ANSWER


def test_a_body_that_does_not_wait_for_continue(served):
    assert served.post(BODY, headers=['Expect: 100-continue'])[2] == ANSWER


def test_a_body_without_a_length_is_not_read(served):
    with served.connect() as client:
        client.sendall(b'POST /v1/models/double:predict HTTP/1.1\r\nHost: test\r\n\r\n' + BODY)
        status, _, body = _answer(client)
        assert (status, json.loads(body)) == ('HTTP/1.1 400 Bad Request', {
            'error': 'JSON Parse error: The document is empty'})
        assert client.recv(1) == b''


def test_an_offer_of_http_2_is_passed_over(served):
    offer = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAEAAEAA']
    with served.connect() as client:
        for _ in range(2):
            client.sendall(request('POST', '/v1/models/double:predict', BODY, *offer))
            assert _answer(client)[2] == ANSWER


def test_answers_come_after_the_client_has_closed_its_side(served):
    asked = request('POST', '/v1/models/double:predict', b'{"signature_name": "slow", "instances": [[1.0]]}')
    with served.connect() as client:
        client.sendall(asked * 3)
        client.shutdown(socket.SHUT_WR)
        received = b''
        while piece := client.recv(1 << 16):
            received += piece
    assert received.count(b'HTTP/1.1 200 OK') == received.count(b'[[2.0]') == 3


@pytest.mark.parametrize(('headers', 'stays_open'), [((), False), (('Connection: keep-alive',), True)])
def test_http_1_0(served, headers, stays_open):
    with served.connect() as client:
        client.sendall(request('POST', '/v1/models/double:predict', BODY, *headers, version='1.0'))
        _, answered, body = _answer(client)
        assert body == ANSWER
        assert answered.get('connection') == ('keep-alive' if stays_open else 'close')
        client.settimeout(0.2)
        if stays_open:
            with pytest.raises(TimeoutError):
                client.recv(1)
        else:
            assert client.recv(1) == b''


@pytest.mark.parametrize(('sent', 'status'), [
    (b'garbage\r\n\r\n', '400 Bad Request'), (request('BREW', '/v1/models/double'), '501 Not Implemented'),
    (request('TRACE', '/v1/models/double'), '501 Not Implemented'), (request('GET', '/nope'), '404 Not Found'),
    (request('GET', '//v1/models/double'), '404 Not Found'), (request('OPTIONS', '/nope'), '404 Not Found')])
def test_pages_outside_the_api_close_the_connection(served, sent, status):
    with served.connect() as client:
        client.sendall(sent)
        line, headers, body = _answer(client)
        assert line == f'HTTP/1.1 {status}'
        assert (headers['content-type'], headers['connection']) == ('text/html', 'close')
        assert body == rest.html_page(int(status[:3]))
        assert client.recv(1) == b''


def test_head_has_no_body(served):
    with served.connect() as client:
        client.sendall(request('HEAD', '/v1/models/double') + request('GET', '/v1/models/double'))
        received = b''
        while not received.endswith(b'}\n'):
            received += client.recv(1 << 16)
    head, _, rest_of_it = received.partition(b'\r\n\r\n')
    assert head.startswith(b'HTTP/1.1 400 Bad Request')
    assert rest_of_it.startswith(b'HTTP/1.1 200 OK')


@pytest.mark.parametrize('body', [b' ' * 100_001, gzip.compress(b' ' * 100_001)], ids=['plain', 'unpacked'])
def test_a_large_request_is_refused_with_what_to_do(served, body):
    headers = ['Content-Encoding: gzip'] if len(body) < 1000 else []
    status, answered, body = served.post(body, headers=headers)
    assert status.startswith('HTTP/1.1 413 ')
    assert answered['connection'] == 'close'
    assert 'larger than 100000 bytes. Send fewer rows' in json.loads(body)['error']


def test_a_large_request_that_waits_for_continue_is_not_read(served):
    status, _, _ = served.exchange(b'POST /v1/models/double:predict HTTP/1.1\r\nHost: test\r\n'
                                   b'Content-Length: 100001\r\nExpect: 100-continue\r\n\r\n')
    assert status.startswith('HTTP/1.1 413 ')


def test_gzip_is_unpacked_and_its_damage_is_an_empty_document(served):
    packed = gzip.compress(BODY)
    assert served.post(packed, headers=['Content-Encoding: gzip'])[2] == ANSWER
    for damaged in (packed[:-5], packed + packed, BODY):
        status, _, body = served.post(damaged, headers=['Content-Encoding: gzip'])
        assert (status, json.loads(body)) == ('HTTP/1.1 400 Bad Request', {
            'error': 'JSON Parse error: The document is empty'})


def test_a_bug_is_an_answer_and_a_line_in_the_log(served, caplog):
    status, _, body = served.post(b'{"signature_name": "broken", "instances": [[1.0]]}')
    assert (status, json.loads(body)) == ('HTTP/1.1 500 Internal Server Error', {'error': 'a bug'})
    assert 'POST /v1/models/double:predict failed' in caplog.text


def test_requests_beyond_the_threads_wait(served):
    asked = request('POST', '/v1/models/double:predict', b'{"signature_name": "slow", "instances": [[1.0]]}')
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(served.connect()) for _ in range(5)]
        for client in clients:
            client.sendall(asked)
        assert [_answer(client)[0] for client in clients] == ['HTTP/1.1 200 OK'] * 5
    assert served.model.most_running == 2


def test_a_client_that_goes_away_leaves_the_server_answering(served):
    for sent in (request('POST', '/v1/models/double:predict', BODY)[:-3], b'POST /v1', b'',
                 request('POST', '/v1/models/double:predict', b'{"signature_name": "slow", "instances": [[1.0]]}')):
        with served.connect() as client:
            client.sendall(sent)
    assert served.post(BODY)[2] == ANSWER


def test_a_long_body_does_not_hold_up_others():
    rows = json.dumps({'instances': np.ones((40, 64, 64, 3)).tolist()}).encode()
    with Served() as running, running.connect() as client:
        client.sendall(request('POST', '/v1/models/double:predict', rows))
        waits = []
        while not waits or client not in _readable(client):
            started = time.monotonic()
            assert running.exchange(request('GET', '/v1/models/double'))[0] == 'HTTP/1.1 200 OK'
            waits.append(time.monotonic() - started)
        assert len(waits) > 3
        assert _answer(client)[0] == 'HTTP/1.1 200 OK'


def _readable(client):
    import select
    return select.select([client], [], [], 0)[0]


def test_time_limit_and_cors():
    with Served(rest_timeout_seconds=0.05, has_cors=True) as running:
        status, headers, body = running.post(b'{"signature_name": "slow", "instances": [[1.0]]}')
        assert (status, json.loads(body)) == ('HTTP/1.1 504 Gateway Timeout', {
            'error': 'Timed out waiting for notification'})
        assert headers['access-control-allow-origin'] == '*'
        assert running.post(b'{"signature_name": "stuck", "instances": [[1.0]]}')[0] == status
        status, headers, body = running.exchange(request('OPTIONS', '/v1/models/double', None, 'Origin: https://a.b'))
        assert (status, body) == ('HTTP/1.1 200 OK', b'')
        assert headers['access-control-allow-methods'] == 'POST, GET'


def test_stopping_lets_an_answer_out():
    with Served() as running, running.connect() as client:
        client.sendall(request('POST', '/v1/models/double:predict',
                               b'{"signature_name": "slow", "instances": [[1.0]]}'))
        while not running.model.running:
            time.sleep(0.01)
        running.stop()
        assert _answer(client)[0] == 'HTTP/1.1 200 OK'


def test_the_metrics_page(served):
    served.post(BODY)
    served.post(b'{')
    status, headers, page = served.exchange(request('GET', METRICS_PATH))
    assert (status, headers['content-type']) == ('HTTP/1.1 200 OK', 'text/plain')
    families = {family.name: family for family in parser.text_string_to_metric_families(page.decode())}
    counts = {tuple(sample.labels.values()): sample.value
              for sample in families[':tensorflow:serving:request_count'].samples}
    assert counts['double', 'OK'] >= 1 and counts['double', 'INVALID_ARGUMENT'] >= 1
    assert any(sample.labels == {'model_name': 'double', 'API': 'predict', 'entrypoint': 'REST'}
               for sample in families[':tensorflow:serving:request_latency'].samples if sample.name.endswith('_count'))
    assert families['stylegan_serving_received_bytes'].samples[0].value > len(BODY)
