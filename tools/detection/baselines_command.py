"""Fits simpler detectors and measures them on the planted pictures of `sets`, so that a model has something to beat.

    python tools/anomaly_benchmark.py baselines --sets=sets/ --train=train.csv --features=features/ --output=simple/

--train is a table like that of `sets`, of other pictures. Features are kept in --features: the same command run again
goes on where it stopped. Needs stylegan-tf[judge]. Written are report.json, report.md and report.svg.
"""

import json
import pathlib

from absl import flags

from stylegan_tf import commands

_SETS = flags.DEFINE_string('sets', None, 'Folder that `sets` wrote.')
_TRAIN = flags.DEFINE_string('train', None, 'CSV table image,content,style,label of pictures to fit on.')
_FEATURES = flags.DEFINE_string('features', None, 'Folder that keeps features.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for the reports.')
_SOURCES = flags.DEFINE_integer('sources', 0, 'Only so many sources of planted pictures; 0 for all.', lower_bound=0)
_TRAINING_SOURCES = flags.DEFINE_integer('training_sources', 500, 'Pictures to fit on: clean, and with three defects.',
                                         lower_bound=4)
_FOLDS = flags.DEFINE_integer('folds', 6, 'Groups of defects that detectors with references are tried without; 0: none',
                              lower_bound=0, upper_bound=18)
_LEAST_REGION = flags.DEFINE_integer('least_region', 1, 'As of `measure`.', lower_bound=1)
_RESAMPLES = flags.DEFINE_integer('resamples', 1000, 'Of the bootstrap.', lower_bound=10)
_SEED = flags.DEFINE_integer('seed', 1000, 'Of the training defects and the trees; another one than of the sets.')


def main():
    """Reads the flags, fits and measures."""
    from detection import baselines, measure, pages, sets
    for flag in (_SETS, _TRAIN, _FEATURES, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    record = sets.read_record(_SETS.value)
    if _SEED.value == record['seed']:
        raise commands.UsageError(f'--seed must be another one than that of the sets, {record["seed"]}.')

    def note(line):
        print(line, flush=True)

    training, training_rows, planted, rows, networks = baselines.collect(
        _SETS.value, _TRAIN.value, pathlib.Path(_FEATURES.value), sources=_SOURCES.value or None,
        training_sources=_TRAINING_SOURCES.value, seed=_SEED.value, note=note)
    fitted = baselines.fit(training, training_rows, planted, rows, seed=_SEED.value, folds=_FOLDS.value, note=note)
    reports = baselines.reports(fitted, rows, folds=_FOLDS.value, resamples=_RESAMPLES.value,
                                least_region=_LEAST_REGION.value)
    used = len({row['clean'] for row in rows}), len({row['photograph'] for row in rows})
    about = (f'{measure.conditions_line(record)}; used here: {used[0]} sources from {used[1]} photographs; fitted on '
             f'{len(training_rows)} pictures, seed {_SEED.value}')
    output = pathlib.Path(_OUTPUT.value)
    output.mkdir(parents=True, exist_ok=True)
    facts = {'sets': record, 'training_pictures': len(training_rows), 'seed': _SEED.value, 'folds': _FOLDS.value,
             'least_region_pixels': _LEAST_REGION.value, 'networks': networks}
    (output / 'report.json').write_text(json.dumps({**facts, 'detectors': reports}, indent=1) + '\n', encoding='utf-8')
    text = pages.comparison(list(reports.items()), about) + pages.left_out_lines(reports)
    (output / 'report.md').write_text(text, encoding='utf-8')
    (output / 'report.svg').write_text(pages.plot(list(reports.items()), about), encoding='utf-8')
    print(text)


def _errors():
    from detection import scorers, sets
    from stylegan_tf import images
    from stylegan_tf.data import defect_benchmark
    from stylegan_tf.litert.runtime import LiteRTError
    from stylegan_tf.networks.feature_weights import FeatureWeightsError
    return (scorers.ScoreError, sets.SetError, defect_benchmark.BenchmarkError, images.ImageError, LiteRTError,
            FeatureWeightsError)


if __name__ == '__main__':
    commands.run(main, errors=_errors)
