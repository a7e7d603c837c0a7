"""The door that every request passes before its handler: who is asking, may they, does a browser mean it.

Handlers of api/ and pages/ take `scene: Scene = Depends(gate)`; the check runs whether they do or not.
"""

import urllib.parse

from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from stylegan_serving.competition import access, security
from stylegan_serving.competition.services import accounts, errors, permissions
from stylegan_serving.competition.services.permissions import Scene
from stylegan_serving.competition.store import errors as store_errors

CSRF_HEADER, CSRF_FIELD = 'x-csrf-token', 'csrf_token'
_FORMS = ('application/x-www-form-urlencoded', 'multipart/form-data')


async def gate(request: Request) -> Scene:
    """The scene of a request that may go on.

    Raises:
        NotSignedIn, Forbidden, Missing: As the route's row in `access.TABLE` says.
        TooMany: Too many requests.
    """
    if (known := getattr(request.state, 'scene', None)) is not None:
        return known
    scene = await run_in_threadpool(_admit, request)
    await _check_csrf(request, scene.caller)
    request.state.scene = scene
    return scene


class GatedRoute(APIRoute):
    """A route whose gate comes before its body: who may not ask cannot make the server take in a large form."""

    def get_route_handler(self):
        handle = super().get_route_handler()

        async def handle_admitted(request):
            await gate(request)
            return await handle(request)

        return handle_admitted


def address_of(request):
    """The IP address that a request came from, str; a trusted proxy's word for it has been taken by the server."""
    return request.client.host if request.client else ''


def _admit(request):
    platform = request.app.state.platform
    path = request.scope['route'].path
    level = access.who(request.method, path)
    caller = _caller(request, platform)
    request.state.caller = caller
    platform.take('pictures' if access.is_picture(path) else 'requests', caller.key, 'requests')
    names = request.path_params
    try:
        scene = permissions.scene(
            platform, caller, slug=names.get('slug'), submission_id=names.get('submission_id'),
            team_id=names.get('team_id'), upload_id=names.get('upload_id'))
    except (store_errors.NotFound, errors.Missing):
        # Who must sign in anyway is told that first, whether the thing exists or not.
        if level is not access.Who.ANYONE:
            permissions.require_user(caller)
        raise
    access.check(level, scene)
    return scene


def _caller(request, platform):
    header = request.headers.get('authorization')
    if header is not None:
        kind, _, token = header.partition(' ')
        if kind.lower() != 'bearer':
            raise errors.NotSignedIn('Expected Authorization: Bearer sgc_... Make a token on the account page.')
        return accounts.caller_of_token(platform, token.strip(), address_of(request))
    cookie = request.cookies.get(security.cookie_name(platform.settings.base_url))
    return accounts.caller_of_cookie(platform, cookie, address_of(request))


async def _check_csrf(request, caller):
    """A browser sends the cookie whoever made it ask; what it may change must have been meant."""
    if request.method in security.SAFE_METHODS or caller.token:
        return
    if security.comes_from_elsewhere(request.headers, request.app.state.platform.settings.base_url):
        raise errors.Forbidden(f'This request was started by another site: {_elsewhere(request)}.')
    if not caller.session:
        return
    sent = request.headers.get(CSRF_HEADER)
    if sent is None and request.headers.get('content-type', '').split(';')[0].strip().lower() in _FORMS:
        field = (await request.form()).get(CSRF_FIELD)
        sent = field if isinstance(field, str) else None
    if not security.is_same(sent, caller.csrf):
        raise errors.Forbidden('The form is out of date. Load the page again and send it once more.')


def _elsewhere(request):
    return urllib.parse.urlsplit(request.headers.get('origin') or '').netloc or 'unknown'
