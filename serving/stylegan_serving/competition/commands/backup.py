"""Writes the whole installation, database and files, into one zip, while it runs.

    python -m stylegan_serving.competition backup --output=FILE.zip [--data=FOLDER]

It holds password hashes, e-mails and private scores: keep it as the installation itself. The secret of the installation
is not in it.
Exit codes: 0 written; 2 bad usage.
"""

import os
import pathlib

from absl import flags

from stylegan_serving.competition.commands import installation
from stylegan_tf import commands

installation.define_flags()
_OUTPUT = flags.DEFINE_string('output', None, 'File to write; it appears when it is whole.')


def main():
    """Reads the flags and writes the backup."""
    from stylegan_serving.competition import backups
    if not _OUTPUT.value:
        raise commands.UsageError('Expected --output=FILE.zip.')
    target = pathlib.Path(_OUTPUT.value)
    temporary = target.with_name(f'.{target.name}.partial')
    with installation.opened('any') as (store, storage, _):
        try:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
            rows, count = backups.write(store.engine, storage, temporary)
            os.replace(temporary, target)
        except OSError as error:
            raise commands.UsageError(f'Cannot write {target}: {error.strerror or error}.') from error
        finally:
            temporary.unlink(missing_ok=True)
    print(f'Wrote {rows} rows and {count} files, {target.stat().st_size / 1e6:.1f} MB: {target}')


def errors():
    """Exceptions whose message is for the user."""
    from stylegan_serving.competition import backups
    return backups.BackupError, *installation.errors()
