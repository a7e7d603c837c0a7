"""Scores, boards and the score log, for reading; `run_queue` and `submissions` write them."""

import sqlalchemy as sa

from stylegan_serving.competition import records, score_log, tables
from stylegan_serving.competition.store import database, errors, journal

_submissions, _scores, _pair_scores = tables.submissions, tables.scores, tables.pair_scores
_standings, _log, _contests = tables.standings, tables.log_entries, tables.contests
_LOG_PAGE = 1000


class Scores:
    """The scores of one database."""

    def __init__(self, base):
        self._base = base

    def of(self, submission_id, split=None):
        """The numbers of a submission: list of `records.Score`."""
        return self._rows(records.Score, _scores, submission_id, split, (_scores.c.split, _scores.c.metric))

    def pair_scores(self, submission_id, split=None):
        """The numbers of its pictures, in their order: list of `records.PairScore`."""
        return self._rows(records.PairScore, _pair_scores, submission_id, split, (_pair_scores.c.pair,))

    def layouts(self, contest_id, since=0.0):
        """The layouts of scored entries' results: list of (submission id, team id, number, pair, layout, end of run).

        Args:
            since: Only of runs that ended then or later, Unix seconds.
        """
        query = sa.select(
            _submissions.c.id, _submissions.c.team_id, _submissions.c.number, _pair_scores.c.pair,
            _pair_scores.c.layout, _submissions.c.finished_at).join(
            _pair_scores, _pair_scores.c.submission_id == _submissions.c.id).where(
            _submissions.c.contest_id == contest_id, _submissions.c.finished_at >= since,
            _pair_scores.c.layout.is_not(None))
        with self._base.read() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def was_scored(self, submission_id):
        """Whether the log has a score of a submission, whatever has become of it since."""
        with self._base.read() as connection:
            return connection.scalar(sa.select(_log.c.sequence).where(
                _log.c.submission_id == submission_id, _log.c.kind == 'scored').limit(1)) is not None

    def board_rows(self, contest_id, phase, split):
        """What each team that is not hidden has on a board: list of (`records.Standing`, team's name), unranked.

        One row a team, kept up when a submission ends: the time does not grow with the number of submissions.
        """
        teams = tables.teams
        with self._base.read() as connection:
            rows = connection.execute(sa.select(_standings, teams.c.name).join(
                teams, teams.c.id == _standings.c.team_id).where(
                _standings.c.contest_id == contest_id, _standings.c.phase == phase, _standings.c.split == split,
                teams.c.is_hidden.is_(False))).all()
        return [(database.to_record(records.Standing, row), row.name) for row in rows]

    def entries(self, contest_id, phase, *, pair=None):
        """The counting submissions of a phase's public board with their files, for galleries and votes.

        Args:
            pair: Only this picture; None for all.
        Returns:
            list of (`records.PairScore`, team id, team's name), by pair and number.
        """
        teams = tables.teams
        query = sa.select(_pair_scores, _standings.c.team_id, teams.c.name).join(
            _standings, _standings.c.submission_id == _pair_scores.c.submission_id).join(
            teams, teams.c.id == _standings.c.team_id).where(
            _standings.c.contest_id == contest_id, _standings.c.phase == phase, _standings.c.split == 'public',
            teams.c.is_hidden.is_(False)).order_by(_pair_scores.c.pair, _standings.c.number)
        if pair is not None:
            query = query.where(_pair_scores.c.pair == pair)
        with self._base.read() as connection:
            rows = connection.execute(query).all()
        return [(database.to_record(records.PairScore, row), row.team_id, row.name) for row in rows]

    def best_per_pair(self, contest_id, phase, metric, split, better='lower'):
        """The winner of each picture among the counting submissions: dict pair -> (submission id, team id, value)."""
        sign, best = (1 if better == 'lower' else -1), {}
        for row, team_id, _ in self.entries(contest_id, phase):
            value = row.metrics.get(metric)
            if row.split == split and value is not None and (
                    row.pair not in best or sign * value < sign * best[row.pair][2]):
                best[row.pair] = (row.submission_id, team_id, value)
        return best

    def history(self, contest_id, phase, metric, split, *, limit=2000):
        """How scores came in: list of (time, team id, submission id, value), oldest first, the newest `limit`."""
        query = sa.select(_submissions.c.finished_at, _submissions.c.team_id, _submissions.c.id, _scores.c.value).join(
            _scores, _scores.c.submission_id == _submissions.c.id).join(
            tables.teams, tables.teams.c.id == _submissions.c.team_id).where(
            _submissions.c.contest_id == contest_id, _submissions.c.phase == phase, _submissions.c.state == 'scored',
            _submissions.c.is_hidden.is_(False), tables.teams.c.is_hidden.is_(False), _scores.c.split == split,
            _scores.c.metric == metric).order_by(_submissions.c.finished_at.desc(), _submissions.c.number.desc())
        with self._base.read() as connection:
            return [tuple(row) for row in reversed(connection.execute(query.limit(limit)).all())]

    def version(self, contest_id):
        """A number that changes whenever a board of the contest may; NotFound."""
        with self._base.read() as connection:
            version = connection.scalar(sa.select(_contests.c.board_version).where(_contests.c.id == contest_id))
        if version is None:
            raise errors.NotFound('There is no such contest.')
        return version

    def log(self, contest_id, after=0, limit=_LOG_PAGE):
        """The score log from the entry behind `after` on: list of `records.LogEntry`, with private scores."""
        with self._base.read() as connection:
            return database.to_records(records.LogEntry, connection.execute(_log.select().where(
                _log.c.contest_id == contest_id, _log.c.sequence > after).order_by(_log.c.sequence).limit(limit)))

    def whole_log(self, contest_id):
        """The whole score log, page by page: iterator of `records.LogEntry`."""
        after = 0
        while page := self.log(contest_id, after):
            yield from page
            after = page[-1].sequence

    def log_head(self, contest_id):
        """(count, hash) of the score log, which to publish proves the log up to there; NotFound."""
        with self._base.read() as connection:
            row = connection.execute(sa.select(_contests.c.log_count, _contests.c.log_hash).where(
                _contests.c.id == contest_id)).first()
        if row is None:
            raise errors.NotFound('There is no such contest.')
        return tuple(row)

    def verify_log(self, contest_id):
        """Checks the score log against its own hashes and its head: (count, hash); `score_log.BrokenLog`, NotFound."""
        # The head first: what is appended meanwhile is no fault.
        count, head = self.log_head(contest_id)
        return score_log.verify((entry for entry in self.whole_log(contest_id) if entry.sequence <= count),
                                head=(count, head))

    def standings(self, contest_id):
        """All standings of a contest, hidden teams' too: dict as `score_log.standings` gives it."""
        with self._base.read() as connection:
            return {(row.phase, row.split, row.team_id): (row.submission_id, row.entries, row.scores)
                    for row in connection.execute(_standings.select().where(_standings.c.contest_id == contest_id))}

    def restate(self, contest_id):
        """Writes all standings of a contest anew from the scores; NotFound."""
        with self._base.write() as connection:
            contest = journal.lock(connection, contest_id)
            journal.restate_all(connection, contest)
            connection.execute(_contests.update().where(_contests.c.id == contest_id).values(
                board_version=_contests.c.board_version + 1))

    def _rows(self, kind, table, submission_id, split, order):
        query = table.select().where(table.c.submission_id == submission_id).order_by(*order)
        if split is not None:
            query = query.where(table.c.split == split)
        with self._base.read() as connection:
            return database.to_records(kind, connection.execute(query))
