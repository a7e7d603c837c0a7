"""What every page shares: language, who looks, the head of a contest, messages after a form, refusals as pages."""

import types
import urllib.parse
from typing import Annotated

import fastapi
from starlette.responses import HTMLResponse, RedirectResponse

from stylegan_serving.competition import rules, security, texts
from stylegan_serving.competition.gate import GatedRoute, gate
from stylegan_serving.competition.pages import rendering
from stylegan_serving.competition.services import errors
from stylegan_serving.competition.services.permissions import Scene
from stylegan_serving.competition.store import errors as store_errors

# One flat router, whose routes `access.TABLE` can be compared with; the modules of pages/ add theirs to it.
router = fastapi.APIRouter(include_in_schema=False, route_class=GatedRoute)
Here = Annotated[Scene, fastapi.Depends(gate)]
LANGUAGE_COOKIE = 'language'
_KEPT = 256
REFUSALS = (errors.Refusal, store_errors.StoreError)


class NothingWrong(dict):
    """Which field of a form is wrong: name -> what to say; None for every other field."""

    def __getattr__(self, name):
        return self.get(name)


def language_of(request):
    """The language of a page: as chosen on this browser, else the account's, else the browser's own."""
    caller = getattr(request.state, 'caller', None)
    return texts.chosen_language(request.cookies.get(LANGUAGE_COOKIE), caller and caller.user and caller.user.language,
                                 header=request.headers.get('accept-language', ''))


def say(request, key, **values):
    """A sentence of `texts` in the page's language."""
    return texts.text(language_of(request), key, **values)


def told(request, refused):
    """What a refusal (an error or its sentence) says, in the page's language."""
    return texts.refusal(language_of(request), str(refused))


def show(request, scene, template, *, status=200, refusal=None, wrong=None, form=None, **context):
    """A page.

    Args:
        request: The request.
        scene: Its `Scene`.
        template: Name of the template.
        status: HTTP status.
        refusal: What to say above the page, str or None.
        wrong: dict field -> what is wrong with it.
        form: dict of what was typed, to be shown again.
        **context: What the template speaks of.
    """
    common = _common(request, scene.caller)
    if refusal:
        common['refusal'] = refusal
    if scene.contest:
        common |= _contest(scene)
    html = rendering.page(template, language=language_of(request), **{
        **common, 'wrong': NothingWrong(wrong or {}), 'form': NothingWrong(form or {}), **context})
    return HTMLResponse(html, status)


def show_refused(request, scene, error, make_page, *, fields=None, form=None):
    """A form's page again, with what was wrong at its field or above the page.

    Args:
        error: One of `REFUSALS`.
        make_page: Function of keyword arguments of `show` -> response.
        fields: dict from a service's name of a field to the form's; other fields are told above the page.
        form: What was typed.
    """
    named = getattr(error, 'field', None) or getattr(error, 'reason', None)
    field = (fields or {}).get(named)
    status = getattr(error, 'status', 409)
    said = told(request, error)
    if field:
        return make_page(status=status, wrong={field: said}, form=form)
    return make_page(status=status, refusal=said, form=form)


def go(address, said=None):
    """Sends the browser to an address of this site after a form; `said` is the key of what to say there."""
    if said:
        address = f'{address}{"&" if "?" in address else "?"}said={said}'
    return RedirectResponse(address, 303)


def error_response(request, status, message, headers=None):
    """A refusal as a page; who has to sign in first is sent to do so."""
    headers = {name: value for name, value in (headers or {}).items() if name != 'WWW-Authenticate'}
    if status == 401 and request.method == 'GET':
        return RedirectResponse(f'/login?next={urllib.parse.quote(_here(request), safe="")}', 303, headers)
    caller = getattr(request.state, 'caller', None)
    message = told(request, message)
    known = f'error_{status}' if f'error_{status}' in texts.TEXTS['en'] else 'error_409'
    if status >= 500:
        known, message = 'error_500', say(request, 'error_500_text', reference=request.state.request_id)
        # Made outside of what adds these to every other answer.
        headers |= {'X-Request-Id': request.state.request_id, **security.HEADERS}
    elif status == 404:
        message = say(request, 'error_404_text')
    html = rendering.page('message.html', language=language_of(request), **{
        **_common(request, caller), 'heading': say(request, known), 'text': message, 'sign_in': status == 401,
        'back': _referer(request)})
    return HTMLResponse(html, status, headers)


def kept(request, key, version, make):
    """What `make()` gives, made once for all who ask until `version` changes; the oldest are forgotten."""
    known = request.app.state.kept
    found = known.get(key)
    if found is None or found[0] != version:
        while len(known) >= _KEPT:
            known.pop(next(iter(known), None), None)
        found = known[key] = (version, make())
    return found[1]


def phase_title(phase):
    """What a phase (dict of a bundle) is called."""
    return phase['title'] or phase['name']


def _common(request, caller):
    said = request.query_params.get('said', '')
    return {'viewer': caller.user if caller else None, 'csrf': (caller and caller.csrf) or '', 'here': _here(request),
            'said': said if said.startswith('said_') and said in texts.TEXTS['en'] else None, 'refusal': None}


def _contest(scene):
    contest, now = scene.contest, scene.platform.now()
    coming = [row for row in rules.phases(contest.bundle) if row['start'] > now]
    is_open = contest.state == 'open'
    current = rules.open_phase(contest.bundle, now) if is_open else None
    return {'contest': contest, 'bundle': contest.bundle, 'team': scene.team, 'phase': current and _titled(current),
            'next_phase': _titled(coming[0]) if is_open and coming else None, 'tabs': _tabs(scene)}


def _titled(phase):
    return types.SimpleNamespace(**{**phase, 'title': phase_title(phase)})


def _tabs(scene):
    """(name, address) of the sections that this caller can use."""
    names = ['leaderboard', 'gallery', 'compare']
    if scene.caller.user:
        names = [*(('submit', 'submissions') if scene.team else ()), *names]
        names += [*(('vote',) if scene.contest.bundle['voting'] else ()), *(('team',) if scene.team else ()),
                  *(('manage',) if scene.is_judge else ())]
    base = f'/c/{scene.contest.slug}'
    return [('contest', base), *((name, f'{base}/{name}') for name in names)]


def _here(request):
    """Path and query of the page, without what was said on it; of the form's page where this answers a form."""
    if request.method != 'GET':
        return _referer(request)
    query = [(name, value) for name, value in request.query_params.multi_items() if name != 'said']
    return request.url.path + (f'?{urllib.parse.urlencode(query)}' if query else '')


def _referer(request):
    """Where the browser came from, if that is a page of this site."""
    parts = urllib.parse.urlsplit(request.headers.get('referer', ''))
    if parts.netloc != request.headers.get('host'):
        return '/'
    return security.safe_path(parts.path + (f'?{parts.query}' if parts.query else ''))
