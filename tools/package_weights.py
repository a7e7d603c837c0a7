"""Slims a run folder to what ships with the package: float16 weights, settings, a model card.

    python tools/package_weights.py --workdir=runs/first --name=arbitrary_style --purpose='...' --data='...'

Beside the weights stands the LiteRT graph by which `stylize` runs them without TensorFlow, where the system has one.
Optimizers, logs and samples stay behind. A detector's calibration stays: calibrate what ships, not what it was made of.
The result, stylegan_tf/pretrained/NAME, is a run folder that `load`, `export --workdir` and `train --init` accept.
"""

import pathlib
import shutil

from absl import flags

from stylegan_tf import commands, configs

_WORKDIR = flags.DEFINE_string('workdir', None, 'Run folder.')
_NAME = flags.DEFINE_string('name', None, 'Name of the model.')
_PURPOSE = flags.DEFINE_string('purpose', None, 'One line: what it is for and how far it was trained.')
_DATA = flags.DEFINE_string('data', None, 'What it was trained on, with licences.')
_NOTES = flags.DEFINE_multi_string('note', [], 'Numbers with their conditions, failure cases; may be repeated.')
_HOURS = flags.DEFINE_float('hours', None, 'Hours of training, where the run does not know them all.')
_OUTPUT = flags.DEFINE_string('output', None, "Folder; the package's pretrained/NAME when not given.")


def main():
    """Writes the folder and says how large it is."""
    for flag in (_WORKDIR, _NAME, _PURPOSE, _DATA):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    from stylegan_tf import slim_runs

    output = pathlib.Path(_OUTPUT.value or configs.PRETRAINED / _NAME.value)
    shutil.rmtree(output, ignore_errors=True)
    path, count = slim_runs.write(_WORKDIR.value, output, weights='float16', hours=_HOURS.value, purpose=_PURPOSE.value,
                                  notes=_NOTES.value, data=_DATA.value, style_data=None)
    commands.import_tensorflow()
    from stylegan_tf import exporter, litert_exporter

    if hasattr(exporter.load_run(output, has_twins=False)[0], 'litert_functions'):
        with commands.without_native_talk():
            graph, parity = litert_exporter.pack(output)
        print(f'{graph}: {graph.stat().st_size / 1e3:.0f} kB, differs from Keras by '
              f'{parity["largest_difference"]:.1e} ({parity["largest_difference_levels"]} of 255 levels)')
    size = sum(file.stat().st_size for file in output.rglob('*') if file.is_file())
    print(f'{path}: {count} variables, {size / 1e6:.1f} MB with its card')


def _errors():
    from stylegan_tf import exporter, slim_runs
    from stylegan_tf.litert import runtime
    from stylegan_tf.training import checkpoints, run_folder

    return (checkpoints.CheckpointError, run_folder.RunFolderError, slim_runs.SlimRunError, exporter.ExportError,
            runtime.LiteRTError)


if __name__ == '__main__':
    commands.run(main, errors=_errors)
