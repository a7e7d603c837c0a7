"""What a run tells while it goes: metrics.jsonl, the progress line, and the wish to stop."""

import json
import math
import os
import pathlib
import signal
import sys
import threading

from stylegan_tf.training import run_folder


class MetricsLog:
    """metrics.jsonl: one JSON object a line, in rising order of step.

    Args:
        path: The file; made at the first line.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def append(self, row):
        """Adds the dict `row`; numbers that JSON cannot hold (nan, inf) become null.

        Raises:
            RunFolderError: If the line cannot be written.
        """
        line = json.dumps({name: _json_value(value) for name, value in row.items()}) + '\n'
        try:
            with open(self.path, 'a', encoding='utf-8') as file:
                file.write(line)
        except OSError as error:
            raise run_folder.explain_os_error(error, self.path) from error

    def cut_back(self, step):
        """Drops the lines after `step` and a half written one, so that none appears twice."""
        if self.path.exists():
            kept = [row for row in read_metrics(self.path) if row['step'] <= step]
            text = ''.join(json.dumps(row) + '\n' for row in kept)
            run_folder.write_atomically(self.path, text)


    def add_missing_events(self, events):
        """Adds those rows of `events` that are not in the file, which a kill can leave out.

        Args:
            events: Dicts with 'event', what happened, besides 'step'.
        """
        known = [row for row in read_metrics(self.path) if 'event' in row]
        for event in json.loads(json.dumps(events)):
            if event not in known:
                self.append(event)


def read_metrics(path):
    """Returns the rows of metrics.jsonl as dicts; lines cut short by a kill are left out."""
    path = pathlib.Path(path)
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding='utf-8', errors='replace').splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get('step'), int):
            rows.append(row)
    return rows


class ProgressLine:
    """Prints one line a tick; on a terminal it also rewrites a short line in between.

    Args:
        total_steps: Steps of the whole run.
        batch_size: Images a step.
        stream: Where to print; standard output when None.
    """

    def __init__(self, total_steps, batch_size, stream=None):
        self._total = total_steps
        self._batch_size = batch_size
        self._stream = stream or sys.stdout
        self._live = hasattr(self._stream, 'isatty') and self._stream.isatty()
        self._open_columns = 0

    def note(self, text):
        """Prints a line of its own."""
        self._print(text)

    def step(self, step, seconds_a_step):
        """Rewrites the live line; does nothing where the output is not a terminal."""
        if self._live:
            text = self._position(step, seconds_a_step)
            self._stream.write('\r' + text.ljust(self._open_columns))
            self._stream.flush()
            self._open_columns = len(text)

    def tick(self, step, seconds_a_step, numbers):
        """Prints position, speed, time left and the dict `numbers` of loss terms."""
        terms = '  '.join(f'{name} {_short(value)}' for name, value in numbers.items())
        self._print(f'{self._position(step, seconds_a_step)}  {terms}')

    def _position(self, step, seconds_a_step):
        share = 100 * step / self._total
        text = f'step {step:,}/{self._total:,} {share:.1f}%'
        if seconds_a_step:
            left = (self._total - step) * seconds_a_step
            speed = self._batch_size / seconds_a_step
            text += f'  {_short(speed)} images/s  {duration(left)} left'
        return text

    def _print(self, text):
        if self._live and self._open_columns:
            self._stream.write('\r' + ' ' * self._open_columns + '\r')
            self._open_columns = 0
        self._stream.write(text + '\n')
        self._stream.flush()


class StopRequest:
    """Turns SIGTERM and SIGINT into a wish that the loop grants after the running step.

    A second SIGINT ends the process at once. Use as a context manager; outside the main thread,
    where handlers cannot be set, it never asks.
    """

    def __init__(self, notify=print):
        self.reason = None
        self._notify = notify
        self._previous = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *unused):
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def _handle(self, number, unused_frame):
        if self.reason == 'SIGINT' and number == signal.SIGINT:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        first = self.reason is None
        self.reason = signal.Signals(number).name
        if first:
            self._notify(f'{self.reason}: finishing this step, then saving and stopping.')


def duration(seconds):
    """Formats seconds as '3d 4h', '2h 05m', '7m 12s' or '9s'."""
    if not math.isfinite(seconds):
        return 'unknown'
    seconds = round(seconds)
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    if days:
        return f'{days}d {hours}h'
    if hours:
        return f'{hours}h {minutes:02d}m'
    if minutes:
        return f'{minutes}m {rest:02d}s'
    return f'{rest}s'


def _short(value):
    return f'{value:.3g}' if abs(value) < 1000 else f'{value:,.0f}'


def _json_value(value):
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
