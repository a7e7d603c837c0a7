"""Files wherever Apache Beam has a file system: local, gs://, s3://, hdfs://.

Local paths are absolute here, because workers may run in other folders.
"""

import glob
import mimetypes
import os
import secrets

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from stylegan_tf import images

_WILDCARDS = '*?['
# ValueError: Beam has no file system for the scheme, because an extra of it is not installed.
_FAILURES = (BeamIOError, OSError, ValueError)


class FilesError(ValueError):
    """A place that cannot be read or written; the message says what to do."""


def absolute(path):
    """A local path made absolute; an URI as it is. Neither ends in '/'."""
    return path.rstrip('/') if is_remote(path) else os.path.abspath(path)


def is_remote(path):
    """Whether it is an URI such as gs://bucket/folder."""
    return '://' in path


def join(base, relative):
    """`relative`, with '/' between its parts, below `base`."""
    return f'{base}/{relative}'


def base_of(place):
    """The folder that names of results are relative to: of a glob the part before the first wildcard."""
    if not has_wildcard(place):
        return place if is_folder(place) else place.rpartition('/')[0]
    first = min(place.index(sign) for sign in _WILDCARDS if sign in place)
    return place[:first].rpartition('/')[0]


def has_wildcard(place):
    """Whether a place is a glob; a local file or folder of that very name is none."""
    return any(sign in place for sign in _WILDCARDS) and (is_remote(place) or not os.path.exists(place))


def is_folder(place):
    """Whether it is a local folder, or an URI without a picture's suffix."""
    return not place.lower().endswith(images.IMAGE_SUFFIXES) if is_remote(place) else os.path.isdir(place)


def find_pictures(place, *, outside):
    """Yields (name relative to `base_of`, path) of the pictures in a place, by suffix.

    Args:
        place: Folder (at any depth), picture, or glob (`*` within a folder's name, `**` across folders).
        outside: A folder that is passed over, because results go there.
    Raises:
        FilesError: If the place cannot be listed.
    """
    base = base_of(place)
    for path in sorted(set(_list(place))):
        name = path[len(base):].lstrip('/')
        is_hidden = any(part.startswith('.') for part in name.split('/'))
        if path.lower().endswith(images.IMAGE_SUFFIXES) and not is_hidden and not path.startswith(outside + '/'):
            yield name, path


def check_listable(place):
    """Raises FilesError if a place cannot be listed, or nothing is there."""
    if not _list(place, limit=1):
        raise FilesError(f'{place}: there is nothing.')


def _list(place, limit=None):
    pattern = place
    if not has_wildcard(place):
        pattern = glob.escape(place) + ('/**' if is_folder(place) else '')
    try:
        found = FileSystems.match([pattern], limits=limit and [limit])[0].metadata_list
    except _FAILURES as error:
        raise FilesError(f'{place} cannot be listed ({_reason(error)}).') from error
    return [metadata.path for metadata in found]


def read(path):
    """The bytes of a file.

    Raises:
        FilesError: If there is no such file, or it may not be read.
    """
    try:
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            return file.read()
    except _FAILURES as error:
        raise FilesError(f'{path}: cannot be read ({_reason(error)}).') from error


def read_if_there(path):
    """The bytes of a file, or None where there is none; errors as `read`."""
    try:
        is_there = FileSystems.exists(path)
    except _FAILURES as error:
        raise FilesError(f'{path}: cannot be read ({_reason(error)}).') from error
    return read(path) if is_there else None


def write(path, data):
    """Writes a file so that readers see the old one, none, or the new one, and never half of it.

    Objects in buckets appear when they are closed; elsewhere a hidden file is renamed.

    Raises:
        FilesError: If it cannot be written.
    """
    kind = mimetypes.guess_type(path)[0] or 'application/octet-stream'
    try:
        if _has_folders(path):
            folder, _, name = path.rpartition('/')
            temporary = f'{folder}/.{name}.{secrets.token_hex(6)}.partial'
            _write(temporary, data, kind)
            if is_remote(path) and FileSystems.exists(path):  # HDFS does not rename over a file
                FileSystems.delete([path])
            FileSystems.rename([temporary], [path])
        else:
            _write(path, data, kind)
    except _FAILURES as error:
        raise FilesError(f'{path}: cannot be written ({_reason(error)}).') from error


def _reason(error):
    return ' '.join(str(getattr(error, 'strerror', None) or error).split())


def check_writable(folder):
    """Raises FilesError if nothing can be written below a folder, which is made when absent."""
    path = join(folder, f'.writable-{secrets.token_hex(6)}')
    write(path, b'')
    FileSystems.delete([path])


def _has_folders(path):
    return not is_remote(path) or path.startswith('hdfs://')


def _write(path, data, kind):
    if path.startswith('hdfs://') and not FileSystems.exists(path.rpartition('/')[0]):
        FileSystems.mkdirs(path.rpartition('/')[0])
    with FileSystems.create(path, mime_type=kind, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        file.write(data)


def fetch_folder(uri, target):
    """Copies all files below a remote folder into a local one.

    Args:
        uri: Such as gs://bucket/models/first/1.
        target: Local folder; made when absent.
    Raises:
        FilesError: If there are none, or one cannot be copied.
    """
    found = _list(uri)
    if not found:
        raise FilesError(f'{uri}: there are no files below it.')
    for source in found:
        path = os.path.join(target, source[len(uri) + 1:])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(read(source))


def newest_version(base):
    """The folder of the newest version below a remote base folder, or `base` itself where it holds none.

    Raises:
        FilesError: If the bucket cannot be listed.
    """
    versions = [path.split('/')[-2] for path in _list(f'{glob.escape(base)}/*/saved_model.pb')]
    newest = max((int(version) for version in versions if version.isdecimal()), default=None)
    return base if newest is None else f'{base}/{newest}'
