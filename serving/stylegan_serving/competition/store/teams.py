"""Teams, their members, and invitations into them."""

import time

import sqlalchemy as sa

from stylegan_serving.competition import records, tables
from stylegan_serving.competition.store import database, errors, journal
from stylegan_serving.competition.store.database import name_key

_teams, _memberships, _invitations = tables.teams, tables.memberships, tables.invitations


class Teams:
    """The teams of one database."""

    def __init__(self, base):
        self._base = base

    def add(self, contest_id, name, leader_id, *, is_hidden=False, now=None):
        """Makes a team with its leader in it.

        Raises:
            Conflict: The contest has a team of this name ('name'), or the user is in a team of it ('member').
        """
        now = time.time() if now is None else now
        team = records.Team(records.new_id(), contest_id, name.strip(), now, is_hidden)
        with self._base.write() as connection:
            _check_name(connection, contest_id, name)
            _check_alone(connection, contest_id, leader_id)
            connection.execute(_teams.insert().values(**database.to_values(team), name_key=name_key(name)))
            connection.execute(_memberships.insert().values(
                contest_id=contest_id, user_id=leader_id, team_id=team.id, role='leader', joined_at=now))
        return team

    def team(self, team_id):
        """The team of an id; NotFound."""
        with self._base.read() as connection:
            return database.one(connection, records.Team, _teams.select().where(_teams.c.id == team_id))

    def team_of(self, contest_id, user_id):
        """The team of a user in a contest, or None."""
        with self._base.read() as connection:
            row = connection.execute(_teams.select().join(
                _memberships, _memberships.c.team_id == _teams.c.id).where(
                _memberships.c.contest_id == contest_id, _memberships.c.user_id == user_id)).first()
            return row and database.to_record(records.Team, row)

    def teams(self, contest_id):
        """The teams of a contest by name: list."""
        with self._base.read() as connection:
            return database.to_records(records.Team, connection.execute(
                _teams.select().where(_teams.c.contest_id == contest_id).order_by(_teams.c.name_key)))

    def members(self, team_id):
        """The members of a team, in the order in which they joined: list of `records.Membership`."""
        with self._base.read() as connection:
            return database.to_records(records.Membership, connection.execute(_of(team_id)))

    def memberships(self, user_id):
        """A user's places in teams of all contests: list of `records.Membership`."""
        with self._base.read() as connection:
            return database.to_records(records.Membership, connection.execute(
                _memberships.select().where(_memberships.c.user_id == user_id).order_by(_memberships.c.joined_at)))

    def invite(self, team_id, token_hash, created_by, expires_at, *, now=None):
        """Keeps the hash of an invitation and returns its `records.Invitation`; who may is the caller's matter."""
        invitation = records.Invitation(records.new_id(), team_id, token_hash, created_by,
                                        time.time() if now is None else now, expires_at, None)
        with self._base.write() as connection:
            connection.execute(_invitations.insert().values(**database.to_values(invitation)))
        return invitation

    def invitation(self, token_hash, now):
        """The invitation of a hash that can still be used; NotFound."""
        with self._base.read() as connection:
            return database.one(connection, records.Invitation, _usable(token_hash, now))

    def accept(self, token_hash, user_id, now, *, maximum_members=None):
        """Puts a user into the team of an invitation, which then is used up; returns the `records.Team`.

        Raises:
            NotFound: There is no such invitation, it was used, or it has expired.
            Conflict: The user is in a team of the contest ('member'), or the team is full ('full').
        """
        with self._base.write() as connection:
            invitation = database.one(connection, records.Invitation, _usable(token_hash, now))
            team = _locked(connection, invitation.team_id)
            # Once more, now that nobody else can use it.
            database.one(connection, records.Invitation, _usable(token_hash, now))
            _check_alone(connection, team.contest_id, user_id)
            count = connection.scalar(sa.select(sa.func.count()).where(_memberships.c.team_id == team.id))
            if maximum_members is not None and count >= maximum_members:
                raise errors.Conflict(f'The team is full: {maximum_members} members at most.', 'full')
            connection.execute(_memberships.insert().values(
                contest_id=team.contest_id, user_id=user_id, team_id=team.id, role='member' if count else 'leader',
                joined_at=now))
            connection.execute(_invitations.update().where(_invitations.c.id == invitation.id).values(used_by=user_id))
            return team

    def leave(self, team_id, user_id):
        """Takes a user out of a team; who joined next leads where the leader leaves; NotFound."""
        with self._base.write() as connection:
            if not connection.execute(_memberships.delete().where(
                    _memberships.c.team_id == team_id, _memberships.c.user_id == user_id)).rowcount:
                raise errors.NotFound('There is no such member of this team.')
            _give_leader(connection, team_id)

    remove_member = leave

    def rename(self, team_id, name):
        """Gives a team another name and returns it; NotFound, Conflict ('name')."""
        with self._base.write() as connection:
            chosen = _teams.select().where(_teams.c.id == team_id)
            team = _locked(connection, team_id)
            _check_name(connection, team.contest_id, name, but=team_id)
            connection.execute(_teams.update().where(_teams.c.id == team_id).values(
                name=name.strip(), name_key=name_key(name)))
            _note_change(connection, team.contest_id)
            return database.one(connection, records.Team, chosen)

    def set_hidden(self, team_id, is_hidden):
        """Takes a team off the boards, or puts it back, and returns it; NotFound."""
        with self._base.write() as connection:
            chosen = _teams.select().where(_teams.c.id == team_id)
            team = _locked(connection, team_id)
            connection.execute(_teams.update().where(_teams.c.id == team_id).values(is_hidden=is_hidden))
            _note_change(connection, team.contest_id)
            return database.one(connection, records.Team, chosen)


def _locked(connection, team_id):
    """The team, whose contest this transaction holds: before a row of the team, as the end of a run does too."""
    team = database.one(connection, records.Team, _teams.select().where(_teams.c.id == team_id))
    journal.lock(connection, team.contest_id)
    return team


def leave_all(connection, user_id):
    """Takes a user out of every team, within a transaction."""
    left = connection.scalars(sa.select(_memberships.c.team_id).where(_memberships.c.user_id == user_id)).all()
    connection.execute(_memberships.delete().where(_memberships.c.user_id == user_id))
    for team_id in left:
        _give_leader(connection, team_id)


def _give_leader(connection, team_id):
    rest = connection.execute(_of(team_id)).all()
    if rest and all(row.role != 'leader' for row in rest):
        connection.execute(_memberships.update().where(
            _memberships.c.team_id == team_id, _memberships.c.user_id == rest[0].user_id).values(role='leader'))


def _of(team_id):
    return _memberships.select().where(_memberships.c.team_id == team_id).order_by(
        _memberships.c.joined_at, _memberships.c.user_id)


def _usable(token_hash, now):
    return _invitations.select().where(_invitations.c.token_hash == token_hash, _invitations.c.used_by.is_(None),
                                       _invitations.c.expires_at > now)


def _note_change(connection, contest_id):
    contests = tables.contests
    connection.execute(contests.update().where(contests.c.id == contest_id).values(
        board_version=contests.c.board_version + 1))


def _check_name(connection, contest_id, name, but=''):
    if connection.scalar(sa.select(_teams.c.id).where(
            _teams.c.contest_id == contest_id, _teams.c.name_key == name_key(name), _teams.c.id != but)):
        raise errors.Conflict(f'There is a team {name.strip()!r} in this contest. Choose another name.', 'name')


def _check_alone(connection, contest_id, user_id):
    if connection.scalar(sa.select(_memberships.c.team_id).where(
            _memberships.c.contest_id == contest_id, _memberships.c.user_id == user_id)):
        raise errors.Conflict('You are in a team of this contest. Leave it first.', 'member')
