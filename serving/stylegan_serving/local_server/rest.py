"""The REST API as an ASGI application: the paths, status codes and texts of TensorFlow Serving's.

    GET  /v1/models/NAME[/versions/N | /labels/L]             states of the versions
    GET  /v1/models/NAME[/versions/N | /labels/L]/metadata    signatures
    POST /v1/models/NAME[/versions/N | /labels/L]:predict     also :classify and :regress
    GET  the path of --monitoring_config_file                 metrics

As there, the query string is part of the path, what cannot be answered under /v1/ is 400 whatever the method, what lies
outside is an HTML page after which the connection closes, and content types are not looked at.
"""

import asyncio
import concurrent.futures
import contextlib
import email.utils
import functools
import logging
import re
import time
import urllib.parse
import zlib

from stylegan_serving.local_server import rest_requests, rest_responses, signatures
from stylegan_serving.local_server.errors import ServingError
from stylegan_serving.local_server.inference import ModelSpec

IN_THREAD_FROM_BYTES = 1 << 15  # smaller bodies are read and written on the event loop, in less than a millisecond

GRACE_SECONDS = 0.5  # after a time limit, for whoever has the better error

_log = logging.getLogger(__name__)

_PREFIX = re.compile(r'/v1/.*', re.IGNORECASE)
_RUN = re.compile(r'/v1/models/([^/:]+)(?:/versions/([0-9]+)|/labels/([^/:]+))?:(classify|regress|predict)',
                  re.IGNORECASE)
_LOOK = re.compile(r'/v1/models(?:/([^/:]+))?(?:/versions/([0-9]+)|/labels/([^/:]+))?(?:/(metadata))?', re.IGNORECASE)
_PATHS = {'POST': _RUN, 'GET': _LOOK}
_ORIGIN = re.compile(r'https?://', re.IGNORECASE)
_METHODS = ('GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH')

# gRPC status -> HTTP status
_HTTP_STATUS = {
    'OK': 200, 'CANCELLED': 499, 'UNKNOWN': 500, 'INVALID_ARGUMENT': 400, 'DEADLINE_EXCEEDED': 504, 'NOT_FOUND': 404,
    'ALREADY_EXISTS': 409, 'PERMISSION_DENIED': 403, 'RESOURCE_EXHAUSTED': 429, 'FAILED_PRECONDITION': 400,
    'ABORTED': 409, 'OUT_OF_RANGE': 400, 'UNIMPLEMENTED': 501, 'INTERNAL': 500, 'UNAVAILABLE': 503, 'DATA_LOSS': 500,
    'UNAUTHENTICATED': 401}
_JSON = (b'Content-Type', b'application/json')
_CORS = ((b'Access-Control-Allow-Origin', b'*'), (b'Access-Control-Allow-Methods', b'POST, GET'),
         (b'Access-Control-Allow-Headers', b'Content-Type'))


def application(inference, settings, metrics):
    """The ASGI application.

    Args:
        inference: `inference.Inference`.
        settings: `configuration.Settings`.
        metrics: `metrics.Metrics`, or None to count nothing.
    """
    return _Application(inference, settings, metrics)


def html_page(status):
    """Body of the pages that are not part of the API: 400, 404 and 501."""
    reason = {400: 'Bad Request', 404: 'Not Found', 501: 'Not Implemented'}[status]
    return (f'<HTML><HEAD>\n<TITLE>{status} {reason}</TITLE>\n</HEAD><BODY>\n<H1>{reason}</H1>\n</BODY></HTML>\n'
            ).encode()


def date():
    """The value of a Date header."""
    return email.utils.formatdate(usegmt=True).encode()


class _TooLargeError(Exception):
    """The body is larger than the server takes."""


class _DisconnectedError(Exception):
    """The client went away before it had sent the whole request."""


class _Application:

    def __init__(self, inference, settings, metrics):
        self._inference, self._settings, self._metrics = inference, settings, metrics
        self._threads = concurrent.futures.ThreadPoolExecutor(settings.rest_threads, 'rest')
        self._turns = asyncio.Semaphore(settings.rest_threads)
        self._cors = _CORS if settings.has_cors else ()

    async def __call__(self, scope, receive, send):
        """Answers one request."""
        target = scope['raw_path'].decode('latin-1')
        if scope['query_string']:
            target += '?' + scope['query_string'].decode('latin-1')
        method = scope['method']
        if method not in _METHODS:
            await _send_page(scope, send, 501)
        elif self._metrics and target == self._settings.metrics_path:
            await _send(scope, send, 200, [(b'Content-Type', b'text/plain')], self._metrics.render())
        elif not _PREFIX.fullmatch(target):
            await _send_page(scope, send, 404)
        else:
            with self._metrics.in_flight('REST') if self._metrics else contextlib.nullcontext():
                await self._answer(_Request(method, target), scope, receive, send)

    async def _answer(self, request, scope, receive, send):
        started = time.monotonic()
        headers, body, code, status = [_JSON, *self._cors], b'', 'OK', None
        try:
            if request.method == 'OPTIONS':
                headers, code = [*self._cors, (b'Content-Type', b'text/html; charset=ISO-8859-1')], _options_code(scope)
            else:
                body = await self._body_of(request, scope, receive)
        except ServingError as error:
            code, body = error.code, rest_responses.error_body(error.message) if error.message else b''
        except _TooLargeError:
            code, status, body = 'RESOURCE_EXHAUSTED', 413, rest_responses.error_body(
                f'The request is larger than {self._settings.max_request_bytes} bytes. Send fewer rows at a time, or '
                'start the server with a larger --max_request_bytes.')
            headers.append((b'Connection', b'close'))
        except _DisconnectedError:
            return
        except Exception as error:
            _log.exception('%s %s failed', request.method, request.target)
            code, body = 'INTERNAL', rest_responses.error_body(str(error))
        if self._metrics:
            self._metrics.request(request.model, request.verb, 'REST', code, time.monotonic() - started)
            self._metrics.traffic('REST', request.received_bytes, len(body))
        await _send(scope, send, status or _HTTP_STATUS[code], headers, body)

    async def _body_of(self, request, scope, receive):
        """Body of the answer; raises ServingError."""
        request.check()
        if request.kind == 'run':
            content = await self._content(request, scope, receive)
            async with self._turns:
                return await self._run(request, content)
        if request.kind == 'metadata':
            return rest_responses.metadata_body(self._inference.metadata(request.spec()))
        return rest_responses.status_body(self._inference.status(request.spec()))

    async def _content(self, request, scope, receive):
        """The body of a request, unpacked."""
        headers = dict(scope['headers'])
        limit = self._settings.max_request_bytes
        if int(headers.get(b'content-length', 0)) > limit and headers.get(b'expect', b'').lower() == b'100-continue':
            raise _TooLargeError()
        parts, length, is_whole = [], 0, False
        while not is_whole:
            message = await receive()
            if message['type'] == 'http.disconnect':
                raise _DisconnectedError()
            is_whole = not message.get('more_body')
            length += len(message['body'])
            # What is too much is read all the same: many clients look for an answer only after they have sent.
            if length <= limit:
                parts.append(message['body'])
            else:
                parts.clear()
        request.received_bytes = length
        if length > limit:
            raise _TooLargeError()
        content = parts[0] if len(parts) == 1 else b''.join(parts)
        if headers.get(b'content-encoding', b'').lower() == b'gzip':
            return await self._maybe_in_thread(len(content), _unpacked, content, limit)
        return content

    async def _run(self, request, content):
        deadline = time.monotonic() + self._settings.rest_timeout_seconds
        try:
            async with asyncio.timeout(self._settings.rest_timeout_seconds + GRACE_SECONDS):
                return await self._run_until(deadline, request, content)
        except TimeoutError:
            raise ServingError('DEADLINE_EXCEEDED', 'Timed out waiting for notification') from None

    async def _run_until(self, deadline, request, content):
        with contextlib.ExitStack() as stack:
            if request.verb == 'predict':
                return await self._predict(request, content, deadline, stack)
            signature_name, examples = await self._maybe_in_thread(
                len(content), rest_requests.examples_request, content)
            servable = stack.enter_context(self._inference.open(request.spec(signature_name)))
            if request.verb == 'classify':
                result = await self._inference.classify(servable, signature_name, examples, deadline=deadline)
                return rest_responses.classification_body(result)
            result = await self._inference.regress(servable, signature_name, examples, deadline=deadline)
            return rest_responses.regression_body(result)

    async def _predict(self, request, content, deadline, stack):
        servable = None

        def inputs_of(signature_name):
            nonlocal servable
            if servable is None:
                servable = stack.enter_context(self._inference.open(request.spec(signature_name)))
            name = signature_name or signatures.DEFAULT
            if name not in servable.signatures:
                raise ServingError('INVALID_ARGUMENT', f'Serving signature name: "{name}" not found in signature def')
            return servable.signatures[name].inputs

        asked = await self._maybe_in_thread(len(content), rest_requests.predict_request, content, inputs_of)
        outputs = await self._inference.predict(servable, asked.signature_name, asked.inputs, deadline=deadline)
        size = sum(array.size if array.dtype != object else sum(map(len, array.flat)) for array in outputs.values())
        write = functools.partial(rest_responses.predict_body, outputs, in_rows=asked.in_rows)
        return await self._maybe_in_thread(size, write)

    async def _maybe_in_thread(self, size, function, *arguments):
        if size < IN_THREAD_FROM_BYTES:
            return function(*arguments)
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


class _Request:
    """What a method and a path ask for.

    Attributes:
        kind: 'run', 'status', 'metadata', or '' for none of them.
        model: The model's name, '' without one.
        verb: 'predict', 'classify' or 'regress' of a run, else ''.
        received_bytes: Size of its body, once that was read.
    """

    def __init__(self, method, target):
        self.method, self.target = method, target
        self.kind = self.model = self.verb = ''
        self.received_bytes = 0
        match = _PATHS[method].fullmatch(target) if method in _PATHS else None
        if not match:
            return
        name, version, label, last = match.groups()
        self.model, self._label = _decoded(name or ''), label and _decoded(label)
        self._version = None if version is None else int(version)
        if method == 'GET':
            self.kind = 'metadata' if last else 'status'
        elif last in ('predict', 'classify', 'regress'):  # in small letters only, unlike the rest of the path
            self.kind, self.verb = 'run', last

    def check(self):
        """Raises ServingError if this is nothing that can be answered."""
        if not self.kind:
            raise ServingError('INVALID_ARGUMENT', f'Malformed request: {self.method} {self.target}')
        if self._version is not None and self._version >= 2**63:
            raise ServingError('INVALID_ARGUMENT', '')
        if not self.model:
            raise ServingError('INVALID_ARGUMENT', 'Missing model name in request.')

    def spec(self, signature_name=''):
        """What was asked for, as a ModelSpec."""
        return ModelSpec(self.model, self._version, self._label, signature_name)


def _decoded(part):
    return urllib.parse.unquote(part, errors='surrogateescape')


def _unpacked(content, limit):
    """The body of a gzip stream of one member; b'' for anything else, as in the original."""
    stream = zlib.decompressobj(31)
    try:
        plain = stream.decompress(content, limit + 1)
    except zlib.error:
        return b''
    if len(plain) > limit:
        raise _TooLargeError()
    return plain if stream.eof and not stream.unused_data else b''


def _options_code(scope):
    origin = dict(scope['headers']).get(b'origin', b'').decode('latin-1')
    return 'OK' if _ORIGIN.match(origin) else 'FAILED_PRECONDITION'


async def _send_page(scope, send, status):
    await _send(scope, send, status, [(b'Content-Type', b'text/html'), (b'Connection', b'close')], html_page(status))


async def _send(scope, send, status, headers, body):
    headers = [*headers, (b'Date', date())]
    if scope['method'] != 'HEAD':
        headers.append((b'Content-Length', str(len(body)).encode()))
    if scope['http_version'] == '1.0' and (b'connection', b'keep-alive') in scope['headers']:
        headers.append((b'Connection', b'keep-alive'))
    await send({'type': 'http.response.start', 'status': status, 'headers': headers})
    await send({'type': 'http.response.body', 'body': body})
