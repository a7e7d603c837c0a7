"""Pictures in TFRecord files, with random access.

A record is a tf.train.Example with `image` (an encoded file), and optionally `label` (int64),
`name` (bytes) and `mask` (an encoded grey picture). Classes are named by `label_names.json`, a
list of strings, beside the files.

A file is scanned once for where its records begin. A record is framed by its length (uint64), a
checksum of the length, its bytes, and a checksum of the bytes (TensorFlow, "TFRecord and
tf.train.Example"). The first checksum is verified: it tells a file that is no TFRecord. The
second is not, since damaged pictures show when they are decoded.
"""

import contextlib
import dataclasses
import glob
import json
import os
import pathlib
import struct

import numpy as np

from stylegan_tf import images
from stylegan_tf.data import sources

LABEL_NAMES_FILE = 'label_names.json'
_HEADER = struct.Struct('<QI')
_FOOTER_BYTES = 4


@dataclasses.dataclass(frozen=True)
class FeatureKeys:
    """What the features of an Example are called; None where there is no such feature."""

    image: str = 'image'
    label: str | None = 'label'
    name: str | None = 'name'
    mask: str | None = 'mask'


@dataclasses.dataclass(frozen=True, eq=False)
class Shard:
    """Where the good records of one file lie and what they hold besides the picture."""

    path: str
    offsets: np.ndarray  # int64 [N], of the record's bytes, behind its frame
    lengths: np.ndarray  # int64 [N], bytes
    labels: np.ndarray  # int32 [N], -1 for none
    names: np.ndarray  # str [N]
    numbers: np.ndarray  # int64 [N], the record's place in the file
    bad: np.ndarray  # str [M, 2]: name, reason
    bad_numbers: np.ndarray  # int64 [M]

    def part(self, skip, take):
        """The Shard of the file's records number [skip, skip + take), good and bad."""
        good = (self.numbers >= skip) & (self.numbers < skip + take)
        bad = (self.bad_numbers >= skip) & (self.bad_numbers < skip + take)
        return Shard(self.path, self.offsets[good], self.lengths[good], self.labels[good],
                     self.names[good], self.numbers[good], self.bad[bad], self.bad_numbers[bad])


def example_to_record(image, *, label=-1, name='', mask=None) -> bytes:
    """Serialises one picture as this module reads it.

    Args:
        image: The bytes of an encoded picture.
        label: Class, or -1.
        name: What messages and hold-out lists call it.
        mask: The bytes of an encoded grey picture, or None.
    Returns:
        The bytes of a tf.train.Example; equal arguments give equal bytes.
    """
    import tensorflow as tf
    example = tf.train.Example()
    features = example.features.feature
    features['image'].bytes_list.value.append(image)
    features['label'].int64_list.value.append(label)
    features['name'].bytes_list.value.append(name.encode('utf-8', 'surrogateescape'))
    if mask is not None:
        features['mask'].bytes_list.value.append(mask)
    return example.SerializeToString(deterministic=True)


def record_to_example(record, keys=FeatureKeys()) -> dict:
    """The reverse of `example_to_record`.

    Returns:
        dict with 'image' (bytes), 'label' (int, -1 where missing), 'name' (str, '' where missing)
        and 'mask' (bytes or None).
    Raises:
        ImageError: If the bytes are no Example or hold no picture.
    """
    import tensorflow as tf
    from google.protobuf import message
    try:
        features = tf.train.Example.FromString(record).features.feature
    except message.DecodeError as error:
        raise images.ImageError(f'<record>: is no tf.train.Example ({error}).') from error

    def first(key, kind, default):
        if key is None or key not in features:
            return default
        values = getattr(features[key], kind).value
        return values[0] if values else default

    image = first(keys.image, 'bytes_list', None)
    if image is None:
        raise images.ImageError(f'<record>: has no picture in feature {keys.image!r}; its features '
                                f'are: {", ".join(sorted(features)) or "none"}.')
    return {'image': image, 'label': int(first(keys.label, 'int64_list', -1)),
            'name': first(keys.name, 'bytes_list', b'').decode('utf-8', 'surrogateescape'),
            'mask': first(keys.mask, 'bytes_list', None)}


class RecordSource(sources.Source):
    """The pictures of TFRecord files, in the files' order."""

    def __init__(self, shards, *, keys, label_names, spec, max_bad_share, cache_bytes):
        """Joins scanned shards; `scan` makes them. Arguments otherwise as `data.load`.

        Raises:
            DataError: If there are no pictures, or too many bad ones.
        """
        bad = [tuple(entry) for shard in shards for entry in shard.bad]
        names = [str(name) for shard in shards for name in shard.names]
        if not names and not bad:
            raise sources.DataError(f'{spec}: holds no records.')
        health = sources.Health(spec, len(names) + len(bad), max_bad_share, bad)
        self._keys, self._headers = keys, {}
        self._places = [(shard.path, int(offset), int(length)) for shard in shards
                        for offset, length in zip(shard.offsets, shard.lengths, strict=True)]
        super().__init__(
            spec, names, np.concatenate([shard.labels for shard in shards]),
            label_names=label_names, health=health, cache_bytes=cache_bytes,
            fingerprint=sources.fingerprint_of(
                *names, *(length for _, _, length in self._places)))

    def _reduction(self, index, min_short_side):
        if index not in self._headers:
            with self._example(index) as example:
                self._headers[index] = images.read_header(example['image'])
        return sources.reduction(self._headers[index].short_side, min_short_side)

    def _decode(self, index, factor):
        with self._example(index) as example:
            image = images.read_reduced(example['image'], factor, self._headers.get(index))
            if example['mask'] is None:
                return image, None
            return image, images.resize(images.read(example['mask'])[:, :, 0], image.shape[:2])

    @contextlib.contextmanager
    def _example(self, index):
        """Context: what `record_to_example` says of a record; errors about it name its place."""
        path, offset, length = self._places[index]
        try:
            with open(path, 'rb') as file:
                file.seek(offset)
                record = file.read(length)
            yield record_to_example(record, self._keys)
        except (OSError, images.ImageError) as error:
            raise images.ImageError(f'{path} at byte {offset} ({self.names[index]}): '
                                    f'{error}') from error


def load(pattern, *, spec, max_bad_share, cache_bytes, cache_folder=None) -> RecordSource:
    """Opens the files that match a glob pattern ('**' matches folders); see `data.load`."""
    paths = sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path))
    if not paths:
        raise sources.DataError(f'{spec}: no file matches. Expected a pattern such as '
                                "'tfrecord:photos/*.tfrecord'; quote it in a shell.")
    shards = [scan(path, cache_folder=cache_folder) for path in paths]
    return RecordSource(shards, keys=FeatureKeys(), spec=spec, max_bad_share=max_bad_share,
                        cache_bytes=cache_bytes, label_names=_label_names(paths[0]))


def _label_names(path):
    file = pathlib.Path(path).with_name(LABEL_NAMES_FILE)
    try:
        names = json.loads(file.read_text('utf-8'))
    except FileNotFoundError:
        return ()
    except ValueError as error:
        raise sources.DataError(f'{file}: is no JSON ({error}).') from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise sources.DataError(f'{file}: must be a list of class names. Received: {names!r:.60}.')
    return tuple(names)


def scan(path, *, keys=FeatureKeys(), cache_folder=None) -> Shard:
    """Finds the records of a file and reads their labels, names and picture headers.

    Args:
        path: A TFRecord file, not compressed.
        keys: FeatureKeys.
        cache_folder: Where the result is kept for the next time, or None.
    Returns:
        A Shard; records without a usable picture are in its `bad`.
    Raises:
        DataError: If the file is no TFRecord, or is cut off.
    """
    status = os.stat(path)
    identity = sources.fingerprint_of(os.path.abspath(path), status.st_size, status.st_mtime_ns,
                                      *dataclasses.astuple(keys))
    cached = pathlib.Path(cache_folder) / f'{identity}.npz' if cache_folder else None
    if cached is not None and cached.exists():
        with np.load(cached) as arrays:
            return Shard(str(path), **arrays)
    shard = _scan(str(path), keys)
    if cached is not None:
        cached.parent.mkdir(parents=True, exist_ok=True)
        temporary = cached.with_name(f'.{cached.name}.{os.getpid()}.npz')
        np.savez(temporary, **{field.name: getattr(shard, field.name)
                               for field in dataclasses.fields(Shard) if field.name != 'path'})
        os.replace(temporary, cached)
    return shard


def _scan(path, keys):
    good, bad = [], []
    for number, (offset, record) in enumerate(_records(path)):
        name = f'{os.path.basename(path)}#{number}'
        try:
            example = record_to_example(record, keys)
            name = example['name'] or name
            images.check_header(example['image'])
            good.append((offset, len(record), example['label'], name, number))
        except images.ImageError as error:
            bad.append((name, f'{name} in {path}: {error}', number))
    offsets, lengths, labels, names, numbers = zip(*good, strict=True) if good else ((),) * 5
    return Shard(path, np.array(offsets, np.int64), np.array(lengths, np.int64),
                 np.array(labels, np.int32), np.array(names, np.str_),
                 np.array(numbers, np.int64),
                 np.array([entry[:2] for entry in bad], np.str_).reshape(-1, 2),
                 np.array([entry[2] for entry in bad], np.int64))


def _records(path):
    """(offset, bytes) of every record of a file."""
    with open(path, 'rb') as file:
        number = 0
        while header := file.read(_HEADER.size):
            if header[:2] == b'\x1f\x8b' and number == 0:
                raise sources.DataError(f'{path}: is compressed, which rules out random access. '
                                        'Unpack it with gunzip first.')
            length, checksum = _HEADER.unpack(header.ljust(_HEADER.size, b'\0'))
            if len(header) == _HEADER.size and _masked_crc32c(header[:8]) != checksum:
                raise sources.DataError(
                    f'{path}: is no TFRecord file.' if number == 0 else
                    f'{path}: is damaged behind record {number}. Make it again.')
            offset = file.tell()
            record = file.read(length) if len(header) == _HEADER.size else b''
            if len(header) < _HEADER.size or len(record) < length or \
                    len(file.read(_FOOTER_BYTES)) < _FOOTER_BYTES:
                raise sources.DataError(f'{path}: is cut off inside record {number}; {number} '
                                        'records are whole. Copy it again or make it again.')
            yield offset, record
            number += 1


def _crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC_TABLE = _crc_table()  # CRC-32C (Castagnoli), reflected


def _masked_crc32c(content):
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
