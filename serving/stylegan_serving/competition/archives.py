"""Reads participants' archives: every byte is a stranger's.

An archive (zip, tar or tar.gz) holds one picture a pair, PNG or JPEG, named by the pair's number (`000.png`) or by its
pictures (`CONTENT__STYLE.png`), in any folder, and may hold `method.md`. Names of the archive never become paths: what
is taken is written under names of our own. Nothing is believed of a header: sizes are counted while unpacking. What
is wrong is said once, in full and with the file's name, so that a participant mends an archive in one go. Imports no
TensorFlow.
"""

import contextlib
import dataclasses
import gzip
import os
import pathlib
import re
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib

from stylegan_tf import images

PICTURE_SUFFIXES = ('.png', '.jpg', '.jpeg')
METHOD_FILE = 'method.md'
MOST_PROBLEMS_TOLD = 12
# Beside the pictures: folders, method.md, and what computers add of their own.
SPARE_MEMBERS = 200
_LITTER = re.compile(r'(?:^|/)(?:__MACOSX/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)')
_NESTED = ('.zip', '.tar', '.gz', '.tgz', '.bz2', '.xz', '.7z', '.rar', '.zst')
_MODEL_FILE = re.compile(r'saved_model\.pb|fingerprint\.pb|variables/variables\.(?:index|data-\d{5}-of-\d{5})'
                         r'|assets/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}')
_DRIVE = re.compile(r'[A-Za-z]:')
_CHUNK = 1 << 16
_END = struct.Struct('<4s4H2LH')  # end of a zip's central directory
_DIRECTORY_ROW_BYTES = 1024  # of the central directory, a member; names are shorter
_ENCRYPTED = 0x1
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError, NotImplementedError,
           RecursionError, struct.error, OverflowError, IndexError, KeyError, MemoryError)


@dataclasses.dataclass(frozen=True)
class Pair:
    """What an archive must hold one picture of.

    Attributes:
        number: Of the pair, from 0.
        content, style: Names of the two files, with suffix.
        height, width: Of the expected picture, pixels.
    """

    number: int
    content: str
    style: str
    height: int
    width: int

    @property
    def names(self):
        """Stems under which its picture may stand, in small letters."""
        stems = (pathlib.PurePosixPath(name).stem for name in (self.content, self.style))
        return f'{self.number:03d}', unicodedata.normalize('NFC', '__'.join(stems).lower())


@dataclasses.dataclass(frozen=True)
class Limits:
    """How large an archive may be, packed and unpacked."""

    archive_bytes: int = 200 << 20
    member_bytes: int = 64 << 20
    unpacked_bytes: int = 1 << 30  # of all members together
    ratio: int = 100  # of unpacked to packed bytes, where more than `ratio_from_bytes` were unpacked
    ratio_from_bytes: int = 4 << 20
    method_bytes: int = 1 << 18


@dataclasses.dataclass(frozen=True)
class Results:
    """What an archive held.

    Attributes:
        pictures: {number of the pair: pathlib.Path}.
        method: Text of method.md, or ''.
    """

    pictures: dict
    method: str


class ArchiveError(ValueError):
    """An archive that is not taken; the text is for the participant, `problems` has every line of it."""

    def __init__(self, problems):
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        told = self.problems[:MOST_PROBLEMS_TOLD]
        if rest := len(self.problems) - len(told):
            told.append(f'... and {rest} more of this kind.')
        super().__init__('\n'.join(told))


def unpack_results(path, pairs, folder, limits=Limits()):
    """Unpacks the pictures of an archive and decodes each, so that a bad one is found here.

    Args:
        path: The archive.
        pairs: List of Pair.
        folder: Where the pictures go, as NNN.png or NNN.jpg; is made.
        limits: Limits.
    Returns:
        Results, with a picture for every pair.
    Raises:
        ArchiveError: It is damaged, unsafe, incomplete, or holds what does not belong there.
        OSError: `folder` cannot be written.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    pair_of = {name: pair for pair in pairs for name in pair.names}
    problems, found, method = [], {}, ''
    for name, stream in _members(path, limits, len(pairs) + SPARE_MEMBERS):
        base = name.rpartition('/')[2]
        stem, suffix = os.path.splitext(unicodedata.normalize('NFC', base.lower()))  # macOS packs decomposed names
        pair = pair_of.get(stem) if suffix in PICTURE_SUFFIXES else None
        if base.lower() == METHOD_FILE:
            method = _method_text(stream, limits, problems)
        elif pair is None:
            problems.append(_unexpected(name, suffix, pairs))
        elif pair.number in found:
            problems.append(f'{name}: pair {pair.number} is there twice, also as {found[pair.number][0]}. Keep one.')
        else:
            target = folder / f'{pair.number:03d}{".png" if suffix == ".png" else ".jpg"}'
            found[pair.number] = name, target
            _write(target, stream)
    problems += [_missing(pair) for pair in pairs if pair.number not in found]
    for pair in pairs:
        if pair.number in found:
            problems += picture_problems(pair, *found[pair.number])
    if problems:
        raise ArchiveError(problems)
    return Results({number: target for number, (_, target) in sorted(found.items())}, method)


def unpack_model(path, folder, limits=Limits(member_bytes=1 << 29)):
    """Unpacks a SavedModel; returns the folder that holds saved_model.pb.

    Raises:
        ArchiveError: It is damaged, unsafe, or holds more or less than a SavedModel.
        OSError: `folder` cannot be written.
    """
    folder, problems, roots, seen = pathlib.Path(folder), [], set(), set()
    for name, stream in _members(path, limits, SPARE_MEMBERS):
        if name.rpartition('/')[2].lower() == METHOD_FILE:
            continue
        root, inside = _model_path(name)
        if inside is None:
            problems.append(f'{name}: does not belong to a SavedModel (saved_model.pb, fingerprint.pb, variables/, '
                            'assets/). Leave it out.')
        elif inside in seen:
            problems.append(f'{name}: is there twice. Keep one.')
        else:
            roots.add(root)
            seen.add(inside)
            (folder / inside).parent.mkdir(parents=True, exist_ok=True)
            _write(folder / inside, stream)
    if 'saved_model.pb' not in seen:
        problems.append('The archive holds no saved_model.pb: pack the folder that `stylegan-tf export` wrote.')
    elif len(roots) > 1:
        problems.append('The archive holds more than one model; pack one.')
    if problems:
        raise ArchiveError(problems)
    return folder


def _model_path(name):
    """(folder before, path inside a SavedModel or None)."""
    parts = name.split('/')
    for depth in range(len(parts)):
        if _MODEL_FILE.fullmatch('/'.join(parts[depth:])):
            return '/'.join(parts[:depth]), '/'.join(parts[depth:])
    return name, None


def _members(path, limits, most):
    """Yields (name, readable stream) of every file that is no litter; the stream is good until the next one."""
    path = pathlib.Path(path)
    try:
        size = path.stat().st_size
        with open(path, 'rb') as file:
            start = file.read(512)
    except OSError as error:
        raise ArchiveError(f'The archive cannot be read: {error.strerror or error}.') from error
    if size > limits.archive_bytes:
        raise ArchiveError(f'The archive has {_megabytes(size)}; at most {_megabytes(limits.archive_bytes)} are taken.')
    if start[:4] in (b'PK\x03\x04', b'PK\x05\x06'):
        walk = _zip_members
    elif start[:2] == b'\x1f\x8b' or start[257:262] == b'ustar':
        walk = _tar_members
    else:
        raise ArchiveError('The archive is neither a zip nor a tar.gz file, or its beginning is damaged. Make it anew '
                           'as .zip or .tar.gz.' if size else 'The archive is empty. Make it anew as .zip or .tar.gz.')
    budget, seen = _Budget(limits, size), 0
    try:
        for name, stream in walk(path, budget, most):
            seen += 1
            if seen > most:
                raise ArchiveError(f'The archive holds more than {most} files. Pack the results of the pairs only.')
            _check_name(name)
            if not name.endswith('/') and not _LITTER.search(name):
                yield name, budget.counted(name, stream)
    except ArchiveError:
        raise
    except _DAMAGE as error:
        raise _damaged('The archive', error) from error


class _Budget:
    """Counts what is unpacked; raises before too much is."""

    def __init__(self, limits, archive_bytes):
        self._limits, self._archive_bytes, self._unpacked = limits, archive_bytes, 0

    def fresh(self):
        """Another one of the same limits, of which nothing is spent."""
        return _Budget(self._limits, self._archive_bytes)

    def spend(self, count):
        self._unpacked += count
        if self._unpacked > self._limits.unpacked_bytes:
            raise ArchiveError(f'The archive unpacks to more than {_megabytes(self._limits.unpacked_bytes)}. '
                               'Send pictures of the expected size only.')
        if (self._unpacked > self._limits.ratio_from_bytes
                and self._unpacked > self._limits.ratio * self._archive_bytes):
            raise ArchiveError(f'The archive grows more than {self._limits.ratio} times when unpacked, which '
                               'pictures do not. Leave out what is no result.')

    def counted(self, name, stream):
        """The chunks of a member, each accounted for."""
        total = 0
        while True:
            try:
                chunk = stream.read(_CHUNK)
            except _DAMAGE as error:
                raise _damaged(f'In the archive {_shown(name)}', error) from error
            if not chunk:
                return
            total += len(chunk)
            if total > self._limits.member_bytes:
                raise ArchiveError(f'{_shown(name)}: has more than {_megabytes(self._limits.member_bytes)} unpacked.')
            self.spend(len(chunk))
            yield chunk


def _zip_members(path, budget, most):
    _check_end(path, most)
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            name = member.orig_filename
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ArchiveError(f'{_shown(name)}: is a link or no plain file. Pack the pictures themselves.')
            if member.flag_bits & _ENCRYPTED:
                raise ArchiveError(f'{_shown(name)}: is encrypted. Pack without a password.')
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ArchiveError(f'{_shown(name)}: is packed by a rare method. Use plain zip (deflate).')
            with archive.open(member) as stream:
                yield name, stream


def _check_end(path, most):
    """Refuses a list of members that would fill the memory before anybody could count them."""
    with open(path, 'rb') as file:
        file.seek(max(0, path.stat().st_size - (1 << 16) - _END.size))
        tail = file.read()
    place = tail.rfind(b'PK\x05\x06')
    if place < 0 or place + _END.size > len(tail):
        raise zipfile.BadZipFile('its end is missing')
    count, length = _END.unpack_from(tail, place)[4:6]
    if count > most or length > most * _DIRECTORY_ROW_BYTES:
        raise ArchiveError(f'The archive holds more than {most} files. Pack the results of the pairs only.')


class _CountedFile:
    """What a tar is read through: also its headers are accounted for, which a hostile one makes endless."""

    def __init__(self, file, budget):
        self._file, self._budget = file, budget

    def read(self, size):
        data = self._file.read(size)
        self._budget.spend(len(data))
        return data


def _tar_members(path, budget, most):
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(path, 'rb'))
        if file.read(2) == b'\x1f\x8b':
            file.seek(0)
            file = stack.enter_context(gzip.GzipFile(fileobj=file))
        else:
            file.seek(0)
        # The headers' budget apart from the members': a byte must not count twice.
        whole = _CountedFile(file, budget.fresh())
        archive = stack.enter_context(tarfile.open(fileobj=whole, mode='r|', bufsize=tarfile.BLOCKSIZE * 128))
        for count, member in enumerate(archive, start=1):
            if count > most:
                raise ArchiveError(f'The archive holds more than {most} files. Pack the results of the pairs only.')
            archive.members.clear()  # else every header stays in memory
            if member.isdir():
                _check_name(member.name)
                continue
            if not member.isreg() or member.issparse():
                raise ArchiveError(f'{_shown(member.name)}: is a link or no plain file. Pack the pictures themselves.')
            yield member.name, archive.extractfile(member)


def _check_name(name):
    """Refuses a name that could land outside a folder; a whole archive with one is not looked at further."""
    parts = name.rstrip('/').split('/')
    # `tar` itself writes ./000.png for a packed folder.
    if parts[0] == '.':
        parts = parts[1:] or ['x']
    bad = (name.startswith(('/', '~')) or '\\' in name or _DRIVE.match(name) or len(name) > 255 or len(parts) > 8
           or any(part in ('', '.', '..') for part in parts)
           or any(unicodedata.category(character) in ('Cc', 'Cf', 'Cs') for character in name))
    if bad:
        raise ArchiveError(f'{_shown(name)}: this name could land outside its folder. Use plain names such as 000.png.')


def _write(target, chunks):
    with open(target, 'xb') as file:
        for chunk in chunks:
            file.write(chunk)


def _method_text(chunks, limits, problems):
    data = b''
    for chunk in chunks:
        data += chunk
        if len(data) > limits.method_bytes:
            problems.append(f'{METHOD_FILE}: has more than {limits.method_bytes >> 10} KiB; shorten it.')
            return ''
    return data.decode('utf-8', 'replace')


def _unexpected(name, suffix, pairs):
    shown = _shown(name)
    if suffix in _NESTED:
        return f'{shown}: archives inside the archive are not opened. Pack the pictures directly.'
    if suffix in images.IMAGE_SUFFIXES and suffix not in PICTURE_SUFFIXES:
        return f'{shown}: results are PNG or JPEG. Save it as .png.'
    last = max((pair.number for pair in pairs), default=0)
    return (f'{shown}: does not belong to any pair. Expected are 000.png to {last:03d}.png, or names such as '
            f'{_example(pairs)}.')


def _example(pairs):
    pair = pairs[0] if pairs else Pair(0, 'content.png', 'style.png', 1, 1)
    return '__'.join(pathlib.PurePosixPath(name).stem for name in (pair.content, pair.style)) + '.png'


def _missing(pair):
    return (f'{pair.number:03d}.png is missing (pair {pair.number}: {pair.content} in the style of {pair.style}). '
            'Every pair needs a result.')


def picture_problems(pair, name, path):
    """What is wrong with an unpacked picture, as a list of at most one line."""
    expected = (pair.height, pair.width)
    shown = _shown(name)
    try:
        if path.stat().st_size == 0:
            return [f'{shown}: is empty.']
        # Before anything is decoded. A turned JPEG is stored with its sides exchanged.
        stored = images.check_header(path, max_pixels=pair.height * pair.width)
        with open(path, 'rb') as file:
            start = file.read(8)
        if start[:8] != b'\x89PNG\r\n\x1a\n' and start[:3] != b'\xff\xd8\xff':
            return [f'{shown}: is no PNG or JPEG inside. Save it as .png.']
        if sorted(stored) == sorted(expected):
            stored = images.read(path, max_pixels=pair.height * pair.width).shape[:2]
    except images.ImageTooLargeError:
        return [f'{shown}: is larger than the expected {pair.width}x{pair.height} pixels (width x height).']
    except images.ImageError as error:
        return [f'{shown}: {str(error).partition(": ")[2] or error}']
    if tuple(stored) != expected:
        return [f'{shown}: is {stored[1]}x{stored[0]} pixels (width x height). Expected {pair.width}x{pair.height}, '
                'the size of its content.']
    return []


def _damaged(what, error):
    return ArchiveError(f'{what} is damaged or incomplete ({_reason(error)}). Make it anew and check that it opens '
                        'before it is sent.')


def _shown(name):
    """A stranger's name made safe to print."""
    text = ''.join(character if character.isprintable() else '?' for character in name)
    return text if len(text) <= 80 else f'{text[:77]}...'


def _megabytes(count):
    return f'{count / (1 << 20):g} MiB'


def _reason(error):
    return ' '.join(str(error).split())[:200] or type(error).__name__
