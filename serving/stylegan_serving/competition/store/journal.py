"""What happens inside a transaction that changes a board: the log entry, and the standings that follow from it."""

import time

import sqlalchemy as sa

from stylegan_serving.competition import ranking, records, score_log, tables
from stylegan_serving.competition.store import database

_contests, _submissions, _scores, _standings = tables.contests, tables.submissions, tables.scores, tables.standings
_log = tables.log_entries


def lock(connection, contest_id):
    """The `records.Contest`, held by this transaction until its end: what orders log, numbers and quotas; NotFound."""
    return database.one(connection, records.Contest, _contests.select().where(
        _contests.c.id == contest_id).with_for_update())


def write(connection, contest_id, kind, submission_id, payload, now):
    """Appends to a contest's score log; the transaction holds the contest by `lock`."""
    count, previous = connection.execute(sa.select(_contests.c.log_count, _contests.c.log_hash).where(
        _contests.c.id == contest_id)).one()
    entry = score_log.make_entry(count + 1, contest_id, now, kind, submission_id, payload, previous)
    connection.execute(_log.insert().values(**database.to_values(entry)))
    connection.execute(_contests.update().where(_contests.c.id == contest_id).values(
        log_count=entry.sequence, log_hash=entry.hash, board_version=_contests.c.board_version + 1))
    return entry


def restate(connection, contest, phase, team_id, now=None):
    """Writes what a team has on the boards of a phase anew; looks at a few of its submissions, not at all.

    Args:
        connection: Of a transaction that holds the contest.
        contest: `records.Contest`.
        phase: Its name.
        team_id: The team.
    """
    better = ranking.score_better(contest.bundle)
    rule = ranking.selection_rule(contest.bundle, phase)
    count = connection.scalar(sa.select(sa.func.count()).select_from(_submissions).where(
        *_may_rank(contest.id, phase, team_id)))
    entries = _candidates(connection, contest.id, phase, team_id, better) if count else []
    for split in ('public', 'private'):
        connection.execute(_standings.delete().where(
            _standings.c.contest_id == contest.id, _standings.c.phase == phase, _standings.c.split == split,
            _standings.c.team_id == team_id))
        entry = ranking.counting(entries, rule, better, split)
        if entry and split in entry.scores:
            connection.execute(_standings.insert().values(
                contest_id=contest.id, phase=phase, split=split, team_id=team_id, submission_id=entry.submission_id,
                number=entry.number, entries=count, scores=entry.scores[split],
                updated_at=time.time() if now is None else now))


def restate_all(connection, contest):
    """Writes every standing of a contest anew, from the submissions and their scores."""
    connection.execute(_standings.delete().where(_standings.c.contest_id == contest.id))
    for phase, team_id in connection.execute(sa.select(_submissions.c.phase, _submissions.c.team_id).where(
            _submissions.c.contest_id == contest.id, _submissions.c.state == 'scored').distinct()).all():
        restate(connection, contest, phase, team_id)


def _may_rank(contest_id, phase, team_id):
    return (_submissions.c.contest_id == contest_id, _submissions.c.team_id == team_id, _submissions.c.phase == phase,
            _submissions.c.state == 'scored', _submissions.c.is_hidden.is_(False))


def _candidates(connection, contest_id, phase, team_id, better):
    """The entries of a team among which every rule of selection finds its own: best, last and chosen ones."""
    own = sa.select(_submissions.c.id).where(*_may_rank(contest_id, phase, team_id))
    costs = [column.asc() if better == 'lower' else column.desc()
             for column in (_submissions.c.public_score, _submissions.c.private_score)]
    best = own.order_by(costs[0].nulls_last(), costs[1].nulls_last(), _submissions.c.number).limit(1)
    last = own.order_by(_submissions.c.number.desc()).limit(1)
    chosen = own.where(_submissions.c.is_final.is_(True))
    names = {name for query in (best, last, chosen) for name in connection.scalars(query)}
    scores = {}
    for row in connection.execute(_scores.select().where(_scores.c.submission_id.in_(names))):
        scores.setdefault(row.submission_id, {}).setdefault(row.split, {})[row.metric] = [row.value, row.low, row.high]
    return [ranking.Entry(row.id, row.team_id, row.phase, row.number, row.is_final, row.is_hidden, scores[row.id])
            for row in connection.execute(_submissions.select().where(_submissions.c.id.in_(names)))]
