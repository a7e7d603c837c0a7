"""Files that appear complete or not at all, and where those lie that can be made again."""

import os
import pathlib
import secrets


def write_whole(path, data):
    """Writes a file so that a reader sees the old one or the new one, never a part; missing folders are made.

    Args:
        path: The file.
        data: bytes.
    Raises:
        OSError: It cannot be written; an older file is then untouched.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.{secrets.token_hex(4)}.partial')
    try:
        with open(temporary, 'xb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def cache_folder(name):
    """Folder of what can be made again: $STYLEGAN_TF_CACHE/NAME, else below the user's cache folder; is not made."""
    if chosen := os.environ.get('STYLEGAN_TF_CACHE'):
        return pathlib.Path(chosen).expanduser() / name
    base = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
    return pathlib.Path(base).expanduser() / 'stylegan_tf' / name
