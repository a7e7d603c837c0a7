"""The queue of submissions: a worker holds one by a lease, and only with it may write what became of it.

    queued -> running -> scored | failed,  with cancelled, disqualified and back to queued by people

A lease that ran out is another worker's to take, so that a killed worker costs time and nothing else. What a worker
writes at the end is one transaction with the log and the board, so that a submission is scored exactly once.
"""

import math
import time

import sqlalchemy as sa

from stylegan_serving.competition import records, score_log, tables
from stylegan_serving.competition.store import database, errors, journal

_submissions, _scores, _pair_scores = tables.submissions, tables.scores, tables.pair_scores
WORKER_DIED = ('Scoring was started {attempts} times and never came to an end. The organisers can start it again; an '
               'archive of fewer or smaller pictures may help.')


class RunQueue:
    """The part of `Submissions` that workers use."""

    def __init__(self, base):
        self._base = base

    def claim(self, worker_id, now, lease_seconds, *, maximum_attempts=10, kinds=('results', 'model')):
        """The longest-waiting submission, now held by this worker, or None.

        A running one whose lease ran out waits too, in its old place; after `maximum_attempts` it fails instead.

        Args:
            worker_id: A name that no other worker has.
            now: Seconds since 1970.
            lease_seconds: How long it is held without `renew`.
            kinds: What this worker can score.
        """
        with self._base.read() as connection:
            # An idle worker asks often and must not take the only writer's place each time.
            if self._next(connection, now, kinds) is None:
                return None
        while True:
            with self._base.write() as connection:
                found = self._next(connection, now, kinds, hold=True)
                if found is None:
                    return None
                if found.attempts < maximum_attempts:
                    change(connection, found.id, state='running', lease_owner=worker_id,
                           lease_until=now + lease_seconds, started_at=now, attempts=found.attempts + 1,
                           progress_done=0, progress_total=0, error=None)
                    return read_submission(connection, found.id)
            # In a transaction of its own, which holds the contest first, as all that write its log do.
            self._give_up(found.id, now, maximum_attempts)

    def renew(self, submission_id, worker_id, now, lease_seconds):
        """Holds a submission for longer; StaleLease where it is no longer this worker's."""
        self._with_lease(submission_id, worker_id, lease_until=now + lease_seconds)

    def progress(self, submission_id, worker_id, done, total):
        """Notes how many of the pictures are scored; StaleLease."""
        self._with_lease(submission_id, worker_id, progress_done=done, progress_total=total)

    def release(self, submission_id, worker_id):
        """Puts a submission back in its old place of the queue, as an ending worker does; StaleLease."""
        self._with_lease(submission_id, worker_id, state='queued', lease_owner=None, lease_until=None, started_at=None,
                         attempts=_submissions.c.attempts - 1, progress_done=0, progress_total=0)

    def finish_scored(self, submission_id, worker_id, scores, pair_scores, evaluator_hash, results_key, log_key,
                      flags=(), *, now=None):
        """Writes the scores of a run, its log entry and the new board in one transaction; returns the submission.

        Args:
            scores: `records.Score`; each split that has any has the metric 'score'.
            pair_scores: `records.PairScore`, one a picture.
            evaluator_hash: What scored; equal hashes give equal scores.
            results_key: Where in the storage the report lies.
            log_key: Where the run's log lies, or None.
            flags: dicts such as {'kind': 'copy_of_content', 'pairs': [3]}.
        Raises:
            StaleLease: The submission is no longer this worker's; nothing was written.
            ValueError: There are no scores, one is not finite, or the metric 'score' is missing.
        """
        _check_scores(submission_id, scores, pair_scores)
        now = time.time() if now is None else now
        ranked = {score.split: score.value for score in scores if score.metric == 'score'}
        with self._base.write() as connection:
            contest, held = lock_submission(connection, submission_id)
            _check_lease(held, worker_id)
            for table, rows in ((_scores, scores), (_pair_scores, pair_scores)):
                connection.execute(table.delete().where(table.c.submission_id == submission_id))
                if rows:
                    connection.execute(table.insert(), [database.to_values(row) for row in rows])
            change(connection, submission_id, state='scored', counts_for_quota=True, finished_at=now,
                   lease_owner=None, lease_until=None, progress_done=held.progress_total, error=None,
                    log_key=log_key, results_key=results_key, evaluator_hash=evaluator_hash, flags=list(flags),
                    public_score=ranked.get('public'), private_score=ranked.get('private'))
            done = read_submission(connection, submission_id)
            log = tables.log_entries
            again = connection.scalar(sa.select(log.c.sequence).where(
                log.c.submission_id == submission_id, log.c.kind == 'scored').limit(1))
            journal.write(connection, contest.id, 'rescored' if again else 'scored', submission_id,
                          score_log.scored_payload(done, scores), now)
            journal.restate(connection, contest, done.phase, done.team_id, now)
            return done

    def finish_failed(self, submission_id, worker_id, error, log_key=None, *, now=None):
        """Ends a run without scores; it counts for no quota and never ranks. Returns the submission; StaleLease.

        Args:
            error: What went wrong and what to do, for the participant.
        """
        now = time.time() if now is None else now
        with self._base.write() as connection:
            contest, held = lock_submission(connection, submission_id)
            _check_lease(held, worker_id)
            return _fail(connection, contest, held, error, log_key, now)

    def queue_position(self, submission_id):
        """(place in the queue, how many are running): the place is 1 for the next, 0 for a running one, else None."""
        with self._base.read() as connection:
            own = connection.execute(sa.select(
                _submissions.c.state, _submissions.c.queued_at, _submissions.c.number).where(
                _submissions.c.id == submission_id)).first()
            if own is None:
                raise errors.NotFound('There is no such submission.')
            running = connection.scalar(sa.select(sa.func.count()).select_from(_submissions).where(
                _submissions.c.state == 'running'))
            if own.state != 'queued':
                return (0 if own.state == 'running' else None), running
            before = connection.scalar(sa.select(sa.func.count()).select_from(_submissions).where(
                _submissions.c.state == 'queued', sa.tuple_(
                    _submissions.c.queued_at, _submissions.c.number, _submissions.c.id) < sa.tuple_(
                    sa.literal(own.queued_at), sa.literal(own.number), sa.literal(submission_id))))
            return before + 1, running

    def durations(self, contest_id, n=20):
        """How long the last runs that were scored took, newest first: list of seconds."""
        with self._base.read() as connection:
            return [finished - started for started, finished in connection.execute(sa.select(
                _submissions.c.started_at, _submissions.c.finished_at).where(
                _submissions.c.contest_id == contest_id, _submissions.c.state == 'scored',
                _submissions.c.started_at.is_not(None)).order_by(_submissions.c.finished_at.desc()).limit(n))]

    def _with_lease(self, submission_id, worker_id, **changes):
        with self._base.write() as connection:
            if not connection.execute(_submissions.update().where(
                    _submissions.c.id == submission_id, _submissions.c.state == 'running',
                    _submissions.c.lease_owner == worker_id).values(**changes)).rowcount:
                raise errors.StaleLease('This submission is no longer held by this worker.')

    def _next(self, connection, now, kinds, hold=False):
        """The row (id, attempts) of the longest-waiting submission that no other worker has in hand, or None.

        Looked for twice, so that either is the first row of an index however many wait.
        """
        place = (_submissions.c.queued_at, _submissions.c.number, _submissions.c.id)
        found = []
        for condition in (_submissions.c.state == 'queued', _lost(now)):
            query = sa.select(*place, _submissions.c.attempts).where(
                condition, _submissions.c.kind.in_(kinds)).order_by(*place).limit(1)
            row = connection.execute(query.with_for_update(skip_locked=True) if hold else query).first()
            found += [row] if row else []
        return min(found, key=lambda row: tuple(row[:3]), default=None)

    def _give_up(self, submission_id, now, maximum_attempts):
        with self._base.write() as connection:
            contest, held = lock_submission(connection, submission_id)
            waits = held.state == 'queued' or (held.state == 'running' and held.lease_until < now)
            if waits and held.attempts >= maximum_attempts:
                _fail(connection, contest, held, WORKER_DIED.format(attempts=held.attempts), held.log_key, now)


def _lost(now):
    return sa.and_(_submissions.c.state == 'running', _submissions.c.lease_until < now)


def _check_scores(submission_id, scores, pair_scores):
    if not scores:
        raise ValueError('A scored submission has scores. Received none.')
    for score in scores:
        if score.submission_id != submission_id or not all(
                math.isfinite(value) for value in (score.value, score.low, score.high) if value is not None):
            raise ValueError(f'Expected finite scores of submission {submission_id}. Received: {score}.')
    if lacking := {score.split for score in scores} - {score.split for score in scores if score.metric == 'score'}:
        raise ValueError(f"Each split has the metric 'score'. It is missing in: {', '.join(sorted(lacking))}.")
    if stray := [row.pair for row in pair_scores if row.submission_id != submission_id]:
        raise ValueError(f'Expected pictures of submission {submission_id}. Others: {stray}.')


def _check_lease(held, worker_id):
    if held.state != 'running' or held.lease_owner != worker_id:
        raise errors.StaleLease('This submission is no longer held by this worker. Drop its results.')


def _fail(connection, contest, held, error, log_key, now):
    change(connection, held.id, state='failed', counts_for_quota=False, finished_at=now, lease_owner=None,
            lease_until=None, error=error, log_key=log_key)
    journal.write(connection, contest.id, 'failed', held.id,
                  {'number': held.number, 'team_id': held.team_id, 'phase': held.phase}, now)
    return read_submission(connection, held.id)


def lock_submission(connection, submission_id):
    """(contest, submission), both held by this transaction; always in this order: no two wait for each other."""
    contest_id = connection.scalar(sa.select(_submissions.c.contest_id).where(_submissions.c.id == submission_id))
    if contest_id is None:
        raise errors.NotFound('There is no such submission.')
    contest = journal.lock(connection, contest_id)
    return contest, database.one(connection, records.Submission, _submissions.select().where(
        _submissions.c.id == submission_id).with_for_update())


def change(connection, submission_id, **changes):
    connection.execute(_submissions.update().where(_submissions.c.id == submission_id).values(**changes))


def read_submission(connection, submission_id):
    return database.one(connection, records.Submission, _submissions.select().where(_submissions.c.id == submission_id))
