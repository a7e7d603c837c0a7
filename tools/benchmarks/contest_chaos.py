"""Workers are killed with SIGKILL at random moments; every submission must be scored exactly once all the same."""

import collections
import dataclasses
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import time

from benchmarks import contest_pictures

from stylegan_serving.competition import score_log, settings, storage
from stylegan_serving.competition import store as stores

WORKERS = 2
ARCHIVES = 4  # different ones; equal archives must get equal scores
LEASE_SECONDS = 3.0
PATIENCE_SECONDS = 1200


class Chaos:
    """One run.

    Args:
        folder: An empty folder.
        kills: How many workers are killed.
        submissions: How many wait in the queue at the beginning; more come as long as workers are killed.
        seed: Of the moments.
        database_url: PostgreSQL; a file of SQLite in `folder` if None.
        say: Function that takes a line of progress.
    """

    def __init__(self, folder, kills, submissions, *, seed=0, database_url=None, say=lambda line: None):
        self._folder, self._kills, self._count, self._say = pathlib.Path(folder), kills, submissions, say
        self._random = random.Random(seed)
        self._settings = settings.load(folder, {}, database_url=database_url, lease_seconds=LEASE_SECONDS,
                                       poll_seconds=0.05, maximum_attempts=1000)
        self._store = stores.open_store(self._settings.database_url)
        self._storage = storage.Storage(self._settings.storage_url)
        self._submissions, self._killed_states = [], collections.Counter()

    def run(self):
        """Kills, waits until everything is scored, checks; returns the report, a dict."""
        contest = contest_pictures.make_contest(self._store, self._storage)
        self._teams = [self._team(contest, index) for index in range(ARCHIVES)]
        for _ in range(self._count):
            self._submit(contest)
        start = time.monotonic()
        with self._nursery() as nursery:
            workers = [(name := f'worker-{number}', self._born(nursery, name)) for number in range(WORKERS)]
            # How long a run takes here must be known, so that any moment of one may be hit.
            self._wait(lambda: self._store.submissions.durations(contest.id, 1))
            for number in range(self._kills):
                time.sleep(self._moment(contest))
                if not self._store.submissions.list(contest.id, state='queued', limit=1):
                    self._submit(contest)
                victim = self._random.randrange(WORKERS)
                self._kill(*workers[victim])
                workers[victim] = (name := f'worker-{WORKERS + number}', self._born(nursery, name))
                if (number + 1) % 10 == 0:
                    self._say(f'{number + 1} of {self._kills} killed, {time.monotonic() - start:.0f} s')
            self._wait(lambda: not any(self._store.submissions.list(contest.id, state=state, limit=1)
                                       for state in ('queued', 'running')))
            for _, process in workers:
                os.kill(process, signal.SIGTERM)
            nursery.stdin.close()
        report = self._checked(contest) | {'kills': self._kills, 'seconds': round(time.monotonic() - start, 1)}
        self._store.close()
        return report

    def _moment(self, contest):
        """Seconds until the next kill: any moment of a run, from before its start to after its end, alike."""
        return 1.3 * statistics.median(self._store.submissions.durations(contest.id, 10)) * self._random.random()

    def _team(self, contest, index):
        user = self._store.accounts.add_user(f'chaos-{index}', None, 'x')
        return self._store.teams.add(contest.id, f'Team {index}', user.id), user

    def _submit(self, contest):
        number = len(self._submissions) % ARCHIVES
        self._submissions.append((number, contest_pictures.submit(
            self._store, self._storage, contest, *self._teams[number], contest_pictures.make_archive(number))))

    def _nursery(self):
        path = self._folder / 'settings.json'
        path.write_text(json.dumps(dataclasses.asdict(self._settings)))
        process = subprocess.Popen(
            [sys.executable, pathlib.Path(__file__).with_name('contest_nursery.py'), path], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)})
        if process.stdout.readline().strip() != 'ready':
            raise RuntimeError('The workers could not be started; run tools/benchmarks/contest_nursery.py by hand.')
        return process

    def _born(self, nursery, name):
        nursery.stdin.write(f'{name}\n')
        nursery.stdin.flush()
        return int(nursery.stdout.readline())

    def _kill(self, name, process):
        held = [one for one in self._store.submissions.list(state='running') if one.lease_owner == name]
        os.kill(process, signal.SIGKILL)
        state = f'{held[0].progress_done} of {contest_pictures.PAIRS} pictures scored' if held else 'nothing in hand'
        self._killed_states[state] += 1

    def _wait(self, condition):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.1)

    def _checked(self, contest):
        store = self._store
        log = list(store.scores.whole_log(contest.id))
        times = collections.Counter(entry.submission_id for entry in log if entry.kind in ('scored', 'rescored'))
        ended = {one.id: store.submissions.submission(one.id) for _, one in self._submissions}
        lost = [name for name, one in ended.items() if one.state != 'scored' or not times[name]]
        twice = [name for name, count in times.items() if count != 1]
        wrong_log = [entry.kind for entry in log if entry.kind != 'scored']
        store.scores.verify_log(contest.id)
        replayed = score_log.standings(log, contest.bundle)
        return {'submissions': len(self._submissions), 'lost': len(lost), 'scored_more_than_once': len(twice),
                'other_log_entries': len(wrong_log), 'different_scores_for_equal_archives': self._different(),
                'board_differs_from_log': replayed != store.scores.standings(contest.id),
                'pictures_missing': self._missing(ended), 'killed_with': dict(sorted(self._killed_states.items())),
                'attempts': dict(sorted(collections.Counter(one.attempts for one in ended.values()).items()))}

    def _different(self):
        """How many submissions have other numbers than the first one of the same archive."""
        first, count = {}, 0
        for number, one in self._submissions:
            numbers = ([(row.split, row.metric, row.value, row.low, row.high) for row in self._store.scores.of(one.id)],
                       [(row.pair, row.metrics) for row in self._store.scores.pair_scores(one.id)])
            count += first.setdefault(number, numbers) != numbers
        return count

    def _missing(self, ended):
        return sum(not self._storage.exists(row.output_key) for name in ended
                   for row in self._store.scores.pair_scores(name))


def is_good(report):
    """Whether nothing was lost, doubled or changed."""
    return not any(report[name] for name in ('lost', 'scored_more_than_once', 'other_log_entries', 'pictures_missing',
                                             'different_scores_for_equal_archives', 'board_differs_from_log'))
