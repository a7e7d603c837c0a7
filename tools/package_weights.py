"""Slims a run folder to what ships with the package: float16 weights, settings, a model card.

    python tools/package_weights.py --workdir=runs/first --name=arbitrary_style --purpose='...' --data='...'

Beside the weights stands the LiteRT graph by which `stylize` runs them without TensorFlow, where the system has one.
Optimizers, logs and samples stay behind. A detector's calibration stays: calibrate what ships, not what it was made of.
The result, stylegan_tf/pretrained/NAME, is a run folder that `load`, `export --workdir` and `train --init` accept.
"""

import json
import pathlib
import shutil

import numpy as np
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
    from stylegan_tf.training import checkpoints, run_folder

    record = run_folder.read_config(_WORKDIR.value)
    if record is None:
        raise commands.UsageError(f'{_WORKDIR.value} is not a run folder: it has no {run_folder.CONFIG_FILE}.')
    found = checkpoints.find(_WORKDIR.value)
    output = pathlib.Path(_OUTPUT.value or configs.PRETRAINED / _NAME.value)
    shutil.rmtree(output, ignore_errors=True)
    (output / 'checkpoints').mkdir(parents=True)
    settings = dict(record['config'])
    if '/' in settings.get('perceptual', ''):  # a path of the training machine means nothing elsewhere
        settings['perceptual'] = pathlib.PurePath(settings['perceptual']).stem
    hours = _HOURS.value or found.record['history']['seconds'] / 3600
    card = {'purpose': _PURPOSE.value, 'notes': _NOTES.value, 'seed': record['seed'], 'config': settings,
            'preset': record['preset'], 'data': _DATA.value, 'versions': record['versions'],
            'machine': record.get('machine')}
    (output / run_folder.CONFIG_FILE).write_text(json.dumps(card, indent=1), encoding='utf-8')
    arrays = {name: array if name.startswith('extra/') else slim(array) for name, array in found.arrays.items()
              if is_kept(name, found.arrays)}
    kept = ('images', 'metrics', 'calibration')
    path = checkpoints.save(output / 'checkpoints', found.step, arrays, {
        **{name: found.record[name] for name in kept if name in found.record},
        'history': {'seconds': round(hours * 3600)}})
    commands.import_tensorflow()
    from stylegan_tf import exporter, litert_exporter

    if hasattr(exporter.load_run(output, has_twins=False)[0], 'litert_functions'):
        with commands.without_native_talk():
            graph, parity = litert_exporter.pack(output)
        print(f'{graph}: {graph.stat().st_size / 1e3:.0f} kB, differs from Keras by '
              f'{parity["largest_difference"]:.1e} ({parity["largest_difference_levels"]} of 255 levels)')
    size = sum(file.stat().st_size for file in output.rglob('*') if file.is_file())
    print(f'{path}: {len(arrays)} variables, {size / 1e6:.1f} MB with its card')


def is_kept(name, arrays):
    """Whether a variable ships: no optimizer, and of a network with an average only the average."""
    network, _, rest = name.partition('/')
    return not network.endswith('_optimizer') and f'{network}_ema/{rest}' not in arrays


def slim(array):
    """Floats as float16; refuses numbers that float16 cannot hold."""
    if array.dtype.kind != 'f' and array.dtype.name != 'bfloat16':
        return array
    slimmed = array.astype(np.float16)
    if not np.isfinite(slimmed).all():
        raise commands.UsageError('A weight does not fit float16.')
    return slimmed


def _errors():
    from stylegan_tf import exporter
    from stylegan_tf.litert import runtime
    from stylegan_tf.training import checkpoints, run_folder

    return checkpoints.CheckpointError, run_folder.RunFolderError, exporter.ExportError, runtime.LiteRTError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
