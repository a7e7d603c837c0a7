"""Makes an installation of a backup, in an empty database and an empty storage.

    python -m stylegan_serving.competition restore --backup=FILE.zip --data=NEW_FOLDER
    python -m stylegan_serving.competition restore --backup=FILE.zip --database_url=postgresql://... --storage_url=s3://...

Kinds may change: so a contest that began in SQLite and a folder moves to PostgreSQL and a bucket.
Exit codes: 0 done; 2 bad usage, no whole backup, or a place that is not empty.
"""

from absl import flags

from stylegan_serving.competition.commands import installation
from stylegan_tf import commands

installation.define_flags()
_BACKUP = flags.DEFINE_string('backup', None, 'File that `backup` wrote.')


def main():
    """Reads the flags and restores."""
    from stylegan_serving.competition import backups, storage
    from stylegan_serving.competition import store as stores
    if not _BACKUP.value:
        raise commands.UsageError('Expected --backup=FILE.zip.')
    settings = installation.load_settings()
    engine = stores.make_engine(settings.database_url)
    try:
        rows, count = backups.restore(engine, storage.Storage(settings.storage_url), _BACKUP.value)
    finally:
        engine.dispose()
    print(f'Restored {rows} rows and {count} files.')


def errors():
    """Exceptions whose message is for the user."""
    from stylegan_serving.competition import backups
    return backups.BackupError, *installation.errors()
