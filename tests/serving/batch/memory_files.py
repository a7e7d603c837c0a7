"""A Beam file system in a dict, `memory://`, which behaves as a bucket: no folders, no renaming."""

import io

from apache_beam.io.filesystem import BeamIOError, CompressionTypes, FileMetadata, FileSystem

FILES = {}


class MemoryFiles(FileSystem):
    """Beam finds it by its scheme, once this module is imported."""

    @classmethod
    def scheme(cls):
        return 'memory'

    def has_dirs(self):
        return False

    def join(self, basepath, *paths):
        return '/'.join([basepath.rstrip('/'), *paths])

    def split(self, path):
        head, _, tail = path.rpartition('/')
        return head, tail

    def mkdirs(self, path):
        pass

    def _list(self, dir_or_prefix):
        for path in sorted(FILES):
            if path.startswith(dir_or_prefix):
                yield FileMetadata(path, len(FILES[path]), 0)

    def create(self, path, mime_type='', compression_type=CompressionTypes.AUTO):
        return _Object(path)

    def open(self, path, mime_type='', compression_type=CompressionTypes.AUTO):
        if path not in FILES:
            raise BeamIOError(f'No such object: {path}')
        return io.BytesIO(FILES[path])

    def exists(self, path):
        return path in FILES

    def copy(self, source_file_names, destination_file_names):
        for source, destination in zip(source_file_names, destination_file_names, strict=True):
            FILES[destination] = FILES[source]

    def rename(self, source_file_names, destination_file_names):
        raise BeamIOError('objects cannot be renamed')

    def delete(self, paths):
        for path in paths:
            for known in [name for name in FILES if name == path or name.startswith(path.rstrip('/') + '/')]:
                del FILES[known]

    def size(self, path):
        return len(FILES[path])

    def last_updated(self, path):
        return 0

    def checksum(self, path):
        return str(hash(FILES[path]))

    def metadata(self, path):
        return FileMetadata(path, len(FILES[path]), 0)


class _Object(io.BytesIO):
    """Appears when it is closed, as in a bucket."""

    def __init__(self, path):
        super().__init__()
        self._path = path

    def close(self):
        if not self.closed:
            FILES[self._path] = self.getvalue()
        super().close()
