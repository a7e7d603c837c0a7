"""Subjects that take turns on the same cores, so that other work on the machine disturbs all alike.

Ratios are taken turn by turn; their median is the number to quote, their smallest and largest its spread. CPU seconds
hardly notice other work, wall seconds do.
"""

import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from stylegan_tf import commands

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is measured.

    Attributes:
        name: As tables call it.
        target: 'module:function', as benchmarks.subject takes it.
        arguments: Dict of the function's named arguments.
    """

    name: str
    target: str
    arguments: dict = dataclasses.field(default_factory=dict)


class Process:
    """A subject at work on `cores` cores; what it prints goes to the end of the open binary file `log`."""

    def __init__(self, subject, cores, log):
        path = os.pathsep.join([str(ROOT), str(ROOT / 'tools'), os.environ.get('PYTHONPATH', '')])
        self.subject, self._log, self._log_start = subject, log, log.seek(0, os.SEEK_END)
        command = [sys.executable, '-m', 'benchmarks.subject', subject.target, str(cores),
                   json.dumps(subject.arguments)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                                         env={**os.environ, 'PYTHONPATH': path})
        self.preparation = None  # numbers of the time until it could work, once `prepare` has returned

    def prepare(self):
        """Waits until it can work."""
        self.preparation = self._answer()

    def work(self, task):
        """Dict of numbers of one piece of work."""
        print(json.dumps(task), file=self._process.stdin, flush=True)
        return self._answer()

    def close(self):
        """Ends it."""
        self._process.stdin.close()
        self._process.stdout.close()
        if self._process.wait(60):
            self._process.kill()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self._log.seek(self._log_start)
            raise failure(self.subject.name, code, self._log.read().decode(errors='replace'))
        return json.loads(line)


@contextlib.contextmanager
def processes(subjects, cores, log_path=None):
    """Context: list of Processes of the subjects, ready to work, prepared one after another."""
    with contextlib.ExitStack() as stack:
        started = []
        for subject in subjects:
            opened = functools.partial(open, log_path, 'a+b') if log_path else tempfile.TemporaryFile
            process = Process(subject, cores, stack.enter_context(opened()))
            stack.callback(process.close)
            process.prepare()
            started.append(process)
        yield started


def failure(name, code, said):
    """UsageError that names a process, its exit code and the last line of what it printed."""
    lines = [line for line in said.splitlines() if line.strip()]
    return commands.UsageError(f'{name} ended with code {code}: {lines[-1].strip() if lines else "it said nothing"}')


def take(workers, tasks, rounds, warm_ups=1):
    """Lets all work at each task in turns.

    Args:
        workers: List of Process.
        tasks: List of tasks; each is given to all subjects before the next one.
        rounds: Turns of each that count.
        warm_ups: Turns before them.

    Returns:
        List, by task, of dict subject name -> list of the numbers of each turn.
    """
    results = []
    for task in tasks:
        turns = {worker.subject.name: [] for worker in workers}
        for turn in range(warm_ups + rounds):
            for worker in workers:
                numbers = worker.work(task)
                if turn >= warm_ups:
                    turns[worker.subject.name].append(numbers)
        results.append(turns)
    return results


def column(turns, name):
    """List of one number of each turn."""
    return [numbers[name] for numbers in turns]


def ratio(ours, theirs):
    """Dict of the median, smallest and largest ratio of two lists, turn by turn."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return {'median': statistics.median(ratios), 'smallest': min(ratios), 'largest': max(ratios)}
