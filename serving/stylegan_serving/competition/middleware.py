"""What surrounds every request: an id, security headers, a limit of bytes, one log line, counters and times."""

import logging
import re
import secrets
import time

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse

from stylegan_serving.competition import logs, security

_LOGGER = logging.getLogger(__name__)
# What a proxy in front may hand on, so that its log and this one agree.
_REQUEST_ID = re.compile(r'[A-Za-z0-9._-]{8,64}')


class RequestLog:
    """Gives each request an id (X-Request-Id), measures it, counts it and writes one log line without query or body.

    Args:
        app: The ASGI application.
        metrics: `metrics.Metrics`.
    """

    def __init__(self, app, metrics):
        self._app, self._metrics = app, metrics

    async def __call__(self, scope, receive, send):
        if scope['type'] != 'http':
            await self._app(scope, receive, send)
            return
        sent = dict(scope['headers']).get(b'x-request-id', b'').decode('latin-1')
        identity = sent if _REQUEST_ID.fullmatch(sent) else secrets.token_hex(8)
        token = logs.request_id.set(identity)
        # The answer to an unexpected error is made outside of this, and names it.
        scope.setdefault('state', {})['request_id'] = identity
        started, status = time.perf_counter(), 500

        async def answer(message):
            nonlocal status
            if message['type'] == 'http.response.start':
                status = message['status']
                MutableHeaders(scope=message)['X-Request-Id'] = identity
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            self._finish(scope, status, time.perf_counter() - started)
            logs.request_id.reset(token)

    def _finish(self, scope, status, seconds):
        route = route_of(scope)
        self._metrics.observe(scope['method'], route, status, seconds)
        caller = scope.get('state', {}).get('caller')
        client = scope.get('client')
        _LOGGER.log(logging.ERROR if status >= 500 else logging.INFO, '%s %s %s', scope['method'], route, status,
                    extra={'method': scope['method'], 'path': scope['path'], 'route': route, 'status': status,
                           'milliseconds': round(seconds * 1000, 1), 'user': caller.user_id if caller else None,
                           'address': client[0] if client else None})


class SecurityHeaders:
    """Adds the headers of `security.HEADERS` to every answer that does not set them itself.

    Args:
        app: The ASGI application.
        is_https: Whether browsers are told to come back by https only.
    """

    def __init__(self, app, is_https):
        self._app = app
        self._headers = dict(security.HEADERS)
        if is_https:
            self._headers['Strict-Transport-Security'] = 'max-age=31536000'

    async def __call__(self, scope, receive, send):
        if scope['type'] != 'http':
            await self._app(scope, receive, send)
            return

        async def answer(message):
            if message['type'] == 'http.response.start':
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                # What one user saw is never handed to another by a cache in between.
                headers.setdefault('Cache-Control', 'no-store')
                headers.add_vary_header('Cookie')
            await send(message)

        await self._app(scope, receive, answer)


class BodyLimit:
    """Refuses bodies over the limit of their path with 413, by their announced length or when they get there.

    Args:
        app: The ASGI application.
        limit: Function (method, path) -> bytes.
    """

    def __init__(self, app, limit):
        self._app, self._limit = app, limit

    async def __call__(self, scope, receive, send):
        if scope['type'] != 'http' or scope['method'] in security.SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope['method'], scope['path'])
        announced = dict(scope['headers']).get(b'content-length', b'0')
        if announced.isdigit() and int(announced) > limit:
            await _too_large(limit)(scope, receive, send)
            return
        received, has_started = 0, False

        async def count():
            nonlocal received
            message = await receive()
            received += len(message.get('body', b''))
            if received > limit:
                raise _TooLargeError
            return message

        async def answer(message):
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, count, answer)
        except _TooLargeError:
            if has_started:
                raise
            await _too_large(limit)(scope, receive, send)


class Faults:
    """Answers what nothing else caught, within headers and log; the log has all of it, the answer nothing.

    Args:
        app: The ASGI application.
        apologise: Function request -> response of status 500.
    """

    def __init__(self, app, apologise):
        self._app, self._apologise = app, apologise

    async def __call__(self, scope, receive, send):
        if scope['type'] != 'http':
            await self._app(scope, receive, send)
            return
        has_started = False

        async def answer(message):
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except _TooLargeError:
            raise
        except Exception as error:
            _LOGGER.error('unexpected error', exc_info=error)
            if has_started:
                raise
            response = await run_in_threadpool(self._apologise, Request(scope))
            await response(scope, receive, send)


def route_of(scope):
    """The template of the route that a request met ('/c/{slug}'), so that counters have few labels."""
    return getattr(scope.get('route'), 'path', None) or 'unknown'


class _TooLargeError(Exception):
    pass


def _too_large(limit):
    return JSONResponse({'error': 'too_large', 'message': f'Expected at most {limit:,} bytes in this request. Send '
                                                          'less, or in parts.'}, 413, {'Connection': 'close'})
