"""Run folders without what only their training needs: averaged weights, settings, what the card tells.

`load`, `export --workdir` and `train --init` accept them; models that ship and style packs are such folders.
"""

import json
import os
import pathlib

import numpy as np

from stylegan_tf.training import checkpoints, run_folder

WEIGHTS = ('float32', 'float16')
_TOLD = ('images', 'metrics', 'calibration')  # of a checkpoint's record


class SlimRunError(Exception):
    """A run that cannot be slimmed; the message says why."""


def write(workdir, output, *, weights='float32', hours=None, **facts):
    """Writes a slim copy of a run's newest checkpoint.

    Args:
        workdir: Run folder.
        output: Folder; must not hold a run.
        weights: One of WEIGHTS. Results in float16 differ by about one of 255 levels.
        hours: Hours of training, where the run does not know them all.
        **facts: Entries of config.json that replace the run's own, such as purpose, notes and data.
    Returns:
        (pathlib.Path of the checkpoint, number of its variables).
    Raises:
        RunFolderError, CheckpointError: The folder holds no run, or the output cannot be written.
        SlimRunError: A weight does not fit float16.
    """
    record = run_folder.read_config(workdir)
    if record is None:
        raise run_folder.RunFolderError(f'{workdir} is not a run folder: it has no {run_folder.CONFIG_FILE}.')
    found, output = checkpoints.find(workdir), pathlib.Path(output)
    (output / 'checkpoints').mkdir(parents=True)
    settings = dict(record['config'])
    if '/' in settings.get('perceptual', ''):  # a path of the training machine means nothing elsewhere
        settings['perceptual'] = pathlib.PurePath(settings['perceptual']).stem
    told = {'purpose': record.get('purpose'), 'notes': record.get('notes'), 'seed': record['seed'], 'config': settings,
            'preset': record['preset'], 'data': _without_folders(record.get('data')),
            'style_data': _without_folders(record.get('style_data')), 'versions': record['versions'],
            'machine': record.get('machine'), **facts}
    (output / run_folder.CONFIG_FILE).write_text(
        json.dumps({name: value for name, value in told.items() if value is not None}, indent=1), encoding='utf-8')
    arrays = {name: array if name.startswith('extra/') or weights == 'float32' else _halved(name, array)
              for name, array in found.arrays.items() if is_kept(name, found.arrays)}
    seconds = found.record.get('history', {}).get('seconds', 0.0) if hours is None else hours * 3600
    path = checkpoints.save(output / 'checkpoints', found.step, arrays, {
        **{name: found.record[name] for name in _TOLD if name in found.record}, 'history': {'seconds': round(seconds)}})
    return path, len(arrays)


def is_kept(name, arrays):
    """Whether a variable stays: no optimizer, and of a network with an average only the average."""
    network, _, rest = name.partition('/')
    return not network.endswith('_optimizer') and f'{network}_ema/{rest}' not in arrays


def _without_folders(data):
    """A data specification without the folders above it, which may name a person."""
    is_path = isinstance(data, str) and (data.startswith('/') or os.path.exists(data))
    return pathlib.PurePath(data).name if is_path else data


def _halved(name, array):
    """Floats as float16."""
    if array.dtype.kind != 'f' and array.dtype.name != 'bfloat16':
        return array
    with np.errstate(over='ignore'):
        halved = array.astype(np.float16)
    if not np.isfinite(halved).all():
        raise SlimRunError(f'{name} does not fit float16: use float32.')
    return halved
