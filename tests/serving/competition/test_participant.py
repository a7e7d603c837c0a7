"""The participants' side through a real socket."""

import os
import subprocess
import sys
import threading

import httpx
import pytest

from stylegan_serving.competition import participant
from tests.serving.competition import contest_builder, web_contest


@pytest.fixture
def server(web):
    with web_contest.serving(web.app) as address:
        yield address


class Unreliable(httpx.HTTPTransport):
    """A line on which every third part is lost, by turns before it arrives and with its answer."""

    def __init__(self):
        super().__init__()
        self.parts, self.sent_bytes = 0, 0

    def handle_request(self, request):
        if request.method != 'PATCH':
            return super().handle_request(request)
        self.parts += 1
        if self.parts % 6 == 3:
            raise httpx.ConnectError('lost before it arrived')
        answer = super().handle_request(request)
        self.sent_bytes += int(request.headers['content-length'])
        if self.parts % 6 == 0:
            answer.close()
            raise httpx.ReadError('lost with its answer')
        return answer


class Broken(httpx.HTTPTransport):
    """A line that is cut for good after some parts."""

    def __init__(self, parts):
        super().__init__()
        self.left = parts

    def handle_request(self, request):
        if request.method == 'PATCH':
            self.left -= 1
        if self.left < 0:
            raise httpx.ConnectError('cut')
        return super().handle_request(request)


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / 'results.zip'
    path.write_bytes(web_contest.archive([f'{number:03}.png' for number in range(60)]))
    return path


@pytest.fixture
def small_chunks(web):
    # 8 parts or so
    object.__setattr__(web.settings, 'chunk_bytes', 1000)


def test_a_line_that_loses_parts_and_answers_costs_time_only(web, server, archive, tmp_path, small_chunks):
    line, waits = Unreliable(), []
    with participant.Participant(server, web.token('participant'), folder=tmp_path / 'kept', sleep=waits.append,
                                 transport=line) as me:
        submission = me.submit(web.contest.slug, archive, title='over a bad line')
        me.download(f'/submissions/{submission["id"]}/archive', tmp_path / 'back.zip')
    assert (tmp_path / 'back.zip').read_bytes() == archive.read_bytes()
    assert len(waits) >= 2
    assert line.sent_bytes == archive.stat().st_size, 'a part that had arrived was sent again'


def test_after_a_crash_the_upload_goes_on_where_it_was(web, server, archive, tmp_path, small_chunks):
    token, kept = web.token('participant'), tmp_path / 'kept'
    with participant.Participant(server, token, folder=kept, sleep=lambda _: None, transport=Broken(3)) as me, \
            pytest.raises(participant.ServerUnreachable):
        me.submit(web.contest.slug, archive)
    line = Unreliable()
    line.parts = -1000
    with participant.Participant(server, token, folder=kept, transport=line) as me:
        submission = me.submit(web.contest.slug, archive)
        assert me.submission(submission['id'])['state'] == 'queued'
    assert line.sent_bytes == archive.stat().st_size - 3000
    assert list(kept.iterdir()) == []


def test_watching_tells_the_place_in_the_queue_the_progress_and_the_end(web, server):
    first, second = web.add_queued('other_team'), web.add_queued('participant')
    states, store = [], web.store
    with participant.Participant(server, web.token('participant')) as me:
        def score():
            for waiting in (first, second):
                claimed = store.submissions.claim('worker', web.platform.now(), 60)
                assert claimed.id == waiting.id
                if claimed.id == second.id:
                    store.submissions.progress(claimed.id, 'worker', 1, 4)
                    seen[1].wait(20)
                contest_builder.finish(store, claimed, 'worker', 2.5)

        seen = [threading.Event(), threading.Event()]
        worker = threading.Thread(target=lambda: (seen[0].wait(20), score()))
        worker.start()
        for state in me.watch(second.id):
            states.append(state)
            seen[0].set()
            if state['state'] == 'running':
                seen[1].set()
        worker.join()
    assert (states[0]['state'], states[0]['queue_position']) == ('queued', 2)
    assert any((state['progress_done'], state['progress_total']) == (1, 4) for state in states)
    assert states[-1]['state'] == 'scored'


def test_refusals_say_why(web, server):
    with participant.Participant(server, web.token('user')) as me:
        with pytest.raises(participant.Refused, match='Join this contest') as error:
            me.submit(web.contest.slug, __file__)
        assert error.value.status == 403
    with participant.Participant(server, 'sgc_unknown') as me, pytest.raises(participant.Refused, match='not valid'):
        me.me()
    with participant.Participant('http://127.0.0.1:9', sleep=lambda _: None) as me, \
            pytest.raises(participant.ServerUnreachable, match=r'127\.0\.0\.1:9'):
        me.contest('test')


def run(*arguments, home, stdin=None):
    environment = {**os.environ, 'HOME': str(home), 'XDG_CONFIG_HOME': str(home / 'config'),
                   'XDG_CACHE_HOME': str(home)}
    return subprocess.run([sys.executable, '-m', 'stylegan_serving.competition', *arguments], input=stdin,
                          capture_output=True, text=True, timeout=120, env=environment)


@pytest.mark.slow
def test_commands_from_the_registration_to_the_board(web, server, archive, tmp_path):
    slug, to = web.contest.slug, f'--server={server}'
    done = run('register', to, '--name=ada', '--password_file=-', home=tmp_path, stdin='correct horse battery\n')
    assert done.returncode == 0, done.stderr
    kept = tmp_path / 'config/stylegan_tf/competition_tokens.json'
    assert kept.stat().st_mode & 0o077 == 0
    refused = run('submit', to, f'--contest={slug}', f'--archive={archive}', home=tmp_path)
    assert (refused.returncode, 'Join this contest first' in refused.stderr) == (1, True)
    assert run('join', to, f'--contest={slug}', '--team=Two brushes', home=tmp_path).returncode == 0
    done = run('submit', to, f'--contest={slug}', f'--archive={archive}', '--title=strokes', home=tmp_path)
    assert done.returncode == 0 and 'Queued as number 3' in done.stdout, done.stderr
    contest_builder.finish(web.store, web.store.submissions.claim('worker', web.platform.now(), 60), 'worker', 0.5)
    done = run('status', to, f'--contest={slug}', '--follow', home=tmp_path)
    assert done.returncode == 0 and 'scored' in done.stdout and '0.5' in done.stdout, done.stderr
    done = run('leaderboard', to, f'--contest={slug}', home=tmp_path)
    assert done.stdout.splitlines()[2].split()[:4] == ['1', 'Two', 'brushes', '0.5']
    done = run('download', to, f'--contest={slug}', '--what=score_log', f'--output={tmp_path}/log.jsonl', home=tmp_path)
    assert done.returncode == 0 and len((tmp_path / 'log.jsonl').read_text().splitlines()) == 3, done.stderr


def test_commands_say_what_is_missing(tmp_path):
    for arguments, message in ((('submit', '--contest=x'), '--archive'), (('status',), 'register'),
                               (('leaderboard',), '--contest')):
        done = run(*arguments, '--server=http://127.0.0.1:9', home=tmp_path)
        assert done.returncode == 2 and message in done.stderr and 'Traceback' not in done.stderr, done.stderr
