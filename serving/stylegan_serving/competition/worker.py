"""Scores submissions: claims one by a lease, keeps the lease alive, writes what became of it in one transaction.

A worker may be killed at any moment: its lease runs out, another takes the submission, and whatever the first one still
writes is refused. What a participant did wrong is told to the participant; what the server did wrong is logged, tried
again after a pause and, if it stays, told with a reference to look for in the log. SIGTERM puts the submission back.
"""

import collections
import dataclasses
import datetime
import json
import logging
import os
import pathlib
import secrets
import socket
import threading
import time

from stylegan_serving.competition import archives, model_check, originals, records, sandbox, scoring, scratch
from stylegan_serving.competition.store import StaleLease, StoreError
from stylegan_tf import images

_logger = logging.getLogger('stylegan_serving.competition.worker')
MOST_INTERNAL_ERRORS = 3  # attempts after which a fault of the server ends a submission
_RENEWALS_PER_LEASE = 4
_PROGRESS_SECONDS = 0.25
_SCORERS_KEPT = 4
_PLACE = 'competition-entry'
INTERNAL_ERROR = ('The server could not score this submission (reference {reference}). It is not your fault and does '
                  'not use up your quota. The organisers can start it again.')
_PARTICIPANT_ERRORS = (archives.ArchiveError, model_check.ModelRefused, scoring.EntryError)


class Worker:
    """Scores one submission after another; several may run on one database, in one process or on many machines.

    Args:
        store: `store.Store`.
        storage: `storage.Storage`.
        settings: `settings.Settings`.
        name: That no other worker has; made up if None.
        make_scorer: Function (contest, storage) -> object with the methods of `scoring.ContestScorer`.
    """

    def __init__(self, store, storage, settings, *, name=None, make_scorer=None):
        self._store, self._storage, self._settings = store, storage, settings
        self._make_scorer = make_scorer or _contest_scorer
        self._scorers = collections.OrderedDict()
        self._originals = originals.Originals(store, storage)
        self._stopping = threading.Event()
        self._told = records.Worker(name or f'{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(3)}',
                                    socket.gethostname(), os.getpid(), time.time(), time.time(), None)
        self._kinds = ('results', 'model') if settings.models == 'on' else ('results',)

    @property
    def name(self):
        """Its name, as leases have it."""
        return self._told.id

    def stop(self):
        """Ends `run` soon, as SIGTERM does: the submission in hand goes back to its place in the queue."""
        self._stopping.set()

    def run(self):
        """Works until `stop`."""
        if 'model' in self._kinds:
            sandbox.check()
        for kind in (_PLACE, scoring.MODEL_PLACE):
            scratch.sweep(kind)
        alive = threading.Thread(target=self._tell_alive, name='alive', daemon=True)
        alive.start()
        _log('started', worker=self.name)
        pause = self._settings.poll_seconds
        while not self._stopping.is_set():
            try:
                if self.work_once():
                    pause = self._settings.poll_seconds
                    continue
            except Exception as error:  # the outermost loop: a database that is away comes back
                _log('cannot work', worker=self.name, error=error)
                pause = min(2 * pause, 30.0)
            self._stopping.wait(pause)
        alive.join()
        try:
            self._store.administration.forget_worker(self.name)
        except Exception as error:  # it will count as gone after a minute anyway
            _log('cannot say goodbye', worker=self.name, error=error)
        _log('ended', worker=self.name)

    def work_once(self):
        """Claims and scores one submission; False if none waits."""
        submission = self._store.submissions.claim(
            self.name, time.time(), self._settings.lease_seconds, maximum_attempts=self._settings.maximum_attempts,
            kinds=self._kinds)
        if submission is None:
            return False
        self._told = dataclasses.replace(self._told, current_submission=submission.id)
        lease = _Lease(self._store, submission.id, self.name, self._settings.lease_seconds, self._stopping)
        journal = _Journal()
        try:
            with lease:
                self._score(submission, lease, journal)
        except StaleLease:
            _log('lost', worker=self.name, submission=submission.id)
        except scoring.Cancelled:
            self._put_back(submission, lease)
        except _PARTICIPANT_ERRORS as error:
            journal.note(f'not scored: {error}')
            self._finish(submission, self._store.submissions.finish_failed, str(error), self._keep(submission, journal))
        except Exception as error:  # what it was is logged, and the next submission gets its turn
            self._fail(submission, journal, error)
        finally:
            self._told = dataclasses.replace(self._told, current_submission=None)
        return True

    def _score(self, submission, lease, journal):
        contest = self._store.contests.contest(submission.contest_id)
        journal.note(f'submission {submission.number}, attempt {submission.attempts}')
        scorer = self._scorer(contest)
        with scratch.folder(_PLACE) as place:
            place = pathlib.Path(place)
            self._fetch(submission, place / 'archive')
            results = scorer.unpack(place / 'archive', place / 'pictures', submission.kind,
                                    is_cancelled=lease.is_lost, log=journal.note)
            journal.note(f'{len(results.pictures)} pictures are there and can be read')
            progress = _Progress(self._store, submission, self.name)
            scored = scorer.score(results.pictures, progress=progress, is_cancelled=lease.is_lost,
                                  others=lambda rows: self._originals.near(submission, rows))
            journal.note(f'{len(scored.rows)} pictures scored by evaluation {scored.evaluator_hash}')
            for flag in scored.flags:
                journal.note(f'flagged: {flag["kind"]} in {len(flag["pairs"])} pictures')
            numbers = scoring.score_rows(submission.id, contest.bundle, scored)
            folder = f'submissions/{submission.id}'
            outputs = {number: f'{folder}/output/{path.name}' for number, path in results.pictures.items()}
            for number, path in results.pictures.items():
                self._storage.write_file(outputs[number], path)
        maps = {number: f'{folder}/heat_map/{number:03d}.png' for number in scored.heat_maps}
        for number, overlay in scored.heat_maps.items():
            self._storage.write(maps[number], images.encode(overlay))
        if results.method:
            self._storage.write(f'{folder}/method.md', results.method.encode())
        self._storage.write(f'{folder}/report.json', (json.dumps(scored.report(), indent=1) + '\n').encode())
        if lease.is_lost():
            raise scoring.Cancelled
        journal.note('done')
        self._store.submissions.finish_scored(
            submission.id, self.name, numbers, scoring.pair_rows(submission.id, scored, outputs, maps),
            scored.evaluator_hash, f'{folder}/report.json', self._keep(submission, journal), scored.flags)
        _log('scored', worker=self.name, submission=submission.id, attempt=submission.attempts)

    def _scorer(self, contest):
        key = contest.id, contest.bundle_files, contest.bundle_hash, json.dumps(contest.bundle, sort_keys=True)
        if key not in self._scorers:
            self._scorers[key] = self._make_scorer(contest, self._storage)
            while len(self._scorers) > _SCORERS_KEPT:
                self._scorers.popitem(last=False)
        self._scorers.move_to_end(key)
        return self._scorers[key]

    def _fetch(self, submission, path):
        self._storage.fetch(submission.archive_key, path)
        found = path.stat().st_size
        if found != submission.archive_bytes:
            raise OSError(f'{submission.archive_key} has {found} bytes; {submission.archive_bytes} were sent')

    def _put_back(self, submission, lease):
        if lease.is_stale:
            _log('lost', worker=self.name, submission=submission.id)
            return
        _log('put back', worker=self.name, submission=submission.id)
        self._finish(submission, self._store.submissions.release)

    def _fail(self, submission, journal, error):
        """A fault of the server: another attempt after a pause, or the end."""
        reference = secrets.token_hex(4)
        _log('internal error', worker=self.name, submission=submission.id, attempt=submission.attempts,
             reference=reference, error=error)
        if submission.attempts >= MOST_INTERNAL_ERRORS:
            text = INTERNAL_ERROR.format(reference=reference)
            journal.note(text)
            self._finish(submission, self._store.submissions.finish_failed, text, self._keep(submission, journal))
            return
        # The lease is left to run out: until then nobody takes it, and the attempt counts.
        self._finish(submission, self._store.submissions.renew, time.time(), 2.0 ** submission.attempts)

    def _finish(self, submission, write, *values):
        try:
            write(submission.id, self.name, *values)
        except StaleLease:
            _log('lost', worker=self.name, submission=submission.id)

    def _keep(self, submission, journal):
        """Key of the log that the participant may read, or None where it cannot be kept."""
        key = f'submissions/{submission.id}/log.txt'
        try:
            self._storage.write(key, journal.text().encode())
        except OSError as error:
            _log('log not kept', worker=self.name, submission=submission.id, error=error)
            return None
        return key

    def _tell_alive(self):
        while True:
            try:
                self._store.administration.heartbeat(dataclasses.replace(self._told, seen_at=time.time()))
            except Exception as error:  # a database that is away comes back
                _log('not heard', worker=self.name, error=error)
            if self._stopping.wait(self._settings.lease_seconds / _RENEWALS_PER_LEASE):
                return


class _Lease:
    """Keeps a submission held while the block runs; `is_lost` turns true when it is no longer ours, or on `stop`."""

    def __init__(self, store, submission_id, worker_id, seconds, stopping):
        self._store, self._submission_id, self._worker_id, self._seconds = store, submission_id, worker_id, seconds
        self._stopping, self._done, self.is_stale = stopping, threading.Event(), False
        self._thread = threading.Thread(target=self._renew, name='lease', daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()

    def is_lost(self):
        return self.is_stale or self._stopping.is_set()

    def _renew(self):
        until = time.monotonic() + self._seconds
        while not self._done.wait(self._seconds / _RENEWALS_PER_LEASE):
            try:
                self._store.submissions.renew(self._submission_id, self._worker_id, time.time(), self._seconds)
                until = time.monotonic() + self._seconds
            except StaleLease:
                self.is_stale = True
                return
            except Exception as error:  # tried again as long as the lease lasts
                _log('not renewed', worker=self._worker_id, submission=self._submission_id, error=error)
                if time.monotonic() > until:
                    self.is_stale = True
                    return


class _Progress:
    """Writes how many pictures are scored, a few times a second at most."""

    def __init__(self, store, submission, worker_id):
        self._store, self._id, self._worker_id, self._last = store, submission.id, worker_id, 0.0

    def __call__(self, done, total):
        if done == total or time.monotonic() - self._last >= _PROGRESS_SECONDS:
            self._store.submissions.progress(self._id, self._worker_id, done, total)
            self._last = time.monotonic()


class _Journal:
    """The log of one run that its participant may read: no scores, which may be private, and nothing of the server."""

    def __init__(self):
        self._lines = []

    def note(self, text):
        self._lines.append(f'{datetime.datetime.now(datetime.UTC):%H:%M:%S} {text}')

    def text(self):
        return '\n'.join(self._lines) + '\n'


def _contest_scorer(contest, storage):
    return scoring.ContestScorer(contest.bundle, scoring.contest_reader(contest, storage))


def _log(event, *, error=None, **fields):
    """One line of JSON a happening, for the server's own log."""
    if error is not None:
        fields['error'] = f'{type(error).__name__}: {error}'
    text = json.dumps({'at': round(time.time(), 3), 'event': event, **fields})
    if error is None:
        _logger.info(text)
    else:
        # Only what is unexpected has a traceback; a database that is away would fill the log.
        _logger.error(text, exc_info=None if isinstance(error, (StoreError, OSError)) else error)
