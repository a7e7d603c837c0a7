"""A contest behind the real application, with one person of each kind: what tests of the web part talk to."""

import contextlib
import dataclasses
import hashlib
import io
import socket
import threading
import time
import zipfile

import argon2
import uvicorn
from starlette.testclient import TestClient

from stylegan_serving.competition import app, checksums, security, settings, storage
from stylegan_serving.competition.services import accounts
from stylegan_serving.competition.services.platform import Caller
from tests.serving.competition import contest_builder

SECRET = 'x' * 40
KINDS = ('anonymous', 'user', 'participant', 'other_team', 'judge', 'organiser', 'admin')


class WebContest:
    """An application on a store and a storage, an open contest in it, and clients that speak as somebody.

    Attributes:
        app, platform, store, storage: Of the application.
        contest: An open contest.
        users: dict kind -> `records.User`; no 'anonymous'.
        teams: dict kind -> `records.Team` of 'participant' and 'other_team'.
        submissions: dict kind -> a scored `records.Submission` of that team, with pictures.
    """

    def __init__(self, store, folder, **changes):
        # Which costs the platform itself takes, test_security says.
        security._HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
        security._nobodys_hash.cache_clear()
        self.store, self.storage = store, storage.Storage(str(folder / 'files'))
        options = {'requests_per_minute': 100_000, 'logins_per_minute': 1000, 'registrations_per_hour': 1000} | changes
        self.settings = settings.Settings('sqlite://', str(folder), SECRET, base_url='http://testserver', **options)
        self.app = app.create_app(self.settings, store=store, storage=self.storage)
        self.platform = self.app.state.platform
        self.users = {kind: contest_builder.add_user(store, f'the {kind}'.replace('_', ' '), _role(kind))
                      for kind in KINDS[1:]}
        self.contest = contest_builder.add_contest(store, owner=self.users['organiser'])
        store.contests.set_role(self.contest.id, self.users['judge'].id, 'judge')
        self.teams = {kind: store.teams.add(self.contest.id, f'team {kind}', self.users[kind].id)
                      for kind in ('participant', 'other_team')}
        self.submissions = {kind: self.add_scored(kind, score)
                            for kind, score in (('participant', 2.0), ('other_team', 3.0))}
        self._tokens = {}

    def client(self, kind='anonymous', **options):
        """A client that speaks as a kind of person, by an API token."""
        client = TestClient(self.app, raise_server_exceptions=False, **options)
        if kind != 'anonymous':
            client.headers['Authorization'] = f'Bearer {self.token(kind)}'
        return client

    def token(self, kind):
        """The API token of a kind of person."""
        if kind not in self._tokens:
            self._tokens[kind] = accounts.make_token(self.platform, Caller(self.users[kind]), name='test')[1]
        return self._tokens[kind]

    def add_queued(self, kind, **options):
        """A submission of a team that waits."""
        identity = contest_builder.records.new_id()
        key = f'submissions/{identity}/archive.zip'
        self.storage.write(key, b'archive')
        return self.store.submissions.add(
            self.contest.id, 'development', self.teams[kind].id, self.users[kind].id, archive_key=key,
            archive_sha256=hashlib.sha256(b'archive').hexdigest(), archive_bytes=7, submission_id=identity, **options)

    def add_scored(self, kind, score, **options):
        """A submission of a team that was scored, with pictures and a log in the storage."""
        waiting = self.add_queued(kind, **options)
        claimed = self.store.submissions.claim('worker', self.platform.now(), 60)
        assert claimed.id == waiting.id
        rows = []
        for row in contest_builder.pair_scores_of(claimed.id, score, score + 1):
            output, heat_map = (f'submissions/{claimed.id}/{kind}/{row.pair}.png' for kind in ('output', 'heat'))
            self.storage.write(output, b'\x89PNG output of ' + claimed.id.encode())
            self.storage.write(heat_map, b'\x89PNG heat map')
            rows.append(dataclasses.replace(row, output_key=output, heat_map_key=heat_map))
        log = f'submissions/{claimed.id}/run.log'
        self.storage.write(log, b'scored\n')
        return self.store.submissions.finish_scored(
            claimed.id, 'worker', contest_builder.scores_of(claimed.id, score, score + 1), rows, 'evaluator',
            f'submissions/{claimed.id}/report.json', log)


def _role(kind):
    return {'admin': 'admin', 'organiser': 'organiser'}.get(kind, 'user')


@contextlib.contextmanager
def serving(app):
    """The application behind a real socket; gives its address."""
    with socket.create_server(('127.0.0.1', 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, kwargs={'sockets': [listening]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), 'the server did not start'
                time.sleep(0.01)
            yield f'http://127.0.0.1:{listening.getsockname()[1]}'
        finally:
            server.should_exit = True
            thread.join(30)


def archive(names=('000.png',)):
    """A small zip archive, bytes; what is in it is no picture."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as bundle:
        for name in names:
            bundle.writestr(name, b'picture of ' + name.encode())
    return file.getvalue()


def begin_upload(client, slug, data, **changes):
    """Announces an upload and returns the answer."""
    return client.post(f'/api/v1/contests/{slug}/uploads', json={
        'filename': 'results.zip', 'size_bytes': len(data), 'sha256': hashlib.sha256(data).hexdigest()} | changes)


def send_part(client, upload_id, offset, part, **headers):
    """Sends a part with its checksum and returns the answer."""
    return client.patch(f'/api/v1/uploads/{upload_id}', content=part, headers={
        'Upload-Offset': str(offset), 'Upload-Checksum': checksums.header_of(part)} | headers)


def upload(client, slug, data, part_bytes=1 << 20):
    """Uploads a file in parts and returns the upload's id."""
    made = begin_upload(client, slug, data)
    assert made.status_code == 201, made.text
    for offset in range(0, len(data), part_bytes):
        answer = send_part(client, made.json()['id'], offset, data[offset:offset + part_bytes])
        assert answer.status_code == 204, answer.text
    return made.json()['id']
