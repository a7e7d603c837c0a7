"""The training loop: steps, ticks, snapshots, and how a run ends.

A tick writes a line of metrics.jsonl; a snapshot evaluates held-out images, draws samples, and
saves a checkpoint. Numbers stay on the device between ticks. Nothing here has random state, so the
position of a run is one integer, the step.
"""

import dataclasses
import resource
import sys
import time

from stylegan_tf import images
from stylegan_tf.training import checkpoints, explained, progress, run_folder, speed
from stylegan_tf.training.guardian import DivergenceError, Guardian, History, NotFiniteError, TrainingError

MAX_PENDING_STEPS = 1000


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended: 'finished', 'no_improvement', 'stopped' (by a signal) or 'failed'."""

    status: str
    step: int
    message: str


class Loop:
    """Drives an engine to the end of its run.

    Args:
        engine: Has `step` (int, steps done), `waited_seconds` (of its steps, for data) and `run_step()` -> dict of
            scalars, possibly still on the device; `restored()` tells it that the system's variables were replaced.
        system: The System that the engine trains; see `systems.system`.
        config: Its Config.
        folder: RunFolder held by this process.
        history: History, restored from the checkpoint on resume.
        held_out: `snapshots.HeldOut`, or None to make neither samples nor held-out numbers.
        measurements: `measurements.Measurements`, or None to measure no metrics.
        files_of: Callable from a step (counted from 0) to a dict role -> file names of its batch.
        skip: Callable (position, count) that makes the data leave those samples out.
        record: Dict of JSON values that every checkpoint.json repeats.
        observers: Objects with `tick(row)` and `snapshot(step, metrics, picture)` and
            `finish(outcome)`: report and TensorBoard.
        line: ProgressLine, or None for one on standard output.
        all_stop: Callable from whether this process wishes to stop to whether the run stops before the next step;
            called before each step. By default a wish is enough.
    """

    def __init__(self, engine, system, config, folder, *, history=None, held_out=None, measurements=None,
                 files_of=None, skip=None, record=None, observers=(), line=None, all_stop=bool):
        self._engine = engine
        self._system = system
        self._config = config
        self._folder = folder
        self._history = history or History()
        self._held_out = held_out
        self._measurements = measurements
        self._record = record or {}
        self._observers = observers
        self._all_stop = all_stop
        self._line = line or progress.ProgressLine(config.total_steps, config.batch_size)
        self._log = progress.MetricsLog(folder.metrics_file)
        self._pending = []  # (step, logs) since the last tick
        self._saved_step = None
        self._is_traced = False
        self._guardian = Guardian(engine, system, config, folder, self._history, self._describe,
                                  files_of=files_of, skip=skip)
        self._stopwatch = speed.Stopwatch()
        self._waiting = speed.Waiting()

    def run(self):
        """Trains until the end, a signal, or no improvement; returns an Outcome.

        Raises:
            DivergenceError: Numbers were not finite again after the last permitted rollback.
            TrainingError: Training cannot go on.
            RunFolderError: The run folder cannot be written; the last checkpoint is whole.
        """
        self._guardian.begin()
        self._log.cut_back(self._engine.step)
        self._log.add_missing_events(self._events())
        status = None
        with progress.StopRequest(self._line.note) as stop:
            self._clock = self._last_tick = self._last_snapshot = time.monotonic()
            while status is None:
                try:
                    status = self._train(stop)
                except NotFiniteError as broken:
                    self._roll_back(broken)
        return self._finish(status, stop.reason or 'a signal at another worker')

    def _train(self, stop):
        """Steps, ticks and snapshots until the run ends; returns how."""
        config, engine = self._config, self._engine
        started_at, status, stopped = engine.step, None, False
        while engine.step < config.total_steps and not stopped:
            stopped = self._all_stop(bool(status or stop.reason))
            if stopped:
                break
            self._step_once()
            if stop.reason or engine.step >= config.total_steps:
                continue
            if self._snapshot_is_due():
                status = self._snapshot()
            elif self._tick_is_due():
                self._tick()
        if self._saved_step != engine.step and (engine.step > started_at or not self._exists()):
            self._snapshot(quick=stopped or bool(stop.reason))
        if status:
            return status
        return 'stopped' if stopped else 'finished'

    def _roll_back(self, broken):
        self._pending = []
        try:
            event = self._guardian.roll_back(broken)
        except DivergenceError as error:
            self._finish('failed', str(error))
            raise
        self._saved_step = event.to_step
        self._last_snapshot = time.monotonic()
        self._log.cut_back(event.to_step)
        self._log.add_missing_events(self._events())
        self._line.note(event.sentence())

    def _events(self):
        # A later rollback may go further back: rows stay in rising order of step.
        events = self._history.rollbacks
        return [{'step': min(later['to_step'] for later in events[index:]), 'event': 'rollback', **event}
                for index, event in enumerate(events)]

    def _step_once(self):
        begin, waited = time.monotonic(), self._engine.waited_seconds
        self._pending.append((self._engine.step + 1, self._engine.run_step()))
        elapsed = time.monotonic() - begin
        if not self._is_traced:
            self._is_traced = True
            self._line.note(f'first step, with tracing, took {progress.duration(elapsed)}')
            return
        self._stopwatch.add(elapsed)
        self._waiting.add(elapsed, self._engine.waited_seconds - waited)
        self._line.step(self._engine.step, self._stopwatch.step_seconds)

    def _tick_is_due(self):
        return (time.monotonic() - self._last_tick >= self._config.tick_seconds
                or len(self._pending) >= MAX_PENDING_STEPS)

    def _snapshot_is_due(self):
        config, step = self._config, self._engine.step
        every = max(1, config.snapshot_images // config.batch_size)
        late = time.monotonic() - self._last_snapshot >= config.snapshot_seconds
        return step % every == 0 or late

    def _tick(self, metrics=None, intervals=None):
        """Writes a line of metrics.jsonl for the steps since the last one."""
        begin = time.monotonic()
        losses = self._collect()
        now = time.monotonic()
        self._stopwatch.synchronised(now - begin)
        seconds = self._stopwatch.step_seconds
        self._history.seconds += now - self._clock
        self._clock = self._last_tick = now
        step, waiting = self._engine.step, self._waiting.take()
        row = {
            'step': step, 'images': step * self._config.batch_size,
            'seconds': round(self._history.seconds, 3),
            'images_per_second': round(self._config.batch_size / seconds, 4) if seconds else None,
            'memory_bytes': peak_memory_bytes(),
            **({} if waiting is None else {'data_wait_share': round(waiting, 4)}),
            **({'learning_rate_factor': self._history.learning_rate_factor} if self._history.rollbacks else {}),
            **losses, **{f'held_out/{name}': value for name, value in (metrics or {}).items()},
            **({'intervals': intervals} if intervals else {}),
        }
        if losses or metrics:
            self._log.append(row)
            self._line.tick(step, seconds, headline(losses))
            for observer in self._observers:
                observer.tick(row)

    def _collect(self):
        """Averages the pending logs to floats and sees that each is finite."""
        sums, counts = {}, {}
        for step, logs in self._pending:
            logs = {name: float(value) for name, value in logs.items()}
            self._guardian.check_logs(step, logs)
            for name, value in logs.items():
                sums[name] = sums.get(name, 0.0) + value
                counts[name] = counts.get(name, 0) + 1
        self._pending = []
        return {name: sums[name] / counts[name] for name in sums}

    def _snapshot(self, quick=False):
        """Evaluates, draws, saves. Returns 'no_improvement' when patience is at an end.

        Args:
            quick: Only saves; asked for by a signal, when little time may be left.
        """
        step, config = self._engine.step, self._config
        if quick or self._held_out is None:
            self._tick()
            metrics, intervals = {}, {}
        else:
            losses_seen = self._collect_first()
            metrics = {**self._held_out.evaluate(self._system), **self._held_out.variety(self._system)}
            measured = self._measurements.measure() if self._measurements else {}
            intervals = {name: list(found.interval) for name, found in measured.items() if found.interval}
            metrics.update({name: found.value for name, found in measured.items()})
            self._pending = losses_seen
            self._tick(metrics, intervals)
        better = self._judge(metrics, step)
        self._save(step, metrics)
        if metrics:
            numbers = '  '.join(f'{name} {value:.4g}{_within(intervals.get(name))}' for name, value in metrics.items())
            self._line.note(f'held out: {numbers}' + ('  (best so far)' if better else ''))
        picture = None if quick or self._held_out is None else self._draw(step)
        for observer in self._observers:
            observer.snapshot(step, metrics, picture)
        self._last_snapshot = time.monotonic()
        waited = self._history.snapshots_without_improvement
        return 'no_improvement' if config.patience and waited >= config.patience else None

    def _collect_first(self):
        # Broken weights must be met before they are evaluated and saved.
        pending, averaged = self._pending, self._collect()
        return [(pending[-1][0], averaged)] if pending else []

    def _judge(self, metrics, step):
        wanted = self._config.best_metric
        name = wanted.removeprefix('-')
        if not wanted or not metrics:
            return False
        if name not in metrics:
            raise TrainingError(f"Setting 'best_metric' names {name!r}, which this system does not "
                                f'measure. Known: {", ".join(sorted(metrics))}.')
        return self._history.update(wanted, metrics[name], step)

    def _save(self, step, metrics):
        arrays = checkpoints.to_arrays(self._system.state())
        self._guardian.check_arrays(arrays, step)
        path = checkpoints.save(self._folder.checkpoints, step, arrays, self._describe(step, metrics))
        self._guardian.saved()
        checkpoints.prune(self._folder.checkpoints, keep=self._config.keep_checkpoints,
                          protected=(self._history.best_step,))
        self._saved_step = step
        self._line.note(f'saved {path}')

    def _describe(self, step, metrics=None):
        """The dict that checkpoint.json holds."""
        return {**self._record, 'images': step * self._config.batch_size,
                'config_hash': self._config.hash(), 'versions': run_folder.package_versions(),
                'metrics': metrics or {}, 'history': dataclasses.asdict(self._history)}

    def _draw(self, step):
        picture = self._held_out.picture(self._system)
        path = self._folder.samples / f'{checkpoints.name_of(step)}.png'
        run_folder.write_atomically(path, images.encode(picture, 'png'))
        self._line.note(f'newest sample: {path}')
        if sections := self._held_out.explain(self._system):
            explained.write(self._folder, step, sections)
        return picture

    def _exists(self):
        return bool(checkpoints.list_folders(self._folder.checkpoints))

    def _finish(self, status, reason):
        step = self._engine.step
        message = {
            'finished': f'Finished at step {step:,}.',
            'stopped': f'Stopped by {reason} at step {step:,}; everything is saved. Run the same '
                       'command again to continue.',
            'no_improvement': f'Stopped at step {step:,}: {self._config.best_metric} has not '
                              f'improved for {self._config.patience} snapshots; the best was '
                              f'step {self._history.best_step}.',
            'failed': reason,
        }[status]
        outcome = Outcome(status, step, message)
        for observer in self._observers:
            observer.finish(outcome)
        if status != 'failed':  # the error itself is printed
            self._line.note(message)
        return outcome


def headline(losses):
    """Chooses what a progress line has room for: each phase's total, and shares such as accuracy."""
    chosen = {name: value for name, value in losses.items()
              if name.endswith(('/total', '/accuracy'))}
    return chosen or losses


def _within(interval):
    return f' [{interval[0]:.4g}, {interval[1]:.4g}]' if interval else ''


def peak_memory_bytes():
    """Returns the largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == 'darwin' else peak * 1024
