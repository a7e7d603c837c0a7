"""Folders in, folders out: many files over one client, with progress, resuming and a report of what failed.

A run keeps several requests of several files under way. Whatever a store has finished is skipped when the same command
runs again, so that an interrupted or broken run is continued by repeating it.
"""

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import json
import pathlib
import sys
import threading

import tqdm

from stylegan_serving.client import pictures
from stylegan_serving.client.errors import RowsError, ServerError
from stylegan_tf import files, images

NOT_WRITTEN = ('.gif', '.pgm', '.ppm')  # can be read; results are written as PNG
_FATAL_CODES = ('UNAVAILABLE', 'NOT_FOUND', 'UNAUTHENTICATED', 'PERMISSION_DENIED', 'UNIMPLEMENTED', 'CANCELLED',
                'FAILED_PRECONDITION')
_GIVE_UP_AFTER = 3  # requests without an answer, one after another: the server hangs
_LAST_WORDS_SECONDS = 10  # for requests under way when the run is interrupted


class FolderError(Exception):
    """A run that cannot begin or go on; the message says what to do."""


@dataclasses.dataclass(frozen=True)
class Job:
    """One picture, where its result goes, and what it was made from and of where scoring compares them."""

    source: pathlib.Path
    output: pathlib.Path
    content: pathlib.Path | None = None
    style: pathlib.Path | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Item:
    """A job under way: its pictures, and what decides its result."""

    job: Job
    picture: pictures.Prepared
    content: pictures.Prepared | None
    identity: dict
    style: pictures.Prepared | None = None


@dataclasses.dataclass
class Report:
    """What became of the jobs."""

    done: list = dataclasses.field(default_factory=list)  # jobs
    skipped: list = dataclasses.field(default_factory=list)  # jobs finished before
    failures: list = dataclasses.field(default_factory=list)  # (path, reason)
    unfinished: int = 0  # neither tried nor finished
    stopped_by: str | None = None  # why the run ended early
    was_interrupted: bool = False

    def text(self):
        """A few lines for people; every failure is named."""
        parts = [f'{len(self.done)} done', f'{len(self.skipped)} skipped (finished before)',
                 f'{len(self.failures)} failed']
        if self.unfinished:
            parts.append(f'{self.unfinished} not tried')
        lines = [', '.join(parts), *(f'  failed: {reason}' for _, reason in self.failures)]
        if self.stopped_by:
            lines.append(f'Stopped: {self.stopped_by}')
        if self.unfinished:
            lines.append('The same command again does the rest.')
        return '\n'.join(lines)

    def as_dict(self):
        """For a JSON file."""
        return {'done': len(self.done), 'skipped': len(self.skipped), 'not_tried': self.unfinished,
                'stopped_by': self.stopped_by, 'was_interrupted': self.was_interrupted,
                'failures': [{'file': str(path), 'reason': reason} for path, reason in self.failures]}

    @property
    def is_complete(self):
        return not (self.failures or self.unfinished or self.was_interrupted)


class FolderRun:
    """Does jobs over a client.

    Args:
        function: From a list of `Item` to a list of results, one each, or RowsError; called in several threads.
        store: Has `identity(job, digests)`, `is_finished(job, identity)` and `save(item, result)`, called in several
            threads; the latter two may raise `images.ImageError` for this file.
        close: Function that ends requests under way, for an interrupted run.
        batch_size: Files in one request.
        concurrency: Requests at a time.
    """

    def __init__(self, function, store, close, *, batch_size, concurrency):
        self._function = function
        self._store = store
        self._close = close
        self._batch_size = batch_size
        self._concurrency = concurrency
        self._report = Report()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._unanswered = 0

    def run(self, jobs, *, show_progress=True):
        """Does the jobs; a bad file is noted and the others go on.

        Returns:
            Report.
        Raises:
            InputError: If the model cannot do this at all.
            FolderError: If results cannot be written.
        """
        interval = 0.1 if sys.stderr.isatty() else 30
        batches = [jobs[at:at + self._batch_size] for at in range(0, len(jobs), self._batch_size)]
        with (tqdm.tqdm(total=len(jobs), unit='picture', mininterval=interval,
                        disable=not show_progress or len(jobs) < 2) as self._bar,
              concurrent.futures.ThreadPoolExecutor(self._concurrency) as pool):
            futures = set()
            try:
                for batch in batches:
                    if self._stopping.is_set():
                        break
                    if len(futures) >= 2 * self._concurrency:
                        futures = self._collect(futures)
                    futures.add(pool.submit(self._do, batch))
                while futures:
                    futures = self._collect(futures)
            except KeyboardInterrupt:
                self._report.was_interrupted = True
                self._report.stopped_by = 'interrupted'
                self._finish_under_way(futures)
            except BaseException:
                self._stopping.set()
                self._close()
                raise
        report = self._report
        report.failures.sort(key=lambda failure: str(failure[0]))
        report.unfinished = len(jobs) - len(report.done) - len(report.skipped) - len(report.failures)
        return report

    def _collect(self, futures):
        finished, rest = concurrent.futures.wait(futures, return_when=concurrent.futures.FIRST_COMPLETED)
        for future in finished:
            future.result()
        return rest

    def _finish_under_way(self, futures):
        self._stopping.set()
        with contextlib.suppress(KeyboardInterrupt):
            concurrent.futures.wait(futures, timeout=_LAST_WORDS_SECONDS)
        self._close()

    def _do(self, jobs):
        """One request; called in a thread."""
        if self._stopping.is_set():
            return
        items = [item for item in map(self._opened, jobs) if item is not None]
        if not items:
            return
        try:
            results, failures = self._function(items), {}
            self._unanswered = 0
        except RowsError as error:
            results, failures = error.results, error.failures
        except ServerError as error:
            if self._is_fatal(error):
                self._stop(error)
                return
            results, failures = [None] * len(items), {row: str(error) for row in range(len(items))}
        for row, item in enumerate(items):
            if row in failures:
                self._fail(item.job, failures[row])
            else:
                self._save(item, results[row])

    def _opened(self, job):
        """Item of a job that is to be done, or None."""
        try:
            digests = {role: _sha256(_read(path)) for role, path in (
                ('image', job.source), ('content', job.content), ('style', job.style)) if path is not None}
            identity = self._store.identity(job, digests)
            if self._store.is_finished(job, identity):
                self._note(self._report.skipped, job)
                return None
            content, style = (None if path is None else pictures.prepare(path) for path in (job.content, job.style))
            return Item(job, pictures.prepare(job.source), content, identity, style)
        except images.ImageError as error:
            self._fail(job, str(error))
            return None

    def _save(self, item, result):
        try:
            self._store.save(item, result)
        except images.ImageError as error:
            self._fail(item.job, str(error))
        else:
            self._note(self._report.done, item.job)

    def _fail(self, job, reason):
        reason = ' '.join(reason.split())
        self._note(self._report.failures,
                   (job.source, reason if str(job.source) in reason else f'{job.source}: {reason}'))

    def _note(self, entries, entry):
        with self._lock:
            entries.append(entry)
            self._bar.update()

    def _is_fatal(self, error):
        if error.code == 'DEADLINE_EXCEEDED':
            self._unanswered += 1
            return self._unanswered >= _GIVE_UP_AFTER
        return error.is_connection or error.code in _FATAL_CODES

    def _stop(self, error):
        with self._lock:
            if not self._stopping.is_set():
                self._report.stopped_by = str(error)
            self._stopping.set()


def plan(source, output, *, content=None, style=None):
    """Decides which files to make.

    Args:
        source: Picture file, or folder of pictures at any depth.
        output: File or folder for one picture; folder for a folder, whose structure is kept.
        content, style: File for all pictures, or folder that holds one of the same name below it for each; None for
            none.
    Returns:
        List of Job.
    Raises:
        FolderError: If there is nothing to do, or a result would overwrite a source.
    """
    source, output = pathlib.Path(source), pathlib.Path(output)
    if source.is_file():
        if output.is_dir() or not output.suffix:
            output = output / _result_name(source)
        elif output.suffix.lower() not in images.IMAGE_SUFFIXES or output.suffix.lower() in NOT_WRITTEN:
            raise FolderError(f'--output: pictures cannot be written as {output.suffix!r}. Use .png, .jpg, .webp, .tif '
                              'or .bmp, or give a folder.')
        if output.exists() and output.samefile(source):
            raise FolderError(f'--output: {output} is the source itself, which is never overwritten.')
        return [Job(source, output, *references_of(source, source.parent, content, style))]
    if source.is_dir() and (output.is_file() or output.suffix.lower() in images.IMAGE_SUFFIXES):
        raise FolderError(f'Results of a folder need a folder. Received --output={output}.')
    return [Job(path, output / path.relative_to(source).with_name(_result_name(path)),
                *references_of(path, source, content, style)) for path in find(source, output)]


def find(source, output):
    """Pictures of a folder, or the one file; without results of an earlier run.

    Raises:
        FolderError: If there are none, or the folders are the same.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise FolderError(f'{source} is neither a file nor a folder.')
    if output.exists() and output.samefile(source):
        raise FolderError('--output is the folder of the sources, which are never overwritten.')
    inside = output.resolve()
    paths = [path for path in images.find_images(source) if inside not in path.resolve().parents]
    if not paths:
        raise FolderError(f'No pictures below {source} ({", ".join(images.IMAGE_SUFFIXES)}).')
    return paths


def write(path, data):
    """Writes a file, whole or not at all; missing folders are made. Raises FolderError where that fails."""
    try:
        files.write_whole(path, data)
    except OSError as error:
        raise FolderError(f'Cannot write {path}: {error.strerror or error}. Check that the folder is writable and the '
                          'disk has space; then run the same command again, what is finished is kept.') from error


def write_json(path, document):
    """Writes a JSON file, whole or not at all."""
    write(path, (json.dumps(document, indent=2) + '\n').encode())


def write_failures(folder, report):
    """Writes FOLDER/failures.json, or removes an older one where nothing failed; its path or None."""
    path = pathlib.Path(folder) / 'failures.json'
    if report.is_complete:
        path.unlink(missing_ok=True)
        return None
    write_json(path, report.as_dict())
    return path


def references_of(path, folder, content, style):
    """(content, style) that a picture below a folder was made of; `plan` describes them. None for None."""
    return tuple(_reference_of(path, folder, role, given) for role, given in (('content', content), ('style', style)))


def references(items):
    """Dict role -> prepared references of items, where they have them: arguments of `Client.score`."""
    return {role: [getattr(item, role) for item in items] for role in ('content', 'style')
            if getattr(items[0], role) is not None}


def _reference_of(path, folder, role, given):
    if given is None:
        return None
    given = pathlib.Path(given)
    if given.is_file():
        return given
    if not given.is_dir():
        raise FolderError(f'--{role}: {given} is neither a file nor a folder.')
    found = given / path.relative_to(folder)
    if not found.is_file():
        raise FolderError(f'--{role}: {found} is missing, the {role} that {path} was made from.')
    return found


def _result_name(path):
    # The whole name is kept, because a.gif, a.jpg and a.png may stand side by side.
    return f'{path.name}.png' if path.suffix.lower() in NOT_WRITTEN else path.name


def _read(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise images.ImageError(f'{path}: cannot be read: {error.strerror or error}.') from error


def _sha256(data):
    return hashlib.sha256(data).hexdigest()
