#!/usr/bin/env python
"""Calibrates a detector of anomalies on clean pictures, and measures whether it keeps what it promises.

    python tools/calibrate_anomaly.py --workdir=runs/critic --data=table:clean.csv --count=1024

Clean pictures are those that came out well, of the kind that will be scored, and none that the detector was trained on.
Half of them are kept apart: printed are the promised false-alarm rate and the one measured on them, the same for styles
and for kinds of pictures (the table's column `label`) that the calibration has not seen. The result is stored with the
newest checkpoint of the run, and so in every export made of it. Training on forgets it.
"""

import sys

from absl import flags

from stylegan_tf import commands

_WORKDIR = flags.DEFINE_string('workdir', None, 'Run folder of an anomaly preset, or of such a model that ships.')
_DATA = flags.DEFINE_string(
    'data', None, 'Clean pictures: table:FILE.csv (image,content,style,label), a folder, or another data SPEC.')
_COUNT = flags.DEFINE_integer('count', 1024, 'Crops that calibrate; as many are kept apart.', lower_bound=1)
_SEED = flags.DEFINE_integer('seed', 0, 'Decides which crops, and which half.', lower_bound=0)


def main():
    """Reads the flags, calibrates and prints the rates."""
    for flag in (_WORKDIR, _DATA):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    commands.import_tensorflow()
    import tqdm

    from stylegan_tf import calibrator
    from stylegan_tf.data import loading

    source = loading.load(_DATA.value)
    with tqdm.tqdm(total=2 * _COUNT.value, unit='crop', mininterval=0.2 if sys.stderr.isatty() else 30) as bar:
        def tell(signature, done):
            if done == 1:
                bar.reset()
                bar.set_description(signature, refresh=False)
            bar.update(done - bar.n)

        facts = calibrator.calibrate(_WORKDIR.value, source, _COUNT.value, seed=_SEED.value, progress=tell)
    for name, part in facts['signatures'].items():
        print(f'\n{name}: calibrated on {part["crops"]} crops of {part["pictures"]} clean pictures of {_DATA.value}, '
              f'seed {_SEED.value}')
        for split, rates in part['measured'].items():
            count = next(iter(rates.values()))[3]
            print(f'  measured on {count} crops, {split}:')
            for rate, (share, low, high, _) in rates.items():
                print(f'    promised {float(rate):6.1%}   measured {share:6.1%}   95% interval {low:.1%} to {high:.1%}')
    return commands.DONE


def _errors():
    from stylegan_tf import calibrator, configs, exporter
    from stylegan_tf.data import sources
    from stylegan_tf.training import checkpoints, run_folder

    return (calibrator.CalibrationError, exporter.ExportError, configs.ConfigError, sources.DataError,
            checkpoints.CheckpointError, run_folder.RunFolderError)


if __name__ == '__main__':
    commands.run(main, errors=_errors)
