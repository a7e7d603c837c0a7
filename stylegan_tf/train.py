"""Trains a preset on pictures; the same command run again resumes it.

    python -m stylegan_tf.train --preset=style_transfer_128 --workdir=runs/first \\
        --data=photos/ --style_data=paintings/
"""

import sys

from absl import flags

from stylegan_tf import commands

_PRESET = flags.DEFINE_string('preset', None, 'Preset; `stylegan-tf presets` lists them.')
_WORKDIR = flags.DEFINE_string('workdir', None, 'Run folder; made when absent, resumed when there.')
_DATA = flags.DEFINE_string(
    'data', None, 'Content pictures: a folder, tfds:NAME, tfrecord:GLOB, pack:FOLDER or sample:photos.')
_STYLE_DATA = flags.DEFINE_string(
    'style_data', None, 'Style pictures, written as --data; the content pictures when not given.')
_SET = flags.DEFINE_multi_string(
    'set', [], 'A setting such as batch_size=4 or generator_optimizer.learning_rate=1e-4; '
    'may be repeated. accumulation_steps=4 works a batch off in four parts where memory is short; '
    'hard_examples=report.json shows the contents that `stylegan-tf score` flagged more often.')
_SEED = flags.DEFINE_integer('seed', 0, 'Makes a run repeatable.')
_RESUME = flags.DEFINE_string(
    'resume', 'auto', 'auto: continue from the newest whole checkpoint; never: begin anew and '
    'move the earlier run to WORKDIR/previous-NNN.')
_INIT = flags.DEFINE_string(
    'init', None, 'Run folder or checkpoint whose weights to start from, matched by name.')
_STRATEGY = flags.DEFINE_string(
    'strategy', 'auto', 'one_device; mirrored: all GPUs of this machine; multi_worker: the machines that '
    'TF_CONFIG names, each with this command; tpu; auto: what is there. batch_size is that of all together.')
_PRECISION = flags.DEFINE_string(
    'precision', None, "float32, mixed_float16 or mixed_bfloat16; the preset's when not given.")
_XLA = flags.DEFINE_string('xla', 'auto', 'on, off, or auto: on where there is a GPU, and under JAX.')
_HOLDOUT = flags.DEFINE_string(
    'holdout', None, 'Pictures kept out of training: a share such as 0.05, or a text file with '
    "one name a line; the preset's share when not given.")
_MAX_BAD_SHARE = flags.DEFINE_float(
    'max_bad_share', 0.05, 'Share of unreadable files above which training refuses to start.')
_DRY_RUN = flags.DEFINE_bool(
    'dry_run', False, 'Print settings, parameters, memory and time, measured by a few steps, and exit.')


def main():
    """Reads the flags and trains; returns the exit code."""
    for flag in (_PRESET,) if _DRY_RUN.value else (_PRESET, _WORKDIR, _DATA):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    commands.import_backend()
    from stylegan_tf.training import guardian, launcher, workers

    options = launcher.Options(
        preset=_PRESET.value, workdir=_WORKDIR.value, data=_DATA.value,
        style_data=_STYLE_DATA.value, settings=tuple(_SET.value), seed=_SEED.value,
        resume=_RESUME.value, init=_INIT.value, strategy=_STRATEGY.value,
        precision=_PRECISION.value, xla=_XLA.value, holdout=_HOLDOUT.value,
        max_bad_share=_MAX_BAD_SHARE.value)
    if _DRY_RUN.value:
        print(launcher.dry_run(options))
        return commands.DONE
    try:
        launcher.train(options)
    except (guardian.DivergenceError, workers.LostWorkerError) as error:
        print(f'Error: {error}', file=sys.stderr)
        return commands.SOME_FAILED
    return commands.DONE


def _user_errors():
    from stylegan_tf.training import launcher

    return launcher.user_errors()


if __name__ == '__main__':
    commands.run(main, errors=_user_errors)
