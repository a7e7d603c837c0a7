"""Measures a model that scores pictures, on the sets that `sets` made.

    python tools/anomaly_benchmark.py measure --model=anomaly --sets=sets/ --output=measured/
    python tools/anomaly_benchmark.py --model=runs/critic --sets=sets/ --output=measured/ --quick

Written are report.json, report.md and report.svg. Scores are kept in OUTPUT/scores: the same command run again goes
on where it stopped, and does nothing twice.
"""

import json
import pathlib

from absl import flags

from stylegan_tf import commands

_MODEL = flags.DEFINE_string('model', 'anomaly', 'Name, folder of an export, or run folder.')
_SETS = flags.DEFINE_string('sets', None, 'Folder that `sets` wrote.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for scores and reports, one for each model.')
_CONDITIONS = flags.DEFINE_list('conditions', ['references', 'content', 'none'], 'What the model is told besides.')
_QUICK = flags.DEFINE_bool('quick', False, 'A rough answer from few sources and crops, for a look during training.')
_SOURCES = flags.DEFINE_integer('sources', 0, 'Only so many sources of planted pictures; 0 for all.', lower_bound=0)
_CROPS = flags.DEFINE_integer('crops', 1000, 'Clean crops at least, to calibrate by and to measure on each.',
                              lower_bound=20)
_RATE = flags.DEFINE_float('rate', 0.05, 'Promised false-alarm rate at which F1 and recall are given.')
_BATCH_SIZE = flags.DEFINE_integer('batch_size', 8, 'Pictures at once.', lower_bound=1)
_LEAST_REGION = flags.DEFINE_integer(
    'least_region', 1, 'Pixels that a damaged region needs to count in AUPRO; smaller specks count neither way.',
    lower_bound=1)
_RESAMPLES = flags.DEFINE_integer('resamples', 1000, 'Of the bootstrap.', lower_bound=10)
_SEED = flags.DEFINE_integer('seed', 0, 'Of the bootstrap.')


def main():
    """Reads the flags and measures."""
    from detection import measure, pages, pictures, scorers, sets
    for flag in (_SETS, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    unknown = sorted(set(_CONDITIONS.value) - set(pictures.CONDITIONS))
    if unknown or not _CONDITIONS.value:
        raise commands.UsageError(f'--conditions must be among {", ".join(pictures.CONDITIONS)}. '
                                  f'Received: {", ".join(_CONDITIONS.value)}.')
    if not 0 < _RATE.value < 1:
        raise commands.UsageError(f'--rate must lie between 0 and 1. Received: {_RATE.value}.')
    record = sets.read_record(_SETS.value)
    commands.import_tensorflow()
    output = pathlib.Path(_OUTPUT.value)
    sources = _SOURCES.value or (pictures.QUICK_SOURCES if _QUICK.value else None)
    crops = min(_CROPS.value, pictures.QUICK_CROPS) if _QUICK.value else _CROPS.value
    found = measure.run(scorers.load(_MODEL.value), _SETS.value, output, conditions=_CONDITIONS.value, sources=sources,
                        crops=crops, batch_size=_BATCH_SIZE.value, rate=_RATE.value, resamples=_RESAMPLES.value,
                        seed=_SEED.value, least_region=_LEAST_REGION.value, note=lambda line: print(line, flush=True))
    about = measure.conditions_line(record)
    text = pages.markdown(found, about)
    (output / 'report.json').write_text(json.dumps({**found, 'sets': record}, indent=1) + '\n', encoding='utf-8')
    (output / 'report.md').write_text(text, encoding='utf-8')
    reports = [(measure.TITLES[condition], found[condition]) for condition in _CONDITIONS.value]
    (output / 'report.svg').write_text(pages.plot(reports, about), encoding='utf-8')
    print(pages.comparison(reports, about))
    print(f'{output / "report.md"}')


def _errors():
    from detection import scorers, sets
    from stylegan_tf import images
    from stylegan_tf.data import defect_benchmark
    from stylegan_tf.loaded_models import ModelError
    return scorers.ScoreError, sets.SetError, defect_benchmark.BenchmarkError, ModelError, images.ImageError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
