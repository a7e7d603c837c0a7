#!/usr/bin/env python
"""Plants defects in pictures: a versioned test set for detectors of anomalies.

    python tools/make_defect_benchmark.py --images=stylized/ --output=benchmark/
    python tools/make_defect_benchmark.py --images=stylized/ --pairs=pairs.csv --output=benchmark/

Every picture is cut to a square, kept clean, and damaged by each defect at each severity; the masks say where.
The same pictures, settings and OpenCV give the same bytes; benchmark.json holds their hash. Exit code: 0 all
pictures used, 1 some left out, 2 bad usage. `--list` prints the table of defects.
"""

import sys

from absl import flags

from stylegan_tf import commands

_IMAGES = flags.DEFINE_string('images', None, 'Folder of pictures that are good as they are.')
_PAIRS = flags.DEFINE_string(
    'pairs', None, 'CSV table with the columns image (below --images), content and style (relative to the table): '
    'the references of each picture. Without it defects that need the photograph are left out.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder to write.')
_SIZE = flags.DEFINE_integer('size', 256, 'Side of the pictures in pixels.', lower_bound=32)
_SEVERITIES = flags.DEFINE_list('severities', ['0.25', '0.5', '1.0'], 'Severities in (0, 1].')
_DEFECTS = flags.DEFINE_list('defects', [], 'Names of defects; all where none is given.')
_COUNT = flags.DEFINE_integer('count', 0, 'Use the first so many pictures; 0 for all.', lower_bound=0)
_SEED = flags.DEFINE_integer('seed', 0, 'Decides all chance.', lower_bound=0)
_LIST = flags.DEFINE_bool('list', False, 'Print the table of defects and end.')


def main():
    """Reads the flags and writes the benchmark; returns the exit code."""
    from stylegan_tf.data import defect_benchmark, defects

    if _LIST.value:
        _print_table(defects)
        return commands.DONE
    for flag in (_IMAGES, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    settings = defect_benchmark.Settings(size=_SIZE.value, severities=_severities(), names=_names(defects),
                                         seed=_SEED.value)
    samples = defect_benchmark.find_samples(_IMAGES.value, _PAIRS.value)[:_COUNT.value or None]
    import tqdm
    with tqdm.tqdm(total=len(samples), unit=' pictures', mininterval=0.2 if sys.stderr.isatty() else 10) as bar:
        record, bad = defect_benchmark.write(samples, _OUTPUT.value, settings,
                                             progress=lambda done: bar.update(done - bar.n))
    for name, reason in bad:
        print(f'LEFT OUT {name}: {reason}')
    print(f'{_OUTPUT.value}: {record["pictures"]} pictures of {len(samples) - len(bad)}, table version '
          f'{defects.TABLE_VERSION}, pixels {record["pixels_sha256"][:16]}.')
    return commands.SOME_FAILED if bad else commands.DONE


def _severities():
    try:
        values = tuple(float(text) for text in _SEVERITIES.value)
    except ValueError:
        values = ()
    if not values or not all(0 < value <= 1 for value in values):
        raise commands.UsageError('--severities must be numbers in (0, 1], such as 0.25,0.5,1. '
                                  f'Received: {",".join(_SEVERITIES.value)}.')
    return values


def _names(defects):
    unknown = [name for name in _DEFECTS.value if name not in defects.DEFECTS]
    if unknown:
        raise commands.UsageError(f'--defects knows {", ".join(defects.DEFECTS)}. Received: {", ".join(unknown)}.')
    if not _PAIRS.value and any(defects.DEFECTS[name].needs_content for name in _DEFECTS.value):
        raise commands.UsageError('A defect that shows the photograph needs --pairs with the column content.')
    return tuple(_DEFECTS.value) or None


def _print_table(defects):
    print(f'{"defect":<22}{"unit of the amount":<28}' + ''.join(f'{severity:>8}' for severity in defects.SEVERITIES))
    for name, defect in defects.DEFECTS.items():
        print(f'{name:<22}{defect.unit:<28}' + ''.join(f'{level:>8g}' for level in defect.levels))


def _user_errors():
    from stylegan_tf import images
    from stylegan_tf.data import defect_benchmark
    return (defect_benchmark.BenchmarkError, images.ImageError)


if __name__ == '__main__':
    commands.run(main, errors=_user_errors)
