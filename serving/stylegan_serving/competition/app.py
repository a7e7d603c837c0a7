"""The web part as an ASGI application: JSON routes, pages where they are installed, health, counters.

    uvicorn --factory, or `python -m stylegan_serving.competition serve`
"""

import contextlib
import importlib
import importlib.util
import logging

import fastapi
import starlette.exceptions
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from stylegan_serving.competition import access, api, events, gate, limits, metrics, middleware, security
from stylegan_serving.competition.services import administration, errors
from stylegan_serving.competition.services.platform import Platform
from stylegan_serving.competition.store import errors as store_errors
from stylegan_tf import version

_LOGGER = logging.getLogger(__name__)
_PAGES = 'stylegan_serving.competition.pages'
_STORE_ERRORS = {store_errors.NotFound: (404, 'not_found'), store_errors.Conflict: (409, 'not_now'),
                 store_errors.InvalidState: (409, 'not_now'), store_errors.StaleLease: (409, 'not_now')}


def create_app(settings, *, store, storage):
    """Makes the application.

    Args:
        settings: `settings.Settings`.
        store: `store.Store`, whose database is up to date.
        storage: `storage.Storage`.
    Returns:
        A FastAPI application; `.state.platform` is the `Platform` its services act on.
    Raises:
        LookupError: A route has no row in `access.TABLE`.
    """
    platform = Platform(settings, store, storage, security.RateLimiter(limits.rates(settings)))
    counters = metrics.Metrics(lambda: administration.statistics(platform))
    app = fastapi.FastAPI(
        title='Style-transfer competition', version=version.__version__, docs_url=None, redoc_url=None,
        openapi_url='/api/v1/openapi.json', dependencies=[fastapi.Depends(gate.gate)], lifespan=_lifespan,
        # A redirect to the other spelling would be answered before the gate has looked.
        redirect_slashes=False)
    app.state.platform, app.state.metrics = platform, counters
    app.state.streams = events.Streams(limits.STREAMS, limits.STREAMS_PER_USER, counters.set_streams)
    pages = _pages()
    app.state.routers = (*api.ROUTERS, _health(), *((pages.router,) if pages else ()))
    for router in app.state.routers:
        app.include_router(router)
    if pages:
        pages.mount(app)
    app.add_middleware(middleware.Faults, apologise=_handle_errors(app, pages))
    app.add_middleware(middleware.BodyLimit, limit=_body_limit(settings))
    app.add_middleware(middleware.SecurityHeaders, is_https=settings.is_https)
    app.add_middleware(middleware.RequestLog, metrics=counters)
    missing, _ = access.missing_rows(routes_of(app))
    if missing:
        raise LookupError(f'These routes have no row in access.TABLE: {missing}.')
    return app


def routes_of(app):
    """All that the application answers: list of (method, path of the route); mounted folders count as GET PATH/."""
    found = []
    for route in [*app.routes, *(route for router in app.state.routers for route in router.routes)]:
        if isinstance(route, Mount):
            found.append(('GET', f'{route.path}/'))
        elif isinstance(route, Route):
            # Starlette adds HEAD to every GET; who may GET may HEAD.
            methods = set(route.methods) - ({'HEAD'} if 'GET' in route.methods else set())
            found += [(method, route.path) for method in sorted(methods)]
    return sorted(set(found))


def _health():
    router = fastapi.APIRouter(tags=['health'])

    @router.get('/healthz', response_class=PlainTextResponse)
    def is_alive():
        """The process answers."""
        return 'ok\n'

    @router.get('/readyz', response_class=PlainTextResponse, responses={503: {'description': 'Not ready.'}})
    def is_ready(request: fastapi.Request):
        """The database and the storage answer, too."""
        platform = request.app.state.platform
        try:
            platform.store.administration.workers(platform.now())
            platform.storage.exists('checks/ready')
        except Exception:
            _LOGGER.exception('not ready')
            return PlainTextResponse('database or storage does not answer\n', 503)
        return 'ok\n'

    @router.get('/metrics', response_class=PlainTextResponse)
    def counters(request: fastapi.Request):
        """Counters in Prometheus' text format; they name nobody."""
        metrics_of = request.app.state.metrics
        return Response(metrics_of.text(), media_type=metrics_of.content_type)

    return router


def _pages():
    """The module of the pages; None where they are not installed."""
    return importlib.import_module(_PAGES) if importlib.util.find_spec(_PAGES) else None


@contextlib.asynccontextmanager
async def _lifespan(app):
    async with events.housekeeping(app.state.platform):
        yield
    app.state.streams.close()


def _body_limit(settings):
    def limit(method, path):
        if method == 'PATCH' and '/uploads/' in path:
            return settings.chunk_bytes
        # Browsers without JavaScript send an archive as one form; the contest's own limit is checked behind it.
        if path in ('/api/v1/contests', '/new') or path.endswith(('/bundle', '/submit', '/manage/edit')):
            return settings.bundle_bytes + limits.MULTIPART_BYTES
        return limits.BODY_BYTES
    return limit


def _handle_errors(app, pages):
    """Lets refusals be answered as JSON or as pages; returns the function that answers faults."""
    def answer(request, status, code, message, headers=None, **more):
        if pages and not request.url.path.startswith('/api/'):
            return pages.error_response(request, status, message, headers)
        if pages and 'sec-fetch-site' in request.headers:  # a page's script, which shows it to a person
            message = pages.told(request, message)
        return JSONResponse({'error': code, 'message': message, **more}, status, headers)

    @app.exception_handler(errors.Refusal)
    async def refuse(request, error):
        headers, more = {}, {}
        if isinstance(error, errors.TooMany):
            headers['Retry-After'] = str(error.retry_after_seconds)
        if isinstance(error, errors.NotSignedIn):
            headers['WWW-Authenticate'] = 'Bearer'
        if isinstance(error, errors.Invalid):
            more = {'field': error.field} | ({'problems': error.problems} if error.problems else {})
        return await run_in_threadpool(answer, request, error.status, error.code, str(error), headers, **more)

    @app.exception_handler(store_errors.StoreError)
    async def refuse_by_store(request, error):
        status, code = _STORE_ERRORS.get(type(error), (409, 'not_now'))
        more = {'reason': error.reason} if getattr(error, 'reason', '') else {}
        return await run_in_threadpool(answer, request, status, code, str(error), **more)

    @app.exception_handler(RequestValidationError)
    async def explain(request, error):
        first = error.errors()[0]
        field = '.'.join(str(part) for part in first['loc'] if part not in ('body', 'query', 'path', 'header'))
        message = f'{field}: {first["msg"]}.' if field else f'{first["msg"]}.'
        return await run_in_threadpool(answer, request, 422, 'invalid', message, field=field or None)

    @app.exception_handler(starlette.exceptions.HTTPException)
    async def say(request, error):
        codes = {404: ('not_found', 'There is nothing at this address.'),
                 405: ('method_not_allowed', 'This address does not take this method.')}
        code, message = codes.get(error.status_code, ('refused', str(error.detail)))
        return await run_in_threadpool(answer, request, error.status_code, code, message, error.headers)

    def apologise(request):
        return answer(request, 500, 'internal', 'Something went wrong on the server; it has been logged.')

    return apologise
