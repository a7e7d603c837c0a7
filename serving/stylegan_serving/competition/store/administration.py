"""The audit log, complaints about entries, the workers, and numbers for the monitoring."""

import time

import sqlalchemy as sa

from stylegan_serving.competition import records, tables
from stylegan_serving.competition.store import database, errors

_audit, _reports, _workers, _submissions = (tables.audit_events, tables.entry_reports, tables.workers,
                                            tables.submissions)


class Administration:
    """What runs and watches one database."""

    def __init__(self, base):
        self._base = base

    def audit(self, actor_id, action, target, detail=None, address='', *, now=None):
        """Appends to the audit log: who (None: the system) did what to what, from where."""
        with self._base.write() as connection:
            connection.execute(_audit.insert().values(
                at=time.time() if now is None else now, actor_id=actor_id, action=action, target=target,
                detail=detail or {}, address=address))

    def audit_events(self, limit=100, before=None):
        """The newest entries of the audit log, those before a sequence: list of `records.AuditEvent`, newest first."""
        query = _audit.select().order_by(_audit.c.sequence.desc()).limit(limit)
        if before is not None:
            query = query.where(_audit.c.sequence < before)
        with self._base.read() as connection:
            return database.to_records(records.AuditEvent, connection.execute(query))

    def add_report(self, submission_id, user_id, reason, *, now=None):
        """Keeps a complaint about an entry and returns its `records.EntryReport`.

        Raises:
            Conflict: This user's complaint about it is open already ('reported').
        """
        report = records.EntryReport(records.new_id(), submission_id, user_id, reason, 'open',
                                     time.time() if now is None else now, None)
        with self._base.write() as connection:
            if connection.scalar(sa.select(_reports.c.id).where(
                    _reports.c.submission_id == submission_id, _reports.c.user_id == user_id,
                    _reports.c.state == 'open')):
                raise errors.Conflict('You have reported this entry already. The organisers will look at it.',
                                      'reported')
            connection.execute(_reports.insert().values(**database.to_values(report)))
        return report

    def report(self, report_id):
        """The complaint of an id; NotFound."""
        with self._base.read() as connection:
            return database.one(connection, records.EntryReport, _reports.select().where(_reports.c.id == report_id))

    def reports(self, contest_id=None, state=None, limit=100):
        """Complaints, newest first: list of `records.EntryReport`."""
        query = _reports.select().order_by(_reports.c.created_at.desc(), _reports.c.id).limit(limit)
        if contest_id is not None:
            query = query.join(_submissions, _submissions.c.id == _reports.c.submission_id).where(
                _submissions.c.contest_id == contest_id)
        if state is not None:
            query = query.where(_reports.c.state == state)
        with self._base.read() as connection:
            return database.to_records(records.EntryReport, connection.execute(query))

    def handle_report(self, report_id, state, handled_by):
        """Upholds ('upheld') or rejects ('rejected') a complaint and returns it; NotFound, InvalidState.

        It must be open. Hiding the entry is a step of its own.
        """
        if state not in ('upheld', 'rejected'):
            raise ValueError(f"A complaint is 'upheld' or 'rejected'. Received: {state!r}.")
        with self._base.write() as connection:
            chosen = _reports.select().where(_reports.c.id == report_id)
            if database.one(connection, records.EntryReport, chosen.with_for_update()).state != 'open':
                raise errors.InvalidState('This report was handled already.')
            connection.execute(_reports.update().where(_reports.c.id == report_id).values(
                state=state, handled_by=handled_by))
            return database.one(connection, records.EntryReport, chosen)

    def heartbeat(self, worker):
        """Notes that a `records.Worker` is alive and what it does."""
        values = database.to_values(worker)
        with self._base.write() as connection:
            if not connection.execute(_workers.update().where(_workers.c.id == worker.id).values(**values)).rowcount:
                connection.execute(_workers.insert().values(**values))

    def forget_worker(self, worker_id):
        """Removes a worker that has ended."""
        with self._base.write() as connection:
            connection.execute(_workers.delete().where(_workers.c.id == worker_id))

    def workers(self, now, *, within_seconds=60):
        """The workers that were seen lately: list of `records.Worker`."""
        with self._base.read() as connection:
            return database.to_records(records.Worker, connection.execute(_workers.select().where(
                _workers.c.seen_at >= now - within_seconds).order_by(_workers.c.started_at, _workers.c.id)))

    def statistics(self):
        """Numbers for the monitoring: dict.

        'submissions' state -> count; 'users', 'contests', 'votes', 'open_reports' counts; 'oldest_queued_at' time or
        None.
        """
        def count(table, *conditions):
            return sa.select(sa.func.count()).select_from(table).where(*conditions).scalar_subquery()
        with self._base.read() as connection:
            states = [tuple(row) for row in connection.execute(sa.select(
                _submissions.c.state, sa.func.count()).group_by(_submissions.c.state))]
            row = connection.execute(sa.select(
                count(tables.users), count(tables.contests), count(tables.votes),
                count(_reports, _reports.c.state == 'open'),
                sa.select(sa.func.min(_submissions.c.queued_at)).where(
                    _submissions.c.state == 'queued').scalar_subquery())).one()
        return {'submissions': dict(states), 'users': row[0], 'contests': row[1],
                'votes': row[2], 'open_reports': row[3], 'oldest_queued_at': row[4]}
