#!/usr/bin/env python
"""Writes pictures as a few large files: TFRecord shards, or a pack that needs no TensorFlow to be read.

    python tools/make_dataset.py --data=photos/ --output=records/ --size=256
    python -m stylegan_tf.train --data='tfrecord:records/*.tfrecord' ...
    python tools/make_dataset.py --data=photos/ --output=packed/ --size=256 --format=pack
    python -m stylegan_tf.train --data=pack:packed ...

The first folder level is the class. Bad pictures are named and left out. Exit code: 0 all pictures
stored, 1 some left out, 2 bad usage.

TFRecord shards, for network disks and buckets: run the same command again after an interruption;
finished shards are verified and kept. Beside them stand label_names.json and dataset.json (count,
classes, fingerprint, pictures left out). Each record is a tf.train.Example with `image` (JPEG or PNG
file), `label` (int64, -1 for none) and `name`.

Packs, for machines without TensorFlow and for fast random access: pixels that are mapped into memory,
and pack.json (names, labels, sizes, sha256), written last. --data may be any SPEC. A photograph of
256 x 384 pixels takes 288 KiB as pixels and 42 KiB with --coding=jpeg --quality=92 (mean of 530 photographs
and paintings); with --size=192 162 KiB and 25 KiB. So 700 pictures of --size=256 fit into 64 MiB as JPEG only.
--shard_bytes divides a pack into files that are no larger.
"""

import os
import sys

from absl import flags

from stylegan_tf import commands

_DATA = flags.DEFINE_string('data', None, 'Folder of pictures, or sample:NAME; for a pack any SPEC.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder to write.')
_FORMAT = flags.DEFINE_enum('format', 'tfrecord', ['tfrecord', 'pack'], 'What to write.')
_SIZE = flags.DEFINE_integer(
    'size', 0, 'Short side in pixels that larger pictures are reduced to; 0 keeps them.', lower_bound=0)
_QUALITY = flags.DEFINE_integer(
    'quality', 95, 'JPEG quality of pictures that are encoded anew.', lower_bound=1, upper_bound=100)
_LOSSLESS = flags.DEFINE_bool('lossless', False, 'Encode anew as PNG in place of JPEG; TFRecords only.')
_CODING = flags.DEFINE_enum(
    'coding', 'raw', ['raw', 'jpeg', 'png'], 'How a pack holds pictures: pixels, or files that must be decoded.')
_MAX_ASPECT = flags.DEFINE_float(
    'max_aspect', 2.0, 'Longer pictures are cut to their middle in a pack; 0 keeps them.', lower_bound=0.0)
_SHARDS = flags.DEFINE_integer('shards', 0, 'Number of TFRecord files; 0 follows --shard_bytes.', lower_bound=0)
_SHARD_BYTES = flags.DEFINE_integer(
    'shard_bytes', 128 << 20, 'Size of one file: about for TFRecords, at most for packs.', lower_bound=1)
_OVERWRITE = flags.DEFINE_bool('overwrite', False, 'Replace what was made of other pictures or with other settings.')


def _progress(total, initial):
    import tqdm
    # Into a log file goes a line every ten seconds, not one every picture.
    return tqdm.tqdm(total=total, initial=initial, unit=' pictures',
                     mininterval=0.2 if sys.stderr.isatty() else 10)


def main():
    """Reads the flags and converts; returns the exit code."""
    for flag in (_DATA, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    for flag, kind in ((_LOSSLESS, 'tfrecord'), (_SHARDS, 'tfrecord'), (_CODING, 'pack'), (_MAX_ASPECT, 'pack')):
        if flag.value != flag.default and _FORMAT.value != kind:
            raise commands.UsageError(f'--{flag.name} is for --format={kind}.')
    if 0 < _MAX_ASPECT.value < 1:
        raise commands.UsageError(f'--max_aspect must be 0, or at least 1. Received: {_MAX_ASPECT.value:g}.')
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')  # read once, by the first import of TensorFlow
    result, spec = _write_pack() if _FORMAT.value == 'pack' else _write_shards()
    sys.stdout.reconfigure(errors='backslashreplace')  # file names may hold any bytes
    for name, reason in result.bad:
        print(f'LEFT OUT {name}: {reason}')
    print(f'{_OUTPUT.value}: {result.count} pictures in {result.shards} shards, {result.kept_shards} kept from '
          f'an earlier run; {len(result.bad)} left out; fingerprint {result.fingerprint}.')
    print(f"Use it as --data='{spec}'.")
    return commands.SOME_FAILED if result.bad else commands.DONE


def _write_shards():
    from stylegan_tf.data import shards

    settings = shards.Settings(size=_SIZE.value, quality=_QUALITY.value, is_lossless=_LOSSLESS.value,
                               shards=_SHARDS.value, shard_bytes=_SHARD_BYTES.value)
    result = shards.convert(_DATA.value, _OUTPUT.value, settings, overwrite=_OVERWRITE.value, progress=_progress)
    return result, f'tfrecord:{_OUTPUT.value}/*.tfrecord'


def _write_pack():
    from stylegan_tf.data import loading, packs

    settings = packs.Settings(size=_SIZE.value, max_aspect=_MAX_ASPECT.value, coding=_CODING.value,
                              quality=_QUALITY.value, part_bytes=_SHARD_BYTES.value)
    source = loading.load(_DATA.value, max_bad_share=1.0, cache_bytes=0)
    result = packs.write(source, _OUTPUT.value, settings, overwrite=_OVERWRITE.value, progress=_progress)
    return result, f'pack:{_OUTPUT.value}'


def _user_errors():
    from stylegan_tf.data import sources
    return (sources.DataError,)


if __name__ == '__main__':
    commands.run(main, errors=_user_errors)
