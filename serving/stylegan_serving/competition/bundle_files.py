"""The files of a bundle, from a folder or a zip, read with the care that a stranger's zip needs."""

import contextlib
import pathlib
import stat
import zipfile

MOST_FILES = 20_000
MOST_BYTES = 4 << 30
_MOST_RATIO = 200  # of a compressed file; pictures hardly shrink, Markdown by 5


class BundleError(ValueError):
    """A bundle is not what it should be.

    Attributes:
        problems: One line each, such as 'competition.yaml:12: phases[0].end: expected ...'.
    """

    def __init__(self, problems):
        self.problems = list(problems)
        count = len(self.problems)
        super().__init__('\n'.join([f'The bundle has {count} problem{"s" if count > 1 else ""}:', *self.problems]))


@contextlib.contextmanager
def open_files(path):
    """The files of a bundle: `FolderFiles` or `ZipFiles`, whose `names`, `size` and `read` are alike.

    Raises:
        BundleError: There is no such folder, or the file is no zip, or not one that can be trusted.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        yield FolderFiles(path)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            yield ZipFiles(archive)
    except FileNotFoundError:
        raise BundleError([f'{path}: there is no such folder or zip.']) from None
    except (zipfile.BadZipFile, IsADirectoryError, OSError, NotImplementedError, RuntimeError, EOFError) as error:
        raise BundleError([f'{path.name}: is no readable zip ({error}).']) from error


class FolderFiles:
    """A bundle's files in a folder; links out of it are not followed."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()

    def names(self):
        """Relative paths of all files, sorted: list of str."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob('*')
                      if path.is_file() and path.resolve().is_relative_to(self.folder))

    def read(self, name, most_bytes=MOST_BYTES):
        """The bytes of a file.

        Raises:
            FileNotFoundError: There is none of this name in the bundle.
            BundleError: It is larger than `most_bytes`.
        """
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder) or not path.is_file():
            raise FileNotFoundError(name)
        if path.stat().st_size > most_bytes:
            raise _too_large(name, most_bytes)
        return path.read_bytes()


class ZipFiles:
    """A bundle's files in a zip; one folder around all of them is taken off, nothing is unpacked."""

    def __init__(self, archive):
        self._archive = archive
        members = [info for info in archive.infolist() if not info.is_dir()]
        problems = [problem for info in members for problem in _problems(info)]
        if len(members) > MOST_FILES:
            problems.insert(0, f'Expected at most {MOST_FILES} files. Received {len(members)}.')
        if sum(info.file_size for info in members) > MOST_BYTES:
            problems.insert(0, f'Expected at most {MOST_BYTES >> 20} MiB unpacked. Received more.')
        if problems:
            raise BundleError(problems[:20])
        members = [info for info in members if not info.filename.startswith('__MACOSX/')]
        top = {info.filename.split('/')[0] for info in members}
        around = len(top) == 1 and all('/' in info.filename for info in members)
        self._members = {info.filename.split('/', 1)[1] if around else info.filename: info for info in members}

    def names(self):
        """Relative paths of all files, sorted: list of str."""
        return sorted(self._members)

    def read(self, name, most_bytes=MOST_BYTES):
        """The bytes of a file; errors as `FolderFiles.read`."""
        if name not in self._members:
            raise FileNotFoundError(name)
        info = self._members[name]
        with self._archive.open(info) as file:
            # What the directory says is not yet true.
            data = file.read(min(most_bytes, info.file_size) + 1)
        if len(data) > min(most_bytes, info.file_size):
            raise _too_large(name, most_bytes)
        return data


def _too_large(name, most_bytes):
    return BundleError([f'{name}: expected at most {most_bytes / (1 << 20):.3g} MiB. Received more.'])


def _problems(info):
    name = info.filename
    parts = name.split('/')
    if name.startswith('/') or '\\' in name or ':' in parts[0] or '..' in parts or any(ord(c) < 32 for c in name):
        yield f'{name[:80]!r}: expected a plain relative path.'
    elif stat.S_ISLNK(info.external_attr >> 16):
        yield f'{name}: is a link; put the file itself into the zip.'
    elif info.flag_bits & 1:
        yield f'{name}: is encrypted; make the zip without a password.'
    elif info.file_size > _MOST_RATIO * max(info.compress_size, 1) + 65_536:
        yield f'{name}: shrinks {info.file_size // max(info.compress_size, 1)} times, which no picture or text does.'
