"""The studio as its users meet it: the command, HTTP through a real socket, and the page in a real browser."""

import contextlib
import itertools
import json
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from stylegan_serving.studio import texts
from stylegan_tf import images, looks
from tests.serving import server_process

CHROMIUM = pathlib.Path('/usr/bin/chromium')


class _Studio:
    """A studio in a process of its own, on a free port; `page` is its address."""

    def __init__(self, folder, *flags):
        port = server_process.free_ports(1)
        self.page, self._log, self._folder = f'http://127.0.0.1:{port}', folder / 'log', folder
        with open(self._log, 'wb') as log:
            self.process = subprocess.Popen(
                [sys.executable, '-m', 'stylegan_serving.studio', f'--port={port}', *flags], stdout=log, stderr=log,
                env={**server_process.environment(), 'TMPDIR': str(folder)})
        limit = time.monotonic() + 240
        while 'The studio is open' not in self.log():
            assert self.process.poll() is None and time.monotonic() < limit, self.log()
            time.sleep(0.2)

    def log(self):
        return self._log.read_text(errors='replace')

    def uploads(self):
        """Files of the studio's own folder."""
        return [path for path in self._folder.rglob('stylegan_studio_*/**/*') if path.is_file()]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()


@pytest.fixture(scope='module')
def studio(tmp_path_factory):
    pytest.importorskip('gradio')
    running = _Studio(tmp_path_factory.mktemp('studio'), '--max_upload_megabytes=1')
    yield running
    if running.process.poll() is None:
        running.end()


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    """Paths of a photograph, a picture of a look, and a file that is no picture."""
    folder = tmp_path_factory.mktemp('pictures')
    y, x = np.mgrid[0:120, 0:160].astype(np.float32)
    photo = np.stack([x, y * 2, 255 - x], axis=-1).clip(0, 255).astype(np.uint8)
    images.save(folder / 'photo.png', photo)
    images.save(folder / 'look.png', np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8))
    (folder / 'broken.png').write_bytes((folder / 'photo.png').read_bytes()[:90])
    return [folder / f'{name}.png' for name in ('photo', 'look', 'broken')]


def run(*flags, module='stylegan_serving.studio'):
    return subprocess.run([sys.executable, '-m', module, *flags], text=True, capture_output=True, timeout=120,
                          env=server_process.environment())


def test_help_comes_without_tensorflow_and_gradio():
    code = ('import sys, runpy; sys.argv = ["studio", "--help"]\n'
            'try: runpy.run_module("stylegan_serving.studio", run_name="__main__", alter_sys=True)\n'
            'except SystemExit as end: assert end.code == 0\n'
            'assert not {"tensorflow", "keras", "gradio", "cv2"} & set(sys.modules), "slow to start"')
    done = subprocess.run([sys.executable, '-c', code], text=True, capture_output=True, timeout=60,
                          env=server_process.environment())
    assert done.returncode == 0 and '--max_upload_megabytes' in done.stdout, done.stderr


def test_bad_usage_is_one_line():
    pytest.importorskip('gradio')
    port = server_process.free_ports(1)
    for flags, said in (((f'--port={port}', '--models=nowhere'), 'nowhere is neither a folder'),
                        (('--host=203.0.113.7', f'--port={port}'), 'Cannot listen on'), (('stray',), 'only flags')):
        done = run(*flags)
        assert done.returncode == 2 and said in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def _answer(client, page, data):
    """What the page's button `make` answers: (kind of the last event, its data)."""
    call = client.post(f'{page}/gradio_api/call/make', json={'data': data}).json()['event_id']
    lines = client.get(f'{page}/gradio_api/call/make/{call}').text.strip().splitlines()
    events = [(kind.removeprefix('event: '), json.loads(data.removeprefix('data: ')))
              for kind, data in itertools.pairwise(lines) if kind.startswith('event: ')]
    return events[-1]


def _upload(client, page, path):
    with open(path, 'rb') as file:
        stored = client.post(f'{page}/gradio_api/upload', files={'files': (path.name, file)}).json()[0]
    return {'path': stored, 'orig_name': path.name, 'meta': {'_type': 'gradio.FileData'}}


def test_a_picture_is_made_over_http_and_nothing_else_is_read(studio, pictures):
    httpx = pytest.importorskip('httpx')
    photo, look, broken = pictures
    with httpx.Client(timeout=240) as client:
        own = [1, 0, 1, 0, 1, None]  # dials of other models

        def asked(portrait, looks, language='en', model='arbitrary_style'):
            return _answer(client, studio.page, [portrait, [{'image': one} for one in looks], model, 0.8, '0', 'none',
                                                 '', None, None, 'forward', language, *own])

        sent = [_upload(client, studio.page, path) for path in (photo, look)]
        kind, answer = asked(sent[0], sent[1:])
        assert kind == 'complete', answer
        result = next(part['value'] for part in answer if isinstance(part, dict) and 'value' in part
                      and isinstance(part['value'], dict))
        made = client.get(result['url']).content
        assert images.read(made).shape == (120, 160, 3)
        assert images.read_metadata(made)['Model'] == 'arbitrary_style'
        kind, answer = asked(_upload(client, studio.page, broken), sent[1:], language='zh')
        assert kind == 'error' and 'broken.png' in str(answer) and '损坏' in str(answer)
        kind, answer = asked({**sent[0], 'path': '/etc/hostname'}, sent[1:])  # what was not uploaded
        assert kind == 'error' and 'hostname' not in str(answer).replace('/etc/hostname', '')
        too_large = client.post(f'{studio.page}/gradio_api/upload', files={'files': ('a.png', bytes(1_100_000))})
        assert too_large.status_code == 413


@pytest.mark.slow
def test_the_page_in_a_browser(studio, pictures, tmp_path):
    playwright = pytest.importorskip('playwright.sync_api', reason='the package playwright is not installed')
    if not CHROMIUM.exists():
        pytest.skip(f'there is no {CHROMIUM}: apt-get install chromium')
    photo, look, broken = pictures
    english, chinese = texts.TEXTS['en'], texts.TEXTS['zh']
    with playwright.sync_playwright() as driver, contextlib.closing(driver.chromium.launch(
            executable_path=CHROMIUM, args=['--no-sandbox'])) as browser:
        page = browser.new_page(viewport={'width': 1280, 'height': 1000}, locale='en-GB')
        page.set_default_timeout(240_000)
        asked = []
        page.on('request', lambda request: asked.append(request.url))
        page.goto(studio.page)
        expect = playwright.expect
        expect.set_options(timeout=240_000)
        expect(page.locator('#make')).to_have_text(english['make'])
        expect(page.locator('#status')).to_contain_text(english['waiting'])
        page.click('#make')
        expect(page.get_by_text(english['no_portrait'])).to_be_visible()
        page.set_input_files('#portrait input[type=file]', broken)
        page.wait_for_selector('#portrait img', state='attached')
        page.click('#make')
        expect(page.get_by_text(english['damaged'].format(file='broken.png'))).to_be_visible()

        page.reload()
        expect(page.locator('#status')).to_contain_text(english['waiting'])
        page.set_input_files('#portrait input[type=file]', photo)
        page.wait_for_selector('#portrait img')
        page.click('#make')  # a browser sends 0 for an empty number, which is no imagined look
        expect(page.get_by_text(english['no_looks'].format(name='arbitrary_style'))).to_be_visible()
        page.locator('.toast-close').last.click()  # it lies over the button
        page.set_input_files('#looks input[type=file]', look)
        page.wait_for_selector('#looks img')
        page.click('#make')
        page.wait_for_selector('#result img')
        expect(page.locator('#status')).to_contain_text('160 × 120 pixels')
        _move_slider(page)

        with page.expect_download() as download:
            page.click('#download')
        download.value.save_as(tmp_path / 'result.png')
        assert images.read_metadata(tmp_path / 'result.png')['Styles'] == 'look.png'

        page.get_by_label(texts.LANGUAGES['zh']).click()
        expect(page.locator('#make')).to_have_text(chinese['make'])
        expect(page.locator('#status')).to_contain_text('160 × 120 像素')
        assert page.locator('#result img').count() == 2  # what was made stays
        page.click('#model input')
        page.get_by_role('option', name='crane').click()
        expect(page.locator('#looks')).to_be_hidden()
        expect(page.locator('#about')).to_contain_text(chinese['takes_no_look'])

        expect(page.locator('#download_table')).to_be_hidden()
        page.click('#model input')
        page.get_by_role('option', name='photographic_look').click()
        expect(page.locator('#looks')).to_be_visible()
        page.click('#make')
        with page.expect_download() as download:
            page.click('#download_table')
        download.value.save_as(tmp_path / 'look.cube')
        assert looks.read_cube(tmp_path / 'look.cube').shape == (33, 33, 33, 3)
        assert {url.split('/')[2] for url in asked if url.startswith('http')} == {studio.page.split('/')[2]}


def _move_slider(page):
    """Drags the line of the result to the left, which shows more of the second picture."""
    box = page.locator('#result img').first.bounding_box()
    handle = page.locator('#result .inner, #result .outer').first
    before = handle.bounding_box()['x']
    page.mouse.move(box['x'] + box['width'] / 2, box['y'] + box['height'] / 2)
    page.mouse.down()
    page.mouse.move(box['x'] + box['width'] / 5, box['y'] + box['height'] / 2, steps=5)
    page.mouse.up()
    assert handle.bounding_box()['x'] < before - box['width'] / 5


def test_it_ends_by_sigterm_and_leaves_no_uploads(studio):
    """Last, because it ends the studio of the tests above."""
    assert studio.end() == 0, studio.log()
    assert 'stylegan_serving' not in studio.log()  # in no traceback
    assert not studio.uploads()
