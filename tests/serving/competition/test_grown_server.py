"""A contest on PostgreSQL and a bucket, with two workers that are processes of their own."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from stylegan_serving.competition import bundle_export, score_log, storage
from stylegan_serving.competition import store as stores
from tests.serving.competition import contest_builder, picture_contest

_ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture
def worker(tmp_path):
    """Function that starts a worker with flags; all are ended, and must end well."""
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(_ROOT), str(_ROOT / 'serving')])}
    with contextlib.ExitStack() as stack:
        yield lambda *flags: stack.enter_context(_running(
            [sys.executable, '-m', 'stylegan_serving.competition', 'worker', f'--data={tmp_path}/worker', *flags],
            environment))


@contextlib.contextmanager
def _running(command, environment):
    process = subprocess.Popen(command, env=environment)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_workers_share_postgresql_and_a_bucket(new_postgres_url, bucket, worker, tmp_path):
    url = new_postgres_url()
    store, files = stores.open_store(url), storage.Storage(f'{bucket}/grown')
    contest = picture_contest.add_contest(store, files, pairs=2)
    entries = [picture_contest.submit(store, files, contest, *contest_builder.add_team(store, contest),
                                      picture_contest.blend(share, pairs=2)) for share in (0.1, 0.2, 0.3, 0.4)]
    entries.append(picture_contest.submit(store, files, contest, *contest_builder.add_team(store, contest), b'no zip'))
    for name in ('first', 'second'):
        worker(f'--database_url={url}', f'--storage_url={bucket}/grown', f'--name={name}')

    deadline = time.monotonic() + 600
    while any(row.state in ('queued', 'running') for row in store.submissions.list(contest.id)):
        assert time.monotonic() < deadline, 'waited too long'
        time.sleep(0.5)
    states = {row.id: (row.state, row.attempts) for row in store.submissions.list(contest.id)}
    assert [states[row.id] for row in entries] == [('scored', 1)] * 4 + [('failed', 1)]
    assert sorted(entry.kind for entry in store.scores.log(contest.id)) == ['failed'] + ['scored'] * 4
    assert len(store.scores.board_rows(contest.id, 'development', 'public')) == 4

    bundle_export.write(store, files, contest, tmp_path / 'export.zip', archives='all')
    bundle, log, stated, _ = bundle_export.read_log(tmp_path / 'export.zip')
    assert score_log.standings(log, bundle) == stated and len(stated) == 8
    store.close()
