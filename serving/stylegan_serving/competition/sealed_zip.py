"""Zips that carry the SHA-256 of every file in them."""

import hashlib
import zipfile

SUMS = 'SHA256SUMS'
_BLOCK_BYTES = 1 << 20
_TIME = (1980, 1, 1, 0, 0, 0)  # equal contents make equal zips


class BrokenSeal(ValueError):  # noqa: N818
    """A file of the zip was changed, removed or added after it was written."""


def write(target, files):
    """Writes a zip file by file, each in blocks.

    Args:
        target: Path or binary file.
        files: Iterable of (name, iterable of bytes).
    Returns:
        Number of files in it.
    """
    sums = {}
    with zipfile.ZipFile(target, 'w') as archive:
        for name, blocks in files:
            digest = hashlib.sha256()
            info = zipfile.ZipInfo(name, _TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            with archive.open(info, 'w', force_zip64=True) as file:
                for block in blocks:
                    digest.update(block)
                    file.write(block)
            sums[name] = digest.hexdigest()
        archive.writestr(zipfile.ZipInfo(SUMS, _TIME), ''.join(
            f'{value}  {name}\n' for name, value in sorted(sums.items())))
    return len(sums) + 1


def check(archive):
    """Reads every file of an open `zipfile.ZipFile`; BrokenSeal where one is not what was written."""
    try:
        lines = archive.read(SUMS).decode().splitlines()
    except KeyError:
        raise BrokenSeal(f'{SUMS} is missing.') from None
    sums = dict(reversed(line.split('  ', 1)) for line in lines)
    for name in archive.namelist():
        if name != SUMS and sums.pop(name, None) != _sum_of(archive, name):
            raise BrokenSeal(f'{name} was changed after it was written: its SHA-256 differs.')
    if sums:
        raise BrokenSeal(f'{min(sums)} is missing.')


def _sum_of(archive, name):
    digest = hashlib.sha256()
    with archive.open(name) as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
