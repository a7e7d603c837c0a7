"""From a folder of pictures to TFRecord shards that `tfrecords` reads, resumable after a kill.

Which picture goes to which shard is settled before any is written: pictures are ordered by the hash of
their name, so that every shard holds all classes, and cut into equal parts. A shard is written under a
temporary name and renamed when whole. Called again, finished shards are verified (every checksum and
name) and kept. `dataset.json` says what the shards were made of, so that they are never mixed.
"""

import concurrent.futures
import dataclasses
import hashlib
import io
import json
import math
import os
import pathlib

from PIL import ExifTags, Image

from stylegan_tf import cores, images
from stylegan_tf.data import conversion, loading, sources, tfrecords

DATASET_FILE = 'dataset.json'
_PROBES = 16  # pictures whose encoded size stands for all when shards are counted


@dataclasses.dataclass(frozen=True)
class Settings:
    """How pictures are stored."""

    size: int = 0  # short side in pixels that larger pictures are reduced to; 0 keeps them
    quality: int = 95  # of JPEG, for pictures that are encoded anew
    is_lossless: bool = False  # PNG in place of JPEG
    shards: int = 0  # number of files; 0 follows shard_bytes
    shard_bytes: int = 128 << 20  # about


def convert(spec, output, settings=Settings(), *, overwrite=False, progress=None, workers=None):
    """Writes a folder of pictures as TFRecord shards; call it again to resume.

    Args:
        spec: A folder, or 'sample:NAME'.
        output: Folder for the shards, `label_names.json` and `dataset.json`.
        settings: Settings.
        overwrite: Removes what an earlier conversion of other pictures or settings left.
        progress: Function (total, initial) -> context manager with `update(count)`, such as tqdm.
        workers: Threads; None takes one a core.
    Returns:
        A `conversion.Result`.
    Raises:
        DataError: If there are no pictures, the folder holds another data set, or it cannot be written.
    """
    source, output = loading.load(spec, max_bad_share=1.0), pathlib.Path(output)
    if not hasattr(source, 'path'):
        raise sources.DataError(f'{spec}: expected a folder of pictures, or sample:NAME.')
    parts = _parts(source, settings)
    paths = [output / f'pictures-{number:05d}-of-{len(parts):05d}.tfrecord' for number in range(len(parts))]
    identity = {'pictures': source.fingerprint, 'settings': dataclasses.asdict(settings)}
    try:
        _claim(output, identity, source, overwrite)
        written, bad = {}, dict(source.bad)
        with concurrent.futures.ThreadPoolExecutor(workers or cores.available()) as pool:
            for number, (path, part) in enumerate(zip(paths, parts)):
                if path.exists() and (found := _verified(path, source, part, settings)) is not None:
                    written[number] = found
            kept = len(written)
            initial = sum(len(parts[number]) for number in written)
            with (progress or conversion.Silent)(total=len(source), initial=initial) as bar:
                for number in range(len(parts)):
                    if number not in written:
                        written[number] = _write_shard(paths[number], source, parts[number], settings, pool, bar)
    except OSError as error:
        raise sources.DataError(f'{output}: cannot be written: {error}. Shards that are whole are kept; '
                                'make room and run the same command again.') from error
    records = [record for number in range(len(parts)) for record in written[number][0]]
    for number in range(len(parts)):
        bad.update(written[number][1])
    fingerprint = sources.fingerprint_of(*(name for name, _ in records), *(length for _, length in records))
    _write_json(output / DATASET_FILE, {
        **identity, 'is_complete': True, 'count': len(records), 'label_names': list(source.label_names),
        'fingerprint': fingerprint, 'shards': [path.name for path in paths],
        'left_out': [{'name': name, 'reason': reason} for name, reason in sorted(bad.items())]})
    return conversion.Result(len(records), len(parts), kept, sorted(bad.items()), fingerprint)


def encode(path, settings):
    """The bytes stored for one picture.

    A JPEG or PNG file that every decoder shows alike (8-bit grey or RGB, opaque, upright) and that need not
    become smaller is stored as it is; all others are encoded anew.

    Args:
        path: File.
        settings: Settings.
    Returns:
        Bytes of a JPEG or PNG file.
    Raises:
        ImageError: If it cannot be decoded.
    """
    pixels = images.read(path, min_short_side=settings.size or None)
    content = pathlib.Path(path).read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        is_small = not settings.size or min(image.size) <= settings.size
        is_plain = (image.format in ('JPEG', 'PNG') and image.mode in ('RGB', 'L')
                    and 'transparency' not in image.info
                    and image.getexif().get(ExifTags.Base.Orientation, 1) == 1)
    if is_small and is_plain:
        return content
    return images.encode(pixels, 'png' if settings.is_lossless else 'jpeg', quality=settings.quality)


def _parts(source, settings):
    """Lists of indices into the source, one a shard."""
    order = sorted(range(len(source)), key=lambda index: hashlib.sha256(
        source.names[index].encode('utf-8', 'surrogateescape')).digest())
    count = settings.shards
    if not count:
        sizes = []
        for index in order[:_PROBES]:
            try:
                sizes.append(len(encode(source.path(index), settings)))
            except images.ImageError:
                continue  # it is named when its shard is written
        count = math.ceil(sum(sizes) / max(1, len(sizes)) * len(order) / settings.shard_bytes)
    count = min(max(1, count), len(order))
    return [order[len(order) * number // count : len(order) * (number + 1) // count] for number in range(count)]


def _claim(output, identity, source, overwrite):
    """Makes the output folder this data set's own, or refuses."""
    output.mkdir(parents=True, exist_ok=True)
    try:
        earlier = json.loads((output / DATASET_FILE).read_text('utf-8'))
        is_own = all(earlier.get(key) == value for key, value in identity.items())
    except FileNotFoundError:
        is_own = not list(output.glob('*.tfrecord'))
    except ValueError:
        is_own = False
    if not is_own and not overwrite:
        raise sources.DataError(
            f'{output}: holds shards made of other pictures or with other settings. Choose another folder, or '
            'replace them with --overwrite.')
    for stale in output.glob('.*.partial' if is_own else 'pictures-*-of-*.tfrecord'):
        stale.unlink()
    if not is_own or not (output / DATASET_FILE).exists():
        _write_json(output / tfrecords.LABEL_NAMES_FILE, list(source.label_names))
        _write_json(output / DATASET_FILE, {**identity, 'is_complete': False})


def _write_shard(path, source, part, settings, pool, bar):
    """Writes one shard; returns ([(name, length)], {name: reason} of the pictures left out)."""
    import tensorflow as tf

    records, bad = [], {}
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.partial')
    try:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            encoded = pool.map(lambda index: _encoded_or_reason(source.path(index), settings), part)
            for index, (content, reason) in zip(part, encoded):
                name = source.names[index]
                if content is None:
                    bad[name] = reason
                else:
                    record = tfrecords.example_to_record(content, label=int(source.labels[index]), name=name)
                    writer.write(record)
                    records.append((name, len(record)))
                bar.update(1)
    except tf.errors.OpError as error:
        raise OSError(error.message) from error
    with open(temporary, 'rb') as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    return records, bad


def _verified(path, source, part, settings):
    """As `_write_shard` for a shard that is there already; None where it must be written again."""
    import tensorflow as tf

    records = []
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():  # verifies the checksums
            records.append((tfrecords.record_to_example(record)['name'], len(record)))
    except (tf.errors.OpError, images.ImageError):
        return None
    names = [source.names[index] for index in part]
    stored = {name for name, _ in records}
    bad = {}
    for index in part:
        if source.names[index] not in stored:
            content, reason = _encoded_or_reason(source.path(index), settings)
            if content is not None:
                return None
            bad[source.names[index]] = reason
    expected = [name for name in names if name not in bad]
    return (records, bad) if [name for name, _ in records] == expected else None


def _encoded_or_reason(path, settings):
    try:
        return encode(path, settings), None
    except images.ImageError as error:
        return None, str(error)


def _write_json(path, content):
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.partial')
    temporary.write_text(json.dumps(content, indent=1) + '\n', 'utf-8')
    os.replace(temporary, path)
