"""The batch scheduler, over a servable that records what it was given; the numbers are those of the golden record."""

import asyncio
import threading
import time
import types

import numpy as np
import pytest

from stylegan_serving.local_server import batching
from stylegan_serving.local_server.errors import ServingError


class Servable:
    """`probe` tells what it ran on, `guarded` fails on negative numbers, `blocked` waits for `gate`."""

    def __init__(self):
        shape = types.SimpleNamespace(unknown_rank=False, dim=[types.SimpleNamespace(size=-1)] * 2)
        fixed = types.SimpleNamespace(unknown_rank=False, dim=[types.SimpleNamespace(size=size) for size in (-1, 3)])
        inputs = {name: {'x': types.SimpleNamespace(tensor_shape=shape)}
                  for name in ('probe', 'guarded', 'blocked', 'total')}
        inputs['single'] = {'x': types.SimpleNamespace(tensor_shape=fixed)}
        self.signatures = {name: types.SimpleNamespace(inputs=value) for name, value in inputs.items()}
        self.batches, self.wanted, self.gate = [], [], threading.Event()
        self.at_work = 0

    def run(self, signature_name, inputs, output_names=None):
        x = inputs['x']
        self.batches.append(x.copy())
        self.wanted.append(output_names)
        if signature_name == 'blocked':
            self.at_work += 1
            assert self.gate.wait(10)
            self.at_work -= 1
        if signature_name == 'guarded' and x.size and x.min() < 0:
            raise ServingError('INVALID_ARGUMENT', f'assertion failed: [{x.min()}]')
        if signature_name == 'total':
            return {'y': x, 'total': x.sum()}
        rows = len(x)
        outputs = {'first': x[:, 0], 'rows': np.full(rows, rows), 'batch_sum': np.full(rows, x.sum())}
        return {name: outputs[name] for name in output_names or outputs}


def scheduler(**parameters):
    settings = {'max_batch_size': 8, 'batch_timeout_micros': 50_000, 'max_enqueued_batches': 2, 'num_batch_threads': 2,
                'allowed_batch_sizes': (4, 8)}
    return batching.Scheduler(batching.BatchingParameters(**{**settings, **parameters}))


def answers(servable, requests, signature_name='probe', output_names=None, **parameters):
    """What the requests (arrays) get when they are sent together; exceptions among them."""
    async def run():
        batches = scheduler(**parameters)
        try:
            return await asyncio.gather(*(batches.run(servable, signature_name, {'x': np.array(x, np.float32)}, names)
                                          for x, names in zip(requests, output_names or [None] * len(requests))),
                                        return_exceptions=True)
        finally:
            batches.close()
    return asyncio.run(run())


def lists(answer):
    return {name: array.tolist() for name, array in answer.items()}


def rows(count, base=1.0, width=2):
    return [[base + index] + [0.0] * (width - 1) for index in range(count)]


@pytest.mark.parametrize(('count', 'ran_on', 'total'), [(1, 4, 4), (3, 4, 7), (4, 4, 10), (5, 8, 18)])
def test_batches_are_padded_to_an_allowed_size_with_the_first_row(count, ran_on, total):
    answer, = answers(Servable(), [rows(count)])
    assert lists(answer) == {'first': [1.0 + index for index in range(count)], 'rows': [ran_on] * count,
                             'batch_sum': [total] * count}


def test_requests_of_one_window_run_together_and_the_last_one_pads():
    servable = Servable()
    together = answers(servable, [rows(1, 1.0), rows(1, 10.0), rows(1, 100.0)])
    assert [lists(answer) for answer in together] == [
        {'first': [base], 'rows': [4], 'batch_sum': [211.0]} for base in (1.0, 10.0, 100.0)]
    assert len(servable.batches) == 1


def test_without_a_timeout_a_request_does_not_wait():
    servable = Servable()
    assert lists(answers(servable, [rows(2)], batch_timeout_micros=0, allowed_batch_sizes=())[0])['rows'] == [2, 2]


def test_a_full_batch_does_not_wait_for_the_timeout():
    start = time.monotonic()
    answer, = answers(Servable(), [rows(8)], batch_timeout_micros=60_000_000)
    assert answer['rows'].tolist() == [8] * 8 and time.monotonic() - start < 30


def test_a_single_request_of_an_allowed_size_is_not_copied():
    x, servable = np.ones((4, 2), np.float32), Servable()
    servable.run = lambda signature_name, inputs, names=None: {'same': np.full(4, inputs['x'] is x)}

    async def run():
        return await scheduler().run(servable, 'probe', {'x': x})
    assert asyncio.run(run())['same'].all()


def test_each_request_gets_the_outputs_it_asked_for():
    servable = Servable()
    together = answers(servable, [rows(1)] * 2, output_names=[['rows'], ['first', 'rows']])
    assert [set(answer) for answer in together] == [{'rows'}, {'rows', 'first'}]
    assert servable.wanted == [['rows', 'first']]
    assert set(answers(servable, [rows(1)] * 2, output_names=[['rows'], None])[1]) == {'first', 'rows', 'batch_sum'}


def test_signatures_do_not_share_batches():
    async def run():
        batches, servable = scheduler(), Servable()
        inputs = {'x': np.ones((1, 2), np.float32)}
        await asyncio.gather(batches.run(servable, 'probe', inputs), batches.run(servable, 'guarded', inputs))
        return len(servable.batches)
    assert asyncio.run(run()) == 2


@pytest.mark.parametrize('request_, message', [
    (np.ones((9, 2)), 'Task size 9 is larger than maximum input batch size 8'),
    (np.ones(()), 'Batching Run() input tensors must have at least one dimension')])
def test_unusable_inputs_are_refused(request_, message):
    error, = answers(Servable(), [request_])
    assert (error.code, error.message) == ('INVALID_ARGUMENT', message)


def test_inputs_must_have_equal_rows():
    async def run():
        await scheduler().run(Servable(), 'probe', {'x': np.ones((2, 3)), 'strength': np.ones(1)})
    with pytest.raises(ServingError, match='input tensors must have equal 0th-dimension size'):
        asyncio.run(run())


def test_outputs_must_be_rows():
    error, = answers(Servable(), [rows(4)], 'total')
    assert (error.code, error.message) == ('FAILED_PRECONDITION', 'Batched output tensor has 0 dimensions')
    servable = Servable()
    servable.run = lambda signature_name, inputs, names=None: {'cums': np.ones(len(inputs['x']) + 1)}
    error, = answers(servable, [rows(4)])
    assert error.code == 'FAILED_PRECONDITION' and 'does not equal the sum of the 0th dimension sizes' in error.message


def test_a_bad_request_does_not_fail_its_neighbours():
    good, bad, other = answers(Servable(), [rows(1), rows(1, -1.0), rows(2, 5.0)], 'guarded')
    assert good['first'].tolist() == [1.0] and other['first'].tolist() == [5.0, 6.0]
    assert bad.message == 'assertion failed: [-1.0]'


def test_different_widths_of_one_window_run_apart():
    two, three = answers(Servable(), [rows(1, width=2), rows(1, width=3)])
    assert two['batch_sum'].tolist() == three['batch_sum'].tolist() == [4.0]


def test_open_dimensions_are_padded_with_the_first_element_where_that_is_asked_for():
    servable = Servable()
    two, three = answers(servable, [[[5.0, 1.0]], [[7.0, 1.0, 1.0]]], pad_variable_length_inputs=True)
    assert two['batch_sum'].tolist() == three['batch_sum'].tolist() == [38.0]
    assert servable.batches[0].tolist() == [[5, 1, 5]] + 3 * [[7, 1, 1]]


def test_a_wrong_width_is_never_padded():
    servable = Servable()
    answers(servable, [rows(1, width=3), rows(1, width=2)], 'single', pad_variable_length_inputs=True)
    assert sorted(batch.shape for batch in servable.batches) == [(4, 2), (4, 3)]


def test_types_are_not_mixed():
    async def run():
        servable, batches = Servable(), scheduler()
        await asyncio.gather(batches.run(servable, 'probe', {'x': np.ones((1, 2), np.float32)}),
                             batches.run(servable, 'probe', {'x': np.ones((1, 2), np.float64)}))
        return {batch.dtype.name for batch in servable.batches}
    assert asyncio.run(run()) == {'float32', 'float64'}


def test_no_rows_are_answered_at_once_and_without_padding():
    servable = Servable()
    answer, = answers(servable, [np.zeros((0, 2))], batch_timeout_micros=60_000_000)
    assert answer['rows'].shape == (0,) and servable.batches[0].shape == (0, 2)


def test_large_requests_are_split_where_that_is_asked_for():
    split = {'max_batch_size': 32, 'max_execution_batch_size': 8, 'enable_large_batch_splitting': True,
             'max_enqueued_batches': 16, 'allowed_batch_sizes': ()}
    answer, refused = answers(Servable(), [[[1.0, 0.0]] * 20, [[1.0, 0.0]] * 33], **split)
    assert answer['rows'].tolist() == [8] * 16 + [4] * 4
    assert refused.message == 'Task size 33 is larger than maximum input batch size 32'
    first, second = answers(Servable(), [rows(5), rows(5, 10.0)], **split)
    assert first['rows'].tolist() == [8] * 5 and second['rows'].tolist() == [8, 8, 8, 2, 2]
    assert second['first'].tolist() == [10, 11, 12, 13, 14]


def test_a_split_request_needs_room_for_all_its_parts():
    refused, = answers(Servable(), [[[1.0]] * 20], max_batch_size=32, max_execution_batch_size=8,
                       enable_large_batch_splitting=True, max_enqueued_batches=2, allowed_batch_sizes=())
    assert refused.code == 'UNAVAILABLE' and 'task size is 20 but scheduling capacity is only 16' in refused.message


async def blocked(servable, batches, count):
    """`count` full requests, as tasks, of which the first ones have got the batch threads."""
    requests = []
    for _ in range(count):
        requests.append(asyncio.create_task(batches.run(servable, 'blocked', {'x': np.ones((8, 2), np.float32)})))
        await asyncio.sleep(0)
    while servable.at_work < 2:
        await asyncio.sleep(0.01)
    return requests


def test_a_full_queue_refuses():
    async def run():
        servable, batches = Servable(), scheduler()
        requests = await blocked(servable, batches, 10)
        servable.gate.set()
        return await asyncio.gather(*requests, return_exceptions=True)
    outcomes = asyncio.run(run())
    refused = [outcome for outcome in outcomes if isinstance(outcome, ServingError)]
    assert len(refused) == 6 and len(outcomes) == 10
    assert {(error.code, error.message) for error in refused} == {
        ('UNAVAILABLE', 'The batch scheduling queue to which this task was submitted is full; currently 2 batches '
                        'enqueued and max_enqueued_batches is 2')}


def test_requests_nobody_waits_for_are_not_run():
    async def run():
        servable, batches = Servable(), scheduler()
        requests = await blocked(servable, batches, 2)
        x = {'x': np.ones((8, 2), np.float32)}
        late = asyncio.create_task(batches.run(servable, 'probe', x, deadline=time.monotonic() + 0.05))
        gone = asyncio.create_task(batches.run(servable, 'probe', x))
        await asyncio.sleep(0.1)
        gone.cancel()
        await asyncio.sleep(0)
        servable.gate.set()
        return await asyncio.gather(*requests, late, gone, return_exceptions=True), len(servable.batches)
    (*_, late, gone), ran = asyncio.run(run())
    assert late.code == 'DEADLINE_EXCEEDED' and isinstance(gone, asyncio.CancelledError) and ran == 2


def test_queues_take_turns():
    async def run():
        servable, other, batches = Servable(), Servable(), scheduler(num_batch_threads=1, max_enqueued_batches=9)
        order = []
        for name, each in (('first', servable), ('second', other)):
            each.run = lambda *_, name=name: order.append(name) or time.sleep(0.01) or {'y': np.ones(8)}
        x = {'x': np.ones((8, 2), np.float32)}
        await asyncio.gather(*(batches.run(each, 'probe', x) for each in [servable] * 4 + [other] * 2))
        return order
    assert asyncio.run(run()) == ['first', 'first', 'second', 'first', 'second', 'first']


@pytest.mark.parametrize(('settings', 'message'), [
    ({'max_batch_size': 16},
     'Last entry in allowed_batch_sizes must match max_batch_size; last entry was 8; expected 16'),
    ({'max_batch_size': 32, 'enable_large_batch_splitting': True, 'max_execution_batch_size': 8},
     'Last entry in allowed_batch_sizes must match max_batch_size; last entry was 8; expected 32'),
    ({'enable_large_batch_splitting': True},
     'must be equal to max_execution_batch_size; last entry was 8; expected 1000'),
    ({'allowed_batch_sizes': (8, 8)}, 'allowed_batch_sizes entries must be monotonically increasing')])
def test_contradictory_parameters_are_refused(settings, message):
    parameters = batching.BatchingParameters(**{'max_batch_size': 8, 'allowed_batch_sizes': (4, 8), **settings})
    with pytest.raises(ServingError) as caught:
        parameters.check()
    assert caught.value.code == 'INVALID_ARGUMENT' and message in caught.value.message


def test_whatever_happens_in_a_batch_its_requests_are_answered():
    servable = Servable()
    servable.run = lambda *_: 1 / 0
    assert [type(error) for error in answers(servable, [rows(1), rows(1)])] == [ZeroDivisionError] * 2
