"""Every route as every kind of person, generated from the application's own routes and `access.TABLE`."""

import re

import fastapi
import pytest

from stylegan_serving.competition import access, app
from stylegan_serving.competition.access import Who
from tests.serving.competition.stage import is_refused
from tests.serving.competition.web_contest import KINDS

_STAFF = {'organiser', 'admin'}
# Written by hand: whom each level means, of the persons of `WebContest`; what is named belongs to the participant.
_ALLOWED = {
    Who.ANYONE: set(KINDS),
    Who.USER: set(KINDS) - {'anonymous'},
    Who.CREATOR: _STAFF,
    Who.PARTICIPANT: {'participant', 'other_team'},
    Who.OWNER: {'participant'},
    Who.OWNER_OR_JUDGE: {'participant', 'judge'} | _STAFF,
    Who.MEMBER: {'participant'} | _STAFF,
    Who.LEADER: {'participant'} | _STAFF,
    Who.UPLOADER: {'participant'},
    Who.JUDGE: {'judge'} | _STAFF,
    Who.ORGANISER: _STAFF,
    Who.ADMIN: {'admin'},
}
_API = '/api/v1'
_CONTEST, _SUBMISSION = f'{_API}/contests/{{slug}}', f'{_API}/submissions/{{submission_id}}'
_REASON = {'json': {'reason': 'because'}}
# What a request carries so that nothing but its caller stands against it.
_REQUESTS = {
    ('POST', f'{_API}/register'): {'json': {'name': 'somebody new', 'password': 'a good password'}},
    ('POST', f'{_API}/login'): {'json': {'name': 'the user', 'password': 'not this one'}},
    ('PATCH', f'{_API}/me'): {'json': {'language': 'zh'}},
    ('DELETE', f'{_API}/me'): {'json': {'password': 'not this one'}},
    ('POST', f'{_API}/me/tokens'): {'json': {'name': 'another'}},
    ('POST', f'{_CONTEST}/announcements'): {'json': {'text': 'hello'}},
    ('PUT', f'{_CONTEST}/roles'): {'json': {'name': 'the user', 'role': 'judge'}},
    ('POST', f'{_CONTEST}/reports/{{report_id}}'): {'json': {'state': 'rejected'}},
    ('POST', f'{_CONTEST}/join'): {'json': {}},
    ('PATCH', f'{_API}/teams/{{team_id}}'): {'json': {'name': 'another name'}},
    ('POST', f'{_API}/invitations/accept'): {'json': {'secret': 'unknown'}},
    ('POST', f'{_CONTEST}/uploads'): {'json': {'filename': 'a.zip', 'size_bytes': 1, 'sha256': '0' * 64}},
    ('PATCH', f'{_API}/uploads/{{upload_id}}'): {'content': b'1', 'headers': {'Upload-Offset': '0'}},
    ('POST', f'{_CONTEST}/submissions'): {'json': {'upload_id': '0' * 16}},
    ('POST', f'{_SUBMISSION}/disqualify'): _REASON,
    ('POST', f'{_SUBMISSION}/reinstate'): _REASON,
    ('POST', f'{_SUBMISSION}/report'): _REASON,
    ('POST', f'{_CONTEST}/vote'): {'json': {'ballot': 'unknown', 'winner': 'tie'}},
    ('PATCH', f'{_API}/admin/users/{{user_id}}'): {'json': {}},
    ('POST', f'{_API}/contests'): {'content': b'no zip'},
    ('PATCH', _CONTEST): {'json': {'files': {}}},
    ('PUT', f'{_CONTEST}/bundle'): {'content': b'no zip'},
    ('POST', f'{_CONTEST}/clone'): {'json': {'slug': 'another'}},
}
# These say 404 to everybody who may ask: the secret in the request is unknown, or the thing is not there yet.
_UNKNOWN = {('POST', f'{_API}/invitations/accept'), ('POST', f'{_CONTEST}/submissions'), ('POST', '/invitation'),
            ('POST', '/c/{slug}/team/remove'), ('GET', '/static/')}
_ROWS = sorted(access.TABLE, key=str)


def test_every_route_has_a_row_and_every_row_a_route(stage):
    assert access.missing_rows(app.routes_of(stage.web.app)) == ([], [])


def test_an_application_with_a_route_without_a_row_is_not_made(web, monkeypatch):
    router = fastapi.APIRouter()

    @router.get('/forgotten')
    def forgotten():
        return 'secret'

    monkeypatch.setattr(app.api, 'ROUTERS', (*app.api.ROUTERS, router))
    with pytest.raises(LookupError, match='/forgotten'):
        app.create_app(web.settings, store=web.store, storage=web.storage)


def test_a_route_added_later_is_closed(web):
    web.app.add_api_route('/forgotten', lambda: 'secret')
    answer = web.client('admin').get('/forgotten')
    assert (answer.status_code, 'secret' in answer.text) == (500, False)


@pytest.mark.parametrize('method, path', _ROWS)
def test_route_takes_requests_from_whom_its_row_says(stage, method, path):
    allowed, answers = _ALLOWED[access.TABLE[method, path]], {}
    for kind in KINDS:
        answers[kind] = stage.ask(kind, method, path, **_REQUESTS.get((method, path), {}))
    statuses = {kind: answer.status_code for kind, answer in answers.items()}
    assert {kind for kind, answer in answers.items() if not is_refused(answer)} == allowed, statuses
    assert max(statuses.values()) < 500, statuses
    if allowed != set(KINDS) and '/api/' in path:
        assert statuses['anonymous'] == 401, statuses
    if (method, path) not in _UNKNOWN:
        assert 404 not in statuses.values(), statuses


@pytest.fixture
def untouched(stage):
    """The stage, put back afterwards whatever the test did to it."""
    yield stage
    stage.reset()


@pytest.mark.slow
@pytest.mark.parametrize('method, path', [row for row in _ROWS if re.search(r'\{(slug|submission_id|team_id)\}',
                                                                            row[1])])
def test_a_draft_is_known_to_its_organisers_only(untouched, method, path):
    stage = untouched
    for kind in ('anonymous', 'participant'):
        stage.make_draft()
        answer = stage.ask(kind, method, path, **_REQUESTS.get((method, path), {}))
        assert answer.status_code == 404 or is_refused(answer), (kind, answer.text)


# Signing out nobody is no harm.
@pytest.mark.slow
@pytest.mark.parametrize('method, path', [row for row in _ROWS if '/api/' in row[1] and not row[1].endswith('/logout')])
def test_services_refuse_by_themselves_where_the_gate_stands_open(stage, monkeypatch, method, path):
    monkeypatch.setattr(access, 'check', lambda level, scene: None)
    for kind in {'anonymous', 'other_team', 'judge'} - _ALLOWED[access.TABLE[method, path]]:
        answer = stage.ask(kind, method, path, **_REQUESTS.get((method, path), {}))
        assert 400 <= answer.status_code < 500, (kind, answer.text)
