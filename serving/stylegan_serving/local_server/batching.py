"""Dynamic batching: requests for one signature that arrive together run as one.

The rules are TensorFlow Serving's (its `BatchingParameters`), with one exception: no request decides the fate of
another. A batch that fails runs again request by request, inputs are padded only in dimensions that the
signature leaves open, and a request without rows does not wait for company. `serving/local_server_differences.md`
lists what follows from that.
"""

import asyncio
import collections
import concurrent.futures
import dataclasses
import functools
import itertools
import time

import numpy as np

from stylegan_serving.local_server.errors import ServingError
from stylegan_tf import cores


@dataclasses.dataclass(frozen=True)
class BatchingParameters:
    """The fields of TensorFlow Serving's BatchingParameters that matter on one machine, with its defaults."""

    max_batch_size: int = 1000  # rows of a request; without splitting also of a batch
    batch_timeout_micros: int = 0  # how long the first request of a batch waits for others
    max_enqueued_batches: int = 10  # waiting batches of one signature, the one that still fills included
    num_batch_threads: int = cores.available()  # batches that run at the same time, of all models together
    allowed_batch_sizes: tuple[int, ...] = ()  # a batch is padded to the next of these; () pads nothing
    pad_variable_length_inputs: bool = False  # joins requests that differ in dimensions the signature leaves open
    enable_large_batch_splitting: bool = False  # cuts requests into batches of max_execution_batch_size
    max_execution_batch_size: int = 1000  # rows of a batch, with splitting

    @property
    def batch_rows(self):
        """The most rows that run as one batch, before padding."""
        return self.max_execution_batch_size if self.enable_large_batch_splitting else self.max_batch_size

    def check(self):
        """Raises ServingError INVALID_ARGUMENT where TensorFlow Serving refuses to load a model with them."""
        sizes = self.allowed_batch_sizes
        if not sizes:
            return
        if sizes[-1] != self.max_batch_size:
            raise ServingError('INVALID_ARGUMENT', 'Last entry in allowed_batch_sizes must match max_batch_size; '
                               f'last entry was {sizes[-1]}; expected {self.max_batch_size}')
        if self.enable_large_batch_splitting and sizes[-1] != self.max_execution_batch_size:
            raise ServingError('INVALID_ARGUMENT', 'Last entry in allowed_batch_sizes must be equal to '
                               f'max_execution_batch_size; last entry was {sizes[-1]}; expected '
                               f'{self.max_execution_batch_size}')
        if any(low >= high for low, high in itertools.pairwise(sizes)):
            raise ServingError('INVALID_ARGUMENT', 'allowed_batch_sizes entries must be monotonically increasing')

    def padded(self, rows):
        """Rows of the batch that the graph sees when `rows` are asked for."""
        return next((size for size in self.allowed_batch_sizes if size >= rows), rows)


class Scheduler:
    """Joins requests into batches and runs these in threads of its own. All calls come from one event loop.

    Args:
        parameters: BatchingParameters; checked by whoever loads models.
        observe: None, or function (servable, rows, padded rows, seconds that each request waited) that is told of each
            batch, in a thread.
    """

    def __init__(self, parameters, *, observe=None):
        self._parameters = parameters
        self._observe = observe or (lambda *_: None)
        self._threads = concurrent.futures.ThreadPoolExecutor(parameters.num_batch_threads, 'batch')
        self._idle_threads = parameters.num_batch_threads
        self._queues = {}  # (servable, signature name) -> _Queue that is not empty; the first one's turn is next

    async def run(self, servable, signature_name, inputs, output_names=None, deadline=None):
        """The answer of `servable.run` for these inputs, computed together with other requests.

        Args:
            servable: Its `signatures` and `run` are used; hashed by identity.
            signature_name: Key of `servable.signatures`.
            inputs: Dict name -> array [rows, ...], the same number of rows in each.
            output_names: Names of the outputs that are wanted; None for all.
            deadline: Time of `time.monotonic()` after which the answer is not wanted any more; None for never.
        Returns:
            Dict name -> array [rows, ...].
        Raises:
            ServingError: INVALID_ARGUMENT for inputs without equal first dimensions or with more rows than
                `max_batch_size`; UNAVAILABLE when the queue is full; DEADLINE_EXCEEDED when it waited too long;
                FAILED_PRECONDITION for outputs that are not one row per row; and what `servable.run` raises.
        """
        rows = _row_count(inputs)
        if rows > self._parameters.max_batch_size:
            raise ServingError('INVALID_ARGUMENT', f'Task size {rows} is larger than maximum input batch size '
                               f'{self._parameters.max_batch_size}')
        loop = asyncio.get_running_loop()
        task = _Task(inputs, rows, output_names, deadline, loop)
        if not rows:
            work = functools.partial(_run_together, servable, signature_name, [task], self._parameters, self._observe)
            return (await loop.run_in_executor(self._threads, work))[0]
        queue = self._queues.setdefault((servable, signature_name), _Queue(self._parameters))
        parts = queue.add(task, functools.partial(self._expire, loop))
        self._dispatch(loop)
        try:
            answers = await asyncio.gather(*(part.answer for part in parts))
        finally:
            for part in parts:
                part.answer.cancel()
        return answers[0] if len(answers) == 1 else _joined(answers)

    def waiting_rows(self):
        """Rows in batches that do not run yet."""
        return sum(batch.rows for queue in self._queues.values() for batch in queue.batches)

    def close(self):
        """Lets the threads end once they have nothing to do."""
        self._threads.shutdown(wait=False)

    def _expire(self, loop, batch):
        batch.due = True
        self._dispatch(loop)

    def _dispatch(self, loop):
        """Gives due batches to idle threads; queues take turns."""
        while self._idle_threads:
            key = next((key for key, queue in self._queues.items() if queue.is_due()), None)
            if key is None:
                return
            queue = self._queues.pop(key)
            batch = queue.batches.popleft()
            if queue.batches:
                self._queues[key] = queue
            self._idle_threads -= 1
            work = loop.run_in_executor(self._threads, _run_batch, *key, batch.tasks, self._parameters, self._observe)
            work.add_done_callback(functools.partial(self._done, loop))

    def _done(self, loop, work):
        self._idle_threads += 1
        self._dispatch(loop)
        work.result()


class _Task:
    """A request, or a part of one, and the future of its answer."""

    def __init__(self, inputs, rows, output_names, deadline, loop):
        self.inputs, self.rows, self.output_names, self.deadline = inputs, rows, output_names, deadline
        self.loop, self.answer = loop, loop.create_future()
        self.created = time.monotonic()

    def parts(self, first_rows, other_rows):
        """Itself cut into tasks: one of `first_rows` where that is not 0, and others of at most `other_rows`."""
        cuts = [0, *range(first_rows or other_rows, self.rows, other_rows), self.rows]
        return [_Task({name: array[start:stop] for name, array in self.inputs.items()}, stop - start,
                      self.output_names, self.deadline, self.loop) for start, stop in itertools.pairwise(cuts)]

    def is_wanted(self):
        """False when nobody waits for the answer any more; called in a batch thread."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            self.deliver(ServingError('DEADLINE_EXCEEDED', 'Run() timeout exceeded while waiting in batching queue'))
            return False
        return not self.answer.done()

    def deliver(self, answer):
        """Hands over the dict of outputs or the exception; called in a batch thread."""
        self.loop.call_soon_threadsafe(self._set, answer)

    def _set(self, answer):
        if self.answer.done():
            return
        if isinstance(answer, BaseException):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


@dataclasses.dataclass(eq=False)
class _Batch:
    tasks: list
    rows: int = 0
    due: bool = False  # has waited long enough


class _Queue:
    """Waiting batches of one signature; only the last one still fills."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.batches = collections.deque()

    def is_due(self):
        """Whether its first batch may run: full, waited long enough, or closed by a next one."""
        first = self.batches[0]
        return first.due or len(self.batches) > 1 or first.rows >= self.parameters.batch_rows

    def add(self, task, expire):
        """Puts a task, or its parts, into batches and returns what must be waited for.

        Args:
            expire: Function that is called with a new batch when its time has come.
        Raises:
            ServingError: UNAVAILABLE; too many batches wait.
        """
        limit = self.parameters.batch_rows
        # The original's queue always holds a batch to fill, and counts it even when it is empty.
        open_rows, waiting = (self.batches[-1].rows, len(self.batches)) if self.batches else (0, 1)
        self._check_room(task.rows, open_rows, waiting)
        whole = not self.parameters.enable_large_batch_splitting or task.rows <= limit - open_rows
        parts = [task] if whole else task.parts(limit - open_rows, limit)
        for part in parts:
            if not self.batches or self.batches[-1].rows + part.rows > limit:
                self._open(part.loop, expire)
            self.batches[-1].tasks.append(part)
            self.batches[-1].rows += part.rows
        return parts

    def _open(self, loop, expire):
        timeout_seconds = self.parameters.batch_timeout_micros / 1e6
        self.batches.append(_Batch([], due=not timeout_seconds))
        if timeout_seconds:
            loop.call_later(timeout_seconds, expire, self.batches[-1])

    def _check_room(self, rows, open_rows, waiting):
        parameters = self.parameters
        full = 'The batch scheduling queue to which this task was submitted is full; '
        if parameters.enable_large_batch_splitting:
            capacity = (parameters.max_enqueued_batches - waiting + 1) * parameters.batch_rows - open_rows
            if rows > capacity:
                raise ServingError('UNAVAILABLE', f'{full}task size is {rows} but scheduling capacity is only '
                                   f'{capacity} (num_enqueued_batches={waiting}, '
                                   f'max_enqueued_batches={parameters.max_enqueued_batches}, '
                                   f'open_batch_size={open_rows}, max_execution_batch_size={parameters.batch_rows})')
        elif open_rows + rows > parameters.batch_rows and waiting >= parameters.max_enqueued_batches:
            raise ServingError('UNAVAILABLE', f'{full}currently {waiting} batches enqueued and max_enqueued_batches is '
                               f'{parameters.max_enqueued_batches}')


def _row_count(inputs):
    if not inputs:
        raise ServingError('INVALID_ARGUMENT', 'Batching session Run() must have at least one input tensor')
    if any(array.ndim == 0 for array in inputs.values()):
        raise ServingError('INVALID_ARGUMENT', 'Batching Run() input tensors must have at least one dimension')
    counts = {array.shape[0] for array in inputs.values()}
    if len(counts) > 1:
        raise ServingError('INVALID_ARGUMENT', 'Batching Run() input tensors must have equal 0th-dimension size')
    return counts.pop()


def _run_batch(servable, signature_name, tasks, parameters, observe):
    """Answers all tasks of a batch; the work of a batch thread."""
    groups = collections.defaultdict(list)
    for task in tasks:
        groups[_shape_key(servable, signature_name, task.inputs, parameters)].append(task)
    run = functools.partial(_run_together, servable, signature_name, parameters=parameters, observe=observe)
    for group in groups.values():
        wanted = [task for task in group if task.is_wanted()]
        if not wanted:
            continue
        try:
            answers = run(tasks=wanted)
        except Exception as error:
            # Whose fault it is nobody knows, so each is asked alone; neighbours must not suffer.
            answers = [error] if len(wanted) == 1 else [_outcome(run, task) for task in wanted]
        for task, answer in zip(wanted, answers):
            task.deliver(answer)


def _outcome(run, task):
    try:
        return run(tasks=[task])[0]
    except Exception as error:
        return error


def _shape_key(servable, signature_name, inputs, parameters):
    """What must be equal for tasks to share a batch: names, types, and lengths that may not be padded."""
    key = []
    for name in sorted(inputs):
        array, lengths = inputs[name], inputs[name].shape[1:]
        if parameters.pad_variable_length_inputs and array.size:
            declared = servable.signatures[signature_name].inputs[name].tensor_shape
            sizes = [-1] * array.ndim if declared.unknown_rank else [dim.size for dim in declared.dim]
            if len(sizes) == array.ndim:
                lengths = tuple(None if size == -1 else length for size, length in zip(sizes[1:], lengths))
        key.append((name, array.dtype.str, lengths))
    return tuple(key)


def _run_together(servable, signature_name, tasks, parameters, observe):
    """The answers, one dict a task, of tasks with one shape key, run as one batch."""
    rows = sum(task.rows for task in tasks)
    padded_rows = parameters.padded(rows) if rows else 0
    inputs = {name: _batch_of([task.inputs[name] for task in tasks], padded_rows) for name in tasks[0].inputs}
    names = None
    if all(task.output_names for task in tasks):
        names = list(dict.fromkeys(name for task in tasks for name in task.output_names))
    waited_seconds = [time.monotonic() - task.created for task in tasks]
    outputs = servable.run(signature_name, inputs, names)
    observe(servable, rows, padded_rows, waited_seconds)
    for array in outputs.values():
        if array.ndim == 0:
            raise ServingError('FAILED_PRECONDITION', 'Batched output tensor has 0 dimensions')
        if array.shape[0] != padded_rows:
            raise ServingError('FAILED_PRECONDITION', "Batched output tensor's 0th dimension does not equal the sum of "
                               'the 0th dimension sizes of the input tensors')
    answers, start = [], 0
    for task in tasks:
        answers.append({name: array[start:start + task.rows] for name, array in outputs.items()
                        if not task.output_names or name in task.output_names})
        start += task.rows
    return answers


def _batch_of(parts, rows):
    """The parts [n, ...] as one array [rows, ...]: short ones padded, the last one's first row repeated at the end."""
    if len({part.shape[1:] for part in parts}) > 1:
        lengths = np.max([part.shape[1:] for part in parts], axis=0)
        parts = [_lengthened(part, lengths) for part in parts]
    missing = rows - sum(len(part) for part in parts)
    if missing:
        parts = [*parts, np.repeat(parts[-1][:1], missing, axis=0)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _lengthened(part, lengths):
    # the original fills with the tensor's first element
    filled = np.full((len(part), *lengths), part.flat[0], part.dtype)
    filled[tuple(slice(0, length) for length in part.shape)] = part
    return filled


def _joined(answers):
    return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}
