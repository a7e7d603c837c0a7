"""The models and versions of a server: what is wanted, what is loaded, and who is using it.

A version goes START, LOADING, AVAILABLE, UNLOADING, END, and stays listed at END, with its error if it failed. The
newest wanted version is loaded first; an unwanted one goes when a wanted one is available, or when none is wanted,
and never under a running request.
"""

import concurrent.futures
import contextlib
import dataclasses
import logging
import os
import threading

from stylegan_serving.local_server import errors

START, LOADING, AVAILABLE, UNLOADING, END = 'START', 'LOADING', 'AVAILABLE', 'UNLOADING', 'END'

_log = logging.getLogger(__name__)


@dataclasses.dataclass
class _Version:
    model: str
    number: int
    path: str
    state: str = START
    error: errors.ServingError | None = None  # of the last attempt; shown at END
    servable: object = None
    is_wanted: bool = True
    is_busy: bool = False  # waits for a loading thread, or has one
    failures: int = 0  # since the folder last changed
    fingerprint: object = None  # of the folder when it was last loaded
    retry: threading.Timer | None = None


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """What GetModelStatus says of a version; `error` is None unless loading it failed."""

    version: int
    state: str
    error: errors.ServingError | None


class Catalog:
    """Loads and unloads versions on threads of its own; all methods may be called from any thread."""

    def __init__(self, load, *, load_threads=1, load_retries=5, retry_interval_seconds=60.0):
        """Makes an empty catalog.

        Args:
            load: Function (name, version, path) -> `servable.Servable`, warmed up; raises ServingError.
            load_threads: Versions that are loaded at the same time.
            load_retries: Further attempts after a failed one.
            retry_interval_seconds: Time between them. Nothing else waits meanwhile.
        """
        self._load = load
        self._load_retries = load_retries
        self._retry_interval_seconds = retry_interval_seconds
        self._threads = concurrent.futures.ThreadPoolExecutor(max(1, load_threads), 'load')
        # Unloading waits for running requests, so it has threads of its own.
        self._unload_threads = concurrent.futures.ThreadPoolExecutor(8, 'unload')
        self._changed = threading.Condition(threading.RLock())
        self._models = {}  # name -> {number: _Version}
        self._labels = {}  # name -> {label: number}
        self._is_closed = False

    @contextlib.contextmanager
    def open(self, name, version=None, label=None):
        """Holds an available version for the time of a request.

        Args:
            name: The model.
            version: A version's number; None for the highest that is available.
            label: Instead of the number; '' is a label too.
        Yields:
            The servable.
        Raises:
            ServingError: NOT_FOUND; INVALID_ARGUMENT for an unknown label.
        """
        servable = self._acquire(name, version, label)
        try:
            yield servable
        finally:
            servable.release()

    def _acquire(self, name, version, label):
        with self._changed:
            if label is not None:
                version = self._labels.get(name, {}).get(label)
                if version is None:
                    raise errors.ServingError('INVALID_ARGUMENT', f'Unrecognized servable version label: {label}')
            available = {number: entry for number, entry in self._models.get(name, {}).items()
                         if entry.state == AVAILABLE}
            wanted = max(available, default=None) if version is None else version
            if wanted not in available:
                request = f'Latest({name})' if version is None else f'Specific({name}, {version})'
                raise errors.ServingError('NOT_FOUND', f'Servable not found for request: {request}')
            available[wanted].servable.acquire()
            return available[wanted].servable

    def status(self, name, version=None):
        """The states of a model's versions, newest first.

        Returns:
            List of VersionStatus.
        Raises:
            ServingError: NOT_FOUND if nothing is known of the model or version.
        """
        with self._changed:
            entries = self._models.get(name, {})
            if version is not None and version not in entries:
                raise errors.ServingError('NOT_FOUND', f'Could not find version {version} of model {name}')
            if not entries:
                raise errors.ServingError('NOT_FOUND', f'Could not find any versions of model {name}')
            return [VersionStatus(number, entry.state, entry.error if entry.state == END else None)
                    for number, entry in sorted(entries.items(), reverse=True) if version in (None, number)]

    def available(self):
        """List of (model, version) that answer requests."""
        with self._changed:
            return [(name, number) for name, entries in sorted(self._models.items())
                    for number, entry in sorted(entries.items()) if entry.state == AVAILABLE]

    def is_available(self, name, version):
        """Whether a version answers requests."""
        return (name, version) in self.available()

    def labels(self):
        """Dict model -> dict label -> version."""
        with self._changed:
            return {name: dict(labels) for name, labels in self._labels.items()}

    def set_labels(self, labels):
        """Replaces all labels; `labels` as `labels()` returns them."""
        with self._changed:
            self._labels = {name: dict(of_model) for name, of_model in labels.items()}

    def want(self, name, versions):
        """Says which versions of a model shall be served; loads and unloads in the background.

        A version that failed is tried again when its folder has changed, however many retries are left.

        Args:
            name: The model.
            versions: Dict number -> path of the version's folder.
        """
        found = {number: fingerprint(versions[number]) for number in self._failed_numbers(name) & versions.keys()}
        with self._changed:
            if self._is_closed:
                return
            entries = self._models.setdefault(name, {}) if versions else self._models.get(name, {})
            for number, path in versions.items():
                if number not in entries:
                    entries[number] = _Version(name, number, path, is_wanted=False)
                entries[number].path = path
            for number, entry in entries.items():
                entry.is_wanted = number in versions
                if found.get(number, entry.fingerprint) != entry.fingerprint:
                    self._forget_failure(entry)
            self._advance(name)
            self._changed.notify_all()

    def _failed_numbers(self, name):
        with self._changed:
            return {number for number, entry in self._models.get(name, {}).items() if entry.error is not None}

    def _forget_failure(self, entry):
        if not entry.is_busy:
            entry.error, entry.failures = None, 0
            if entry.retry:
                entry.retry.cancel()
                entry.retry = None

    def _advance(self, name):
        """Starts the loads and unloads that are due. Called with the lock held."""
        entries = self._models.get(name, {})
        for _, entry in sorted(entries.items(), reverse=True):
            is_due = entry.state not in (AVAILABLE, UNLOADING) and entry.error is None and not entry.is_busy
            if entry.is_wanted and is_due:
                self._submit(entry)
        wanted = [entry for entry in entries.values() if entry.is_wanted]
        if wanted and not any(entry.state == AVAILABLE for entry in wanted):
            return
        for entry in entries.values():
            if not entry.is_wanted and entry.state == AVAILABLE:
                entry.state = UNLOADING
                self._unload_threads.submit(self._unload, entry)

    def _submit(self, entry):
        entry.is_busy = True
        self._threads.submit(self._load_version, entry)

    def _load_version(self, entry):
        found = fingerprint(entry.path)
        with self._changed:
            if self._is_closed or not entry.is_wanted:
                self._end(entry, entry.error)
                return
            entry.state, entry.fingerprint = LOADING, found
            self._changed.notify_all()
        servable, error = None, None
        try:
            servable = self._load(entry.model, entry.number, entry.path)
        except errors.ServingError as failure:
            error = failure
        except Exception as failure:  # the outermost loop of a worker
            _log.exception('Loading %s version %d', entry.model, entry.number)
            error = errors.ServingError('INTERNAL', f'{type(failure).__name__}: {failure}')
        with self._changed:
            entry.is_busy, entry.error = False, error
            if error:
                self._failed(entry)
            else:
                entry.servable, entry.state, entry.failures = servable, AVAILABLE, 0
                _log.info('Loaded %s version %d from %s', entry.model, entry.number, entry.path)
            self._advance(entry.model)
            self._changed.notify_all()

    def _failed(self, entry):
        entry.failures += 1
        attempts_left = self._load_retries + 1 - entry.failures
        is_over = attempts_left <= 0 or not entry.is_wanted or self._is_closed
        outlook = '' if is_over else (
            f' (tried again in {self._retry_interval_seconds:g} s, {attempts_left} times left)')
        _log.error('Loading %s version %d failed: %s%s', entry.model, entry.number, _one_line(entry.error), outlook)
        if is_over:
            self._end(entry, entry.error)
            return
        entry.retry = threading.Timer(self._retry_interval_seconds, self._try_again, [entry])
        entry.retry.daemon = True
        entry.retry.start()

    def _try_again(self, entry):
        with self._changed:
            if entry.retry is not threading.current_thread():
                return
            entry.retry = None
            if self._is_closed or not entry.is_wanted:
                self._end(entry, entry.error)
            else:
                self._submit(entry)

    def _end(self, entry, error):
        entry.state, entry.error, entry.servable, entry.is_busy = END, error, None, False
        self._changed.notify_all()

    def _unload(self, entry):
        entry.servable.wait_until_idle()
        entry.servable.close()
        with self._changed:
            self._end(entry, None)
            _log.info('Unloaded %s version %d', entry.model, entry.number)
            self._advance(entry.model)

    def wait_until_settled(self, names, *, is_first_failure_enough=False):
        """Waits until the wanted versions of some models are available or have failed.

        Args:
            names: The models; one of which no version is wanted is waited for.
            is_first_failure_enough: Whether a version that failed once counts, though it will be tried again.
        Returns:
            Dict (model, version) -> ServingError of the models whose highest wanted version failed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or all(
                self._is_settled(name, is_first_failure_enough) for name in names))
            failed = {}
            for name in names:
                wanted = [entry for entry in self._models.get(name, {}).values() if entry.is_wanted]
                newest = max(wanted, key=lambda entry: entry.number, default=None)
                if newest and newest.state != AVAILABLE:
                    failed[name, newest.number] = newest.error or errors.ServingError(
                        'UNAVAILABLE', 'not loaded yet')
            return failed

    def _is_settled(self, name, is_first_failure_enough):
        wanted = [entry for entry in self._models.get(name, {}).values() if entry.is_wanted]
        return bool(wanted) and all(
            entry.state == AVAILABLE or (entry.state == END and entry.error is not None)
            or (is_first_failure_enough and entry.failures > 0) for entry in wanted)

    def close(self):
        """Ends retries and waiting, and unloads everything when its requests are done."""
        with self._changed:
            self._is_closed = True
            entries = [entry for of_model in self._models.values() for entry in of_model.values()]
            for entry in entries:
                if entry.retry:
                    entry.retry.cancel()
                entry.is_wanted = False
            self._changed.notify_all()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._unload_threads.shutdown(wait=False)


def fingerprint(path):
    """What a folder looks like: names, sizes and times of its files. Equal while nothing in it changes."""
    found = []
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                facts = os.stat(os.path.join(folder, name))
                found.append((folder, name, facts.st_size, facts.st_mtime_ns, facts.st_ino))
    return tuple(sorted(found))


def _one_line(error):
    return f'{error.code}: {error.message}'.split('\n\t [[')[0].replace('\n', ' ')
