"""The course of calls, over a transport whose answers are set."""

import asyncio

import numpy as np
import pytest

from stylegan_serving.client import InputError, RowsError, ServerError, calls, retries
from stylegan_serving.client.exchanges import Metadata, ModelSpec, Predict, Prediction, Status, VersionStatus
from stylegan_serving.client.signatures import ModelMetadata, Signature, TensorInfo

SPEC = ModelSpec('pair')
DOUBLE = Signature('double', {'x': TensorInfo('x', 'DT_FLOAT', (None, 2))},
                   {'y': TensorInfo('y', 'DT_FLOAT', (None, 2))})
TOTAL = Signature('total', DOUBLE.inputs, {'sum': TensorInfo('sum', 'DT_FLOAT', ())})
METADATA = ModelMetadata('pair', 3, {'double': DOUBLE, 'total': TOTAL})


class Server:
    """Doubles its rows; `refuse(request, row values)` may return an error to raise instead."""

    server, bytes_factor = 'grpc://there:1', 1.0

    def __init__(self, refuse=lambda request, rows: None):
        self.refuse = refuse
        self.requests = []  # row counts of Predict, else the request's class name
        self.timeouts = []

    def exchange(self, request, timeout_seconds):
        self.timeouts.append(timeout_seconds)
        rows = list(request.inputs['x'][:, 0]) if isinstance(request, Predict) else None
        self.requests.append(type(request).__name__ if rows is None else len(rows))
        error = self.refuse(request, rows)
        if error is not None:
            raise error
        if isinstance(request, Metadata):
            return METADATA
        if isinstance(request, Status):
            return [VersionStatus(3, 'AVAILABLE')]
        x = request.inputs['x']
        return Prediction({'y': 2 * x} if request.signature.name == 'double' else {'sum': x.sum()}, 3)


def predict(server, x, *, signature='double', options=None, is_async=False, waits=None):
    made = calls.Calls(options or calls.Options(retries=retries.RetryPolicy(first_delay_seconds=0.001)), 1.0)
    steps = made.predict(SPEC, signature, {'x': x}, made.until())
    if not is_async:
        return calls.drive(steps, server, (waits if waits is not None else []).append)

    class Awaited:
        async def exchange(self, request, timeout_seconds):
            return server.exchange(request, timeout_seconds)

    return asyncio.run(calls.drive_async(steps, Awaited()))


def error(code, message='', **more):
    return ServerError(code, message, **more)


@pytest.mark.parametrize('is_async', [False, True])
def test_large_requests_are_cut_by_rows_and_joined_in_order(is_async):
    server, x = Server(), np.arange(14, dtype=np.float32).reshape(7, 2)
    outputs = predict(server, x, options=calls.Options(max_rows=3), is_async=is_async)
    np.testing.assert_array_equal(outputs['y'], 2 * x)
    assert server.requests == ['Metadata', 3, 3, 1]


def test_large_requests_are_cut_by_bytes():
    server = Server()
    predict(server, np.zeros((5, 2), np.float32), options=calls.Options(max_request_bytes=16))  # 8 bytes a row
    assert server.requests == ['Metadata', 2, 2, 1]
    server = Server()
    predict(server, np.zeros((2, 2), np.float32), options=calls.Options(max_request_bytes=1))  # never less than a row
    assert server.requests == ['Metadata', 1, 1]


def test_a_servers_limits_are_obeyed():
    def refuse(request, rows):
        if rows and len(rows) > 4:
            return error('INVALID_ARGUMENT', f'Task size {len(rows)} is larger than maximum input batch size 4')
        return None

    server, x = Server(refuse), np.ones((10, 2), np.float32)
    np.testing.assert_array_equal(predict(server, x)['y'], 2 * x)
    assert server.requests == ['Metadata', 10, 4, 4, 2]

    def too_large(request, rows):
        if rows and len(rows) > 3:
            return error('RESOURCE_EXHAUSTED', 'CLIENT: Received message larger than max (6000052 vs. 4194304)')
        return None

    server = Server(too_large)
    np.testing.assert_array_equal(predict(server, x)['y'], 2 * x)
    assert server.requests == ['Metadata', 10, 5, 3, 2, 5, 3, 2]


def test_a_row_that_is_too_large_by_itself_is_named():
    server = Server(lambda request, rows: error('RESOURCE_EXHAUSTED', 'OOM when allocating tensor with shape[1,9000]')
                    if rows and 2.0 in rows else None)
    with pytest.raises(RowsError, match='1 of 5 rows were refused: row 2: RESOURCE_EXHAUSTED: OOM') as caught:
        predict(server, np.array([[n, n] for n in range(5)], np.float32))
    assert caught.value.rows == [0, 1, 3, 4]


@pytest.mark.parametrize('is_async', [False, True])
def test_bad_rows_are_singled_out_and_the_others_answered(is_async):
    server = Server(lambda request, rows: error('INVALID_ARGUMENT', 'bad') if rows and {1.0, 3.0} & set(rows) else None)
    with pytest.raises(RowsError, match=r'2 of 5 rows were refused: row 1: INVALID_ARGUMENT: bad; row 3') as caught:
        predict(server, np.array([[n, n] for n in range(5)], np.float32), is_async=is_async)
    assert caught.value.failures == {1: 'INVALID_ARGUMENT: bad', 3: 'INVALID_ARGUMENT: bad'}
    assert caught.value.rows == [0, 2, 4]
    np.testing.assert_array_equal(caught.value.results['y'], [[0, 0], [4, 4], [8, 8]])


def test_a_row_is_bad_only_when_refused_twice_alone():
    # Under server-side batching another client's bad row fails this one.
    refusals = iter([error('INVALID_ARGUMENT', 'assertion failed'), None])
    server = Server(lambda request, rows: next(refusals) if rows else None)
    np.testing.assert_array_equal(predict(server, np.ones((1, 2), np.float32))['y'], [[2, 2]])
    assert server.requests == ['Metadata', 1, 1]
    server = Server(lambda request, rows: error('INVALID_ARGUMENT', 'assertion failed') if rows else None)
    with pytest.raises(ServerError, match='INVALID_ARGUMENT: assertion failed'):
        predict(server, np.ones((1, 2), np.float32))
    assert server.requests == ['Metadata', 1, 1]


def test_refusals_that_are_about_no_row_end_the_call():
    server = Server(lambda request, rows: error('INVALID_ARGUMENT', 'Unrecognized servable version label: nope')
                    if rows else None)
    with pytest.raises(ServerError, match='Unrecognized servable version label: nope'):
        predict(server, np.ones((3, 2), np.float32))
    assert server.requests == ['Metadata', 3]


@pytest.mark.parametrize(('refusal', 'is_retried'), [
    (error('UNAVAILABLE', 'The batch scheduling queue to which this task was submitted is full'), True),
    (error('UNAVAILABLE', 'Connection refused', is_connection=True), True),
    (error('RESOURCE_EXHAUSTED', 'Server Threadpool Exhausted'), True),
    (error('DEADLINE_EXCEEDED', 'Timed out waiting for notification'), True),
    (error('FAILED_PRECONDITION', "Tensors with name 'single_x:0' from different tasks have different shapes and "
           'padding is turned off.'), True),
    (error('NOT_FOUND', 'Servable not found for request: Latest(pair)'), False),
    (error('RESOURCE_EXHAUSTED', 'CLIENT: Sent message larger than max (6000048 vs. 1048576)'), False),
    (error('DEADLINE_EXCEEDED', 'Deadline Exceeded'), False),
    (error('FAILED_PRECONDITION', 'Batched output tensor has 0 dimensions'), False),
    (error('INTERNAL', ''), False), (error('UNIMPLEMENTED', ''), False)])
def test_what_another_attempt_can_cure_is_tried_again(refusal, is_retried):
    refusals = iter([refusal, refusal])
    server, waits = Server(lambda request, rows: next(refusals, None) if rows else None), []
    if is_retried:
        np.testing.assert_array_equal(predict(server, np.ones((1, 2), np.float32), waits=waits)['y'], [[2, 2]])
        assert server.requests == ['Metadata', 1, 1, 1]
        assert len(waits) == 2
    else:
        with pytest.raises(ServerError):
            predict(server, np.ones((1, 2), np.float32), waits=waits)
        assert server.requests == ['Metadata', 1]
        assert not waits


def test_attempts_and_time_are_bounded():
    server = Server(lambda request, rows: error('UNAVAILABLE'))
    policy = retries.RetryPolicy(max_attempts=4, first_delay_seconds=0.001)
    with pytest.raises(ServerError, match='UNAVAILABLE'):
        predict(server, [[1, 2]], options=calls.Options(retries=policy))
    assert server.requests == ['Metadata'] * 4

    class Clock:
        now = 0.0

    made = calls.Calls(calls.Options(deadline_seconds=10, retries=retries.RetryPolicy(max_attempts=None)), 1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls.time, 'monotonic', lambda: Clock.now)
        server = Server(lambda request, rows: error('UNAVAILABLE'))

        def wait(seconds):
            Clock.now += seconds

        with pytest.raises(ServerError, match='UNAVAILABLE'):
            calls.drive(made.metadata(SPEC, made.until()), server, wait)
    assert 5 < Clock.now < 10  # the next wait would have passed the deadline
    assert server.timeouts[0] == 10 and all(late < early for early, late in zip(server.timeouts, server.timeouts[1:]))


def test_delays_grow_with_jitter_up_to_a_limit():
    policy = retries.RetryPolicy(first_delay_seconds=0.1, multiplier=2, max_delay_seconds=1)
    for failures, longest in ((1, 0.1), (2, 0.2), (4, 0.8), (5, 1.0), (5000, 1.0)):
        delays = [policy.delay_seconds(failures) for _ in range(200)]
        assert longest / 2 <= min(delays) < max(delays) <= longest
        assert max(delays) - min(delays) > 0.3 * longest


def test_outputs_that_are_not_one_a_row_cannot_be_joined():
    np.testing.assert_array_equal(predict(Server(), [[1, 2], [3, 4]], signature='total')['sum'], 10)
    with pytest.raises(InputError, match=r"Output 'sum' of .* is not one a row \(shape \[\] for 1 rows\)"):
        predict(Server(), [[1, 2], [3, 4]], signature='total', options=calls.Options(max_rows=1))


def test_waiting_for_a_model_ends_when_it_could_not_be_loaded():
    unloaded = error('NOT_FOUND', 'Servable not found for request: Latest(pair)')
    refusals = iter([error('UNAVAILABLE', 'refused', is_connection=True), unloaded, None, None])
    server = Server(lambda request, rows: next(refusals))
    made = calls.Calls(calls.Options(retries=retries.NO_RETRIES), 1.0)
    assert calls.drive(made.wait_until_available(SPEC, made.until()), server, lambda seconds: None) == METADATA
    assert server.requests == ['Metadata', 'Metadata', 'Status', 'Metadata']

    class Failed(Server):
        def exchange(self, request, timeout_seconds):
            if isinstance(request, Status):
                return [VersionStatus(4, 'END', 'INVALID_ARGUMENT', 'Incompatible shapes'), VersionStatus(3, 'END')]
            raise unloaded

    with pytest.raises(ServerError, match='version 4 of pair could not be loaded: INVALID_ARGUMENT: Incompatible'):
        calls.drive(made.wait_until_available(SPEC, made.until()), Failed(), lambda seconds: None)
    with pytest.raises(ServerError, match='NOT_FOUND: Servable not found'):  # the server knows no such model
        calls.drive(made.wait_until_available(SPEC, made.until()), Server(lambda request, rows: unloaded),
                    lambda seconds: None)


def test_texts_of_servers_are_cut():
    echo = f'Failed to process element: 0. JSON object: {{"image_bytes": {{"b64": "{"iVBORw0K" * 100}"}}}} keys must be'
    assert error('INVALID_ARGUMENT', echo).message == (
        'Failed to process element: 0. JSON object: {"image_bytes": {"b64": "<800 characters>"}} keys must be')
    node = 'Incompatible shapes: [3] vs. [1,2]\n\t [[{{function_node __inference_two_1024}}{{node mul}}]]'
    assert str(error('INVALID_ARGUMENT', node)) == 'INVALID_ARGUMENT: Incompatible shapes: [3] vs. [1,2]'
    assert len(error('INTERNAL', '1, ' * 1000).message) < 500
