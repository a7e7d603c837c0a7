"""Brings a database to this version's schema, by Alembic's migrations in `competition/migrations`."""

import pathlib

import alembic.command
import alembic.config
import alembic.migration
import alembic.script
import sqlalchemy as sa

from stylegan_serving.competition.store import database

FOLDER = pathlib.Path(__file__).resolve().parent.parent / 'migrations'
_LOCK = 7_165_224_891  # any number that nothing else locks in the same PostgreSQL database


class SchemaError(Exception):
    """The database has another schema than this version expects; the message says what to do."""


def upgrade(engine, revision='head'):
    """Makes or upgrades the tables; who comes second waits, and finds nothing to do.

    Args:
        engine: Of `make_engine`.
        revision: Where to stop, for tests.
    Returns:
        (revision before, revision after), None for an empty database.
    Raises:
        SchemaError: The database was upgraded by a newer version.
    """
    with database.Database(engine).write() as connection:
        if connection.dialect.name == 'postgresql':
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        before = current(connection)
        _check_known(before)
        config = _config()
        config.attributes['connection'] = connection
        alembic.command.upgrade(config, revision)
        return before, current(connection)


def check_schema(engine):
    """Raises SchemaError unless the tables are this version's."""
    with engine.connect() as connection:
        found = current(connection)
    _check_known(found)
    if found != newest():
        raise SchemaError(f'The database has schema {found or "none"}, this version needs {newest()}. Run: python -m '
                          'stylegan_serving.competition upgrade')


def current(connection):
    """The revision of the database of a connection, or None."""
    return alembic.migration.MigrationContext.configure(connection).get_current_revision()


def newest():
    """The revision this version needs."""
    return alembic.script.ScriptDirectory.from_config(_config()).get_current_head()


def _config():
    config = alembic.config.Config()
    config.set_main_option('script_location', str(FOLDER).replace('%', '%%'))
    return config


def _check_known(revision):
    known = {script.revision for script in alembic.script.ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision is not None and revision not in known:
        raise SchemaError(f'The database has schema {revision}, which this version does not know (newest: {newest()}). '
                          'It was upgraded by a newer version: install that one.')
