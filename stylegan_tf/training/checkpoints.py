"""Checkpoints that are complete or absent, whatever kills the process.

    checkpoints/step-000012000/state.safetensors   every variable under its name
    checkpoints/step-000012000/checkpoint.json     step, sha256, versions, metric values, progress

A checkpoint is written into a hidden sibling folder, synchronised to disk and renamed. Reading
verifies the hash, so a damaged one is skipped by name and the next older one is taken. Imports no
TensorFlow.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil

import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy

from stylegan_tf.training import run_folder

FORMAT = 1
STATE_FILE = 'state.safetensors'
RECORD_FILE = 'checkpoint.json'
OPTIONAL_PREFIX = 'extra/'  # older checkpoints may lack these variables
_NAME = re.compile(r'step-(\d{9,})$')

_DTYPES = {
    'F64': np.dtype(np.float64), 'F32': np.dtype(np.float32), 'F16': np.dtype(np.float16),
    'BF16': np.dtype(ml_dtypes.bfloat16), 'I64': np.dtype(np.int64), 'I32': np.dtype(np.int32),
    'I16': np.dtype(np.int16), 'I8': np.dtype(np.int8), 'U64': np.dtype(np.uint64),
    'U32': np.dtype(np.uint32), 'U16': np.dtype(np.uint16), 'U8': np.dtype(np.uint8),
    'BOOL': np.dtype(np.bool_),
}


class CheckpointError(Exception):
    """A checkpoint is damaged or does not fit; the message names the file and every mismatch."""


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint: its folder, the dict of checkpoint.json, and name -> array."""

    path: pathlib.Path
    record: dict
    arrays: dict

    @property
    def step(self):
        """Steps done when it was written."""
        return self.record['step']


def name_of(step):
    """Returns the folder name of a step: 12000 -> 'step-000012000'."""
    return f'step-{step:09d}'


def list_folders(folder):
    """Returns [(step, path)] of the complete-looking checkpoints in `folder`, oldest first."""
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        return []
    found = [(int(match[1]), entry) for entry in folder.iterdir()
             if (match := _NAME.match(entry.name)) and entry.is_dir()]
    return sorted(found)


def to_arrays(state):
    """Copies variables to the host: dict name -> NumPy array, dtypes kept exactly.

    Args:
        state: Dict name -> Keras variable or array.
    """
    arrays = {}
    for name, variable in state.items():
        value = getattr(variable, 'value', variable)
        value = value.numpy() if hasattr(value, 'numpy') else value
        arrays[name] = np.array(value, order='C')
    return arrays


def save(folder, step, arrays, record):
    """Writes one checkpoint; the folder appears complete or not at all.

    Args:
        folder: The folder that holds the checkpoints.
        step: Steps done; names the checkpoint.
        arrays: Dict name -> NumPy array.
        record: Dict of JSON values to keep beside the arrays.

    Returns:
        The path of the checkpoint.

    Raises:
        RunFolderError: If it cannot be written; older checkpoints are untouched.
        CheckpointError: If a value is of a type the format does not know.
    """
    folder = pathlib.Path(folder)
    temporary = folder / f'{run_folder.TEMPORARY_PREFIX}{name_of(step)}'
    final = folder / name_of(step)
    data = _serialise(arrays)
    record = {
        **record, 'format': FORMAT, 'step': int(step),
        'files': {STATE_FILE: {'sha256': hashlib.sha256(data).hexdigest(), 'bytes': len(data)}},
    }
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        _write_durably(temporary / STATE_FILE, data)
        _write_durably(temporary / RECORD_FILE, json.dumps(record, indent=2).encode())
        run_folder.fsync_folder(temporary)
        # An older checkpoint of the same step makes way: a damaged one, or one that is written anew.
        older = folder / f'{run_folder.TEMPORARY_PREFIX}old-{name_of(step)}'
        shutil.rmtree(older, ignore_errors=True)
        if final.exists():
            os.rename(final, older)
        os.rename(temporary, final)
        run_folder.fsync_folder(folder)
        shutil.rmtree(older, ignore_errors=True)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise run_folder.explain_os_error(error, final) from error
    return final


def read_record(path):
    """Returns the dict of checkpoint.json.

    Raises:
        CheckpointError: If it is missing, unreadable, or of a later format.
    """
    file = pathlib.Path(path) / RECORD_FILE
    try:
        record = json.loads(file.read_text(encoding='utf-8'))
        record_format, _ = record['format'], record['step']
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f'{file} is missing or damaged ({error}).') from error
    if record_format > FORMAT:
        raise CheckpointError(f'{file} has format {record_format}; this version reads up to '
                              f'{FORMAT}. Use a newer stylegan_tf.')
    return record


def read(path):
    """Reads and verifies one checkpoint.

    Args:
        path: A checkpoint folder.

    Returns:
        Checkpoint.

    Raises:
        CheckpointError: If a file is missing, cut short, or differs from its hash.
    """
    path = pathlib.Path(path)
    record = read_record(path)
    try:
        data = (path / STATE_FILE).read_bytes()
        expected = record['files'][STATE_FILE]['sha256']
    except (OSError, KeyError, TypeError) as error:
        raise CheckpointError(f'{path / STATE_FILE} cannot be read ({error}).') from error
    if hashlib.sha256(data).hexdigest() != expected:
        raise CheckpointError(f'{path / STATE_FILE} is damaged: its bytes differ from the '
                              'recorded sha256.')
    return Checkpoint(path, record, _deserialise(data, path))


def latest(folder, *, before=None):
    """Finds the newest whole checkpoint, or the newest of a step below `before`.

    Returns:
        (Checkpoint or None, list of messages about broken ones that were skipped).
    """
    skipped = []
    for step, path in reversed(list_folders(folder)):
        if before is not None and step >= before:
            continue
        try:
            return read(path), skipped
        except CheckpointError as error:
            skipped.append(str(error))
    return None, skipped


def find(path):
    """Reads the checkpoint that `path` means: a checkpoint folder, or a run folder's newest one.

    Raises:
        CheckpointError: If there is none that is whole.
    """
    path = pathlib.Path(path)
    if (path / RECORD_FILE).exists():
        return read(path)
    folder = path / 'checkpoints' if (path / 'checkpoints').is_dir() else path
    checkpoint, skipped = latest(folder)
    if checkpoint is None:
        raise CheckpointError(f'No whole checkpoint in {path}. Give a run folder or a '
                              'step-NNNNNNNNN folder. ' + ' '.join(skipped))
    return checkpoint


def mismatches(state, arrays):
    """Lists every way in which `arrays` does not fit `state`; 'extra/...' may be missing in it.

    Args:
        state: Dict name -> variable (anything with `shape` and `dtype`).
        arrays: Dict name -> NumPy array.

    Returns:
        List of str: missing names, unexpected names, other shapes, other dtypes; int32 and int64
        stand for each other where the values fit.
    """
    found = []
    for name, variable in state.items():
        if name not in arrays:
            if not name.startswith(OPTIONAL_PREFIX):
                found.append(f'missing: {name}')
            continue
        wanted, came = tuple(variable.shape), tuple(arrays[name].shape)
        if wanted != came:
            found.append(f'shape: {name} is {came}, expected {wanted}')
        elif not _is_readable_as(arrays[name], _dtype_name(variable.dtype)):
            found.append(f'dtype: {name} is {arrays[name].dtype.name}, '
                         f'expected {_dtype_name(variable.dtype)}')
    found.extend(f'unexpected: {name}' for name in arrays if name not in state)
    return found


def restore(state, checkpoint):
    """Assigns every variable of `state` from `checkpoint`, all or none; a missing 'extra/...' stays.

    Raises:
        CheckpointError: Naming the checkpoint and every mismatch; nothing was assigned then.
    """
    found = mismatches(state, checkpoint.arrays)
    if found:
        raise CheckpointError(
            f'{checkpoint.path} does not fit this model ({len(found)} mismatches): '
            + '; '.join(found) + '.')
    for name, variable in state.items():
        if name in checkpoint.arrays:
            variable.assign(checkpoint.arrays[name].astype(_dtype_name(variable.dtype)))


def initialise_from(state, arrays):
    """Assigns the variables whose name and shape match, cast to their dtype.

    Args:
        state: Dict name -> variable; without step counters and optimizer slots.
        arrays: Dict name -> NumPy array.

    Returns:
        (number of variables assigned, list of mismatches as of `mismatches`, dtypes apart).
    """
    found = [line for line in mismatches(state, arrays) if not line.startswith('dtype: ')]
    count = 0
    for name, variable in state.items():
        array = arrays.get(name)
        if array is not None and tuple(array.shape) == tuple(variable.shape):
            variable.assign(array.astype(_dtype_name(variable.dtype)))
            count += 1
    return count, found


def prune(folder, *, keep, protected=()):
    """Deletes all but the newest `keep` checkpoints and the steps in `protected`.

    Returns:
        List of the deleted steps.
    """
    folders = list_folders(folder)
    removed = []
    for step, path in folders[:max(0, len(folders) - max(1, keep))]:
        if step not in protected:
            _remove(path)
            removed.append(step)
    return removed


def remove_after(folder, step):
    """Deletes the checkpoints of later steps, the newest first; returns their steps."""
    later = [(found, path) for found, path in reversed(list_folders(folder)) if found > step]
    for _, path in later:
        _remove(path)
    return [found for found, _ in later]


def rewrite_record(path, record):
    """Replaces checkpoint.json of the checkpoint at `path`, whole or not at all."""
    run_folder.write_atomically(pathlib.Path(path) / RECORD_FILE, json.dumps(record, indent=2))


def _remove(path):
    # Renamed first: a process killed midway leaves no half checkpoint behind.
    doomed = path.with_name(f'{run_folder.TEMPORARY_PREFIX}old-{path.name}')
    try:
        os.rename(path, doomed)
    except OSError as error:
        raise run_folder.explain_os_error(error, path) from error
    shutil.rmtree(doomed, ignore_errors=True)


def _serialise(arrays):
    for name, array in arrays.items():
        if array.dtype not in _DTYPES.values():
            raise CheckpointError(f'Variable {name} has dtype {array.dtype}, which checkpoints '
                                  f'cannot hold. Known: {sorted(d.name for d in _DTYPES.values())}')
    return safetensors.numpy.save(
        {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()})


def _deserialise(data, path):
    try:
        entries = safetensors.deserialize(data)
        return {name: np.frombuffer(bytes(entry['data']), _DTYPES[entry['dtype']])
                      .reshape(entry['shape']) for name, entry in entries}
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(f'{path / STATE_FILE} cannot be decoded ({error}).') from error


def _dtype_name(dtype):
    return getattr(dtype, 'name', None) or str(dtype)


def _is_readable_as(array, dtype_name):
    # Keras counts an optimizer's steps in int64 under TensorFlow and in int32 under JAX.
    if {array.dtype.name, dtype_name} == {'int32', 'int64'} and array.size:
        bounds = np.iinfo(dtype_name)
        return bounds.min <= array.min() and array.max() <= bounds.max
    return array.dtype.name == dtype_name


def _write_durably(path, data):
    with open(path, 'wb') as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
