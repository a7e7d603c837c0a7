"""Engines and transactions for SQLite and PostgreSQL, and rows to records and back."""

import contextlib
import dataclasses
import sqlite3

import sqlalchemy as sa

from stylegan_serving.competition.store import errors

BUSY_MILLISECONDS = 30_000


def make_engine(url, *, pool_size=8):
    """An engine for `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`.

    SQLite runs in WAL mode with foreign keys on and waits for a writer for up to 30 s.

    Raises:
        ValueError: The URL is of another kind, or no URL.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise ValueError('Expected a database URL such as sqlite:///competition.sqlite or '
                         'postgresql://user:password@host/name.') from None
    kind = parsed.get_backend_name()
    if kind == 'postgresql':
        return sa.create_engine(parsed.set(drivername='postgresql+psycopg'),
                                pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True)
    if kind != 'sqlite':
        raise ValueError(f'Expected a database of sqlite:/// or postgresql://. Received: {kind}.')
    if parsed.database in (None, '', ':memory:'):
        raise ValueError('Expected a file in the URL of SQLite, such as sqlite:///competition.sqlite, which web and '
                         'workers share.')
    engine = sa.create_engine(parsed, pool_size=pool_size, max_overflow=pool_size)
    sa.event.listen(engine, 'connect', _prepare_sqlite)
    sa.event.listen(engine, 'begin', _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _):
    # The driver's own BEGIN comes too late to take the lock that `_begin_sqlite` takes.
    connection.isolation_level = None
    for pragma in (f'busy_timeout={BUSY_MILLISECONDS}', 'journal_mode=WAL', 'foreign_keys=ON', 'synchronous=NORMAL'):
        connection.execute(f'PRAGMA {pragma}')


def _begin_sqlite(connection):
    # A transaction that begins as a reader and writes later can fail at once, whatever the timeout.
    writes = connection.get_execution_options().get('writes')
    connection.exec_driver_sql('BEGIN IMMEDIATE' if writes else 'BEGIN')


class Database:
    """Transactions on one engine: `with database.read() as connection`, `with database.write() as connection`."""

    def __init__(self, engine):
        self.engine = engine
        self._writer = engine.execution_options(writes=True)

    @contextlib.contextmanager
    def read(self):
        """A connection that sees one state of the database."""
        with self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self):
        """A connection whose changes stand together or not at all; on SQLite there is one such at a time.

        Raises:
            Conflict: Another connection wrote the same first, where the database found that and no question before it.
        """
        try:
            with self._writer.begin() as connection:
                yield connection
        except sa.exc.IntegrityError as error:
            raise errors.Conflict('Somebody else has just written the same. Look again and repeat.', 'race') from error


def to_record(kind, row):
    """The record of a row; columns that the record lacks are left out.

    Raises:
        NotFound: There is no row.
    """
    if row is None:
        raise errors.NotFound(f'There is no such {_spoken(kind)}.')
    fields = row._mapping
    return kind(**{field.name: fields[field.name] for field in dataclasses.fields(kind)})


def to_records(kind, rows):
    """The records of rows: list."""
    return [to_record(kind, row) for row in rows]


def to_values(record):
    """The columns of a record: dict, not deep, so that JSON stays as it is."""
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def one(connection, kind, query):
    """The record of the only row of a query; NotFound where there is none."""
    return to_record(kind, connection.execute(query).first())


def check_changes(kind, changes, allowed):
    """Raises ValueError where `changes` names a column that may not be changed in this way."""
    if stray := sorted(set(changes) - set(allowed)):
        raise ValueError(f'Of a {_spoken(kind)} these can be changed: {", ".join(sorted(allowed))}. Received: '
                         f'{", ".join(stray)}.')


def name_key(name):
    """What two names must differ in: case and surrounding space do not count."""
    return name.strip().casefold()


def _spoken(kind):
    return ''.join(f' {letter.lower()}' if letter.isupper() else letter for letter in kind.__name__).strip()
