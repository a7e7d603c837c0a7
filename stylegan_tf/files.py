"""Files that appear complete or not at all."""

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
