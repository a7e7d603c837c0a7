"""A whole installation in one zip, and back: also from SQLite to PostgreSQL, and from a folder to a bucket."""

import json
import zipfile

import sqlalchemy as sa

from stylegan_serving.competition import sealed_zip, tables
from stylegan_serving.competition.store import database, schema

_MANIFEST, _FORMAT = 'backup.json', 1
_ROWS = 500


class BackupError(Exception):
    """The backup cannot be used, or not here; the message says why."""


def write(engine, storage, target):
    """Writes every row and every file.

    The rows are those of one moment. Files come after them; one that was deleted meanwhile is left out.

    Args:
        engine: Of `store.make_engine`; its tables may be an older version's.
        storage: `storage.Storage`.
        target: Path or binary file.
    Returns:
        (number of rows, number of files of the storage).
    Raises:
        BackupError: The database has no tables.
    """
    counts = {'rows': 0, 'files': 0}
    with engine.connect() as connection:
        if connection.dialect.name == 'postgresql':
            connection = connection.execution_options(isolation_level='REPEATABLE READ')
        if schema.current(connection) is None:
            raise BackupError('The database has no tables: there is nothing to back up. Is --data the right folder?')
        sealed_zip.write(target, _parts(connection, storage, counts))
    return counts['rows'], counts['files']


def restore(engine, storage, source):
    """Makes an installation of a backup.

    Args:
        engine: Of an empty database, of either kind.
        storage: An empty `storage.Storage`.
        source: Path of the backup.
    Returns:
        (number of rows, number of files).
    Raises:
        BackupError: It is no backup, or was changed; or the database or the storage is not empty.
        schema.SchemaError: It comes from a newer version.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            sealed_zip.check(archive)
            manifest = json.loads(archive.read(_MANIFEST))
            if manifest.get('format') != _FORMAT:
                raise BackupError(f'{source}: expected a backup of format {_FORMAT}. Received '
                                  f'{manifest.get("format")!r}.')
            _check_empty(engine, storage)
            schema.upgrade(engine, manifest['schema'])
            rows = _restore_rows(engine, archive, manifest['tables'])
            schema.upgrade(engine)
            return rows, _restore_files(storage, archive)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise BackupError(f'{source}: is no whole backup: {error}') from error


def _parts(connection, storage, counts):
    found = _tables(connection)
    yield _MANIFEST, [json.dumps({'format': _FORMAT, 'schema': schema.current(connection),
                                  'tables': [table.name for table in found]}).encode()]
    for table in found:
        yield f'rows/{table.name}.jsonl', _rows(connection, table, counts)
    for key in storage.list():
        try:
            blocks = storage.blocks(key)
            first = next(blocks, b'')
        except FileNotFoundError:
            continue
        counts['files'] += 1
        yield f'files/{key}', _chained(first, blocks)


def _rows(connection, table, counts):
    for row in connection.execution_options(yield_per=_ROWS).execute(table.select()):
        counts['rows'] += 1
        yield json.dumps(dict(row._mapping), ensure_ascii=False).encode() + b'\n'


def _chained(first, blocks):
    yield first
    yield from blocks


def _tables(connection):
    """Our tables as this database has them, perhaps an older one, those first that others point to: list."""
    found = sa.MetaData()
    found.reflect(connection, only=lambda name, _: name in tables.metadata.tables)
    return list(found.sorted_tables)


def _check_empty(engine, storage):
    with engine.connect() as connection:
        if sa.inspect(connection).get_table_names():
            raise BackupError('Expected an empty database to restore into. Received one with tables: name another, or '
                              'another --data.')
    if storage.list():
        raise BackupError(f'Expected an empty storage to restore into. Received one with files: {storage.url}.')


def _restore_rows(engine, archive, names):
    count = 0
    with database.Database(engine).write() as connection:
        found = {table.name: table for table in _tables(connection)}
        for name in names:
            table, rows = found[name], []
            with archive.open(f'rows/{name}.jsonl') as file:
                for line in file:
                    rows.append(json.loads(line))
                    if len(rows) == _ROWS:
                        connection.execute(table.insert(), rows)
                        count, rows = count + len(rows), []
            if rows:
                connection.execute(table.insert(), rows)
                count += len(rows)
        if connection.dialect.name == 'postgresql':
            _advance_counters(connection, found.values())
    return count


def _advance_counters(connection, found):
    """Lets PostgreSQL count on behind the numbers that were brought along."""
    for table in found:
        for column in table.primary_key:
            sequence = connection.scalar(sa.select(sa.func.pg_get_serial_sequence(table.name, column.name)))
            highest = sequence and connection.scalar(sa.select(sa.func.max(column)))
            if highest:
                connection.execute(sa.select(sa.func.setval(sequence, highest)))


def _restore_files(storage, archive):
    names = [name for name in archive.namelist() if name.startswith('files/')]
    for name in names:
        with archive.open(name) as source, storage.writer(name.removeprefix('files/')) as target:
            while block := source.read(1 << 20):
                target.write(block)
    return len(names)
