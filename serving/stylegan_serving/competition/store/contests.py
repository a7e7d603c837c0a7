"""Contests, who may do what in them, and what their organisers announce."""

import time

import sqlalchemy as sa

from stylegan_serving.competition import records, tables
from stylegan_serving.competition.store import database, errors, journal

STATES = ('draft', 'open', 'closed')
_CHANGEABLE = ('title', 'bundle', 'bundle_files', 'bundle_hash', 'owner_id')
_contests, _roles, _announcements = tables.contests, tables.contest_roles, tables.announcements


class Contests:
    """The contests of one database."""

    def __init__(self, base):
        self._base = base

    def add(self, slug, title, owner_id, bundle, *, bundle_files, bundle_hash='', contest_id=None, now=None):
        """Makes a draft whose owner organises it.

        Args:
            slug: Its name in addresses.
            title: Its name on pages.
            owner_id: A user.
            bundle: `bundle.Bundle` as dict.
            bundle_files: Where in the storage its files lie, such as contests/ID/bundle.
            bundle_hash: SHA-256 of the bundle.
            contest_id: An id that was used for `bundle_files` already.
        Raises:
            Conflict: The slug is taken; `reason` is 'slug'.
        """
        now = time.time() if now is None else now
        contest = records.Contest(contest_id or records.new_id(), slug, title, owner_id, 'draft', bundle, bundle_files,
                                  bundle_hash, now, None, None)
        with self._base.write() as connection:
            if connection.scalar(sa.select(_contests.c.id).where(_contests.c.slug == slug)):
                raise errors.Conflict(f'There is a contest {slug!r}. Choose another slug.', 'slug')
            connection.execute(_contests.insert().values(**database.to_values(contest)))
            connection.execute(_roles.insert().values(contest_id=contest.id, user_id=owner_id, role='organiser'))
            # As it is kept: JSON has no tuples.
            return database.one(connection, records.Contest, _contests.select().where(_contests.c.id == contest.id))

    def contest(self, contest_id):
        """The contest of an id; NotFound."""
        with self._base.read() as connection:
            return database.one(connection, records.Contest, _contests.select().where(_contests.c.id == contest_id))

    def by_slug(self, slug):
        """The contest of a slug; NotFound."""
        with self._base.read() as connection:
            return database.one(connection, records.Contest, _contests.select().where(_contests.c.slug == slug))

    def list(self, state=None, viewer=None):
        """Contests, newest first: those that are no drafts, and of drafts those in which `viewer` (user id) has a role.

        Args:
            state: Only those in this state.
            viewer: A user's id; '*' sees every draft.
        """
        query = _contests.select().order_by(_contests.c.created_at.desc(), _contests.c.id)
        if state:
            query = query.where(_contests.c.state == state)
        if viewer != '*':
            own = sa.select(_roles.c.contest_id).where(_roles.c.user_id == (viewer or ''))
            query = query.where(sa.or_(_contests.c.state != 'draft', _contests.c.id.in_(own)))
        with self._base.read() as connection:
            return database.to_records(records.Contest, connection.execute(query))

    def update(self, contest_id, **changes):
        """Changes title, bundle, bundle_files, bundle_hash or owner_id and returns the contest; NotFound.

        A changed bundle ranks what is scored already anew.
        """
        database.check_changes(records.Contest, changes, _CHANGEABLE)
        with self._base.write() as connection:
            chosen = _contests.select().where(_contests.c.id == contest_id)
            database.one(connection, records.Contest, chosen.with_for_update())
            if changes:
                connection.execute(_contests.update().where(_contests.c.id == contest_id).values(
                    **changes, board_version=_contests.c.board_version + 1))
            contest = database.one(connection, records.Contest, chosen)
            if 'bundle' in changes:
                journal.restate_all(connection, contest)
            return contest

    def set_state(self, contest_id, state, *, now=None):
        """Opens ('open'), closes ('closed') or reopens a contest and returns it; closing is written into the score log.

        Raises:
            NotFound: There is no such contest.
            InvalidState: 'draft', once it was open.
        """
        now = time.time() if now is None else now
        if state not in STATES:
            raise ValueError(f'A state is one of {", ".join(STATES)}. Received: {state!r}.')
        with self._base.write() as connection:
            chosen = _contests.select().where(_contests.c.id == contest_id)
            contest = database.one(connection, records.Contest, chosen.with_for_update())
            if state == 'draft' and contest.state != 'draft':
                raise errors.InvalidState('A contest that was open cannot become a draft again. Close it instead.')
            if state != contest.state:
                changes = {'state': state, 'board_version': _contests.c.board_version + 1}
                if state == 'open':
                    changes |= {'opened_at': contest.opened_at or now, 'closed_at': None}
                if state == 'closed':
                    changes['closed_at'] = now
                connection.execute(_contests.update().where(_contests.c.id == contest_id).values(**changes))
                if state == 'closed':
                    journal.write(connection, contest_id, 'closed', None, {}, now)
            return database.one(connection, records.Contest, chosen)

    def roles(self, contest_id):
        """Who has a role in a contest: list of `records.ContestRole`."""
        with self._base.read() as connection:
            return database.to_records(records.ContestRole, connection.execute(
                _roles.select().where(_roles.c.contest_id == contest_id).order_by(_roles.c.role, _roles.c.user_id)))

    def set_role(self, contest_id, user_id, role):
        """Makes a user organiser or judge of a contest, or neither (None).

        Raises:
            InvalidState: The owner's role is to be taken.
            ValueError: There is no such role.
        """
        if role not in ('organiser', 'judge', None):
            raise ValueError(f'A role in a contest is organiser, judge or None. Received: {role!r}.')
        with self._base.write() as connection:
            contest = database.one(connection, records.Contest, _contests.select().where(_contests.c.id == contest_id))
            if contest.owner_id == user_id and role != 'organiser':
                raise errors.InvalidState("The owner stays an organiser. Give the contest another owner first.")
            connection.execute(_roles.delete().where(_roles.c.contest_id == contest_id, _roles.c.user_id == user_id))
            if role:
                connection.execute(_roles.insert().values(contest_id=contest_id, user_id=user_id, role=role))

    def role_of(self, contest_id, user_id):
        """'organiser', 'judge' or None."""
        with self._base.read() as connection:
            return connection.scalar(sa.select(_roles.c.role).where(
                _roles.c.contest_id == contest_id, _roles.c.user_id == user_id))

    def add_announcement(self, contest_id, author_id, text, *, now=None):
        """Announces a text (Markdown) and returns its `records.Announcement`."""
        announcement = records.Announcement(records.new_id(), contest_id, author_id, text,
                                            time.time() if now is None else now)
        with self._base.write() as connection:
            connection.execute(_announcements.insert().values(**database.to_values(announcement)))
        return announcement

    def announcements(self, contest_id, limit=50):
        """The announcements of a contest, newest first: list."""
        with self._base.read() as connection:
            return database.to_records(records.Announcement, connection.execute(
                _announcements.select().where(_announcements.c.contest_id == contest_id).order_by(
                    _announcements.c.created_at.desc()).limit(limit)))
