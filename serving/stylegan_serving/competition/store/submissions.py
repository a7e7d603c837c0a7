"""Submissions: how they come in, what their team and the organisers do with them."""

import time

import sqlalchemy as sa

from stylegan_serving.competition import records, rules, tables
from stylegan_serving.competition.store import database, errors, journal
from stylegan_serving.competition.store.run_queue import RunQueue, change, lock_submission, read_submission
from stylegan_serving.competition.store.uploads import Uploads

_submissions = tables.submissions
_ACTIVE = ('queued', 'running')


class Submissions(RunQueue, Uploads):
    """The submissions of one database; `RunQueue` has what workers do, `Uploads` what comes before."""

    def add(self, contest_id, phase, team_id, user_id, *, archive_key, archive_sha256, archive_bytes, kind='results',
            title='', note='', limits=None, submission_id=None, now=None):
        """Queues a submission, in one transaction with the check of the team's quota.

        Args:
            archive_key: Where in the storage the archive lies.
            limits: dict with 'per_day' (a day of UTC), 'total' and 'concurrent' of the phase; None or a missing one is
                without limit.
            submission_id: An id that was used for `archive_key` already.
        Returns:
            `records.Submission` with its number.
        Raises:
            NotFound: There is no such contest.
            Conflict: The quota is used up; `reason` is 'per_day', 'total' or 'concurrent'.
        """
        now = time.time() if now is None else now
        with self._base.write() as connection:
            contests = tables.contests
            contest = journal.lock(connection, contest_id)
            used = self._used(connection, contest_id, phase, team_id, now)
            if reason := rules.exhausted(limits or {}, used):
                raise errors.Conflict(rules.quota_message(reason, limits, now), reason)
            number = 1 + connection.scalar(sa.select(contests.c.submission_count).where(contests.c.id == contest.id))
            connection.execute(contests.update().where(contests.c.id == contest.id).values(submission_count=number))
            submission = records.Submission(
                submission_id or records.new_id(), number, contest_id, phase, team_id, user_id, kind, title, note,
                archive_key, archive_sha256, archive_bytes, 'queued', True, now, None, None, 0, None, None, 0, 0, None,
                None, None, None, False, False, [])
            connection.execute(_submissions.insert().values(**database.to_values(submission), queued_at=now))
        return submission

    def used(self, contest_id, phase, team_id, now):
        """How much of its quota a team has used: dict with 'per_day', 'total' and 'concurrent'."""
        with self._base.read() as connection:
            return self._used(connection, contest_id, phase, team_id, now)

    def submission(self, submission_id):
        """The submission of an id; NotFound."""
        with self._base.read() as connection:
            return read_submission(connection, submission_id)

    def list(self, contest_id=None, team_id=None, state=None, limit=100, after=None, *, phase=None):
        """Submissions, newest first: list.

        Args:
            contest_id: Of this contest; None for all.
            after: A number; only those before it, for the next page.
        """
        order = [_submissions.c.number.desc()]
        if contest_id is None:  # in a contest a number says all, and an index gives the order
            order.append(_submissions.c.id)
        query = _submissions.select().order_by(*order).limit(limit)
        for column, value in ((_submissions.c.contest_id, contest_id), (_submissions.c.team_id, team_id),
                              (_submissions.c.state, state), (_submissions.c.phase, phase)):
            if value is not None:
                query = query.where(column == value)
        if after is not None:
            query = query.where(_submissions.c.number < after)
        with self._base.read() as connection:
            return database.to_records(records.Submission, connection.execute(query))

    def cancel(self, submission_id, *, now=None):
        """Ends a waiting or running submission, which then counts for no quota; InvalidState where it has ended."""
        with self._base.write() as connection:
            _, held = lock_submission(connection, submission_id)
            _check_state(held, _ACTIVE, 'cancelled')
            change(connection, submission_id, state='cancelled', counts_for_quota=False, lease_owner=None,
                   lease_until=None, finished_at=time.time() if now is None else now)
            return read_submission(connection, submission_id)

    def requeue(self, submission_id, *, actor=None, now=None):
        """Scores a submission again from the start, at the end of the queue; until then it is on no board.

        Raises:
            InvalidState: It waits or runs already, or is disqualified.
        """
        now = time.time() if now is None else now
        with self._base.write() as connection:
            contest, held = lock_submission(connection, submission_id)
            _check_state(held, ('scored', 'failed', 'cancelled'), 'scored again')
            for table in (tables.scores, tables.pair_scores):
                connection.execute(table.delete().where(table.c.submission_id == submission_id))
            change(connection, submission_id, state='queued', queued_at=now, attempts=0, started_at=None,
                   finished_at=None, error=None, counts_for_quota=True, progress_done=0, progress_total=0, flags=[],
                   evaluator_hash=None, results_key=None, public_score=None, private_score=None)
            return _log_change(connection, contest, held, 'requeued', {'actor': actor}, now)

    def disqualify(self, submission_id, reason, actor, *, now=None):
        """Takes a submission out of every ranking, whatever its state; InvalidState where it is out already."""
        now = time.time() if now is None else now
        with self._base.write() as connection:
            contest, held = lock_submission(connection, submission_id)
            if held.state == 'disqualified':
                raise errors.InvalidState('This submission is disqualified already.')
            change(connection, submission_id, state='disqualified', lease_owner=None, lease_until=None)
            return _log_change(connection, contest, held, 'disqualified', {'reason': reason, 'actor': actor}, now)

    def reinstate(self, submission_id, reason, actor, *, now=None):
        """Undoes `disqualify`: scored again if it was scored, failed if it had failed, else waiting.

        Raises:
            InvalidState: It is not disqualified.
        """
        now = time.time() if now is None else now
        with self._base.write() as connection:
            contest, held = lock_submission(connection, submission_id)
            _check_state(held, ('disqualified',), 'reinstated')
            scored = connection.scalar(sa.select(tables.scores.c.value).where(
                tables.scores.c.submission_id == submission_id).limit(1)) is not None
            state = 'scored' if scored else 'failed' if held.error else 'queued'
            change(connection, submission_id, state=state)
            return _log_change(connection, contest, held, 'reinstated', {'reason': reason, 'actor': actor}, now)

    def choose_final(self, submission_id, *, limit=1, now=None):
        """Makes a scored submission one of those that count for its team in its phase.

        Args:
            limit: How many may be chosen; with 1 the new choice replaces the old one.
        Raises:
            InvalidState: It is not scored.
            Conflict: So many are chosen already ('chosen_limit').
        """
        now = time.time() if now is None else now
        with self._base.write() as connection:
            contest, held = lock_submission(connection, submission_id)
            _check_state(held, ('scored',), 'chosen')
            others = connection.execute(_submissions.select().where(
                _submissions.c.contest_id == held.contest_id, _submissions.c.team_id == held.team_id,
                _submissions.c.phase == held.phase, _submissions.c.is_final.is_(True),
                _submissions.c.id != submission_id)).all()
            if limit > 1 and sum(other.state in ('scored', *_ACTIVE) for other in others) >= limit:
                raise errors.Conflict(f'{limit} submissions may be chosen. Take another choice back first.',
                                      'chosen_limit')
            for other in others if limit == 1 else ():
                change(connection, other.id, is_final=False)
                _log_change(connection, contest, database.to_record(records.Submission, other), 'final',
                            {'is_final': False}, now)
            change(connection, submission_id, is_final=True)
            return _log_change(connection, contest, held, 'final', {'is_final': True}, now)

    def clear_final(self, submission_id, *, now=None):
        """Takes a choice back; returns the submission."""
        return self._mark(submission_id, 'final', 'is_final', False, now)

    def hide(self, submission_id, *, now=None):
        """Takes an entry off boards and galleries without judging it; returns the submission."""
        return self._mark(submission_id, 'hidden', 'is_hidden', True, now)

    def show(self, submission_id, *, now=None):
        """Undoes `hide`; returns the submission."""
        return self._mark(submission_id, 'hidden', 'is_hidden', False, now)

    def _mark(self, submission_id, kind, column, value, now):
        now = time.time() if now is None else now
        with self._base.write() as connection:
            contest, held = lock_submission(connection, submission_id)
            if getattr(held, column) == value:
                return held
            change(connection, submission_id, **{column: value})
            return _log_change(connection, contest, held, kind, {column: value}, now)

    def _used(self, connection, contest_id, phase, team_id, now):
        own = (_submissions.c.contest_id == contest_id, _submissions.c.team_id == team_id,
               _submissions.c.phase == phase)
        counts = _submissions.c.counts_for_quota.is_(True)

        def count(*conditions):
            return connection.scalar(sa.select(sa.func.count()).select_from(_submissions).where(*own, *conditions))

        return {'per_day': count(counts, _submissions.c.created_at >= rules.day_start(now)), 'total': count(counts),
                'concurrent': count(_submissions.c.state.in_(_ACTIVE))}


def _check_state(held, states, verb):
    if held.state not in states:
        raise errors.InvalidState(f'A submission that is {held.state} cannot be {verb}.')


def _log_change(connection, contest, held, kind, payload, now):
    journal.write(connection, contest.id, kind, held.id, payload, now)
    journal.restate(connection, contest, held.phase, held.team_id, now)
    return read_submission(connection, held.id)
