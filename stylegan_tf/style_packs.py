"""A look as one file: the weights that paint it, its colours as a table, what it is, and a sheet of samples.

    card.json                    format, name, purpose, provenance, consent; size and SHA-256 of every other file
    model/config.json            a run folder, without what only its training needs
    model/checkpoints/step-*/    averaged weights
    model/litert/                the graph by which it runs without TensorFlow, where it has one
    look.cube                    the colours as a table for photo and film programs, where the model has one
    sheet.jpg                    before and after

A pack comes from strangers. It is checked before a byte of it is unpacked, holds numbers and settings but no program,
and is unpacked into a folder of its own. Imports no TensorFlow.
"""

import hashlib
import json
import os
import pathlib
import re
import secrets
import shutil
import stat
import struct
import zipfile

from stylegan_tf import files

FORMAT = 'stylegan_tf style pack'
FORMAT_VERSION = 1
SUFFIX = '.zip'
CARD_FILE, TABLE_FILE, SHEET_FILE, MODEL_FOLDER = 'card.json', 'look.cube', 'sheet.jpg', 'model'
MOST_MEMBERS = 64
MOST_MEMBER_BYTES = 1 << 29  # unpacked
MOST_BYTES = 1 << 30  # all members, unpacked, and the pack itself
MOST_CARD_BYTES = 1 << 20
MOST_RATIO = 100  # of unpacked to packed bytes, where a member is larger than RATIO_FROM_BYTES; text reaches 20
RATIO_FROM_BYTES = 1 << 20
_LARGEST_DIRECTORY = MOST_MEMBERS * 1024  # bytes of the list at the end of the file
_NAME = re.compile(r'(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}/){0,5}[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}')
_TITLE = re.compile(r'[^"\x00-\x1f\x7f]{1,100}')
_CHUNK = 1 << 16
_END = struct.Struct('<4s4H2LH')  # end of central directory: marks, disks, entries, size and place of the list, comment
_ENCRYPTED = 0x1


class StylePackError(Exception):
    """A file that is no style pack, or one that must not be opened; the message says why."""


def is_pack(path):
    """Whether a path looks like a style pack: an existing file whose name ends in SUFFIX."""
    path = pathlib.Path(path)
    return path.suffix.lower() == SUFFIX and path.is_file()


def write(path, members, card):
    """Writes a pack; the file appears complete or not at all.

    Args:
        path: The file, whose name ends in SUFFIX.
        members: Dict name -> bytes, without the card.
        card: Dict of what the card says; format, version and the list of files are added.
    Returns:
        pathlib.Path of the file.
    Raises:
        StylePackError: A name or a size is not what `read_card` takes, or the file cannot be written.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() != SUFFIX:
        raise StylePackError(f'{path}: the name of a style pack ends in {SUFFIX}.')
    listed = {name: {'bytes': len(data), 'sha256': hashlib.sha256(data).hexdigest()} for name, data in members.items()}
    text = json.dumps({'format': FORMAT, 'format_version': FORMAT_VERSION, **card, 'files': listed}, indent=1)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.{secrets.token_hex(4)}.partial.zip')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(temporary, 'x', zipfile.ZIP_DEFLATED) as archive:
            for name, data in {CARD_FILE: text.encode(), **members}.items():
                # Of one time, so that the same look makes the same file.
                archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
        read_card(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise StylePackError(f'Cannot write {path}: {error.strerror or error}. Check that the folder is writable and '
                             'the disk has space.') from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def read_card(path):
    """Checks a pack as far as that goes without unpacking it, and returns its card as a dict.

    Raises:
        StylePackError: It is none, damaged, of a version that is not known, or unsafe.
    """
    with _opened(path) as archive:
        return _card(path, archive)


def unpack(path):
    """Unpacks a pack into the cache folder, unless it lies there already.

    Returns:
        (pathlib.Path of the folder that holds its files, dict of the card).
    Raises:
        StylePackError: As `read_card`; or a file is not what the card says; or the folder cannot be written.
    """
    path = pathlib.Path(path)
    with _opened(path) as archive:
        card = _card(path, archive)
        folder = files.cache_folder('style_packs') / _file_hash(path)
        if (folder / CARD_FILE).is_file():
            return folder, card
        temporary = folder.with_name(f'.{folder.name}.{os.getpid()}.{secrets.token_hex(4)}.partial')
        try:
            for name, described in card['files'].items():
                _unpack_member(path, archive, name, described, temporary / name)
            (temporary / CARD_FILE).write_text(json.dumps(card, indent=1), encoding='utf-8')
            try:
                os.rename(temporary, folder)
            except OSError:
                if not (folder / CARD_FILE).is_file():  # else another process was quicker
                    raise
        except OSError as error:
            raise StylePackError(f'Cannot unpack {path} into {folder}: {error.strerror or error}. Choose another '
                                 'folder by STYLEGAN_TF_CACHE.') from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return folder, card


def _opened(path):
    """The checked zipfile.ZipFile of a pack."""
    path = pathlib.Path(path)
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise StylePackError(f'{path} is larger than a style pack may be ({MOST_BYTES >> 20} MiB).')
        _check_end(path, size)
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise StylePackError(f'{path}: no such file.') from None
    except OSError as error:
        raise StylePackError(f'{path} cannot be read: {error.strerror or error}.') from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise StylePackError(f'{path} is no style pack, or damaged ({error}). Fetch it again.') from error
    try:
        _check_members(path, archive.infolist())
    except StylePackError:
        archive.close()
        raise
    return archive


def _check_end(path, size):
    """Refuses a list of members that would fill the memory before anybody could count them."""
    with open(path, 'rb') as file:
        file.seek(max(0, size - (1 << 16) - _END.size))
        tail = file.read()
    place = tail.rfind(b'PK\x05\x06')
    if place < 0 or place + _END.size > len(tail):
        raise StylePackError(f'{path} is no style pack: it is no zip file, or its end is missing. Fetch it again.')
    count, length = _END.unpack_from(tail, place)[4:6]
    if count > MOST_MEMBERS or length > _LARGEST_DIRECTORY:
        raise StylePackError(f'{path} is not opened: it holds more than {MOST_MEMBERS} files; style packs do not.')


def _check_members(path, members):
    names = set()
    for member in members:
        name, kind = member.filename, stat.S_IFMT(member.external_attr >> 16)
        if not _NAME.fullmatch(name) or member.orig_filename != name:
            raise _unsafe(path, f'a file named {name[:80]!r}, which could land outside its folder')
        if kind not in (0, stat.S_IFREG):
            raise _unsafe(path, f'{name}, which is a link or no plain file')
        if member.flag_bits & _ENCRYPTED:
            raise _unsafe(path, f'{name}, which is encrypted')
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _unsafe(path, f'{name}, packed in a way that style packs are not')
        if name.lower() in names:
            raise _unsafe(path, f'{name} twice')
        if member.file_size > MOST_MEMBER_BYTES:
            raise _unsafe(path, f'{name} of {member.file_size >> 20} MiB; at most {MOST_MEMBER_BYTES >> 20} are opened')
        if member.file_size > max(RATIO_FROM_BYTES, MOST_RATIO * member.compress_size):
            raise _unsafe(path, f'{name}, which would grow more than {MOST_RATIO} times')
        names.add(name.lower())
    if len(members) > MOST_MEMBERS:
        raise _unsafe(path, f'{len(members)} files; at most {MOST_MEMBERS} are opened')
    if sum(member.file_size for member in members) > MOST_BYTES:
        raise _unsafe(path, f'more than {MOST_BYTES >> 20} MiB when unpacked')


def _unsafe(path, what):
    return StylePackError(f'{path} is not opened: it holds {what}. Get the pack from whom you trust, made by '
                          '`stylegan-tf export --format=pack`.')


def _card(path, archive):
    """The card, its version and its list of files checked."""
    names = set(archive.namelist())
    if CARD_FILE not in names:
        raise StylePackError(f'{path} is no style pack: it holds no {CARD_FILE}.')
    if archive.getinfo(CARD_FILE).file_size > MOST_CARD_BYTES:
        raise _unsafe(path, f'a {CARD_FILE} of more than {MOST_CARD_BYTES >> 20} MiB')
    try:
        card = json.loads(_data(archive, CARD_FILE))
        version, listed = card['format_version'], card['files']
        is_card = card['format'] == FORMAT and isinstance(version, int) and bool(_TITLE.fullmatch(card['name']))
        is_listed = all(isinstance(described['sha256'], str) for described in listed.values())
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StylePackError(f'{path}: its {CARD_FILE} is damaged ({type(error).__name__}). Fetch it again.') from error
    if not is_card or not is_listed:
        raise StylePackError(f'{path}: its {CARD_FILE} is none of a style pack.')
    if version != FORMAT_VERSION:
        raise StylePackError(f'{path} is a style pack of version {version}; this stylegan_tf knows version '
                             f'{FORMAT_VERSION}. Update stylegan_tf.')
    if set(listed) != names - {CARD_FILE}:
        different = sorted(set(listed) ^ (names - {CARD_FILE}))
        raise StylePackError(f'{path} does not hold the files that its card lists: {", ".join(different[:3])}. Fetch '
                             'it again.')
    return card


def _data(archive, name):
    with archive.open(name) as packed:
        return packed.read(MOST_CARD_BYTES + 1)


def _unpack_member(path, archive, name, described, target):
    """Writes one file, counting: what was declared need not be what comes."""
    left, digest = archive.getinfo(name).file_size, hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with archive.open(name) as packed, open(target, 'xb') as file:
            while chunk := packed.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise _unsafe(path, f'{name}, which is larger than it says')
                digest.update(chunk)
                file.write(chunk)
    except (zipfile.BadZipFile, zipfile.zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise StylePackError(f'{path}: {name} in it is damaged ({error}). Fetch it again.') from error
    if digest.hexdigest() != described['sha256']:
        raise StylePackError(f'{path}: {name} in it is not what its card lists. Fetch it again.')


def _file_hash(path):
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()[:24]
