"""The files of the competition, below one URL of fsspec: a folder by default, an S3-type bucket by its URL.

Keys are relative paths such as `contests/ID/bundle/description.md` or `submissions/ID/archive.zip`. What is written is
there whole or not at all.
"""

import contextlib
import hashlib
import os
import pathlib
import re
import secrets
import shutil
import tempfile
import time

import fsspec
import fsspec.implementations.local

_PART = re.compile(r'[^/\\\x00-\x1f\x7f]{1,200}')
_BLOCK_BYTES = 1 << 20
# A folder of what is being written, in one place, so that what killed processes have left there is found at once.
_UNFINISHED = '.unfinished'
_LONGEST_WRITE_SECONDS = 86_400.0


class StorageError(Exception):
    """The storage cannot be used; the message names the key or the URL."""


class Storage:
    """Files by key below a URL.

    Args:
        url: A folder, which is made, or a URL such as s3://bucket/prefix; credentials come from where the store's own
            tools look for them.
        **options: Of the file system, such as endpoint_url.
    Raises:
        StorageError: The URL names a kind of storage that is unknown or not installed.
    """

    def __init__(self, url, **options):
        self.url = str(url)
        try:
            self._files, self._root = fsspec.core.url_to_fs(self.url, **options)
        except (ValueError, ImportError) as error:
            raise StorageError(f'Cannot use the storage {self.url}: {error}') from error
        self._local = isinstance(self._files, fsspec.implementations.local.LocalFileSystem)
        if self._local:
            os.makedirs(self._root, exist_ok=True)

    def write(self, key, data):
        """Writes bytes."""
        with self.writer(key) as file:
            file.write(data)

    def write_file(self, key, path):
        """Writes what a local file holds."""
        with open(path, 'rb') as source, self.writer(key) as file:
            shutil.copyfileobj(source, file, _BLOCK_BYTES)

    @contextlib.contextmanager
    def writer(self, key):
        """A file to write in; it takes its place under its key when the block ends, and never if the block fails."""
        place = self._place(key)
        if self._local:
            path = pathlib.Path(place)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = pathlib.Path(self._root, _UNFINISHED, secrets.token_hex(8))
            try:
                temporary.parent.mkdir(exist_ok=True)
                with open(temporary, 'xb') as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
            return
        # A bucket's own writer would leave parts behind where the block fails.
        with tempfile.TemporaryFile() as file:
            yield file
            file.seek(0)
            with self._files.open(place, 'wb') as target:
                shutil.copyfileobj(file, target, _BLOCK_BYTES)

    @contextlib.contextmanager
    def open(self, key):
        """A file to read from, at any place in it; FileNotFoundError."""
        try:
            with self._files.open(self._place(key), 'rb') as file:
                yield file
        except (IsADirectoryError, NotADirectoryError):
            raise FileNotFoundError(key) from None

    def read(self, key, start=0, end=None):
        """The bytes from `start` up to `end`; FileNotFoundError."""
        with self.open(key) as file:
            file.seek(start)
            return file.read() if end is None else file.read(max(0, end - start))

    def blocks(self, key):
        """The bytes in blocks of a MiB, for large files: iterator; FileNotFoundError."""
        with self.open(key) as file:
            while block := file.read(_BLOCK_BYTES):
                yield block

    def fetch(self, key, path):
        """Copies a file to a local path; FileNotFoundError."""
        with open(path, 'wb') as target:
            for block in self.blocks(key):
                target.write(block)

    def size(self, key):
        """Its bytes; FileNotFoundError."""
        found = self._files.info(self._place(key))
        if found['type'] != 'file':
            raise FileNotFoundError(key)
        return found['size']

    def exists(self, key):
        """Whether there is a file of this key."""
        try:
            self.size(key)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def sha256(self, key):
        """The SHA-256 in hexadecimal; FileNotFoundError."""
        digest = hashlib.sha256()
        for block in self.blocks(key):
            digest.update(block)
        return digest.hexdigest()

    def list(self, prefix=''):
        """The keys below a folder of keys, sorted: list."""
        root = self._place(prefix) if prefix else self._root
        self._files.invalidate_cache()
        try:
            found = self._files.find(root)
        except (FileNotFoundError, NotADirectoryError):
            return []
        keys = (name[len(self._root):].lstrip('/') for name in found)
        return sorted(key for key in keys if key and not key.startswith(f'{_UNFINISHED}/'))

    def delete(self, key):
        """Deletes a file, if there is one."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            self._files.rm_file(self._place(key))

    def delete_all(self, prefix):
        """Deletes every file below a folder of keys."""
        for key in self.list(prefix):
            self.delete(key)
        if self._local:
            shutil.rmtree(self._place(prefix), ignore_errors=True)

    def sweep(self):
        """Deletes what processes that were killed while they wrote have left in a folder; a bucket has nothing such."""
        if not self._local:
            return
        for path in pathlib.Path(self._root).glob(f'{_UNFINISHED}/*'):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _LONGEST_WRITE_SECONDS:
                    path.unlink()

    def check(self):
        """Writes, reads and deletes a small file; StorageError where that does not work."""
        key = f'checks/{secrets.token_hex(8)}'
        try:
            self.write(key, b'ok')
            if self.read(key) != b'ok':
                raise OSError('what was written is not what was read')
            self.delete(key)
        except Exception as error:  # every kind of storage has its own
            raise StorageError(f'The storage {self.url} does not work: {error}') from error

    def _place(self, key):
        parts = key.split('/')
        if any(not _PART.fullmatch(part) or part in ('.', '..', _UNFINISHED) for part in parts):
            raise ValueError(f'Expected a key such as submissions/ID/archive.zip. Received: {key!r}.')
        return f'{self._root.rstrip("/")}/{key}'
