"""Blind judgements between two outputs of one pair."""

import dataclasses

import sqlalchemy as sa

from stylegan_serving.competition import records, tables
from stylegan_serving.competition.store import database, errors

_votes = tables.votes
_SWAPPED = {'first': 'second', 'second': 'first', 'tie': 'tie'}


class Votes:
    """The votes of one database."""

    def __init__(self, base):
        self._base = base

    def add(self, vote):
        """Keeps a `records.Vote` and returns it as it is kept: the two submissions in order of their ids.

        Raises:
            Conflict: This voter has judged these two on this pair already ('voted').
            ValueError: A submission is compared with itself, or the winner is none of first, second, tie.
        """
        if vote.winner not in _SWAPPED or vote.first_submission == vote.second_submission:
            raise ValueError('A vote names two submissions, and first, second or tie as the winner.')
        if vote.first_submission > vote.second_submission:
            vote = dataclasses.replace(vote, first_submission=vote.second_submission,
                                       second_submission=vote.first_submission, winner=_SWAPPED[vote.winner])
        with self._base.write() as connection:
            if connection.scalar(sa.select(_votes.c.id).where(
                    _votes.c.voter_id == vote.voter_id, _votes.c.pair == vote.pair,
                    _votes.c.first_submission == vote.first_submission,
                    _votes.c.second_submission == vote.second_submission)):
                raise errors.Conflict('You have judged these two already.', 'voted')
            connection.execute(_votes.insert().values(**database.to_values(vote)))
        return vote

    def counts(self, contest_id, phase):
        """How often each comparison was made: dict (pair, smaller id, larger id) -> votes."""
        key = (_votes.c.pair, _votes.c.first_submission, _votes.c.second_submission)
        with self._base.read() as connection:
            return {tuple(row[:3]): row[3] for row in connection.execute(sa.select(*key, sa.func.count()).where(
                _votes.c.contest_id == contest_id, _votes.c.phase == phase).group_by(*key))}

    def newest(self, contest_id, phase):
        """When the newest vote of a phase was given, Unix seconds; None without one. Costs the same for any number."""
        with self._base.read() as connection:
            return connection.scalar(sa.select(sa.func.max(_votes.c.created_at)).where(
                _votes.c.contest_id == contest_id, _votes.c.phase == phase))

    def judged(self, voter_id, contest_id, phase):
        """What a voter has judged: set of (pair, smaller id, larger id)."""
        with self._base.read() as connection:
            return {tuple(row) for row in connection.execute(sa.select(
                _votes.c.pair, _votes.c.first_submission, _votes.c.second_submission).where(
                _votes.c.voter_id == voter_id, _votes.c.contest_id == contest_id, _votes.c.phase == phase))}

    def tallies(self, contest_id, phase):
        """Over all pairs: list of (first id, second id, wins of the first, wins of the second, ties)."""
        def number(winner):
            return sa.func.sum(sa.case((_votes.c.winner == winner, 1), else_=0))
        key = (_votes.c.first_submission, _votes.c.second_submission)
        with self._base.read() as connection:
            rows = connection.execute(sa.select(*key, number('first'), number('second'), number('tie')).where(
                _votes.c.contest_id == contest_id, _votes.c.phase == phase).group_by(*key).order_by(*key)).all()
        return [(first, second, int(won), int(lost), int(ties)) for first, second, won, lost, ties in rows]

    def by_voter_since(self, voter_id, since):
        """How many votes a voter has given since a time."""
        with self._base.read() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(_votes).where(
                _votes.c.voter_id == voter_id, _votes.c.created_at >= since))

    def list(self, contest_id, phase=None):
        """The votes of a contest, oldest first: list of `records.Vote`."""
        query = _votes.select().where(_votes.c.contest_id == contest_id).order_by(_votes.c.created_at, _votes.c.id)
        if phase is not None:
            query = query.where(_votes.c.phase == phase)
        with self._base.read() as connection:
            return database.to_records(records.Vote, connection.execute(query))
