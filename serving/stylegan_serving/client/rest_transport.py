"""REST by httpx: columnar JSON, files as base64. Imports neither TensorFlow nor grpc.

Kept connections are reused. A model server writes answers of 16 to 64 KiB in pieces, the last of which waits for the
acknowledgement of those before, and a client's kernel holds that back for 40 ms; so the socket is told to acknowledge
at once before each read (Linux; elsewhere there is no such option).
"""

import asyncio
import base64
import json
import socket
import ssl
import time
from urllib.parse import quote

import httpx
import numpy as np

from stylegan_serving.client import signatures
from stylegan_serving.client.errors import InputError, OutdatedError, ServerError
from stylegan_serving.client.exchanges import Metadata, Predict, Prediction, Status, VersionStatus

_QUICK_ACKNOWLEDGEMENT = getattr(socket, 'TCP_QUICKACK', None)
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=30)
_CODES = {400: 'INVALID_ARGUMENT', 401: 'UNAUTHENTICATED', 403: 'PERMISSION_DENIED', 404: 'NOT_FOUND',
          408: 'UNAVAILABLE', 412: 'FAILED_PRECONDITION', 413: 'RESOURCE_EXHAUSTED', 429: 'RESOURCE_EXHAUSTED',
          501: 'UNIMPLEMENTED', 502: 'UNAVAILABLE', 503: 'UNAVAILABLE', 504: 'DEADLINE_EXCEEDED'}
# One REST status stands for two codes that a client must tell apart.
_PRECONDITION_TEXTS = ('from different tasks have different shapes', 'Batched output tensor')


class RestTransport:
    """Plain transport; threads may share it. `exchanges` says what it does."""

    bytes_factor = 4 / 3  # of base64

    def __init__(self, server, *, headers=None, ca_file=None):
        self.server = server
        self._client = httpx.Client(base_url=server, headers=headers, limits=_LIMITS, trust_env=False,
                                    verify=_trust(server, ca_file))

    def exchange(self, request, timeout_seconds):
        method, path, body = _request_line(request)
        until = time.monotonic() + timeout_seconds
        try:
            with self._client.stream(method, path, content=body, timeout=timeout_seconds,
                                     headers=_content_headers(body)) as response:
                chunks, content = response.iter_bytes(), []
                while True:
                    _acknowledge_quickly(response)
                    chunk = next(chunks, None)
                    if chunk is None:
                        break
                    if time.monotonic() > until:  # httpx limits each read, not their sum
                        raise _late(timeout_seconds)
                    content.append(chunk)
        except httpx.HTTPError as error:
            raise _broken(error, timeout_seconds) from error
        return _answer(request, response, b''.join(content))

    def close(self):
        self._client.close()


class AsyncRestTransport:
    """As `RestTransport`, with coroutines, within one event loop."""

    bytes_factor = RestTransport.bytes_factor

    def __init__(self, server, *, headers=None, ca_file=None):
        self.server = server
        self._client = httpx.AsyncClient(base_url=server, headers=headers, limits=_LIMITS, trust_env=False,
                                         verify=_trust(server, ca_file))

    async def exchange(self, request, timeout_seconds):
        method, path, body = _request_line(request)
        try:
            async with (asyncio.timeout(timeout_seconds),
                        self._client.stream(method, path, content=body, timeout=timeout_seconds,
                                            headers=_content_headers(body)) as response):
                chunks, content = response.aiter_bytes(), []
                while True:
                    _acknowledge_quickly(response)
                    chunk = await anext(chunks, None)
                    if chunk is None:
                        break
                    content.append(chunk)
        except TimeoutError as error:
            raise _late(timeout_seconds) from error
        except httpx.HTTPError as error:
            raise _broken(error, timeout_seconds) from error
        return _answer(request, response, b''.join(content))

    async def close(self):
        await self._client.aclose()


def _trust(server, ca_file):
    if not server.startswith('https'):
        return False  # loading certificates takes a while
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise InputError(f'ca_file {ca_file} cannot be used: {error}.') from error


def _acknowledge_quickly(response):
    stream = response.extensions.get('network_stream')
    if _QUICK_ACKNOWLEDGEMENT is None or stream is None:
        return
    connection = stream.get_extra_info('socket')
    if connection is not None and connection.fileno() >= 0:
        # The kernel forgets this after a while, hence before each read.
        connection.setsockopt(socket.IPPROTO_TCP, _QUICK_ACKNOWLEDGEMENT, 1)


def _content_headers(body):
    return {'Content-Type': 'application/json'} if body else {}


def _late(timeout_seconds):
    return ServerError('DEADLINE_EXCEEDED', f'no answer within {timeout_seconds:.3g} s')


def _broken(error, timeout_seconds):
    if isinstance(error, httpx.ConnectTimeout) or not isinstance(error, httpx.TimeoutException):
        return ServerError('UNAVAILABLE', str(error) or type(error).__name__, is_connection=True)
    return _late(timeout_seconds)


def _request_line(request):
    """(method, path, body or None)."""
    if not isinstance(request, Predict | Metadata | Status):
        raise InputError(f'{type(request).__name__} goes over gRPC only: give a server grpc://HOST:PORT.')
    spec = request.spec
    path = f'/v1/models/{quote(spec.name, safe="")}'
    if spec.version is not None:
        path += f'/versions/{spec.version}'
    elif spec.label and not isinstance(request, Status):
        path += f'/labels/{quote(spec.label, safe="")}'
    if isinstance(request, Status):
        return 'GET', path, None
    if isinstance(request, Metadata):
        return 'GET', f'{path}/metadata', None
    document = {'signature_name': request.signature.name,
                'inputs': {name: _jsonable(name, array) for name, array in request.inputs.items()}}
    return 'POST', f'{path}:predict', json.dumps(document, separators=(',', ':')).encode()


def _jsonable(name, array):
    if array.dtype == np.float16:
        raise InputError(f'Input {name!r} is float16, which REST cannot carry. Use a server grpc://HOST:PORT.')
    if array.dtype != object:
        return array.tolist()
    encoded = [{'b64': base64.b64encode(element).decode('ascii')} for element in array.flat]
    return _nested(encoded, array.shape)


def _nested(flat, shape):
    for size in reversed(shape[1:]):
        flat = [flat[start:start + size] for start in range(0, len(flat), size)]
    return flat if shape else flat[0]


def _answer(request, response, content):
    # Strings that are not UTF-8 make the whole answer so; surrogates carry them through the parser unharmed.
    text = content.decode('utf-8', 'surrogateescape')
    try:
        document = json.loads(text)  # takes the bare words NaN and Infinity
    except ValueError:
        document = None
    if response.status_code != 200 or not isinstance(document, dict):
        raise _refusal(response, document)
    if isinstance(request, Metadata):
        return signatures.from_json(request.spec.name, document)
    if isinstance(request, Status):
        return [VersionStatus(int(entry['version']), entry['state'], entry['status'].get('error_code', 'OK'),
                              entry['status'].get('error_message', ''))
                for entry in document.get('model_version_status', [])]
    return Prediction(_outputs(request, document))


def _outputs(request, document):
    declared = request.signature.outputs
    try:
        outputs = document['outputs']
        if len(declared) == 1:
            outputs = {next(iter(declared)): outputs}
        if set(outputs) == set(declared):
            return {name: _array(outputs[name], info) for name, info in declared.items()}
    except (KeyError, TypeError, ValueError):  # not of the declared kinds
        pass
    raise OutdatedError(f'Expected the outputs {", ".join(map(str, declared.values()))} of {request.spec}. The answer '
                        'has others.')


def _refusal(response, document):
    if response.status_code == 200:
        return ServerError('INTERNAL', 'the answer is not JSON; is this the REST port of a model server?')
    message = document.get('error', '') if isinstance(document, dict) else ''
    code = _CODES.get(response.status_code, 'INTERNAL' if response.status_code >= 500 else 'UNKNOWN')
    if any(text in message for text in _PRECONDITION_TEXTS):
        code = 'FAILED_PRECONDITION'
    if 'enqueued' in message and 'queue' in message:
        code = 'UNAVAILABLE'
    return ServerError(code, message or f'HTTP {response.status_code} {response.reason_phrase}')


def _array(value, info):
    if info.dtype != object:
        return np.array(value, info.dtype)
    shape, level = [], value
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else None
    array = np.empty(shape, object)
    for index in np.ndindex(*shape):
        element = value
        for position in index:
            element = element[position]
        array[index] = (base64.b64decode(element['b64']) if isinstance(element, dict)
                        else element.encode('utf-8', 'surrogateescape'))
    return array
