"""Users, their sessions in browsers and their tokens."""

import secrets
import time

import sqlalchemy as sa

from stylegan_serving.competition import records, tables
from stylegan_serving.competition.store import database, errors, teams
from stylegan_serving.competition.store.database import name_key

ROLES = ('user', 'organiser', 'admin')
_CHANGEABLE = ('name', 'email', 'password_hash', 'role', 'language', 'is_disabled')
_users, _sessions, _tokens = tables.users, tables.sessions, tables.tokens


class Accounts:
    """The accounts of one database."""

    def __init__(self, base):
        self._base = base

    def add_user(self, name, email, password_hash, role='user', language='en', *, now=None):
        """Makes an account.

        Raises:
            Conflict: The name or the e-mail is taken; `reason` is 'name' or 'email'.
            ValueError: There is no such role.
        """
        _check_role(role)
        user = records.User(records.new_id(), name.strip(), _mail(email), password_hash, role, language,
                            _now(now), False)
        with self._base.write() as connection:
            _check_free(connection, user.name, user.email)
            connection.execute(_users.insert().values(**database.to_values(user), name_key=name_key(name)))
        return user

    def user(self, user_id):
        """The user of an id; NotFound."""
        with self._base.read() as connection:
            return database.one(connection, records.User, _users.select().where(_users.c.id == user_id))

    def user_by_name(self, name_or_email):
        """The user of a name, whatever its case, or of an e-mail; NotFound."""
        with self._base.read() as connection:
            return database.one(connection, records.User, _users.select().where(sa.or_(
                _users.c.name_key == name_key(name_or_email), _users.c.email == _mail(name_or_email))))

    def update_user(self, user_id, **changes):
        """Changes name, email, password_hash, role, language or is_disabled, and returns the user.

        Raises:
            NotFound, Conflict: As `add_user`.
            ValueError: Another column is named, or an unknown role.
        """
        database.check_changes(records.User, changes, _CHANGEABLE)
        if 'role' in changes:
            _check_role(changes['role'])
        if 'email' in changes:
            changes['email'] = _mail(changes['email'])
        if 'name' in changes:
            changes |= {'name': changes['name'].strip(), 'name_key': name_key(changes['name'])}
        with self._base.write() as connection:
            _check_free(connection, changes.get('name'), changes.get('email'), but=user_id)
            if changes:
                connection.execute(_users.update().where(_users.c.id == user_id).values(**changes))
            return database.one(connection, records.User, _users.select().where(_users.c.id == user_id))

    def delete_user(self, user_id):
        """Erases what is personal: name, e-mail, password, language, sessions, tokens, memberships, addresses.

        Returns what is left. Teams keep their scores; a team that loses its leader is led by who joined it next. The
        row stays, disabled, so that the logs stay whole.
        """
        with self._base.write() as connection:
            database.one(connection, records.User, _users.select().where(_users.c.id == user_id))
            teams.leave_all(connection, user_id)
            for table in (_sessions, _tokens):
                connection.execute(table.delete().where(table.c.user_id == user_id))
            roles = tables.contest_roles
            connection.execute(roles.delete().where(roles.c.user_id == user_id))
            uploads = tables.uploads
            connection.execute(uploads.delete().where(uploads.c.user_id == user_id))
            audit = tables.audit_events
            connection.execute(audit.update().where(audit.c.actor_id == user_id).values(address=''))
            name = f'deleted-{secrets.token_hex(4)}'
            connection.execute(_users.update().where(_users.c.id == user_id).values(
                name=name, name_key=name, email=None, password_hash='', role='user', language='en', is_disabled=True))
            return database.one(connection, records.User, _users.select().where(_users.c.id == user_id))

    def users(self, search='', limit=100, after=''):
        """Users whose name or e-mail contains `search`, by name, those behind the name `after`: list."""
        query = _users.select().order_by(_users.c.name_key).limit(limit)
        if search:
            query = query.where(sa.or_(_users.c.name_key.contains(name_key(search), autoescape=True),
                                       _users.c.email.contains(search.lower(), autoescape=True)))
        if after:
            query = query.where(_users.c.name_key > name_key(after))
        with self._base.read() as connection:
            return database.to_records(records.User, connection.execute(query))

    def add_session(self, session):
        """Keeps a `records.Session`."""
        with self._base.write() as connection:
            connection.execute(_sessions.insert().values(**database.to_values(session)))

    def session(self, token_hash, now=None):
        """The session of a cookie's hash that has not expired; NotFound."""
        with self._base.read() as connection:
            return database.one(connection, records.Session, _sessions.select().where(
                _sessions.c.id == token_hash, _sessions.c.expires_at > _now(now)))

    def end_session(self, token_hash):
        """Forgets a session, if there is one."""
        with self._base.write() as connection:
            connection.execute(_sessions.delete().where(_sessions.c.id == token_hash))

    def end_sessions(self, user_id):
        """Logs a user out everywhere."""
        with self._base.write() as connection:
            connection.execute(_sessions.delete().where(_sessions.c.user_id == user_id))

    def purge_expired(self, now):
        """Forgets sessions, tokens and unused invitations that have expired; returns how many."""
        with self._base.write() as connection:
            return sum(connection.execute(table.delete().where(table.c.expires_at <= now)).rowcount
                       for table in (_sessions, _tokens, tables.invitations))

    def add_token(self, user_id, name, token_hash, expires_at=None, *, now=None):
        """Keeps the hash of a new token and returns its `records.Token`."""
        token = records.Token(records.new_id(), user_id, name, token_hash, _now(now), expires_at, None)
        with self._base.write() as connection:
            connection.execute(_tokens.insert().values(**database.to_values(token)))
        return token

    def tokens(self, user_id):
        """A user's tokens, oldest first: list."""
        with self._base.read() as connection:
            return database.to_records(records.Token, connection.execute(
                _tokens.select().where(_tokens.c.user_id == user_id).order_by(_tokens.c.created_at, _tokens.c.id)))

    def token_by_hash(self, token_hash, now=None):
        """The token of a hash that has not expired; NotFound."""
        with self._base.read() as connection:
            return database.one(connection, records.Token, _tokens.select().where(
                _tokens.c.token_hash == token_hash,
                sa.or_(_tokens.c.expires_at.is_(None), _tokens.c.expires_at > _now(now))))

    def touch_token(self, token_id, now):
        """Notes that a token was used, at most once a minute, so that reading stays reading."""
        with self._base.read() as connection:
            used = connection.scalar(sa.select(_tokens.c.last_used_at).where(_tokens.c.id == token_id))
        if used is None or now - used > 60:
            with self._base.write() as connection:
                connection.execute(_tokens.update().where(_tokens.c.id == token_id).values(last_used_at=now))

    def delete_token(self, token_id, user_id):
        """Ends a token of a user; NotFound."""
        with self._base.write() as connection:
            if not connection.execute(_tokens.delete().where(
                    _tokens.c.id == token_id, _tokens.c.user_id == user_id)).rowcount:
                raise errors.NotFound('There is no such token.')


def _check_free(connection, name, email, but=''):
    if name is not None and connection.scalar(sa.select(_users.c.id).where(
            _users.c.name_key == name_key(name), _users.c.id != but)):
        raise errors.Conflict(f'The name {name!r} is taken. Choose another.', 'name')
    if email is not None and connection.scalar(sa.select(_users.c.id).where(
            _users.c.email == email, _users.c.id != but)):
        raise errors.Conflict('There is an account with this e-mail. Log in, or use another.', 'email')


def _check_role(role):
    if role not in ROLES:
        raise ValueError(f'A role is one of {", ".join(ROLES)}. Received: {role!r}.')


def _mail(email):
    return email.strip().lower() or None if email else None


def _now(now):
    return time.time() if now is None else now
