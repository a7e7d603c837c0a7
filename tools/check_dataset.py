#!/usr/bin/env python
"""Examines a folder of pictures: lists every bad file with the reason and what to do about it.

    python tools/check_dataset.py --data=photos/
    python tools/check_dataset.py --data=train/ --other=heldout/ --manifest=train.tsv

Finds unreadable, truncated and damaged files, decompression bombs, pictures that are too small or of one
colour, exact and near duplicates, pictures that are also in --other; warns of odd modes (CMYK, 16 bit,
palette), animations and wrong suffixes. Exit code: 0 nothing bad, 1 bad files (with --strict: or
warnings), 2 bad usage.
"""

import sys
import warnings

from absl import flags

from stylegan_tf import commands

_DATA = flags.DEFINE_string('data', None, 'Folder of pictures, or sample:NAME.')
_OTHER = flags.DEFINE_string('other', None, 'Second folder; pictures in both sets are leaks.')
_MIN_SIZE = flags.DEFINE_integer('min_size', 64, 'Shortest allowed side in pixels.', lower_bound=1)
_MAX_PIXELS = flags.DEFINE_integer(
    'max_pixels', 120_000_000, 'Pictures of more pixels are not decoded.', lower_bound=1)
_NEAR_DUPLICATES = flags.DEFINE_bool(
    'near_duplicates', True, 'Also find copies that differ in size, compression, light or are mirrored.')
_MANIFEST = flags.DEFINE_string('manifest', None, 'Table of all files to write: .tsv or .json.')
_STRICT = flags.DEFINE_bool('strict', False, 'Warnings count as bad.')


def _folder(spec):
    if spec.startswith(('tfds:', 'tfrecord:', 'pack:')):
        raise commands.UsageError(f'Expected a folder or sample:NAME. Received: {spec}.')
    if spec.startswith('sample:'):
        from stylegan_tf.data import samples
        return samples.sample_folder(spec.removeprefix('sample:'))
    return spec


def _progress(entries, total):
    import tqdm
    return tqdm.tqdm(entries, total=total, unit=' pictures', disable=not sys.stderr.isatty())


def main():
    """Reads the flags and examines; returns the exit code."""
    if not _DATA.value:
        raise commands.UsageError('--data is required; see --help.')
    from PIL import Image

    from stylegan_tf.data import inspection

    warnings.simplefilter('ignore', Image.DecompressionBombWarning)  # it is among the findings
    report = inspection.inspect(
        _folder(_DATA.value), other=_OTHER.value and _folder(_OTHER.value),
        min_size=_MIN_SIZE.value, max_pixels=_MAX_PIXELS.value, near_duplicates=_NEAR_DUPLICATES.value,
        progress=_progress)
    sys.stdout.reconfigure(errors='backslashreplace')  # file names may hold any bytes
    for finding in report.findings:
        print(finding)
    print(report.summary())
    if _MANIFEST.value:
        inspection.write_manifest(_MANIFEST.value, report)
        print(f'Manifest: {_MANIFEST.value}')
    return report.exit_code(strict=_STRICT.value)


def _user_errors():
    from stylegan_tf.data import sources
    return sources.DataError, OSError


if __name__ == '__main__':
    commands.run(main, errors=_user_errors)
