"""Registering, signing in and out, the own account, API tokens."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stylegan_serving.competition import security
from stylegan_serving.competition.api import answers
from stylegan_serving.competition.api.answers import Body, Here
from stylegan_serving.competition.services import accounts, permissions

router = answers.make_router('accounts')


class Registration(Body):
    name: str
    password: str
    email: str | None = None
    language: str = 'en'


class LogIn(Body):
    name: str
    password: str


class AccountChange(Body):
    email: str | None = None
    language: str | None = None
    new_password: str | None = None
    password: str | None = None


class Confirmation(Body):
    password: str


class NewToken(Body):
    name: str
    days: float | None = None


@router.post('/register', status_code=201)
def register(scene: Here, body: Registration):
    """Makes an account; signing in is a step of its own."""
    return accounts.shown(accounts.register(
        scene.platform, name=body.name, password=body.password, email=body.email, language=body.language,
        address=scene.caller.address, by_admin=scene.caller.is_admin))


@router.post('/login')
def log_in(scene: Here, request: Request, body: LogIn):
    """Opens a session: sets its cookie, and returns what unsafe requests carry as X-CSRF-Token."""
    caller, cookie = accounts.log_in(
        scene.platform, name=body.name, password=body.password, address=scene.caller.address,
        user_agent=request.headers.get('user-agent', ''))
    response = JSONResponse({'user': accounts.shown(caller.user), 'csrf_token': caller.csrf})
    set_cookie(response, scene.platform, cookie)
    return response


@router.post('/logout', status_code=204)
def log_out(scene: Here):
    """Ends the session."""
    accounts.log_out(scene.platform, scene.caller)
    response = Response(status_code=204)
    clear_cookie(response, scene.platform)
    return response


@router.get('/me')
def me(scene: Here):
    """The own account."""
    return {**accounts.shown(permissions.require_user(scene.caller)), 'csrf_token': scene.caller.csrf}


@router.patch('/me')
def change_me(scene: Here, body: AccountChange):
    """Changes e-mail address, language or password; the first and the last need the current password."""
    return accounts.shown(accounts.change_account(
        scene.platform, scene.caller, email=body.email, language=body.language, new_password=body.new_password,
        password=body.password))


@router.delete('/me', status_code=204)
def delete_me(scene: Here, body: Confirmation):
    """Deletes the own account for good; scores stay under the team."""
    accounts.delete_account(scene.platform, scene.caller, password=body.password)
    response = Response(status_code=204)
    clear_cookie(response, scene.platform)
    return response


@router.get('/me/tokens')
def tokens(scene: Here):
    """The own API tokens, without their secrets."""
    return [accounts.shown_token(token) for token in accounts.tokens(scene.platform, scene.caller)]


@router.post('/me/tokens', status_code=201)
def make_token(scene: Here, body: NewToken):
    """Makes an API token; `token` is shown this once."""
    row, token = accounts.make_token(scene.platform, scene.caller, name=body.name, days=body.days)
    return {**accounts.shown_token(row), 'token': token}


@router.delete('/me/tokens/{token_id}', status_code=204)
def delete_token(scene: Here, token_id: str):
    """Revokes an API token."""
    accounts.delete_token(scene.platform, scene.caller, token_id)


def set_cookie(response, platform, cookie):
    """Gives a session's cookie to the browser: out of reach of scripts, and not sent from other sites' forms."""
    settings = platform.settings
    response.set_cookie(security.cookie_name(settings.base_url), cookie, max_age=settings.session_seconds, path='/',
                        httponly=True, samesite='lax', secure=settings.is_https)


def clear_cookie(response, platform):
    """Takes the session's cookie back."""
    settings = platform.settings
    response.delete_cookie(security.cookie_name(settings.base_url), path='/', httponly=True, samesite='lax',
                           secure=settings.is_https)

