"""Pictures packed into a few large files that are mapped into memory: no decoding, no TensorFlow, easy to carry.

    FOLDER/pack.json                      the index: names, labels, places, sizes, sha256; written last
    FOLDER/pictures-00000-1a2b3c4d.bin    the pictures one behind the other: pixels, uint8 [H, W, 3], or files

A file is named by its content and an index names its files, so that a reader meets the old pack or the new one, never
a mixture. The size of every file is checked when a pack is opened, the hash of a picture when it is first read.
"""

import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib

import numpy as np

from stylegan_tf import cores, images
from stylegan_tf.data import conversion, sources

FORMAT = 'stylegan_tf pack 1'
INDEX_FILE = 'pack.json'
CODINGS = ('raw', 'jpeg', 'png')


@dataclasses.dataclass(frozen=True)
class Settings:
    """How pictures are packed."""

    size: int = 0  # short side in pixels that larger pictures are reduced to; 0 keeps them
    max_aspect: float = 2.0  # longer pictures are cut to their middle; 0 keeps them
    coding: str = 'raw'  # 'raw' pixels, or 'jpeg' or 'png' files, which are smaller and must be decoded
    quality: int = 95  # of JPEG
    part_bytes: int = 0  # largest file; 0 puts all into one


@dataclasses.dataclass(frozen=True)
class Entry:
    """Where one picture lies and what it is; a row of the index."""

    name: str
    label: int  # -1 for none
    part: int
    offset: int  # bytes
    bytes: int
    height: int  # pixels
    width: int
    sha256: str  # of its bytes in the pack


class PackSource(sources.Source):
    """The pictures of a pack, in the index's order."""

    def __init__(self, folder, *, spec=None, max_bad_share=0.05, cache_bytes=sources.CACHE_BYTES):
        """Reads the index and maps the files.

        Args:
            folder: Path.
            spec: What messages call it; 'pack:FOLDER' by default.
            max_bad_share: Largest tolerated share of pictures that differ from their hash.
            cache_bytes: Largest number of bytes of decoded or reduced pictures kept in memory.
        Raises:
            DataError: If there is no pack, its index is damaged, or a file is missing, cut off or changed in size.
        """
        folder = pathlib.Path(folder)
        spec = spec or f'pack:{folder}'
        index = read_index(folder)
        self._coding = index['coding']
        self._entries = [Entry(*row) for row in index['pictures']]
        self._parts = [_mapped(folder / part['file'], part['bytes']) for part in index['parts']]
        self._files = [folder / part['file'] for part in index['parts']]
        self._verified = set()
        super().__init__(
            spec, [entry.name for entry in self._entries], [entry.label for entry in self._entries],
            label_names=index['label_names'], fingerprint=index['fingerprint'],
            health=sources.Health(spec, len(self._entries), max_bad_share), cache_bytes=cache_bytes)

    def _load(self, index, min_short_side):
        if self._coding == 'raw' and self._reduction(index, min_short_side) == 1:
            return self._decode(index, 1)  # the mapped file itself is the cache
        return super()._load(index, min_short_side)

    def _reduction(self, index, min_short_side):
        entry = self._entries[index]
        return sources.reduction(min(entry.height, entry.width), min_short_side)

    def _decode(self, index, factor):
        entry = self._entries[index]
        content = self._parts[entry.part][entry.offset:entry.offset + entry.bytes]
        where = f'{self._files[entry.part]} at byte {entry.offset} ({entry.name})'
        if index not in self._verified:
            if hashlib.sha256(content).hexdigest() != entry.sha256:
                raise images.ImageError(f'{where}: differs from what was packed. Copy the file again, or make the '
                                        'pack again.')
            self._verified.add(index)
        if self._coding == 'raw':
            pixels = np.asarray(content).reshape(entry.height, entry.width, 3)
            return images.read_reduced(pixels, factor), None
        try:
            return images.read_reduced(content.tobytes(), factor), None
        except images.ImageError as error:
            raise images.ImageError(f'{where}: {error}') from error


def read_index(folder):
    """What pack.json holds, as a dict.

    Raises:
        DataError: If it is missing, unreadable, of another format, or changed since it was written.
    """
    file = pathlib.Path(folder) / INDEX_FILE
    try:
        index = json.loads(file.read_text('utf-8'))
        if index['format'] != FORMAT:
            raise sources.DataError(f'{file}: expected {FORMAT!r}. Received: {index["format"]!r}. Use the version of '
                                    'stylegan_tf that wrote it, or make the pack again.')
        entries = [Entry(*row) for row in index['pictures']]
        is_own = entries and index['fingerprint'] == fingerprint_of(index['coding'], index['label_names'], entries)
    except FileNotFoundError:
        raise sources.DataError(f'{file}: no such file. A pack is a folder that tools/make_dataset.py --format=pack '
                                'wrote to its end.') from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, sources.DataError):
            raise
        raise sources.DataError(f'{file}: is no index of a pack ({error}). Copy it again, or make the pack '
                                'again.') from error
    if not is_own:
        raise sources.DataError(f'{file}: was changed since it was written: its fingerprint does not fit. Copy it '
                                'again, or make the pack again.')
    return index


def fingerprint_of(coding, label_names, entries) -> str:
    """16 hex digits that depend on the pictures, their names and labels, not on how they are divided into files."""
    return sources.fingerprint_of(coding, *label_names, *(
        part for entry in entries
        for part in (entry.name, entry.label, entry.height, entry.width, entry.sha256)))


def write(source, output, settings=Settings(), *, overwrite=False, progress=None, workers=None):
    """Packs the pictures of a source; equal pictures and settings give equal bytes.

    Args:
        source: A `Source`; masks are left out.
        output: Folder for the pack.
        settings: Settings.
        overwrite: Replaces a pack of other pictures or settings.
        progress: Function (total, initial) -> context manager with `update(count)`, such as tqdm.
        workers: Threads; None takes one a core.
    Returns:
        A `conversion.Result`.
    Raises:
        DataError: If the folder holds another pack, cannot be written, or no picture can be decoded.
    """
    output = pathlib.Path(output)
    identity = {'pictures_from': source.fingerprint, 'settings': dataclasses.asdict(settings)}
    try:
        output.mkdir(parents=True, exist_ok=True)
        if (kept := _kept(output, identity, overwrite)) is not None:
            return kept
        for stale in output.glob('.*.partial'):
            stale.unlink()
        with _PartWriter(output, settings.part_bytes) as parts, \
                concurrent.futures.ThreadPoolExecutor(workers or cores.available()) as pool, \
                (progress or conversion.Silent)(total=len(source), initial=0) as bar:
            for content in _contents(source, settings, pool):
                if content is not None:
                    parts.add(*content)
                bar.update(1)
        return _finish(output, identity, source, settings, parts)
    except OSError as error:
        raise sources.DataError(f'{output}: cannot be written: {error}. Make room and run the same command '
                                'again.') from error


def pack_picture(pixels, settings):
    """What a pack keeps of one picture.

    Args:
        pixels: uint8 [H, W, 3], already reduced.
        settings: Settings.
    Returns:
        (bytes, height, width).
    """
    height, width = pixels.shape[:2]
    if settings.max_aspect:
        longest = max(1, int(min(height, width) * settings.max_aspect))
        top, left = (max(0, side - longest) // 2 for side in (height, width))
        pixels = np.ascontiguousarray(pixels[top:top + longest, left:left + longest])
    content = pixels.tobytes() if settings.coding == 'raw' else \
        images.encode(pixels, settings.coding, quality=settings.quality)
    return content, *pixels.shape[:2]


def _contents(source, settings, pool):
    """For each picture (name, label, bytes, height, width), or None for one that is bad, in order."""
    def content(index):
        record = source.read(index, min_short_side=settings.size or None)
        if record.name != source.names[index]:
            return None  # another one stands in for it; `source.bad` says why
        pixels = images.read(record.image, min_short_side=settings.size or None)
        return record.name, record.label, *pack_picture(pixels, settings)

    step = 64  # a bound on the pictures that wait in memory
    for begin in range(0, len(source), step):
        yield from pool.map(content, range(begin, min(begin + step, len(source))))


class _PartWriter:
    """Writes contents one behind the other into files that are named by their content when they are whole."""

    def __init__(self, folder, part_bytes):
        self._folder, self._limit = folder, part_bytes
        self.entries, self.parts = [], []
        self._file = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *unused):
        if kind is None:
            self._close()
        elif self._file is not None:
            self._file.close()
            self._temporary.unlink(missing_ok=True)

    def add(self, name, label, content, height, width):
        if self._file is not None and self._limit and self._size + len(content) > self._limit:
            self._close()
        if self._file is None:
            self._temporary = self._folder / f'.pictures.{os.getpid()}.partial'
            self._file, self._size, self._digest = self._temporary.open('wb'), 0, hashlib.sha256()
        self._file.write(content)
        self._digest.update(content)
        self.entries.append(Entry(name, int(label), len(self.parts), self._size, len(content), height, width,
                                  hashlib.sha256(content).hexdigest()))
        self._size += len(content)

    def _close(self):
        if self._file is None:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        name = f'pictures-{len(self.parts):05d}-{self._digest.hexdigest()[:8]}.bin'
        os.replace(self._temporary, self._folder / name)
        self.parts.append({'file': name, 'bytes': self._size})


def _finish(output, identity, source, settings, parts):
    """Writes the index, which makes the pack whole, and removes the files of an earlier one."""
    fingerprint = fingerprint_of(settings.coding, source.label_names, parts.entries)
    head = {'format': FORMAT, 'count': len(parts.entries), 'fingerprint': fingerprint, 'coding': settings.coding,
            'label_names': list(source.label_names), **identity, 'parts': parts.parts,
            'left_out': [{'name': name, 'reason': reason} for name, reason in sorted(source.bad)]}
    rows = ',\n'.join(json.dumps(dataclasses.astuple(entry)) for entry in parts.entries)  # a line a picture
    temporary = output / f'.{INDEX_FILE}.{os.getpid()}.partial'
    with temporary.open('w', encoding='utf-8') as file:
        file.write(f'{json.dumps(head, indent=1)[:-2]},\n "pictures": [\n{rows}\n]}}\n')
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, output / INDEX_FILE)
    for path in set(output.glob('pictures-*.bin')) - {output / part['file'] for part in parts.parts}:
        path.unlink()
    return conversion.Result(len(parts.entries), len(parts.parts), 0, sorted(source.bad), fingerprint)


def _kept(output, identity, overwrite):
    """The Result of an earlier call for the same pictures and settings, verified; None where there is none."""
    if not (output / INDEX_FILE).exists():
        return None
    try:
        index = read_index(output)
        is_own = all(index.get(key) == value for key, value in identity.items())
    except sources.DataError:
        return None
    if not is_own:
        if overwrite:
            return None
        raise sources.DataError(f'{output}: holds a pack of other pictures or with other settings. Choose another '
                                'folder, or replace it with --overwrite.')
    try:
        found = PackSource(output, max_bad_share=0.0, cache_bytes=0)
        for number in range(len(found)):
            found.read(number)
    except sources.DataError:
        return None
    return conversion.Result(len(found), len(index['parts']), len(index['parts']),
                         sorted((bad['name'], bad['reason']) for bad in index['left_out']), found.fingerprint)


def _mapped(path, size):
    try:
        found = path.stat().st_size
    except OSError as error:
        raise sources.DataError(f'{path}: is missing ({error.strerror}). Copy it again, or make the pack '
                                'again.') from error
    if found != size:
        what = 'is cut off' if found < size else 'was changed'
        raise sources.DataError(f'{path}: {what}: it has {found:,} bytes, expected {size:,}. Copy it again, or make '
                                'the pack again.')
    return np.memmap(path, np.uint8, 'r')
