"""The pages over HTTP, as people of each kind read them; `test_pages_in_browser` has them in a real browser."""

import html
import html.parser
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from starlette.testclient import TestClient

from stylegan_serving.competition import store as stores
from stylegan_serving.competition.pages import rendering
from stylegan_serving.competition.services import accounts
from tests.serving import server_process
from tests.serving.competition import bundle_folder, web_contest

_PAGES = ('/', '/login', '/register', '/account', '/invitation', '/c/{slug}', '/c/{slug}/submit',
          '/c/{slug}/submissions', '/c/{slug}/leaderboard', '/c/{slug}/gallery', '/c/{slug}/gallery?pair=0',
          '/c/{slug}/gallery?team={team}', '/c/{slug}/compare', '/c/{slug}/vote', '/c/{slug}/team', '/c/{slug}/manage',
          '/c/{slug}/manage/edit', '/new',          '/s/{submission}', '/admin')


def address(web, path):
    return path.format(slug=web.contest.slug, submission=web.submissions['participant'].id,
                       team=web.teams['participant'].id)


@pytest.fixture(scope='module')
def site(sqlite_template, tmp_path_factory):
    """A `WebContest` that no test of this file changes."""
    folder = tmp_path_factory.mktemp('site')
    shutil.copyfile(sqlite_template, folder / 'competition.sqlite')
    opened = stores.Store(stores.make_engine(f'sqlite:///{folder}/competition.sqlite'))
    yield web_contest.WebContest(opened, folder)
    opened.close()


@pytest.mark.parametrize('language', ['en', 'zh'])
@pytest.mark.parametrize('path', _PAGES)
def test_page_is_whole(site, path, language):
    client = site.client('admin')
    client.cookies.set('language', language)
    answer = client.get(address(site, path))
    assert answer.status_code == 200, answer.text
    assert f'<html lang="{language}">' in answer.text


class _Outline(html.parser.HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def of(self, *names):
        return [attributes for tag, attributes in self.tags if tag in names]


@pytest.mark.parametrize('path', _PAGES)
def test_page_can_be_used_without_seeing_it(site, path):
    page = _Outline(site.client('participant' if path == '/c/{slug}/team' else 'admin').get(address(site, path)).text)
    ids = [attributes['id'] for _, attributes in page.tags if 'id' in attributes]
    assert len(ids) == len(set(ids))
    assert len(page.of('h1')) == 1
    labelled = {label.get('for') for label in page.of('label')}
    assert labelled <= set(ids)
    for control in page.of('input', 'select', 'textarea'):
        assert control.get('type') == 'hidden' or control.get('id') in labelled or control.get('aria-label'), control
    assert all('alt' in image for image in page.of('img'))
    for name in ('aria-labelledby', 'aria-describedby'):
        assert {one[name] for _, one in page.tags if name in one} <= set(ids)
    # Whoever scrolls by keys gets there, and hears what it is.
    assert all(box.get('tabindex') == '0' and box.get('role') == 'region' for box in page.of('div')
               if 'scroll' in (box.get('class') or '').split())
    assert ('a', 'skip') in {(tag, one.get('class')) for tag, one in page.tags} and 'main' in ids


@pytest.mark.parametrize('path', _PAGES)
def test_page_has_nothing_that_its_policy_forbids_and_every_form_its_token(site, path):
    page = _Outline(site.client('admin').get(address(site, path)).text)
    for tag, attributes in page.tags:
        assert tag != 'style' and (tag != 'script' or attributes.get('src', '').startswith('/static/'))
        assert not {name for name in attributes if name == 'style' or name.startswith('on')}, (tag, attributes)
        for name in ('src', 'href', 'action'):
            assert not re.match(r'\w+:|//', attributes.get(name) or ''), (tag, attributes)
    posts = [form for form in page.of('form') if form.get('method') == 'post']
    assert len([field for field in page.of('input') if field.get('name') == 'csrf_token']) == len(posts)


def _signed_in(web, name='newcomer'):
    """A browser's client, with an account made by the form: (client, the form's token)."""
    client = TestClient(web.app, raise_server_exceptions=False)
    answer = client.post('/register', data={'name': name, 'password': 'long enough 1'}, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return client, re.search(r'name="csrf_token" value="([^"]+)"', client.get('/account').text)[1]


def test_a_form_says_at_its_field_what_is_wrong_and_keeps_what_was_typed(web):
    answer = web.client().post('/register', data={'name': 'x', 'password': 'long enough 1', 'email': 'me@example.org'})
    assert answer.status_code == 422
    page = _Outline(answer.text)
    fields = {field['name']: field for field in page.of('input') if field.get('name')}
    assert fields['name'].get('aria-invalid') == 'true' and fields['email']['value'] == 'me@example.org'
    # What is wrong may stand below what a phone shows of the page.
    assert 'autofocus' in fields['name'] and 'autofocus' not in fields['email']
    assert 'aria-invalid' not in fields['email'] and not fields['password'].get('value')
    assert web.client().post('/login', data={'name': 'nobody', 'password': 'long enough 1'}).status_code == 422


def test_what_people_type_is_shown_as_text(web):
    client, token = _signed_in(web)
    team = '<img src=x onerror=alert(1)>'
    client.post(f'/c/{web.contest.slug}/join', data={'team': team, 'csrf_token': token})
    web.store.contests.add_announcement(web.contest.id, web.users['organiser'].id, '<script>alert(1)</script>')
    for path in ('', '/team', '/submit'):
        text = client.get(f'/c/{web.contest.slug}{path}').text
        assert '<img src=x' not in text and '<script>alert' not in text
        assert '&lt;img src=x onerror=alert(1)&gt;' in text
    echoed = client.get('/invitation', params={'token': '"><script>alert(1)</script>'}).text
    assert '<script>alert' not in echoed


@pytest.mark.parametrize('target', ['https://elsewhere.example/', '//elsewhere.example', '/\\elsewhere.example',
                                    'javascript:alert(1)'])
def test_no_form_leads_to_another_site(web, target):
    answer = web.client().post('/login', data={'name': 'the user', 'password': 'x', 'next': target})
    assert 'value="/"' in answer.text
    moved = web.client().get('/language/zh', params={'next': target}, follow_redirects=False)
    assert moved.headers['location'] == '/'


def test_an_archive_goes_in_without_a_script(web):
    client, token = _signed_in(web)
    base = f'/c/{web.contest.slug}'
    assert client.post(f'{base}/join', data={'team': 'By hand', 'csrf_token': token}).status_code == 200
    data = web_contest.archive(('000.png', '001.png'))

    def send(name, data, **fields):
        return client.post(f'{base}/submit', data={'title': 'A method', 'csrf_token': token} | fields,
                           files={'archive': (name, data)}, follow_redirects=False)

    assert send('results.zip', data, csrf_token='x').status_code == 403
    wrong = send('results.png', data)
    assert wrong.status_code == 422 and 'aria-invalid' in wrong.text and 'value="A method"' in wrong.text
    made = send('results.zip', data)
    assert made.status_code == 303, made.text
    submission = web.store.submissions.submission(made.headers['location'].removeprefix('/s/'))
    assert submission.title == 'A method' and submission.state == 'queued'
    assert web.storage.read(submission.archive_key) == data
    page = client.get(made.headers['location']).text
    assert 'http-equiv="refresh"' in page and 'Place 1 in the queue' in page


def test_refusals_are_in_the_language_of_the_page(web):
    client = web.client()
    client.cookies.set('language', 'zh')
    page = client.post('/register', data={'name': 'ada', 'password': 'short'})
    assert page.status_code == 422 and '密码长度须为' in page.text and 'Expected' not in page.text
    held = web.add_queued('participant')
    web.store.submissions.claim('w', web.platform.now(), 60)
    web.store.submissions.finish_failed(held.id, 'w', '000.png: is empty.')
    participant = web.client('participant')
    participant.cookies.set('language', 'zh')
    assert '000.png：是空文件。' in participant.get(f'/s/{held.id}').text
    # A page's script shows what the API says; a program reads English.
    address = f'/api/v1/contests/{web.contest.slug}/uploads'
    wrong = {'filename': 'a.png', 'size_bytes': 1, 'sha256': '0' * 64}
    answers = [participant.post(address, json=wrong, headers=headers).json()['message']
               for headers in ({'Sec-Fetch-Site': 'same-origin'}, {})]
    assert answers[0].startswith('文件须以') and answers[1].startswith('Expected a file that ends in')


def test_the_command_that_a_page_shows_is_one(site, tmp_path):
    page = site.client('participant').get(f'/c/{site.contest.slug}/submit').text
    command = html.unescape(re.search(r'<pre>python (-m [^<]*)</pre>', page)[1]).replace('\\\n', '')
    done = subprocess.run([sys.executable, *shlex.split(command)], cwd=tmp_path, capture_output=True, text=True,
                          env=server_process.environment(), timeout=120)
    # All of it is understood; only the file is not there.
    assert (done.returncode, done.stderr) == (
        2, "Error: Expected --archive=FILE. Received: 'results.zip', which is no file.\n")


def test_a_quota_is_told_on_the_form(web):
    client, token = _signed_in(web)
    base = f'/c/{web.contest.slug}'
    client.post(f'{base}/join', data={'csrf_token': token, 'team': 'Eager'})
    for number in range(3):
        answer = client.post(f'{base}/submit', data={'csrf_token': token}, files={
            'archive': ('a.zip', web_contest.archive((f'{number:03d}.png',)))}, follow_redirects=False)
        assert answer.status_code == (303 if number < 2 else 409)
    assert 'role="alert"' in answer.text and '2 of your submissions' in answer.text


def test_who_must_sign_in_comes_back_afterwards(web):
    answer = web.client().get(f'/c/{web.contest.slug}/team', follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers['location'] == f'/login?next=%2Fc%2F{web.contest.slug}%2Fteam'


def test_a_form_whose_session_is_over_leads_back_to_its_page(web):
    base = f'http://testserver/c/{web.contest.slug}'
    for referer, back in ((base, f'/c/{web.contest.slug}'), ('https://elsewhere.example/c', '/'), ('', '/')):
        answer = web.client().post(f'{base}/join', data={'team': 'Late'}, headers={'Referer': referer})
        assert answer.status_code == 401
        assert f'href="/login?next={back}"' in answer.text


def test_refusals_are_pages_in_the_language_of_the_browser(web):
    for language, said in (('en', 'Not found'), ('zh', '未找到')):
        answer = web.client().get('/c/nowhere', headers={'Accept-Language': language})
        assert answer.status_code == 404 and f'<h1>{said}</h1>' in answer.text


def test_a_fault_of_the_server_is_a_page_with_a_reference(web, monkeypatch):
    monkeypatch.setattr(web.store.contests, 'list', lambda **_: 1 / 0)
    answer = web.client().get('/')
    assert answer.status_code == 500 and '<h1>Something broke</h1>' in answer.text
    assert answer.headers['x-request-id'] in answer.text and 'division' not in answer.text
    assert "default-src 'self'" in answer.headers['content-security-policy']


def test_board_shows_the_score_that_ranks_and_marks_ties(site):
    places = site.client().get(f'/api/v1/contests/{site.contest.slug}/leaderboard').json()['places']
    text = site.client().get(f'/c/{site.contest.slug}/leaderboard').text
    rows = re.findall(r'<td class="rank">(\d+).*?<th scope="row">(.*?)</th>\s*<td class="number">([^<]+)</td>', text,
                      re.DOTALL)
    assert [(int(rank), team.strip(), value) for rank, team, value in rows] == [
        (place['rank'], place['team'], rendering.score_text(place['value'])) for place in places]


def test_private_scores_are_on_no_page_before_the_end(site):
    own = rendering.score_text(3.0)  # the participant's private score; the other team's is 4
    for kind, path, secret in (
            ('participant', '/s/{submission}', own), ('participant', '/c/{slug}/submissions', own),
            *(('user', path, other) for other in (own, rendering.score_text(4.0)) for path in (
                '/c/{slug}/gallery?pair=1', '/c/{slug}/gallery?pair=3'))):
        answer = site.client(kind).get(address(site, path))
        assert answer.status_code == 200 and secret not in answer.text, (kind, path)
    asked = site.client('user').get(address(site, '/c/{slug}/leaderboard?split=private')).text
    assert rendering.score_text(4.0) not in asked and 'value="private"' not in asked
    # What the test looks for is there to be found by those who may.
    assert own in site.client('organiser').get(address(site, '/s/{submission}')).text
    assert own in site.client('organiser').get(address(site, '/c/{slug}/gallery?pair=1')).text


def test_static_files_are_kept_by_browsers_as_long_as_their_address_holds(site):
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', site.client().get('/login').text)
    assert len(addresses) >= 3
    for one in addresses:
        answer = site.client().get(one)
        assert answer.status_code == 200 and 'max-age=31536000' in answer.headers['cache-control']
    assert site.client().get('/static/../pages/frame.py').status_code == 404


def _bundle_zip(folder, text=bundle_folder.TEXT):
    bundle_folder.write(folder, text)
    return pathlib.Path(shutil.make_archive(str(folder), 'zip', folder)).read_bytes()


def _organiser(web):
    """The organiser's browser: (client, the form's token)."""
    caller, cookie = accounts._open_session(web.platform, web.users['organiser'], '', '')
    client = TestClient(web.app, raise_server_exceptions=False)
    client.cookies.set('session', cookie)
    return client, caller.csrf


def test_organisers_make_change_and_copy_a_contest(web, tmp_path):
    client, token = _organiser(web)
    answer = client.post('/new', data={'csrf_token': token}, follow_redirects=False,
                         files={'bundle': ('b.zip', _bundle_zip(tmp_path / 'bundle'))})
    assert answer.status_code == 303, answer.text
    base = answer.headers['location'].split('?')[0]
    assert web.client().get(base).status_code == 404  # a draft
    page = client.get(f'{base}/manage/edit').text
    yaml = html.unescape(re.search(r'<textarea[^>]*>\n(.*?)</textarea>', page, re.DOTALL)[1])
    assert yaml.startswith('version: 1')
    title = re.search(r'^title: (.*)$', yaml, re.MULTILINE)[1]

    def change(text):
        return client.post(f'{base}/manage/edit', data={
            'csrf_token': token, 'name': ['competition.yaml'], 'text': [text.replace('\n', '\r\n')]})

    wrong = change(yaml.replace('version: 1', 'version: one'))
    assert wrong.status_code == 422 and 'competition.yaml:1' in wrong.text and 'version: one' in wrong.text
    assert change(yaml.replace(title, 'Another title', 1)).status_code == 200
    assert '<h1>Another title</h1>' in client.get(base).text
    copied = client.post(f'{base}/manage/clone', data={'csrf_token': token, 'new_slug': 'a-copy'},
                         follow_redirects=False)
    assert copied.headers['location'].startswith('/c/a-copy')
    taken = client.post(f'{base}/manage/clone', data={'csrf_token': token, 'new_slug': 'a-copy'})
    assert taken.status_code == 409 and 'aria-invalid' in taken.text
    assert client.post(f'{base}/manage/open', data={'csrf_token': token}).status_code == 200
    assert '<h1>Another title</h1>' in web.client().get(base).text


def test_a_bundle_with_mistakes_is_told_line_by_line(web, tmp_path):
    client, token = _organiser(web)
    text = bundle_folder.TEXT.replace('version: 1', 'version: 9')
    answer = client.post('/new', data={'csrf_token': token},
                         files={'bundle': ('b.zip', _bundle_zip(tmp_path / 'b', text))})
    assert answer.status_code == 422 and 'competition.yaml:' in answer.text
    for files in ({'bundle': ('b.zip', b'no zip')}, {}):
        answer = client.post('/new', data={'csrf_token': token}, files=files)
        assert answer.status_code == 422 and 'role="alert"' in answer.text
