"""The run folder: one lock, one config.json, one place for every file of a run.

    WORKDIR/config.json   WORKDIR/metrics.jsonl   WORKDIR/report.html
    WORKDIR/checkpoints/  WORKDIR/samples/        WORKDIR/tensorboard/
    WORKDIR/explained.json  what was learnt; WORKDIR/faces/  portraits cut out, where a system wants them

Imports no TensorFlow.
"""

import errno
import fcntl
import importlib.metadata
import json
import os
import pathlib
import platform
import shutil

from stylegan_tf import configs

TEMPORARY_PREFIX = '.incomplete-'
PREVIOUS_PREFIX = 'previous-'
CONFIG_FILE = 'config.json'
METRICS_FILE = 'metrics.jsonl'
REPORT_FILE = 'report.html'
EXPLAINED_FILE = 'explained.json'
LOCK_FILE = '.lock'

# Settings that do not change what a step computes, so that a run may be continued with others.
FREE_SETTINGS = frozenset({
    'tick_seconds', 'snapshot_images', 'snapshot_seconds', 'keep_checkpoints', 'best_metric',
    'patience', 'evaluation_images', 'metrics', 'metric_images', 'max_rollbacks', 'rollback_learning_rate',
    'accumulation_steps',
})

_PACKAGES = ('stylegan-tf', 'tensorflow', 'jax', 'keras', 'numpy', 'safetensors', 'pillow',
             'opencv-python-headless')


class RunFolderError(Exception):
    """A run folder cannot be used, read or written; the message says what to do."""


def explain_os_error(error, path):
    """Turns an OSError met while writing `path` into a RunFolderError with one clear line."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        reason = ('the disk is full, or a limit is reached; free some space and run the same '
                  'command again')
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        reason = 'the folder is not writable; change its permissions or choose another --workdir'
    elif error.errno == errno.ENOTDIR:
        reason = 'a part of this path is a file, not a folder; choose another --workdir'
    else:
        reason = (error.strerror or str(error)) + '; see that the disk is well and run again'
    return RunFolderError(f'Cannot write {path}: {reason}.')


def write_atomically(path, data):
    """Writes bytes or text to `path` so that a reader sees the old or the new file, never half.

    Raises:
        RunFolderError: If the file cannot be written; the old file is then untouched.
    """
    path = pathlib.Path(path)
    data = data.encode() if isinstance(data, str) else data
    temporary = path.parent / f'{TEMPORARY_PREFIX}{path.name}'
    try:
        with open(temporary, 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        _remove_quietly(temporary)
        raise explain_os_error(error, path) from error


def fsync_folder(folder):
    """Makes renames inside `folder` durable against a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def package_versions():
    """Returns {'python': '3.11.2', 'tensorflow': '2.21.0', ...} without importing any of them."""
    versions = {'python': platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


class RunFolder:
    """A run folder held by this process; use as a context manager.

    Args:
        path: The folder; made when absent.

    Raises:
        RunFolderError: If the folder cannot be made or written, or another process trains in it.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.checkpoints = self.path / 'checkpoints'
        self.samples = self.path / 'samples'
        self.faces = self.path / 'faces'
        self.explained_file = self.path / EXPLAINED_FILE
        self.tensorboard = self.path / 'tensorboard'
        self.config_file = self.path / CONFIG_FILE
        self.metrics_file = self.path / METRICS_FILE
        self.report_file = self.path / REPORT_FILE
        self._lock = None

    def __enter__(self):
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            for folder in (self.checkpoints, self.samples):
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise explain_os_error(error, self.path) from error
        for folder in (self.path, self.checkpoints, self.samples):
            remove_leftovers(folder)
        return self

    def __exit__(self, *unused):
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self):
        self._lock = (self.path / LOCK_FILE).open('a+', encoding='utf-8')
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            holder = self._lock.read().strip() or 'unknown'
            self._lock.close()
            self._lock = None
            raise RunFolderError(
                f'Another process (id {holder}) is training in {self.path}. Wait for it, stop it, '
                'or choose another --workdir.') from None
        self._lock.truncate(0)
        self._lock.write(f'{os.getpid()}\n')
        self._lock.flush()

    def read_config(self):
        """Returns what config.json holds as a dict, or None in a new folder.

        Raises:
            RunFolderError: If the file is there and is not readable JSON.
        """
        return read_config(self.path)

    def write_config(self, record):
        """Writes the dict `record` to config.json, whole or not at all."""
        write_atomically(self.config_file, json.dumps(record, indent=2) + '\n')

    def set_aside(self):
        """Moves the files of an earlier run into WORKDIR/previous-NNN and returns that folder.

        Returns None when there was nothing to move.
        """
        names = [entry.name for entry in self.path.iterdir()
                 if entry.name != LOCK_FILE and not entry.name.startswith(PREVIOUS_PREFIX)]
        if not self.config_file.exists() and not any(self.checkpoints.iterdir()):
            return None
        number = 1
        while (self.path / f'{PREVIOUS_PREFIX}{number:03d}').exists():
            number += 1
        target = self.path / f'{PREVIOUS_PREFIX}{number:03d}'
        try:
            target.mkdir()
            for name in names:
                os.rename(self.path / name, target / name)
            self.checkpoints.mkdir()
            self.samples.mkdir()
        except OSError as error:
            raise explain_os_error(error, target) from error
        return target


def read_config(path):
    """Returns what WORKDIR/config.json holds as a dict, or None where there is none.

    Raises:
        RunFolderError: If the file is there and is not readable JSON.
    """
    file = pathlib.Path(path) / CONFIG_FILE
    try:
        return json.loads(file.read_text(encoding='utf-8'))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RunFolderError(
            f'{file} cannot be read ({error}). Restore it, or begin anew with --resume=never.'
        ) from error


def differences(old, new):
    """Lists where two flat or nested dicts differ, as (dotted name, old value, new value)."""
    found = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            found.extend((f'{name}.{inner}', a, b) for inner, a, b in differences(before, after))
        elif before != after:
            found.append((name, before, after))
    return found


def check_same_run(old, new, path):
    """Sees whether the run recorded as `old` can be continued as `new`.

    Args:
        old: The dict of config.json.
        new: The dict that this command would write.
        path: The run folder, for the message.

    Returns:
        Notes, list of str, about differences that are allowed.

    Raises:
        RunFolderError: Naming each setting that differs and what to do.
    """
    old, new = _comparable(old), _comparable(new)
    notes, refused = [], []
    for name, before, after in differences(old, new):
        setting = name.removeprefix('config.')
        line = f'{setting} was {before!r} and is now {after!r}'
        grows = setting == 'total_images' and _is_number(before) and after > before
        if setting.split('.')[0] in FREE_SETTINGS or grows:
            notes.append(line)
        else:
            refused.append(line)
    if refused:
        raise RunFolderError(
            f'The run in {path} cannot be continued with other settings: ' + '; '.join(refused)
            + '. Use the former settings, begin anew with --resume=never (the old run is kept in '
            f'{PREVIOUS_PREFIX}NNN), or choose another --workdir.')
    return notes


def remove_leftovers(folder):
    """Deletes what a killed process left half written in `folder`; returns the names."""
    removed = []
    for entry in sorted(pathlib.Path(folder).glob(f'{TEMPORARY_PREFIX}*')):
        _remove_quietly(entry)
        removed.append(entry.name)
    return removed


def flatten(values, prefix=''):
    """Yields (dotted name, value) of a nested dict, in its order."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flatten(value, f'{prefix}{name}.')
        else:
            yield f'{prefix}{name}', value


def through_json(values):
    """Returns `values` as JSON keeps them: tuples become lists, so that both compare equal."""
    return json.loads(json.dumps(values))


def _comparable(record):
    kept = through_json({key: record.get(key) for key in ('preset', 'seed', 'config', 'dataset')})
    return {**kept, 'config': _with_defaults(kept['config'])}


def _with_defaults(settings):
    # A run older than a setting was trained with what is now that setting's default.
    try:
        return through_json(configs.from_dict(settings).as_dict())
    except (configs.ConfigError, KeyError, TypeError):
        return settings


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _remove_quietly(path):
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
