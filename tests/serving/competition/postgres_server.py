"""A real PostgreSQL server for a while: a temporary cluster on a socket, as an unprivileged user."""

import contextlib
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

_ROOM_BYTES = 4 << 30  # a test's database takes 7 MB, and there are about a hundred


def binaries():
    """Folder of the newest PostgreSQL server's programs, or None."""
    on_path = shutil.which('initdb')
    folders = sorted(pathlib.Path('/usr/lib/postgresql').glob('*/bin'), key=lambda path: float(path.parent.name))
    folders = [folder for folder in folders if (folder / 'initdb').exists()]
    return pathlib.Path(on_path).parent if on_path else folders[-1] if folders else None


@contextlib.contextmanager
def running():
    """The URL of a database on a server that runs until the block ends; without durability, which tests need not."""
    programs, user = binaries(), _unprivileged()
    folder = pathlib.Path(tempfile.mkdtemp(prefix='postgres_', dir=_place()))
    if user:
        shutil.chown(folder, user)
    options = {'cwd': folder, 'check': True, 'stdout': subprocess.DEVNULL, 'timeout': 120}
    if user:
        entry = pwd.getpwnam(user)
        options |= {'user': entry.pw_uid, 'group': entry.pw_gid, 'extra_groups': []}
    try:
        subprocess.run([programs / 'initdb', '--pgdata=data', '--username=contest', '--auth=trust', '--no-sync',
                        '--encoding=UTF8', '--locale=C'], **options)
        subprocess.run([programs / 'pg_ctl', '--pgdata=data', '--wait', '--log=log', '--options=' + ' '.join((
            f'-k {folder}', "-c listen_addresses=''", '-c fsync=off', '-c synchronous_commit=off',
            '-c full_page_writes=off', '-c max_connections=60')), 'start'], **options)
        try:
            yield f'postgresql://contest@/postgres?host={folder}'
        finally:
            subprocess.run([programs / 'pg_ctl', '--pgdata=data', '--wait', '--mode=immediate', 'stop'], **options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _place():
    """Where the cluster goes, a short path, since it names a socket: memory where there is room, which a disk may take
    half a minute to delete."""
    memory = pathlib.Path('/dev/shm')
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > _ROOM_BYTES else '/tmp'


def _unprivileged():
    """A user for the server, which refuses to be root; None where we are nobody special ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ('postgres', 'nobody'):
        with contextlib.suppress(KeyError):
            pwd.getpwnam(name)
            return name
    raise RuntimeError('PostgreSQL needs a user that is not root, such as postgres or nobody.')
