"""Registering, signing in and out, the account page, the choice of a language."""

from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import RedirectResponse

from stylegan_serving.competition import security, texts
from stylegan_serving.competition.api.accounts import clear_cookie, set_cookie
from stylegan_serving.competition.pages import frame
from stylegan_serving.competition.pages.frame import Here, router
from stylegan_serving.competition.services import accounts

Text = Annotated[str, Form()]
_YEAR_SECONDS = 365 * 86_400


@router.get('/register')
def register_page(request: Request, scene: Here, next: str = '/'):
    return frame.show(request, scene, 'register.html', next=security.safe_path(next))


@router.post('/register')
def register(request: Request, scene: Here, name: Text = '', email: Text = '', password: Text = '', next: Text = '/'):
    next = security.safe_path(next)
    try:
        accounts.register(scene.platform, name=name, password=password, email=email or None,
                          language=frame.language_of(request), address=scene.caller.address,
                          by_admin=scene.caller.is_admin)
        # One form, one step: who has just typed the password need not type it again.
        _, cookie = accounts.log_in(scene.platform, name=name, password=password, address=scene.caller.address,
                                    user_agent=request.headers.get('user-agent', ''))
    except frame.REFUSALS as error:
        return frame.show_refused(
            request, scene, error, lambda **more: frame.show(request, scene, 'register.html', next=next, **more),
            fields={'name': 'name', 'email': 'email', 'password': 'password'}, form={'name': name, 'email': email})
    response = frame.go(next, 'said_registered')
    set_cookie(response, scene.platform, cookie)
    return response


@router.get('/login')
def log_in_page(request: Request, scene: Here, next: str = '/'):
    return frame.show(request, scene, 'login.html', next=security.safe_path(next))


@router.post('/login')
def log_in(request: Request, scene: Here, name: Text = '', password: Text = '', next: Text = '/'):
    next = security.safe_path(next)
    try:
        _, cookie = accounts.log_in(scene.platform, name=name, password=password, address=scene.caller.address,
                                    user_agent=request.headers.get('user-agent', ''))
    except frame.REFUSALS as error:
        return frame.show_refused(
            request, scene, error, lambda **more: frame.show(request, scene, 'login.html', next=next, **more),
            form={'name': name})
    response = frame.go(next)
    set_cookie(response, scene.platform, cookie)
    return response


@router.post('/logout')
def log_out(scene: Here):
    accounts.log_out(scene.platform, scene.caller)
    response = frame.go('/', 'said_logged_out')
    clear_cookie(response, scene.platform)
    return response


@router.get('/language/{code}')
def choose_language(scene: Here, code: str, next: str = '/'):
    response = RedirectResponse(security.safe_path(next), 303)
    if code in texts.LANGUAGES:
        response.set_cookie(frame.LANGUAGE_COOKIE, code, max_age=_YEAR_SECONDS, httponly=True, samesite='lax',
                            secure=scene.platform.settings.is_https)
    return response


@router.get('/account')
def account_page(request: Request, scene: Here):
    return _account(request, scene)


@router.post('/account')
def change_account(request: Request, scene: Here, email: Text = '', new_password: Text = '', password: Text = '',
                   language: Text = ''):
    try:
        accounts.change_account(
            scene.platform, scene.caller, email=email if email != (scene.caller.user.email or '') else None,
            language=language or None, new_password=new_password or None, password=password)
    except frame.REFUSALS as error:
        return frame.show_refused(request, scene, error, lambda **more: _account(request, scene, **more),
                                  fields={name: name for name in ('email', 'new_password', 'password')})
    response = frame.go('/account', 'said_saved')
    response.delete_cookie(frame.LANGUAGE_COOKIE)  # the account's language holds on this browser, too
    return response


@router.post('/account/tokens')
def make_token(request: Request, scene: Here, token_name: Text = '', days: Text = ''):
    try:
        _, token = accounts.make_token(scene.platform, scene.caller, name=token_name, days=_days(days))
    except frame.REFUSALS as error:
        return frame.show_refused(request, scene, error, lambda **more: _account(request, scene, **more),
                                  fields={'name': 'token_name', 'days': 'days'})
    # Shown in the answer itself: it is stored nowhere that another page could read it from.
    return _account(request, scene, new_token=token)


@router.post('/account/tokens/{token_id}/delete')
def delete_token(scene: Here, token_id: str):
    accounts.delete_token(scene.platform, scene.caller, token_id)
    return frame.go('/account', 'said_deleted')


@router.post('/account/delete')
def delete_account(request: Request, scene: Here, confirm_password: Text = ''):
    try:
        accounts.delete_account(scene.platform, scene.caller, password=confirm_password)
    except frame.REFUSALS as error:
        return frame.show_refused(request, scene, error, lambda **more: _account(request, scene, **more),
                                  fields={'password': 'confirm_password'})
    response = frame.go('/', 'said_deleted')
    clear_cookie(response, scene.platform)
    return response


def _account(request, scene, new_token=None, **more):
    return frame.show(request, scene, 'account.html', new_token=new_token,
                      tokens=accounts.tokens(scene.platform, scene.caller), **more)


def _days(text):
    try:
        return float(text) if text.strip() else None
    except ValueError:
        return -1.0  # which the service refuses, with its own words
