#!/usr/bin/env python
"""Writes a folder of pictures as TFRecord shards, for fast reading from network disks and buckets.

    python tools/make_dataset.py --data=photos/ --output=records/ --size=256
    python -m stylegan_tf.train --data='tfrecord:records/*.tfrecord' ...

The first folder level is the class. Run the same command again after an interruption: finished shards
are verified and kept. Bad pictures are named and left out. Beside the shards stand label_names.json
and dataset.json (count, classes, fingerprint, pictures left out). Each record is a tf.train.Example
with `image` (JPEG or PNG file), `label` (int64, -1 for none) and `name`. Exit code: 0 all pictures
stored, 1 some left out, 2 bad usage.
"""

import os
import sys

from absl import flags

from stylegan_tf import commands

_DATA = flags.DEFINE_string('data', None, 'Folder of pictures, or sample:NAME.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder to write.')
_FORMAT = flags.DEFINE_enum('format', 'tfrecord', ['tfrecord'], 'Kind of shards.')
_SIZE = flags.DEFINE_integer(
    'size', 0, 'Short side in pixels that larger pictures are reduced to; 0 keeps them.', lower_bound=0)
_QUALITY = flags.DEFINE_integer(
    'quality', 95, 'JPEG quality of pictures that are encoded anew.', lower_bound=1, upper_bound=100)
_LOSSLESS = flags.DEFINE_bool('lossless', False, 'Encode anew as PNG in place of JPEG.')
_SHARDS = flags.DEFINE_integer('shards', 0, 'Number of files; 0 follows --shard_bytes.', lower_bound=0)
_SHARD_BYTES = flags.DEFINE_integer('shard_bytes', 128 << 20, 'Size of one file, about.', lower_bound=1)
_OVERWRITE = flags.DEFINE_bool('overwrite', False, 'Replace shards of other pictures or settings.')


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
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')  # read once, by the first import of TensorFlow
    from stylegan_tf.data import shards

    settings = shards.Settings(size=_SIZE.value, quality=_QUALITY.value, is_lossless=_LOSSLESS.value,
                               shards=_SHARDS.value, shard_bytes=_SHARD_BYTES.value)
    result = shards.convert(_DATA.value, _OUTPUT.value, settings, overwrite=_OVERWRITE.value, progress=_progress)
    sys.stdout.reconfigure(errors='backslashreplace')  # file names may hold any bytes
    for name, reason in result.bad:
        print(f'LEFT OUT {name}: {reason}')
    print(f'{_OUTPUT.value}: {result.count} pictures in {result.shards} shards, {result.kept_shards} kept from '
          f'an earlier run; {len(result.bad)} left out; fingerprint {result.fingerprint}.')
    print(f"Use it as --data='tfrecord:{_OUTPUT.value}/*.tfrecord'.")
    return commands.SOME_FAILED if result.bad else commands.DONE


def _user_errors():
    from stylegan_tf.data import sources
    return (sources.DataError,)


if __name__ == '__main__':
    commands.run(main, errors=_user_errors)
