"""A participant's way through a contest in a real browser, on the real commands: a server, and a worker beside it."""

import contextlib
import pathlib
import signal
import subprocess
import sys
import time

import httpx
import pytest

from stylegan_serving.competition import security, storage, texts
from stylegan_serving.competition import store as stores
from tests.serving import server_process
from tests.serving.competition import contest_builder, picture_contest

CHROMIUM = pathlib.Path('/usr/bin/chromium')
PASSWORD = 'correct horse 1'
WORDS = texts.TEXTS['en']


class Installation:
    """A contest with two teams in a folder, served by `serve --workers=0`; `address` is where."""

    def __init__(self, folder):
        self.folder, self.address = folder, f'http://127.0.0.1:{server_process.free_ports(1)}'
        self._processes = []
        self.store = stores.open_store(f'sqlite:///{folder}/competition.sqlite')
        files = storage.Storage(str(folder / 'files'))
        organiser = self.store.accounts.add_user('the organiser', None, security.hash_password(PASSWORD), 'admin')
        self.contest = picture_contest.add_contest(self.store, files, owner=organiser, private_share=0.0)
        for name, share in (('Half and half', 0.5), ('Mostly style', 0.8)):
            team, leader = contest_builder.add_team(self.store, self.contest, name)
            picture_contest.submit(self.store, files, self.contest, team, leader, picture_contest.blend(share))
        self._start('serve', '--workers=0', f'--port={self.address.rsplit(":", 1)[1]}')
        limit = time.monotonic() + 120
        while not self._answers():
            assert time.monotonic() < limit, self.log('serve')
            time.sleep(0.2)

    def start_worker(self):
        """Starts a worker, and waits until it has scored what lies there."""
        self._start('worker', '--poll_seconds=0.2')

    def log(self, command):
        return (self.folder / f'{command}.log').read_text(errors='replace')

    def end(self):
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                assert process.wait(60) == 0
            finally:
                process.kill()
        self.store.close()

    def _start(self, command, *flags):
        with open(self.folder / f'{command}.log', 'wb') as log:
            self._processes.append(subprocess.Popen(
                [sys.executable, '-m', 'stylegan_serving.competition', command, f'--data={self.folder}', *flags],
                stdout=log, stderr=log, env={
                    **server_process.environment(), 'STYLEGAN_COMPETITION_CHUNK_BYTES': '2000',
                    'STYLEGAN_COMPETITION_LOGINS_PER_MINUTE': '1000'}))

    def _answers(self):
        try:
            return httpx.get(f'{self.address}/readyz').status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture(scope='module')
def installation(tmp_path_factory):
    made = Installation(tmp_path_factory.mktemp('installation'))
    yield made
    made.end()


@pytest.fixture(scope='module')
def browser():
    playwright = pytest.importorskip('playwright.sync_api', reason='the package playwright is not installed')
    if not CHROMIUM.exists():
        pytest.skip(f'there is no {CHROMIUM}: apt-get install chromium')
    with playwright.sync_playwright() as driver, contextlib.closing(driver.chromium.launch(
            executable_path=CHROMIUM, args=['--no-sandbox'])) as opened:
        playwright.expect.set_options(timeout=120_000)
        yield opened


class Visitor:
    """A browser of one person; `complaints` collects errors of scripts, of the console and of the policy."""

    def __init__(self, browser, address, **options):
        self.address, self.complaints = address, []
        self.context = browser.new_context(**{
            'viewport': {'width': 1280, 'height': 900}, 'locale': 'en-GB'} | options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(120_000)
        self.page.on('pageerror', lambda error: self.complaints.append(str(error)))
        self.page.on('console', self._hear)
        self.page.on('response', lambda answer: self.complaints.append(f'{answer.status} {answer.url}')
                     if answer.status >= 500 else None)
        self.page.on('request', lambda request: self.complaints.append(request.url)
                     if not request.url.startswith((address, 'data:', 'blob:')) else None)

    def _hear(self, message):
        if message.type in ('error', 'warning'):
            self.complaints.append(message.text)

    def go(self, path):
        self.page.goto(self.address + path)

    def register(self, name):
        self.go('/register')
        self.page.get_by_label(WORDS['name'], exact=True).fill(name)
        self.page.get_by_label(WORDS['password'], exact=True).fill(PASSWORD)
        self.page.locator('main').get_by_role('button', name=WORDS['register']).click()

    def log_in(self, name):
        self.go('/login')
        self.page.get_by_label(WORDS['name_or_email']).fill(name)
        self.page.get_by_label(WORDS['password'], exact=True).fill(PASSWORD)
        self.page.locator('main').get_by_role('button', name=WORDS['log_in']).click()
        self.page.wait_for_url(f'{self.address}/')


def teams_on(page):
    return [text.split('\n')[0].replace(f' {WORDS["your_team"]}', '').strip()
            for text in page.locator('table.board').first.locator('tbody th').all_inner_texts()]


@pytest.mark.slow
def test_a_participants_way(installation, browser, tmp_path):
    from playwright.sync_api import expect
    base, archive = f'/c/{installation.contest.slug}', tmp_path / 'results.zip'
    archive.write_bytes(picture_contest.archive(picture_contest.blend(0.95)))
    assert archive.stat().st_size > 6000  # several parts
    visitor = Visitor(browser, installation.address)
    page = visitor.page
    visitor.register('newcomer')
    expect(page.get_by_role('status')).to_have_text(WORDS['said_registered'])
    page.get_by_role('link', name=installation.contest.title).click()
    page.get_by_label(WORDS['team_name']).fill('The newcomers')
    page.get_by_role('button', name=WORDS['join']).click()
    expect(page.get_by_role('status')).to_have_text(WORDS['said_joined'])

    visitor.go(f'{base}/submit')
    page.set_input_files('#archive', archive)
    page.get_by_label(WORDS['entry_title']).fill('Nearly the style')
    lost, parts = [], []

    def lose_second(route):
        """The second part's answer is lost on the way, though the server has the part."""
        parts.append(route.request.headers['upload-offset'])
        if len(parts) == 2:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    page.route('**/api/v1/uploads/*', lambda route: lose_second(route) if route.request.method == 'PATCH'
               else route.continue_())
    page.get_by_role('button', name=WORDS['send']).click()
    page.wait_for_url('**/s/*')
    assert lost == [204] and parts == [str(at) for at in range(0, archive.stat().st_size, 2000)]  # none was sent twice
    assert [text for text in visitor.complaints if 'net::ERR_FAILED' not in text] == []
    visitor.complaints.clear()

    live = page.locator('[data-live-text]')
    expect(live).to_have_text(WORDS['live_queued'].format(n=3))
    installation.start_worker()
    expect(page.get_by_role('heading', name=WORDS['scores'])).to_be_visible()  # without anybody loading the page
    expect(live).to_have_count(0)
    expect(page.locator('[data-reveal]')).to_have_count(picture_contest.PAIRS // 2)  # the others are private

    visitor.go(f'{base}/leaderboard')
    before = teams_on(page)
    assert sorted(before) == ['Half and half', 'Mostly style', 'The newcomers']
    expect(page.locator('svg.chart')).to_be_visible()
    _see_the_board_move(installation, visitor, base, tmp_path, before)
    _look_around(visitor, base)
    _vote(visitor, base)
    assert visitor.complaints == []


def _see_the_board_move(installation, visitor, base, tmp_path, before):
    """A better entry, by a browser without scripts: the plain form and pages that load themselves anew."""
    from playwright.sync_api import expect
    row = visitor.page.locator('table.board tbody tr', has_text='The newcomers')
    shown = row.locator('td.number').first.inner_text()
    plain = Visitor(visitor.context.browser, visitor.address, java_script_enabled=False)
    plain.log_in('newcomer')
    plain.go(f'{base}/submit')
    better = tmp_path / 'better.zip'
    better.write_bytes(picture_contest.archive(picture_contest.blend(0.3)))
    plain.page.set_input_files('#archive', better)
    plain.page.get_by_label(WORDS['entry_title']).fill('A third of it')
    plain.page.get_by_role('button', name=WORDS['send']).click()
    expect(plain.page.get_by_role('heading', name=WORDS['scores'])).to_be_visible()
    assert plain.page.locator('[data-reveal] img').first.is_visible()
    plain.context.close()
    expect(visitor.page.locator('table.board tbody tr').first).to_contain_text('The newcomers')  # the open page moved
    expect(visitor.page.locator('[data-board-said]')).to_have_text(WORDS['board_moved'])
    assert float(row.locator('td.number').first.inner_text()) > float(shown)
    assert before[0] != 'The newcomers' == teams_on(visitor.page)[0]
    expect(row).to_have_class('own')
    expect(visitor.page.locator('svg.chart circle.dot-1')).to_have_count(2)  # its first entry, and the better one


def _look_around(visitor, base):
    from playwright.sync_api import expect
    page = visitor.page
    visitor.go(f'{base}/gallery?pair=0')
    stage = page.locator('.reveal-stage')
    slider = page.get_by_label(WORDS['reveal_slide'])

    def cut():
        return stage.evaluate('one => getComputedStyle(one).getPropertyValue("--cut")')

    assert cut() == '50%'
    slider.focus()
    page.keyboard.press('ArrowLeft')
    assert cut() == '49%'
    box = stage.bounding_box()
    page.mouse.move(box['x'] + box['width'] / 2, box['y'] + box['height'] / 2)
    page.mouse.down()
    page.mouse.move(box['x'] + box['width'] / 5, box['y'] + box['height'] / 2, steps=4)
    page.mouse.up()
    assert 18 <= float(cut().rstrip('%')) <= 22 and slider.input_value() == cut().rstrip('%')
    content = page.locator('.reveal-under').get_attribute('src')
    page.get_by_text(WORDS['style'], exact=True).click()
    assert page.locator('.reveal-under').get_attribute('src') != content
    expect(page.locator('img.winner')).to_have_count(1)

    visitor.go(f'{base}/compare')
    page.get_by_label(WORDS['second'], exact=True).select_option(label='Mostly style')
    page.get_by_role('button', name=WORDS['show']).click()
    expect(page.locator('.panel').first).to_contain_text('The newcomers')
    expect(page.locator('[data-reveal]')).to_have_count(4)
    expect(page.locator('.badge.open', has_text=WORDS['winner'])).to_have_count(2)  # of the two public pictures


def _vote(visitor, base):
    """Blind: neither the names nor the own entry are on the page, and a key is as good as a button."""
    from playwright.sync_api import expect
    page = visitor.page
    visitor.go(f'{base}/vote')
    assert not [name for name in ('Half and half', 'Mostly style') if name in page.content()]
    page.keyboard.press('1')
    expect(page.get_by_role('status')).to_have_text(WORDS['said_voted'])
    page.get_by_role('button', name=WORDS['vote_tie']).click()
    expect(page.get_by_role('status')).to_have_text(WORDS['said_voted'])
    visitor.go(f'{base}/leaderboard')
    expect(page.get_by_text(WORDS['votes_about'].format(n=2))).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize('language, locale', [('en', 'en-GB'), ('zh', 'zh-CN')])
def test_every_page_fits_a_phone(installation, browser, language, locale):
    base, words = f'/c/{installation.contest.slug}', texts.TEXTS[language]
    visitor = Visitor(browser, installation.address, locale=locale, viewport={'width': 390, 'height': 844},
                      is_mobile=True, has_touch=True)
    page = visitor.page
    visitor.go('/login')
    assert page.locator('html').get_attribute('lang') == language
    page.fill('#name', 'the organiser')
    page.fill('#password', PASSWORD)
    page.locator('main').get_by_role('button', name=words['log_in']).click()
    page.wait_for_url(f'{installation.address}/')
    entry = installation.store.submissions.list(installation.contest.id, limit=1)[0].id
    for path in ('/', '/register', '/account', '/invitation', base, f'{base}/leaderboard', f'{base}/gallery',
                 f'{base}/gallery?pair=0', f'{base}/compare', f'{base}/vote', f'{base}/manage', '/admin', f'/s/{entry}',
                 '/nowhere'):
        visitor.go(path)
        width = page.evaluate('document.documentElement.scrollWidth')
        assert width <= 390, (path, width)
    assert [text for text in visitor.complaints if '404' not in text] == []


@pytest.mark.slow
def test_everything_can_be_reached_by_keys(installation, browser):
    from playwright.sync_api import expect
    visitor = Visitor(browser, installation.address)
    page = visitor.page
    visitor.go(f'/c/{installation.contest.slug}/leaderboard')
    page.keyboard.press('Tab')
    expect(page.get_by_role('link', name=WORDS['skip'])).to_be_focused()
    page.keyboard.press('Enter')
    expect(page.locator('main')).to_be_focused()
    theme = page.get_by_role('button', name=WORDS['theme_dark'])
    theme.focus()
    ground = page.evaluate('getComputedStyle(document.body).backgroundColor')
    page.keyboard.press('Enter')
    assert page.evaluate('getComputedStyle(document.body).backgroundColor') != ground
    page.reload()  # it is remembered
    expect(page.get_by_role('button', name=WORDS['theme_light'])).to_be_visible()
    assert visitor.complaints == []
