"""A participant's side of the competition over HTTP: hand in, watch, download. Imports no TensorFlow and no server.

    with Participant('https://contest.example', token) as me:
        submission = me.submit('my-contest', 'results.zip', title='my method')
        for state in me.watch(submission['id']):
            print(state['state'], state['queue_position'], state['eta_seconds'])
"""

import contextlib
import hashlib
import json
import pathlib
import time

import httpx

from stylegan_serving.competition import checksums
from stylegan_tf import files, version

ENDED = frozenset({'scored', 'failed', 'cancelled', 'disqualified'})
_BLOCK_BYTES = 1 << 20
_TRIES = 8
# Of a proxy whose server restarts, and of a part that was damaged on its way.
_WORTH_ANOTHER_TRY = frozenset({429, 460, 502, 503, 504})


class ServerUnreachable(Exception):  # noqa: N818
    """Nobody answers, or not as this server does; the message says where."""


class Refused(Exception):  # noqa: N818
    """The server said no, and why.

    Attributes:
        status: HTTP status.
        code: One word, such as 'not_now'.
        reason: Of a quota: which; else ''.
    """

    def __init__(self, message, status, code='', reason=''):
        super().__init__(message)
        self.status, self.code, self.reason = status, code, reason


class Participant:
    """Calls a server as one user.

    Args:
        server: Such as https://contest.example.
        token: API token; None for what needs no account.
        folder: Where it is noted which uploads are under way, so that they go on after a crash; a cache folder if None.
        sleep: Function that waits seconds.
        transport: Of httpx, for tests.
    """

    def __init__(self, server, token=None, *, folder=None, sleep=time.sleep, transport=None):
        if not server.startswith(('http://', 'https://')):
            raise ServerUnreachable(f'Expected --server=http://HOST:PORT or https://HOST. Received: {server!r}.')
        headers = {'User-Agent': f'stylegan-tf/{version.__version__}'}
        if token:
            headers['Authorization'] = f'Bearer {token}'
        self.server = server.rstrip('/')
        self._folder = pathlib.Path(folder) if folder else files.cache_folder('competition_uploads')
        self._sleep = sleep
        # Redirects are not followed: the token is for this server only.
        self._http = httpx.Client(base_url=f'{self.server}/api/v1', headers=headers, timeout=60, transport=transport)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._http.close()

    def register(self, name, password, email=None):
        """Makes an account; raises Refused."""
        return self._json('POST', '/register', json={'name': name, 'password': password, 'email': email})

    def make_token(self, name, password, token_name):
        """Signs in, makes an API token and signs out again; returns the token."""
        opened = self._json('POST', '/login', json={'name': name, 'password': password})
        csrf = {'X-CSRF-Token': opened['csrf_token']}
        token = self._json('POST', '/me/tokens', json={'name': token_name}, headers=csrf)['token']
        self._call('POST', '/logout', headers=csrf)
        self._http.cookies.clear()
        return token

    def me(self):
        """The own account: dict."""
        return self._json('GET', '/me')

    def contest(self, slug):
        """A contest with the own team and what is left of its quota: dict."""
        return self._json('GET', f'/contests/{slug}')

    def join(self, slug, team=None):
        """Joins a contest with a new team; returns the team."""
        return self._json('POST', f'/contests/{slug}/join', json={'team': team})

    def submit(self, slug, path, *, title='', note='', kind='results', progress=None):
        """Uploads an archive and queues it; called again after a crash it goes on where it was.

        Args:
            slug: The contest.
            path: The archive.
            title: What the method is called.
            note: Words about it.
            kind: 'results' or 'model'.
            progress: Function that is told (bytes that have arrived, bytes in all).
        Returns:
            The submission: dict.
        Raises:
            Refused: The server does not take it, and why.
            ServerUnreachable: Nobody answered for a while; nothing is lost, call again.
            OSError: The file cannot be read.
        """
        path = pathlib.Path(path)
        size, sha256 = path.stat().st_size, _sha256(path)
        kept = self._folder / f'{hashlib.sha256(f"{self.server} {slug} {sha256}".encode()).hexdigest()[:32]}.json'
        upload = self._upload_under_way(kept) or self._json('POST', f'/contests/{slug}/uploads', json={
            'filename': path.name, 'size_bytes': size, 'sha256': sha256})
        with contextlib.suppress(OSError):  # a read-only home folder costs the resuming only
            files.write_whole(kept, json.dumps({'id': upload['id']}).encode())
        if 'received_bytes' in upload:
            self._send(path, upload, size, progress)
        submission = self._json('POST', f'/contests/{slug}/submissions', json={
            'upload_id': upload['id'], 'title': title, 'note': note, 'kind': kind, 'sha256': sha256})
        kept.unlink(missing_ok=True)
        return submission

    def submissions(self, slug, limit=50):
        """The own team's submissions, newest first: list of dict."""
        return self._json('GET', f'/contests/{slug}/submissions', params={'limit': limit})

    def submission(self, submission_id):
        """A submission with its state and visible scores: dict."""
        return self._json('GET', f'/submissions/{submission_id}')

    def watch(self, submission_id):
        """What becomes of a submission: iterator of dict, at once and at every change until it has ended.

        Lost connections are opened again. Raises Refused, ServerUnreachable.
        """
        tries = 0
        while True:
            try:
                for state in self._events(f'/submissions/{submission_id}/events'):
                    tries = 0
                    yield state
                    if state['state'] in ENDED:
                        return
            except httpx.HTTPError as error:
                tries += 1
                if tries >= _TRIES:
                    raise self._unreachable(error) from error
            self._sleep(min(30, 2 ** tries))

    def leaderboard(self, slug, *, phase=None, metric='score', split=None, form='json'):
        """A board: dict, or CSV text with `form` 'csv'."""
        given = {'phase': phase, 'metric': metric, 'split': split, 'format': form}
        answer = self._call('GET', f'/contests/{slug}/leaderboard', params={
            name: value for name, value in given.items() if value is not None})
        return answer.text if form == 'csv' else answer.json()

    def download(self, address, path):
        """Saves what an address below /api/v1 gives as a file that appears whole or not at all; returns its bytes."""
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f'.{path.name}.partial')
        try:
            with self._http.stream('GET', address) as answer, open(partial, 'wb') as file:
                if answer.status_code >= 400:
                    answer.read()
                    raise _refusal(answer)
                for block in answer.iter_bytes(_BLOCK_BYTES):
                    file.write(block)
            partial.replace(path)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        finally:
            partial.unlink(missing_ok=True)
        return path.stat().st_size

    def _send(self, path, upload, size, progress):
        offset, tries, chunk = upload['received_bytes'], 0, upload['chunk_bytes']
        address = f'/uploads/{upload["id"]}'
        with open(path, 'rb') as file:
            while offset < size:
                if progress:
                    progress(offset, size)
                file.seek(offset)
                part = file.read(chunk)
                try:
                    answer = self._call('PATCH', address, tries=1, content=part, headers={
                        'Upload-Offset': str(offset), 'Upload-Checksum': checksums.header_of(part),
                        'Content-Type': 'application/offset+octet-stream'})
                    offset, tries = int(answer.headers['Upload-Offset']), 0
                except (Refused, ServerUnreachable) as error:
                    tries += 1
                    status = getattr(error, 'status', None)
                    if tries >= _TRIES or (status is not None and status not in _WORTH_ANOTHER_TRY | {409}):
                        raise
                    self._sleep(min(30, 2 ** tries / 2))
                    # The part may have arrived though its answer was lost.
                    offset = self._json('GET', address)['received_bytes']
        if progress:
            progress(size, size)

    def _upload_under_way(self, kept):
        """An upload of the same file that was begun and not submitted, or of which only the answer was lost."""
        try:
            upload_id = json.loads(kept.read_text())['id']
        except (OSError, ValueError, KeyError):
            return None
        try:
            return self._json('GET', f'/uploads/{upload_id}')
        except Refused:
            pass
        try:
            submission = self._json('GET', f'/submissions/{upload_id}')
        except Refused:
            return None
        # It was queued already; asking again gives the same submission.
        return {'id': submission['id']} if submission['state'] not in ENDED else None

    def _events(self, address):
        with self._http.stream('GET', address, headers={'Accept': 'text/event-stream'}) as answer:
            if answer.status_code >= 400:
                answer.read()
                raise _refusal(answer)
            name = ''
            for line in answer.iter_lines():
                if line.startswith('event: '):
                    name = line[7:]
                elif line.startswith('data: ') and name == 'status':
                    yield json.loads(line[6:])

    def _json(self, method, address, **options):
        return self._call(method, address, **options).json()

    def _call(self, method, address, *, tries=_TRIES, **options):
        for tried in range(1, tries + 1):
            try:
                answer = self._http.request(method, address, **options)
            except httpx.HTTPError as error:
                # What was not received at all may be sent again; of the rest the server knows how to take it twice.
                if tried == tries or not isinstance(error, httpx.TransportError):
                    raise self._unreachable(error) from error
            else:
                if answer.status_code < 400:
                    return answer
                if answer.status_code not in _WORTH_ANOTHER_TRY or tried == tries:
                    raise _refusal(answer)
                wait = answer.headers.get('Retry-After', '')
                if wait.isdigit() and int(wait) > 60:
                    raise _refusal(answer)
            self._sleep(min(30, 2 ** tried / 2))
        raise AssertionError('unreachable')

    def _unreachable(self, error):
        return ServerUnreachable(f'No answer from {self.server}: {error}. Is --server right, and is it running?')


def _refusal(answer):
    try:
        row = answer.json()
        return Refused(row['message'], answer.status_code, row['error'], row.get('reason') or '')
    except (ValueError, KeyError, TypeError):
        return Refused(f'The server answered {answer.status_code} {answer.reason_phrase}. Is --server a competition '
                       'server?', answer.status_code)


def _sha256(path):
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
