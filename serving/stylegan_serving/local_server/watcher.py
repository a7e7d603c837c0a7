"""Looks again and again: at the folders of the models for versions, and at the config file."""

import dataclasses
import logging
import os
import threading
import time

from stylegan_serving.local_server import errors

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class WatchedModel:
    """Where a model's versions are, and which of them are served.

    Attributes:
        base_path: Folder or URI that holds a folder for each version.
        policy: 'latest', 'all' or 'specific'.
        count: How many of the newest, for 'latest'.
        versions: Their numbers, for 'specific'.
    """

    base_path: str
    policy: str = 'latest'
    count: int = 1
    versions: tuple[int, ...] = ()


def find_versions(name, model):
    """The versions on disk that a model's policy picks.

    Args:
        name: The model, for the messages.
        model: WatchedModel.
    Returns:
        Dict number -> path of the version's folder; never empty.
    Raises:
        ServingError: NOT_FOUND if there is no base path or no version in it.
    """
    found = {}
    for entry in _subfolders(name, model.base_path):
        if entry.isdecimal() and entry.isascii():
            found[int(entry)] = os.path.join(model.base_path, entry)
    if not found:
        raise errors.ServingError(
            'NOT_FOUND', f'No versions of servable {name} found under base path {model.base_path}. Did you forget to '
            "name your leaf directory as a number (eg. '/1/')?")
    if model.policy == 'specific':
        picked = {number: found[number] for number in model.versions if number in found}
        if not picked:
            raise errors.ServingError(
                'NOT_FOUND', f'None of the versions {_listed(model.versions)} of servable {name} found under base path '
                f'{model.base_path}. It has {_listed(found)}.')
        return picked
    newest = sorted(found, reverse=True)[:None if model.policy == 'all' else model.count]
    return {number: found[number] for number in newest}


def _subfolders(name, base_path):
    missing = errors.ServingError('NOT_FOUND', f'Could not find base path {base_path} for servable {name} with error '
                                  f'NOT_FOUND: {base_path} not found')
    if '://' in base_path:
        import tensorflow as tf
        try:
            return [entry.rstrip('/') for entry in tf.io.gfile.listdir(base_path)]
        except tf.errors.NotFoundError as error:
            raise missing from error
    try:
        with os.scandir(base_path) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except FileNotFoundError as error:
        raise missing from error


class VersionWatcher:
    """Tells a catalog which versions are wanted, at once and then again and again."""

    def __init__(self, catalog, poll_seconds):
        """Args:
            catalog: `catalog.Catalog`.
            poll_seconds: Time between two looks; 0 and less for no further looks.
        """
        self._catalog = catalog
        self._poll_seconds = poll_seconds
        self._models = {}
        self._complaints = {}
        self._changed = threading.Condition()
        self._next_look = None  # time.monotonic(); None without polling
        self._is_stopped = False

    def set_models(self, models):
        """Replaces what is watched; versions of models that are left out are unloaded.

        New models are looked at now. Those that are there already wait for the next look, as in the original: until
        then a label may be put on a version that the new policy drops.

        Args:
            models: Dict name -> WatchedModel.
        """
        with self._changed:
            for name in self._models.keys() - models.keys():
                self._complaints.pop(name, None)
                self._catalog.want(name, {})
            new = models.keys() - self._models.keys()
            self._models = dict(models)
            self._look(new if self._next_look else models)
            if self._next_look:
                self._next_look = time.monotonic() + self._poll_seconds
                self._changed.notify_all()

    def start(self):
        """Looks at the folders from now on, on a thread of its own."""
        if self._poll_seconds > 0:
            self._next_look = time.monotonic() + self._poll_seconds
            threading.Thread(target=self._run, name='versions', daemon=True).start()

    def stop(self):
        """Ends the looking."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def _run(self):
        with self._changed:
            while not self._is_stopped:
                remaining = self._next_look - time.monotonic()
                if remaining > 0:
                    self._changed.wait(remaining)
                    continue
                self._look(self._models)
                self._next_look = time.monotonic() + self._poll_seconds

    def _look(self, names):
        for name in names:
            model = self._models[name]
            try:
                versions, complaint = find_versions(name, model), None
            except errors.ServingError as error:
                versions, complaint = {}, error.message
            except Exception as error:  # a folder that cannot be listed now; what is loaded stays
                versions, complaint = None, f'Cannot list {model.base_path} of {name}: {error}'
            if complaint and complaint != self._complaints.get(name):
                _log.warning('%s', complaint)
            self._complaints[name] = complaint
            if versions is not None:
                self._catalog.want(name, versions)


class ConfigWatcher:
    """Applies a config file again when it has changed; a bad one is logged and the old config stays."""

    def __init__(self, path, applied_text, read, apply, poll_seconds):
        """Args:
            path: The file.
            applied_text: Its text as it was applied at the start.
            read: Function of the path that returns (text, parsed config); raises ServingError.
            apply: Function of the parsed config; raises ServingError.
            poll_seconds: Time between two looks.
        """
        self._path, self._read, self._apply = path, read, apply
        self._poll_seconds = poll_seconds
        self._applied_text = applied_text
        self._complaint = None
        self._stop = threading.Event()

    def start(self):
        """Looks at the file from now on, on a thread of its own."""
        threading.Thread(target=self._run, name='config', daemon=True).start()

    def stop(self):
        """Ends the looking."""
        self._stop.set()

    def _run(self):
        while not self._stop.wait(self._poll_seconds):
            self.look()

    def look(self):
        """Looks once. A config that was refused is tried each time: a label may wait for its version to load."""
        try:
            text, config = self._read(self._path)
            if text == self._applied_text:
                return
            self._apply(config)
        except errors.ServingError as error:
            if error.message != self._complaint:
                _log.error('The config of %s was not applied: %s', self._path, error.message)
            self._complaint = error.message
            return
        self._applied_text, self._complaint = text, None
        _log.info('Applied the config of %s', self._path)


def _listed(numbers):
    return ', '.join(map(str, sorted(numbers)))
