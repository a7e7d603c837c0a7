"""A contest of thousands of scored submissions: what its store and its pages cost, and participants at once."""

import collections
import contextlib
import dataclasses
import hashlib
import os
import pathlib
import re
import secrets
import statistics
import subprocess
import sys
import threading
import time

import httpx
from benchmarks import contest_pictures

from stylegan_serving.competition import originals, records, score_log, settings, storage, tables
from stylegan_serving.competition import store as stores

TEAMS = 200
PAIRS = contest_pictures.PAIRS
SAMPLE = 100  # submissions at both ends that go through the store's own operations, whose cost is measured
PAGES = ('/', '/c/measured', '/c/measured/leaderboard', '/c/measured/gallery',
         '/api/v1/contests/measured/leaderboard', '/api/v1/contests/measured/leaderboard?format=csv',
         '/api/v1/contests/measured/history')
# Of the server: one machine plays all participants.
_OPEN_GATES = {'STYLEGAN_COMPETITION_REQUESTS_PER_MINUTE': '1000000',
               'STYLEGAN_COMPETITION_LOGINS_PER_MINUTE': '100000',
               'STYLEGAN_COMPETITION_REGISTRATIONS_PER_HOUR': '100000'}
_START_SECONDS = 240


class Board:
    """One run.

    Args:
        folder: An empty folder.
        submissions: How many are scored before anything is measured.
        database_url: PostgreSQL; a file of SQLite in `folder` if None.
        say: Function that takes a line of progress.
    """

    def __init__(self, folder, submissions, *, database_url=None, say=lambda line: None):
        self._folder, self._count, self._say = pathlib.Path(folder), submissions, say
        own = settings.load(folder, {}, database_url=database_url)
        self._url = own.database_url
        self._store, self._storage = stores.open_store(own.database_url), storage.Storage(own.storage_url)
        self._teams, self._contest = [], None

    def fill(self):
        """Makes the submissions; returns what the store's operations cost at the beginning and at the end.

        Only the first and the last go through the store one by one; the rows between are inserted in bulk, and the
        log's chain and the standings are checked afterwards.
        """
        contest = self._contest = contest_pictures.make_contest(self._store, self._storage)
        self._storage.write('measured/output.png', self._storage.read(f'{contest.bundle_files}/content/c0.png'))
        for index in range(TEAMS):
            user = self._store.accounts.add_user(f'team-{index}', None, 'x')
            self._teams.append((self._store.teams.add(contest.id, f'Team {index}', user.id), user))
        ends = min(SAMPLE, self._count // 2)
        first = [self._score_one(number) for number in range(ends)]
        self._say(f'{ends} submissions through the store')
        self._insert(range(ends, self._count - ends))
        self._say(f'{self._count - ends} submissions')
        last = [self._score_one(number) for number in range(self._count - ends, self._count)]
        store = self._store.scores
        store.verify_log(contest.id)
        is_same = score_log.standings(store.whole_log(contest.id), contest.bundle) == store.standings(contest.id)
        return {'submissions': self._count, 'teams': TEAMS, 'board_follows_from_log': is_same,
                'store': {name: {'first': _costs(costs[name] for costs in first),
                                 'last': _costs(costs[name] for costs in last)} for name in first[0]},
                'reads': self._reads()}

    def _reads(self):
        """What the store's questions cost, those that pages and workers ask: dict name -> costs."""
        store, contest, (team, _) = self._store, self._contest.id, self._teams[0]
        entry = store.submissions.list(contest, limit=1)[0]
        rows = [{'pair': pair, 'fingerprint': {'hash': secrets.token_hex(16)}} for pair in range(PAIRS)]
        known = originals.Originals(store, self._storage)
        return {name: _cost_of(call) for name, call in {
            'rows of the board': lambda: store.scores.board_rows(contest, contest_pictures.PHASE, 'public'),
            'head of the log': lambda: store.scores.log_head(contest),
            'page of the log, 100': lambda: store.scores.log(contest, max(0, self._count - 100), limit=100),
            'history, at most 2000': lambda: store.scores.history(contest, contest_pictures.PHASE, 'score', 'public'),
            "a team's newest 100": lambda: store.submissions.list(contest, team.id),
            'the newest 100': lambda: store.submissions.list(contest),
            'quota of a team': lambda: store.submissions.used(contest, contest_pictures.PHASE, team.id, time.time()),
            'an idle claim': lambda: store.submissions.claim('idle', time.time(), 60),
            "a new worker's search for copies": lambda: originals.Originals(store, self._storage).near(entry, rows),
            'its next search for copies': lambda: known.near(entry, rows),
            'counts for /metrics': store.administration.statistics}.items()}

    def _score_one(self, number):
        """Queues, claims and scores one through the store; {operation: (seconds, seconds of computing)}."""
        submissions, worker, (team, user) = self._store.submissions, 'filler', self._teams[number * 7919 % TEAMS]
        costs = {}
        with _clock(costs, 'add'):
            submissions.add(self._contest.id, contest_pictures.PHASE, team.id, user.id,
                            archive_key='measured/none.zip', archive_sha256='0' * 64, archive_bytes=1,
                            title=f'Method {number}', limits={'per_day': 1_000_000, 'total': 1_000_000})
        with _clock(costs, 'claim'):
            claimed = submissions.claim(worker, time.time(), 60)
        scores, pairs = _numbers(claimed.id, number)
        with _clock(costs, 'finish'):
            submissions.finish_scored(claimed.id, worker, scores, pairs, 'measured', None, None)
        return costs

    def _insert(self, numbers):
        """Rows as the store would have written them, many at once."""
        count, previous = self._store.scores.log_head(self._contest.id)
        rows, now = {table: [] for table in ('submissions', 'scores', 'pair_scores', 'log_entries')}, time.time()
        for number in numbers:
            team, user = self._teams[number * 7919 % TEAMS]
            ended = now - (self._count - number)
            one = records.Submission(
                records.new_id(), number + 1, self._contest.id, contest_pictures.PHASE, team.id, user.id, 'results',
                f'Method {number}', '', 'measured/none.zip', '0' * 64, 1, 'scored', True, ended, ended, ended, 1, None,
                None, PAIRS, PAIRS, None, None, None, 'measured', False, False, [])
            scores, pairs = _numbers(one.id, number)
            count += 1
            entry = score_log.make_entry(count, self._contest.id, ended, 'scored', one.id,
                                         score_log.scored_payload(one, scores), previous)
            previous = entry.hash
            value = scores[0].value
            rows['submissions'].append(dataclasses.asdict(one) | {
                'queued_at': ended, 'public_score': value, 'private_score': value})
            rows['scores'] += map(dataclasses.asdict, scores)
            rows['pair_scores'] += map(dataclasses.asdict, pairs)
            rows['log_entries'].append(dataclasses.asdict(entry))
        with self._store.engine.execution_options(writes=True).begin() as connection:
            for table, values in rows.items():
                if values:
                    connection.execute(getattr(tables, table).insert(), values)
            connection.execute(tables.contests.update().where(tables.contests.c.id == self._contest.id).values(
                submission_count=tables.contests.c.submission_count + len(numbers), log_count=count,
                log_hash=previous))
        self._store.scores.restate(self._contest.id)

    def pages(self, repeats=20):
        """What each page costs somebody who is logged in, one request at a time.

        Returns:
            dict path -> median and 95% of the milliseconds waited, milliseconds of the server's computing on average,
            status and size.
        """
        found = {}
        with self._server(workers=0) as (address, process), httpx.Client(base_url=address, timeout=120) as client:
            _register(client, 'page-reader')
            for path in PAGES:
                answers, seconds, before = [client.get(path)], [], _computed(process)
                for _ in range(repeats):
                    start = time.perf_counter()
                    answers.append(client.get(path))
                    seconds.append(time.perf_counter() - start)
                found[path] = {'median_ms': _median(seconds), 'p95_ms': _share(seconds, 0.95),
                               'server_cpu_ms': round(1000 * (_computed(process) - before) / repeats, 1),
                               'status': sorted({answer.status_code for answer in answers}),
                               'bytes': len(answers[-1].content)}
        return found

    def participants(self, count, rounds=3):
        """Registers, joins, looks, hands in and watches, as `count` people at once; what they waited for and got."""
        waits, errors, lock = {}, [], threading.Lock()

        def note(name, seconds, answer):
            with lock:
                waits.setdefault(name, []).append(seconds)
                if answer.status_code >= 400:
                    errors.append(f'{name}: {answer.status_code} {answer.text[:200]}')

        with self._server(workers=1) as (address, process):
            people = [threading.Thread(target=_take_part, args=(address, number, rounds, note))
                      for number in range(count)]
            start = time.perf_counter()
            for person in people:
                person.start()
            for person in people:
                person.join()
            seconds = time.perf_counter() - start
            computed = _computed(process)
            states = self._wait_for_scores(count * rounds)
        return {'participants': count, 'rounds': rounds, 'seconds': round(seconds, 1),
                'server_cpu_seconds': round(computed, 1),
                'requests': sum(map(len, waits.values())), 'errors': len(errors), 'first_errors': errors[:5],
                'submitted': count * rounds, 'states': states,
                'waits': {name: {'n': len(each), 'median_ms': _median(each), 'p95_ms': _share(each, 0.95)}
                          for name, each in waits.items()}}

    def close(self):
        self._store.close()

    def _wait_for_scores(self, expected, patience_seconds=900):
        """What became of the participants' submissions: dict state -> count; some may wait when patience ends."""
        deadline = time.monotonic() + patience_seconds
        while True:
            newest = self._store.submissions.list(self._contest.id, limit=expected)
            states = [row.state for row in newest if row.archive_key != 'measured/none.zip']
            if all(state not in ('queued', 'running') for state in states) or time.monotonic() > deadline:
                return dict(collections.Counter(states))
            time.sleep(0.5)

    @contextlib.contextmanager
    def _server(self, workers):
        """(address, process) of a server on this installation."""
        environment = {**os.environ, **_OPEN_GATES, 'PYTHONPATH': os.pathsep.join(sys.path)}
        process = subprocess.Popen(
            [sys.executable, '-u', '-m', 'stylegan_serving.competition', 'serve', '--port=0', f'--workers={workers}',
             f'--data={self._folder}', f'--database_url={self._url}'],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        try:
            told = [process.stdout.readline()]
            while told[-1] and not (found := re.search(r'Serving (http://[\d.:]+)', told[-1])):
                told.append(process.stdout.readline())
            if not told[-1]:
                raise RuntimeError(f'The server did not start: {"".join(told)[-2000:]}')
            # Whatever it says later must not fill the pipe.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            _wait_until_up(found.group(1))
            yield found.group(1), process
        finally:
            process.terminate()
            process.wait(60)


def _wait_until_up(address):
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            if httpx.get(f'{address}/healthz', timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() > deadline:
            raise RuntimeError(f'The server at {address} did not answer within {_START_SECONDS} s.')
        time.sleep(0.2)


def _register(client, name):
    """Makes an account and signs in; returns the headers of unsafe requests."""
    password = secrets.token_urlsafe(12)
    client.post('/api/v1/register', json={'name': name, 'password': password}).raise_for_status()
    answer = client.post('/api/v1/login', json={'name': name, 'password': password})
    answer.raise_for_status()
    return {'X-CSRF-Token': answer.json()['csrf_token']}


def _take_part(address, number, rounds, note):
    contest = '/api/v1/contests/measured'
    with httpx.Client(base_url=address, timeout=300) as client:
        def timed(name, method, path, **options):
            start = time.perf_counter()
            answer = client.request(method, path, **options)
            note(name, time.perf_counter() - start, answer)
            return answer

        headers = _register(client, f'person-{number}')
        timed('join', 'POST', f'{contest}/join', json={'team': f'Person {number}'}, headers=headers)
        for turn in range(rounds):
            timed('page of the contest', 'GET', '/c/measured')
            timed('page of the board', 'GET', '/c/measured/leaderboard')
            data = contest_pictures.make_archive(number * rounds + turn)
            begun = timed('begin an upload', 'POST', f'{contest}/uploads', headers=headers, json={
                'filename': 'results.zip', 'size_bytes': len(data), 'sha256': hashlib.sha256(data).hexdigest()})
            name = begun.json().get('id', 'none')
            timed('send a part', 'PATCH', f'/api/v1/uploads/{name}', content=data, headers={
                **headers, 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream'})
            entry = timed('submit', 'POST', f'{contest}/submissions', headers=headers, json={'upload_id': name})
            entry = entry.json().get('id', 'none')
            timed('page of the entry', 'GET', f'/s/{entry}')
            timed('own submissions', 'GET', '/c/measured/submissions')
            timed('page of the gallery', 'GET', '/c/measured/gallery')


def _numbers(submission_id, number):
    """(scores, pair scores) of a made-up run."""
    value = 0.2 + 0.6 * (number * 0.618034 % 1)
    names = ['score', *(metric.name for metric in contest_pictures.METRICS)]
    scores = [records.Score(submission_id, split, name, value, value - 0.02, value + 0.02)
              for split in ('public', 'private') for name in names]
    pairs = [records.PairScore(submission_id, pair, 'private' if pair % 2 else 'public', dict.fromkeys(names, value),
                               'measured/output.png', None, secrets.token_hex(16)) for pair in range(PAIRS)]
    return scores, pairs


@contextlib.contextmanager
def _clock(costs, name):
    start, computed = time.perf_counter(), time.process_time()
    yield
    costs[name] = time.perf_counter() - start, time.process_time() - computed


def _cost_of(call, repeats=20):
    costs = []
    for _ in range(repeats):
        own = {}
        with _clock(own, 'call'):
            call()
        costs.append(own['call'])
    return _costs(costs)


def _costs(pairs):
    """Medians of (seconds, seconds of computing) as dict of milliseconds."""
    waited, computed = zip(*pairs)
    return {'median_ms': _median(waited), 'cpu_ms': _median(computed)}


def _computed(process):
    """Seconds of computing of a process so far."""
    fields = pathlib.Path('/proc', str(process.pid), 'stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def _median(seconds):
    return round(1000 * statistics.median(seconds), 2)


def _share(seconds, share):
    return round(1000 * sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))], 2)
