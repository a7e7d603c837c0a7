"""Runs of the commands that turn pictures into pictures, and of the one that scores them."""

import contextlib
import hashlib
import pathlib
import signal
import threading

from stylegan_serving.client import folders
from stylegan_serving.client.stores import PictureStore, ScoreStore
from stylegan_tf import commands


def run(operation, function, call_flags, settings, *, source, output, content=None, style=None, overwrite,
        has_provenance):
    """Makes a picture of each picture.

    Args:
        operation: Word for receipts and metadata, such as 'stylized'.
        function: From (client, list of `folders.Item`) to a list of results with `pixels`.
        call_flags: `call_flags.CallFlags`.
        settings: Dict of what decides a result besides the files and the model.
        source, output, content, style: As of `folders.plan`.
        overwrite, has_provenance: As of `stores.PictureStore`.
    Returns:
        The command's exit code.
    """
    jobs = folders.plan(source, output, content=content, style=style)
    with call_flags.connect() as client:
        store = PictureStore({'operation': operation, 'model': str(client.spec), **settings}, _facts(client),
                             overwrite=overwrite, has_provenance=has_provenance)
        report = _finished(client, function, store, call_flags, jobs)
    print(report.text())
    if pathlib.Path(source).is_dir():
        failures = folders.write_failures(output, report)
        print(f'results in {output}' + (f', failures in {failures}' if failures else ''))
    elif report.done:
        print(jobs[0].output)
    return _exit_code(report)


def run_scores(function, call_flags, settings, *, source, output, content, style, false_alarm_rate):
    """Scores each picture into one report; arguments as of `run`, `output` being the report's path."""
    source, output = pathlib.Path(source), pathlib.Path(output)
    root = source if source.is_dir() else source.parent
    jobs = [folders.Job(path, output, *folders.references_of(path, root, content, style))
            for path in folders.find(source, output.with_name(f'{output.stem}_maps'))]
    with call_flags.connect() as client:
        store = ScoreStore(output, root, {'operation': 'scored', 'model': str(client.spec), **settings}, _facts(client),
                           false_alarm_rate=false_alarm_rate)
        report = _finished(client, function, store, call_flags, jobs)
    store.finish(jobs, report)
    print(report.text())
    print(output)
    return _exit_code(report)


def digest(prepared):
    """SHA-256 of a picture as it is sent."""
    return hashlib.sha256(prepared.encoded).hexdigest()


def _finished(client, function, store, call_flags, jobs):
    run = folders.FolderRun(lambda items: function(client, items), store, client.close,
                            batch_size=call_flags.batch_size.value, concurrency=call_flags.concurrency.value)
    with _termination_as_interrupt():
        return run.run(jobs)


def _facts(client):
    return {'model': client.spec.name, 'model_version': client.metadata().version, 'model_label': client.spec.label}


def _exit_code(report):
    if report.was_interrupted:
        return commands.INTERRUPTED
    return commands.DONE if report.is_complete else commands.SOME_FAILED


@contextlib.contextmanager
def _termination_as_interrupt():
    """SIGTERM ends a run as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_):
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
