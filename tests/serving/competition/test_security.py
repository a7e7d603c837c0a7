import asyncio
import dataclasses
import json
import pathlib
import re

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from stylegan_serving.competition import app, security
from tests.serving.competition import web_contest

_PASSWORD = 'correct horse battery'


@pytest.fixture
def browser(web):
    """A client that is signed in by a cookie, as a browser is; `.csrf` is its token."""
    client = web.client()
    client.post('/api/v1/register', json={'name': 'ada', 'password': _PASSWORD})
    client.csrf = client.post('/api/v1/login', json={'name': 'Ada', 'password': _PASSWORD}).json()['csrf_token']
    return client


def test_a_session_opens_and_closes(browser):
    assert browser.get('/api/v1/me').json()['name'] == 'ada'
    cookie = dict(browser.cookies)
    assert browser.post('/api/v1/logout', headers={'X-CSRF-Token': browser.csrf}).status_code == 204
    assert browser.get('/api/v1/me').status_code == 401
    # Taking the cookie from a copy does not bring it back.
    browser.cookies.update(cookie)
    assert browser.get('/api/v1/me').status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(web):
    web.client().post('/api/v1/register', json={'name': 'ada', 'password': _PASSWORD})
    answer = web.client().post('/api/v1/login', json={'name': 'ada', 'password': _PASSWORD})
    flags = answer.headers['set-cookie'].lower()
    assert 'httponly' in flags and 'samesite=lax' in flags and 'secure' not in flags
    secure = security.cookie_name('https://contest.example')
    assert secure.startswith('__Host-')


def test_https_makes_cookies_secure_and_says_to_come_back_by_https(sqlite_store, tmp_path):
    web = web_contest.WebContest(sqlite_store, tmp_path)
    made = app.create_app(dataclasses.replace(web.settings, base_url='https://contest.example'), store=web.store,
                          storage=web.storage)
    client = web_contest.TestClient(made, base_url='https://contest.example')
    client.post('/api/v1/register', json={'name': 'ada', 'password': _PASSWORD})
    answer = client.post('/api/v1/login', json={'name': 'ada', 'password': _PASSWORD})
    assert answer.headers['set-cookie'].startswith('__Host-session=')
    assert 'secure' in answer.headers['set-cookie'].lower()
    assert 'max-age' in answer.headers['strict-transport-security']
    assert client.get('/api/v1/me').status_code == 200


def test_what_a_cookie_may_change_must_be_meant(browser):
    token = {'X-CSRF-Token': browser.csrf}
    for headers, status in (
            ({}, 403), ({'X-CSRF-Token': 'another'}, 403), (token, 201),
            (token | {'Origin': 'http://testserver'}, 201), (token | {'Origin': 'https://evil.example'}, 403),
            (token | {'Origin': 'null'}, 403), (token | {'Sec-Fetch-Site': 'cross-site'}, 403),
            (token | {'Sec-Fetch-Site': 'same-origin'}, 201)):
        answer = browser.post('/api/v1/me/tokens', json={'name': 'x'}, headers=headers)
        assert answer.status_code == status, headers


def test_another_site_cannot_sign_its_visitors_in(web):
    web.client().post('/api/v1/register', json={'name': 'ada', 'password': _PASSWORD})
    answer = web.client().post('/api/v1/login', json={'name': 'ada', 'password': _PASSWORD},
                               headers={'Origin': 'https://evil.example'})
    assert answer.status_code == 403 and 'set-cookie' not in answer.headers


def test_a_token_works_until_it_is_revoked_and_is_not_in_the_database(web, browser):
    made = browser.post('/api/v1/me/tokens', json={'name': 'laptop'}, headers={'X-CSRF-Token': browser.csrf}).json()
    program = web.client()
    program.headers['Authorization'] = f'Bearer {made["token"]}'
    assert program.get('/api/v1/me').json()['name'] == 'ada'
    assert made['token'] not in json.dumps([row.token_hash for row in web.store.accounts.tokens(
        program.get('/api/v1/me').json()['id'])])
    assert 'token' not in program.get('/api/v1/me/tokens').json()[0]
    assert program.delete(f'/api/v1/me/tokens/{made["id"]}').status_code == 204
    assert program.get('/api/v1/me').status_code == 401


def test_a_wrong_authorization_is_refused_also_where_anybody_may_ask(web):
    for header in ('Bearer', 'Bearer sgc_unknown', 'Bearer x', 'Basic YTpi', '', 'Bearer ' + 'x' * 9999):
        assert web.client().get('/api/v1/contests', headers={'Authorization': header}).status_code == 401, header


def test_tries_at_passwords_are_limited_and_a_right_one_does_not_count(sqlite_store, tmp_path):
    web = web_contest.WebContest(sqlite_store, tmp_path, logins_per_minute=5)
    client = web.client()
    client.post('/api/v1/register', json={'name': 'ada', 'password': _PASSWORD})
    statuses = [client.post('/api/v1/login', json={'name': 'ada', 'password': 'a wrong one'}).status_code
                for _ in range(7)]
    assert statuses == [422] * 5 + [429] * 2
    assert int(client.post('/api/v1/login', json={'name': 'ada', 'password': _PASSWORD}).headers['retry-after']) > 0


def test_names_of_accounts_are_not_told(browser):
    unknown = browser.post('/api/v1/login', json={'name': 'nobody', 'password': 'a wrong one'})
    wrong = browser.post('/api/v1/login', json={'name': 'ada', 'password': 'a wrong one'})
    assert unknown.json()['message'] == wrong.json()['message']


def test_registration_says_what_is_wrong(web):
    for name, password, field in (
            ('ab', _PASSWORD, 'name'), ('a@b.example', _PASSWORD, 'name'), ('x' * 41, _PASSWORD, 'name'),
            ('deleted-1234', _PASSWORD, 'name'), ('ab\u202ecd', _PASSWORD, 'name'), ('<script>', _PASSWORD, 'name'),
            ('grace', 'short', 'password'), ('grace', 'a' * 12, 'password'),
            ('grace hopper', 'Grace Hopper', 'password'), ('grace', 'x' * 129, 'password')):
        answer = web.client().post('/api/v1/register', json={'name': name, 'password': password})
        assert (answer.status_code, answer.json()['field']) == (422, field), name


def test_a_name_is_taken_whatever_its_case(web, browser):
    answer = web.client().post('/api/v1/register', json={'name': 'ADA', 'password': _PASSWORD})
    assert (answer.status_code, answer.json()['reason']) == (409, 'name')


def test_registration_can_be_closed(sqlite_store, tmp_path):
    web = web_contest.WebContest(sqlite_store, tmp_path, registration='closed')
    body = {'name': 'ada', 'password': _PASSWORD}
    assert web.client().post('/api/v1/register', json=body).status_code == 403
    assert web.client('user').post('/api/v1/register', json=body).status_code == 403
    assert web.client('admin').post('/api/v1/register', json=body).status_code == 201


def test_a_new_password_ends_the_other_sessions(web, browser):
    other = web.client()
    other.post('/api/v1/login', json={'name': 'ada', 'password': _PASSWORD})
    change = {'new_password': 'another good one', 'password': _PASSWORD}
    wrong = browser.patch('/api/v1/me', json=change | {'password': 'no'}, headers={'X-CSRF-Token': browser.csrf})
    assert (wrong.status_code, wrong.json()['field']) == (422, 'password')
    assert browser.patch('/api/v1/me', json=change, headers={'X-CSRF-Token': browser.csrf}).status_code == 200
    assert (browser.get('/api/v1/me').status_code, other.get('/api/v1/me').status_code) == (200, 401)


def test_an_account_is_deleted_with_its_name_and_keys_and_its_scores_stay(web):
    user, participant = web.users['participant'], web.client('participant')
    web.store.accounts.update_user(user.id, password_hash=security.hash_password(_PASSWORD))
    assert participant.request('DELETE', '/api/v1/me', json={'password': 'a wrong one'}).status_code == 422
    assert participant.request('DELETE', '/api/v1/me', json={'password': _PASSWORD}).status_code == 204
    assert participant.get('/api/v1/me').status_code == 401
    left = web.store.accounts.user(user.id)
    assert left.name.startswith('deleted-') and left.email is None and left.is_disabled
    board = web.client().get(f'/api/v1/contests/{web.contest.slug}/leaderboard').json()
    assert web.teams['participant'].name in [place['team'] for place in board['places']]
    assert user.name not in web.client('admin').get('/api/v1/admin/audit').text


def test_a_disabled_account_is_out_at_once(web):
    user = web.client('user')
    assert user.get('/api/v1/me').status_code == 200
    changed = web.client('admin').patch(f'/api/v1/admin/users/{web.users["user"].id}', json={'is_disabled': True})
    assert changed.status_code == 200
    assert user.get('/api/v1/me').status_code == 401


def test_the_last_administrator_cannot_go(web):
    answer = web.client('admin').patch(f'/api/v1/admin/users/{web.users["admin"].id}', json={'role': 'user'})
    assert answer.status_code == 409


def test_every_answer_carries_the_security_headers(web):
    for path in ('/healthz', '/api/v1/contests', '/nothing', '/api/v1/me'):
        headers = web.client().get(path).headers
        assert "default-src 'self'" in headers['content-security-policy']
        assert 'unsafe' not in headers['content-security-policy']
        assert (headers['x-content-type-options'], headers['x-frame-options']) == ('nosniff', 'DENY')
        assert headers['cache-control'] == 'no-store'


def test_passwords_are_hashed_as_rfc_9106_recommends():
    assert security.new_hasher().hash('x').startswith('$argon2id$v=19$m=65536,t=3,p=4$')


def test_a_large_body_is_refused(web):
    answer = web.client().post('/api/v1/register', content=b'{' + b' ' * (2 << 20))
    assert (answer.status_code, answer.json()['error']) == (413, 'too_large')


def test_requests_are_limited_by_user_and_address(sqlite_store, tmp_path):
    web = web_contest.WebContest(sqlite_store, tmp_path, requests_per_minute=10)
    statuses = [web.client('user').get('/api/v1/contests').status_code for _ in range(12)]
    assert statuses == [200] * 10 + [429] * 2
    assert web.client('participant').get('/api/v1/contests').status_code == 200
    picture = f'/api/v1/submissions/{web.submissions["participant"].id}/pictures/0/output'
    assert {web.client('user').get(picture).status_code for _ in range(30)} == {200}


@pytest.mark.parametrize('target, path', [
    ('/c/contest?x=1#y', '/c/contest?x=1#y'), ('/', '/'), (None, '/'), ('', '/'), ('https://evil.example', '/'),
    ('//evil.example', '/'), ('/\\evil.example', '/'), ('\\\\evil.example', '/'), ('/\tevil', '/'),
    ('javascript:alert(1)', '/'), ('c/contest', '/'), (' //evil.example', '/'), ('/\n/evil.example', '/'),
    ('///evil.example', '/')])
def test_redirects_stay_on_this_site(target, path):
    assert security.safe_path(target) == path


def test_pictures_of_a_contest_are_served_and_nothing_else_of_the_storage(web):
    place, slug = web.contest.bundle_files, web.contest.slug
    web.storage.write(f'{place}/content/content0.png', b'\x89PNG')
    web.storage.write(f'{place}/competition.yaml', b'secret: splits')
    answer = web.client().get(f'/api/v1/contests/{slug}/files/content/content0.png')
    assert (answer.status_code, answer.headers['content-type']) == (200, 'image/png')
    again = web.client().get(f'/api/v1/contests/{slug}/files/content/content0.png',
                             headers={'If-None-Match': answer.headers['etag']})
    assert again.status_code == 304
    for path in ('competition.yaml', '../competition.yaml', 'content/../competition.yaml', 'content/', '',
                 '%2e%2e/competition.yaml', 'content/content9.png', '//etc/passwd'):
        assert web.client().get(f'/api/v1/contests/{slug}/files/{path}').status_code == 404, path


def test_a_client_cannot_write_its_own_address_in_front_of_the_proxys(web):
    client = web_contest.TestClient(ProxyHeadersMiddleware(web.app, security.PROXIES), client=('10.0.0.9', 1234))
    client.post('/api/v1/login', json={'name': 'the user', 'password': 'a wrong one'},
                headers={'X-Forwarded-For': '1.2.3.4, 203.0.113.7'})
    assert web.store.administration.audit_events(limit=1)[0].address == '203.0.113.7'


def test_a_limiter_counts_each_key_for_itself_and_recovers():
    limiter = security.RateLimiter({'x': security.Rate(2, 10)}, maximum_keys=3)
    assert [limiter.take('x', 'a', 0.0) for _ in range(3)] == [0, 0, 5]
    assert limiter.take('x', 'b', 0.0) == 0
    assert limiter.take('x', 'a', 5.1) == 0
    for name in 'cdefgh':
        limiter.take('x', name, 5.2)
    assert limiter.take('x', 'a', 5.3) > 0, 'the emptiest bucket is not what is forgotten'


def test_nothing_of_the_web_part_can_fetch_an_address():
    folder = pathlib.Path(app.__file__).parent
    files = [*folder.glob('*.py'), *(folder / 'services').glob('*.py'), *(folder / 'api').glob('*.py')]
    fetching = re.compile(r'^\s*(import|from) (httpx|requests|urllib\.request|urllib3|aiohttp|http\.client)\b', re.M)
    of_participants = folder / 'participant.py'  # their side of the line; no server may load it
    files.remove(of_participants)
    assert fetching.search(of_participants.read_text()) and len(files) > 30
    assert [file.name for file in files if fetching.search(file.read_text())
            or re.search(r'import.*\bparticipant\b', file.read_text())] == []


def test_who_may_not_ask_cannot_make_the_server_take_in_a_form(web):
    slug, read = web.contest.slug, []
    head = b'--x\r\nContent-Disposition: form-data; name="archive"; filename="a.zip"\r\n\r\n'

    def form():
        yield head
        for _ in range(50):
            read.append(1 << 16)
            yield b'x' * (1 << 16)
        yield b'\r\n--x--\r\n'

    async def ask(path, headers=()):
        """The status of a request, asked without a client that would send the body in any case."""
        parts, answers = iter(form()), []

        async def receive():
            part = next(parts, None)
            return {'type': 'http.request', 'body': part or b'', 'more_body': part is not None}

        async def send(message):
            answers.append(message)

        await web.app({
            'type': 'http', 'method': 'POST', 'path': path, 'raw_path': path.encode(), 'query_string': b'',
            'root_path': '', 'scheme': 'http', 'http_version': '1.1', 'server': ('testserver', 80),
            'client': ('127.0.0.1', 1), 'headers': [
                (b'content-type', b'multipart/form-data; boundary=x'), (b'host', b'testserver'), *headers]},
            receive, send)
        return answers[0]['status']

    for path in (f'/c/{slug}/submit', '/new', f'/c/{slug}/manage/bundle', '/api/v1/contests'):
        assert asyncio.run(ask(path)) in (303, 401), path
        user = [(b'authorization', f'Bearer {web.token("user")}'.encode())]
        assert asyncio.run(ask(path, user)) == 403, path
        assert read == [], path
