"""The course of a call, without a wire: retries, deadlines, cutting into requests, singling out bad rows.

Each call is a generator that yields `exchanges.Attempt`, `Wait` and `Compute` steps and is sent what comes of them;
`drive` and `drive_async` run it over a transport. So the plain and the asyncio client are one program.
"""

import asyncio
import collections
import dataclasses
import re
import time

import numpy as np

from stylegan_serving.client.errors import ClientError, InputError, OutdatedError, RowsError, ServerError
from stylegan_serving.client.exchanges import Attempt, Compute, Metadata, ModelSpec, Predict, Reload, Status, Wait
from stylegan_serving.client.retries import NO_RETRIES, RetryPolicy

_METADATA_SECONDS = 60.0  # the highest version, and what a label stands for, may change
_POLL_SECONDS = 0.25
_MAX_BATCH_SIZE = re.compile(r'Task size \d+ is larger than maximum input batch size (\d+)')
_TOO_LARGE_TEXTS = ('larger than max', 'HTTP 413', 'OOM when allocating')
# INVALID_ARGUMENT that is not about any row.
_REQUEST_TEXTS = ('Unrecognized servable version label', 'signature', 'Malformed request', 'Missing ModelSpec',
                  'Batching Run() input tensors')


@dataclasses.dataclass(frozen=True)
class Options:
    """How a client calls. Each call may give its own `deadline_seconds`."""

    deadline_seconds: float = 60.0  # of a call: all attempts, waits and requests together
    retries: RetryPolicy = dataclasses.field(default_factory=RetryPolicy)
    max_rows: int = 32  # of one request; a server that takes fewer says so, and is obeyed
    max_request_bytes: int = 32 * 2**20  # of the files or numbers in one request, as encoded
    max_pixels: int = 2_500_000  # larger contents are stylised in tiles: servers need 600 bytes for a pixel
    headers: dict | None = None  # sent with each request, such as {'authorization': 'Bearer ...'}
    ca_file: str | None = None  # PEM file of the authorities that grpcs:// and https:// servers may be signed by

    def __post_init__(self):
        for name, least in (('deadline_seconds', 0), ('max_rows', 1), ('max_request_bytes', 1), ('max_pixels', 1)):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and value >= least and value == value):
                raise InputError(f'{name} must be a number from {least} up. Received: {value!r}.')


class Recent:
    """The values that were put in last, by key. Threads may share it."""

    def __init__(self, most=64):
        self._most, self._values = most, {}

    def get(self, key):
        return self._values.get(key)

    def put(self, key, value):
        self._values[key] = value
        while len(self._values) > self._most:
            self._values.pop(next(iter(self._values)), None)


class Calls:
    """The calls to one server as generators of steps. Threads may share it.

    Args:
        options: `Options`.
        bytes_factor: Bytes of message that one byte of a file takes; above 1 where messages are text.
    """

    def __init__(self, options, bytes_factor):
        self.options = options
        self.bytes_factor = bytes_factor
        self._metadata = {}  # ModelSpec -> (time it was told, ModelMetadata)
        self._max_rows = {}  # (model, signature) -> what the server said
        self.codes = Recent()  # of styles, by what encoded which file

    def until(self, deadline_seconds=None):
        """The moment at which a call that begins now must have ended."""
        seconds = self.options.deadline_seconds if deadline_seconds is None else deadline_seconds
        return time.monotonic() + seconds

    def exchange(self, request, until, *, retries=None):
        """One exchange, again and again while it may help. Returns the transport's answer; raises ServerError."""
        retries = retries or self.options.retries
        failures, error = 0, None
        while True:
            remaining = until - time.monotonic()
            if remaining <= 0:
                raise error or ServerError('DEADLINE_EXCEEDED', 'the deadline of the call has passed')
            try:
                return (yield Attempt(request, remaining))
            except ServerError as refusal:
                error = refusal
            if error.is_connection:
                self.codes = Recent()  # what comes back under the same number may be another model
            if error.code == 'NOT_FOUND' and getattr(request, 'spec', None) and request.spec.is_pinned:
                raise error
            failures += 1
            if not retries.is_retryable(error) or failures == retries.max_attempts:
                raise error
            delay = retries.delay_seconds(failures)
            if time.monotonic() + delay >= until:
                raise error
            yield Wait(delay)

    def metadata(self, spec, until):
        """`signatures.ModelMetadata` of a loaded model; asked anew after a minute, or when it proved outdated."""
        told_at, metadata = self._metadata.get(spec, (0.0, None))
        if metadata is None or time.monotonic() - told_at > _METADATA_SECONDS:
            metadata = yield from self.exchange(Metadata(spec), until)
            self._metadata[spec] = time.monotonic(), metadata
        return metadata

    def status(self, spec, until):
        """List of `exchanges.VersionStatus`, the highest version first."""
        versions = yield from self.exchange(Status(spec), until)
        return sorted(versions, key=lambda entry: -entry.version)

    def wait_until_available(self, spec, until):
        """Waits until the model answers, whether it is loading or the server is starting; returns its metadata.

        Raises:
            ServerError: If that takes too long, loading failed, or the server knows no such model.
        """
        while True:
            try:
                metadata = yield from self.exchange(Metadata(spec), until, retries=NO_RETRIES)
                self._metadata[spec] = time.monotonic(), metadata
                return metadata
            except ServerError as error:
                is_waiting = error.is_connection or error.code in ('NOT_FOUND', 'UNAVAILABLE')
                if not is_waiting or time.monotonic() + _POLL_SECONDS >= until:
                    raise
                refusal = error
            if refusal.code == 'NOT_FOUND':
                yield from self._check_loading(spec, refusal, until)
            yield Wait(_POLL_SECONDS)

    def reload(self, config, until):
        """Replaces the server's list of models."""
        self._metadata.clear()
        return (yield from self.exchange(Reload(config), until))

    def predict(self, spec, signature_name, inputs, until):
        """Outputs of a signature, dict name -> array; see `clients.Client.predict`."""
        is_known = spec in self._metadata
        try:
            request = yield from self._checked(spec, signature_name, inputs, until)
        except InputError:
            if not is_known or spec.version is not None:
                raise
            self.forget(spec)  # another version may have arrived
            request = yield from self._checked(spec, signature_name, inputs, until)
        try:
            return (yield from self._answered(request, until))
        except OutdatedError:
            self.forget(spec)
            request = yield from self._checked(spec, signature_name, inputs, until)
            return (yield from self._answered(request, until))
        except ServerError:
            self.forget(spec)
            raise

    def _checked(self, spec, signature_name, inputs, until):
        metadata = yield from self.metadata(spec, until)
        signature = metadata.signature(signature_name)
        return Predict(spec, signature, signature.arrays(inputs))

    def _answered(self, request, until):
        if request.signature.has_rows:
            return (yield from _Rows(self, request, until).run())
        prediction = yield from self.exchange(request, until)
        return prediction.outputs

    def note_version(self, spec, version):
        """Forgets metadata of another version than the one that answered."""
        _, metadata = self._metadata.get(spec, (0.0, None))
        if metadata is not None and version and metadata.version != version:
            self._metadata.pop(spec, None)

    def forget(self, spec):
        """Has the metadata asked anew."""
        self._metadata.pop(spec, None)

    def cut(self, request, rows):
        """Groups of neighbouring rows that fit the limits, as arrays of row numbers."""
        limit = min(self.options.max_rows, self._max_rows.get(_key(request), self.options.max_rows))
        sizes = sum(_row_bytes(array) for array in request.inputs.values()) * self.bytes_factor
        groups, total = [], 0
        for row in rows:
            if not groups or len(groups[-1]) >= limit or total + sizes[row] > self.options.max_request_bytes:
                groups.append([])
                total = 0
            groups[-1].append(row)
            total += sizes[row]
        return [np.array(group) for group in groups]

    def note_max_rows(self, request, count):
        """Keeps a server's limit of rows in one request."""
        self._max_rows[_key(request)] = max(1, count)

    def _check_loading(self, spec, refusal, until):
        """Raises what tells that a model which is not found will not come, either."""
        try:
            versions = yield from self.exchange(Status(ModelSpec(spec.name, spec.version)), until, retries=NO_RETRIES)
        except ServerError as error:
            if error.code == 'NOT_FOUND':  # the server knows no such model or version
                raise refusal from None
            return
        if any(entry.state in ('START', 'LOADING', 'AVAILABLE') for entry in versions):
            return
        for entry in versions:
            if entry.error_code != 'OK':
                raise ServerError('UNAVAILABLE', f'version {entry.version} of {spec.name} could not be loaded: '
                                                 f'{entry.error_code}: {entry.error_message}')


class _Rows:
    """One predict call whose inputs have rows."""

    def __init__(self, calls, request, until):
        self._calls = calls
        self._request = request
        self._until = until
        self._count = len(next(iter(request.inputs.values())))
        self._parts = []  # (rows, outputs)
        self._suspects = set()  # rows that were refused alone once
        self._failures = {}

    def run(self):
        pending = collections.deque(self._calls.cut(self._request, range(self._count)))
        while pending:
            rows = pending.popleft()
            try:
                prediction = yield from self._calls.exchange(self._taken(rows), self._until)
            except ServerError as error:
                again, delay = self._instead(rows, error)
                pending.extendleft(reversed(again))
                if delay:
                    yield Wait(delay)
                continue
            self._calls.note_version(self._request.spec, prediction.version)
            self._parts.append((rows, prediction.outputs))
        return self._joined()

    def _taken(self, rows):
        if len(rows) == self._count:
            return self._request
        return dataclasses.replace(self._request, inputs={
            name: array[rows] for name, array in self._request.inputs.items()})

    def _instead(self, rows, error):
        """(groups of rows to send in place of those, seconds to wait before); raises what ends the call."""
        largest = _MAX_BATCH_SIZE.search(error.message)
        if largest and len(rows) > int(largest[1]):
            self._calls.note_max_rows(self._request, int(largest[1]))
            return self._calls.cut(self._request, rows), 0
        if any(text in error.message for text in _TOO_LARGE_TEXTS):
            return self._halved(rows, error), 0
        if error.code != 'INVALID_ARGUMENT' or any(text in error.message for text in _REQUEST_TEXTS):
            raise error
        if len(rows) > 1:
            return [rows[at:at + 1] for at in range(len(rows))], 0
        row = int(rows[0])
        if row not in self._suspects:
            # Under server-side batching a stranger's bad row fails its neighbours: ask once more, in other company.
            self._suspects.add(row)
            return [rows], self._calls.options.retries.delay_seconds(1)
        if self._count == 1:
            raise error
        self._failures[row] = str(error)
        return [], 0

    def _halved(self, rows, error):
        if len(rows) > 1:
            return np.array_split(rows, 2)
        if self._count == 1:
            raise error
        self._failures[int(rows[0])] = str(error)
        return []

    def _joined(self):
        self._parts.sort(key=lambda part: part[0][0])
        if len(self._parts) == 1 and not self._failures:
            return self._parts[0][1]
        names = {tuple(sorted(outputs)) for _, outputs in self._parts}
        if len(names) > 1:
            raise OutdatedError(f'The outputs of {self._request.spec} changed within one call.')
        outputs = {name: self._concatenated(name) for name in next(iter(names), ())}
        if self._failures:
            self._calls.forget(self._request.spec)
            good = [int(row) for rows, _ in self._parts for row in rows]
            raise RowsError(self._failures, outputs, good)
        return outputs

    def _concatenated(self, name):
        arrays = []
        for rows, outputs in self._parts:
            array = outputs[name]
            if not array.ndim or len(array) != len(rows):
                raise InputError(f'Output {name!r} of signature {self._request.signature.name!r} is not one a row '
                                 f'(shape {list(array.shape)} for {len(rows)} rows), so that requests cannot be cut: '
                                 f'send fewer rows, or raise max_rows and max_request_bytes.')
            arrays.append(array)
        if len({array.shape[1:] for array in arrays}) > 1:
            raise InputError(f'Output {name!r} of signature {self._request.signature.name!r} differs in size from row '
                             'to row. Send the rows one by one.')
        return np.concatenate(arrays)


def drive(steps, transport, wait):
    """Runs a call over a plain transport; `wait(seconds)` is its pause. Returns what the generator returns."""
    try:
        step = next(steps)
        while True:
            try:
                if isinstance(step, Wait):
                    result = wait(step.seconds)
                elif isinstance(step, Compute):
                    result = step.function()
                else:
                    result = transport.exchange(step.request, step.timeout_seconds)
            except (ClientError, ValueError) as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as stop:
        return stop.value
    finally:
        steps.close()


async def drive_async(steps, transport):
    """As `drive`, over an asyncio transport."""
    try:
        step = next(steps)
        while True:
            try:
                if isinstance(step, Wait):
                    result = await asyncio.sleep(step.seconds)
                elif isinstance(step, Compute):
                    result = await asyncio.to_thread(step.function)
                else:
                    result = await transport.exchange(step.request, step.timeout_seconds)
            except (ClientError, ValueError) as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as stop:
        return stop.value
    finally:
        steps.close()


def _key(request):
    return request.spec.name, request.signature.name


def _row_bytes(array):
    if array.dtype == object:
        return np.array([sum(len(element) for element in np.ravel(row)) for row in array], np.int64)
    return np.full(len(array), array.nbytes // max(1, len(array)), np.int64)
