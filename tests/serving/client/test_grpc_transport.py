"""gRPC where servers fail, and what only gRPC has."""

import asyncio
import threading
import time
from concurrent import futures

import grpc
import pytest

from stylegan_serving import client
from stylegan_serving.client import grpc_transport, retries


@pytest.fixture
def silent(free_port):
    """Address of a server that counts calls, keeps their metadata, and answers none."""
    class Silent(grpc.GenericRpcHandler):
        def __init__(self):
            self.calls = []

        def service(self, details):
            self.calls.append((details.method, dict(details.invocation_metadata)))
            return grpc.unary_unary_rpc_method_handler(lambda request, context: time.sleep(2) or b'')

    server = grpc.server(futures.ThreadPoolExecutor(2))
    handler, port = Silent(), free_port()
    server.add_generic_rpc_handlers([handler])
    server.add_insecure_port(f'127.0.0.1:{port}')
    server.start()
    yield f'grpc://127.0.0.1:{port}', handler
    server.stop(None)


def test_a_deadline_ends_a_call_and_headers_go_along(silent):
    assert grpc_transport, 'imported, with TensorFlow, before the clock runs'
    address, handler = silent
    start = time.monotonic()
    with (client.connect(address, model='pair', deadline_seconds=0.3, headers={'Authorization': 'me'}) as plain,
          pytest.raises(client.ServerError, match='DEADLINE_EXCEEDED')):
        plain.metadata()

    async def run():
        async with client.connect_async(address, model='pair', deadline_seconds=0.3) as awaited:
            await awaited.metadata()

    with pytest.raises(client.ServerError, match='DEADLINE_EXCEEDED'):
        asyncio.run(run())
    assert time.monotonic() - start < 2
    assert len(handler.calls) == 2 and handler.calls[0][1]['authorization'] == 'me'


def test_a_server_that_is_not_there_is_tried_again_and_then_given_up(free_port):
    policy = retries.RetryPolicy(max_attempts=3, first_delay_seconds=0.01)
    with (client.connect(f'grpc://127.0.0.1:{free_port()}', model='pair', retries=policy) as plain,
          pytest.raises(client.ServerError) as caught):
        plain.predict('single', {'x': [[1, 2, 3]]})
    assert caught.value.is_connection and caught.value.code == 'UNAVAILABLE'


def test_closing_ends_calls_that_wait_for_their_next_attempt(free_port):
    policy = retries.RetryPolicy(max_attempts=None, first_delay_seconds=30, max_delay_seconds=30)
    plain = client.connect(f'grpc://127.0.0.1:{free_port()}', model='pair', retries=policy)
    threading.Timer(0.3, plain.close).start()
    start = time.monotonic()
    with pytest.raises(client.ServerError, match='CANCELLED: the client was closed'):
        plain.metadata()
    assert time.monotonic() - start < 10
