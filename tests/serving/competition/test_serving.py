"""`serve --demo` and `worker` through the door: processes, sockets and signals."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import httpx
import pytest

from stylegan_serving.competition import demo, storage
from stylegan_serving.competition import store as stores
from tests.serving.competition import contest_builder, picture_contest

ROOT = pathlib.Path(__file__).resolve().parents[3]


@contextlib.contextmanager
def running(*arguments, **environment):
    """A process of the command, killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, '-u', '-m', 'stylegan_serving.competition', *arguments], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join([str(ROOT), str(ROOT / 'serving')]), **environment})
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(condition, seconds=240):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, 'waited too long'
        time.sleep(0.2)
    return found


@pytest.mark.slow
def test_the_demo_scores_its_entries_one_after_another_and_ends_when_told(tmp_path):
    with running('serve', '--demo', '--port=0') as process:
        first = process.stdout.readline()
        address = re.search(r'(http://\S+)/c/demo', first).group(1)
        told = process.stdout.readline() + process.stdout.readline()
        password = re.search(r'password of both: (\S+)', told).group(1)
        with httpx.Client(base_url=f'{address}/api/v1', timeout=60) as client:
            assert client.get(f'{address}/healthz').text == 'ok\n'
            answer = client.post('/login', json={'name': 'demo-organiser', 'password': password})
            assert answer.status_code == 200, answer.text

            def board():
                return client.get('/contests/demo/leaderboard').json()['places']

            seen = []

            def all_there():
                seen.append(len(board()))
                return seen[-1] == len(demo.ENTRANTS) - 1

            wait_for(all_there)
            assert sorted(seen) == seen and len(set(seen)) >= 3, 'they come one after another'
            by_team = {place['team']: place for place in board()}
            assert {by_team[name]['rank'] for name in ('Gatys', 'Colour transfer')} <= {1, 2}
            for baseline in ('Content unchanged', 'Style pasted'):
                for name in ('Gatys', 'Colour transfer', 'Arbitrary style'):
                    assert by_team[baseline]['high'] < by_team[name]['low'], (baseline, name)
            rows = client.get('/contests/demo/submissions').json()
            kinds = {row['title']: {flag['kind'] for flag in row['flags']} for row in rows}
            assert 'copy_of_content' in kinds['the photograph itself']
            assert 'copy_of_style' in kinds['the style picture itself']
            assert not kinds['Gatys 2016, 160 evaluations'] and not kinds['linear colour transfer']
            failed = wait_for(lambda: [row for row in client.get('/contests/demo/submissions').json()
                                       if row['state'] == 'failed'])
            assert '005.png is missing' in failed[0]['error']
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@pytest.mark.parametrize('sign', [signal.SIGTERM, signal.SIGKILL])
def test_a_demo_that_ends_before_it_serves_leaves_nothing(tmp_path, sign):
    """What is killed cannot put its folder away; the next one does."""
    def places():
        return [path for kind in ('competition-demo', 'competition-sources') for path in tmp_path.glob(f'{kind}-*')]

    with running('serve', '--demo', '--port=0', TMPDIR=str(tmp_path)) as process:
        wait_for(places)
        process.send_signal(sign)
        assert process.wait(60) == (0 if sign == signal.SIGTERM else -signal.SIGKILL)
    if sign == signal.SIGKILL:
        assert places()
        for kind in ('competition-demo', 'competition-sources'):
            subprocess.run([sys.executable, '-c', 'import sys, tempfile; '
                            'from stylegan_serving.competition import scratch; scratch.sweep(sys.argv[1])', kind],
                           check=True, env={**os.environ, 'TMPDIR': str(tmp_path)})
    assert places() == []


def test_a_worker_process_scores_what_waits_and_ends_when_told(sqlite_store, sqlite_url, tmp_path):
    files = storage.Storage(tmp_path / 'files')
    contest = picture_contest.add_contest(sqlite_store, files, pairs=2)
    submission = picture_contest.submit(sqlite_store, files, contest, *contest_builder.add_team(sqlite_store, contest),
                                        picture_contest.blend(0.4, pairs=2))
    with running('worker', f'--database_url={sqlite_url}', f'--storage_url={files.url}', '--name=first',
                 f'--data={tmp_path}') as process:
        wait_for(lambda: sqlite_store.submissions.submission(submission.id).state == 'scored')
        assert [row.id for row in sqlite_store.administration.workers(time.time())] == ['first']
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert sqlite_store.administration.workers(time.time()) == []


@pytest.mark.parametrize('arguments, said', [
    (('serve', '--port=1', '--host=192.0.2.1'), 'Cannot listen on 192.0.2.1:1'),
    (('serve', '--base_url=ftp://x'), 'base_url begins with http'),
    (('worker', '--database_url=mysql://x'), 'Expected a database'),
    (('worker', '--lease_seconds=0'), 'lease_seconds')])
def test_bad_usage_is_one_line(tmp_path, arguments, said):
    with running(*arguments, f'--data={tmp_path}') as process:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 2 and said in output and 'Traceback' not in output


@pytest.mark.parametrize('command', [('worker', '--models=on'), ('serve', '--port=0')])
def test_who_shall_run_models_without_a_sandbox_does_not_start(tmp_path, command):
    path = os.pathsep.join(folder for folder in os.environ['PATH'].split(os.pathsep)
                           if not pathlib.Path(folder, 'bwrap').exists())
    with running(*command, f'--data={tmp_path}', PATH=path, STYLEGAN_COMPETITION_MODELS='on') as process:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 2 and 'bwrap is not installed' in output and 'Traceback' not in output


def test_a_demo_goes_on_where_it_was(tmp_path):
    from stylegan_serving.competition import limits, security, settings
    from stylegan_serving.competition.services.platform import Platform
    own = settings.load(tmp_path, {})
    store = stores.open_store(own.database_url)
    platform = Platform(own, store, storage.Storage(own.storage_url), security.RateLimiter(limits.rates(own)))
    first = demo.Demo(platform)
    assert 'password of both' in first.prepare()
    contest = store.contests.by_slug(demo.SLUG)
    phase = contest.bundle['phases'][0]
    assert contest.state == 'open' and phase['start'] < time.time() < phase['end']
    again = demo.Demo(platform)
    assert 'goes on' in again.prepare()
    again.run()
    assert store.submissions.list(contest.id) == []
    store.close()
