"""The guardian: takes a run that broke back to its last good checkpoint, at a lower learning rate.

A number that is not finite is named with its step and the files of its batch. The run goes on from
the newest checkpoint (from its beginning where there is none) with every learning rate multiplied
by `rollback_learning_rate`; where the same checkpoint has led to trouble before, from the one
before it. The batch comes again; one that breaks the run a second time is left out from then on.
After `max_rollbacks` the run gives up.

What was decided is written into checkpoint.json before anything else happens, so a run that is
killed at any moment of this resumes with the same decision.
"""

import dataclasses
import math

import numpy as np

from stylegan_tf.training import checkpoints

MAX_SKIPPED_STEPS = 50  # in a row; a loss scale of 2 ** 15 is lost after 40 halvings
MAX_NAMED_VARIABLES = 3


class TrainingError(Exception):
    """Training cannot go on; the message names the term, the step and the files."""


class DivergenceError(TrainingError):
    """The run broke again after its last permitted rollback."""


class NotFiniteError(Exception):
    """A number of the training is not finite.

    Attributes:
        sign: What happened, as a clause: 'generator/style became nan'.
        step: The step that gave it, counted from 1.
    """

    def __init__(self, sign, step):
        super().__init__(f'{sign} at step {step}')
        self.sign, self.step = sign, step


@dataclasses.dataclass
class History:
    """What a run remembers besides its variables; kept in checkpoint.json."""

    seconds: float = 0.0  # spent in training, over all processes
    best_value: float | None = None
    best_step: int | None = None
    snapshots_without_improvement: int = 0
    best_metric: str = ''
    rollbacks: list = dataclasses.field(default_factory=list)  # dicts of the fields of Rollback

    def update(self, metric, value, step):
        """Notes the value of the named metric at a snapshot; '-name' means higher is better.

        Returns:
            True if it is the best so far.
        """
        if metric != self.best_metric:
            self.best_metric, self.best_value, self.best_step = metric, None, None
            self.snapshots_without_improvement = 0
        sign = -1 if metric.startswith('-') else 1
        better = math.isfinite(value) and (
            self.best_value is None or sign * value < sign * self.best_value)
        if better:
            self.best_value, self.best_step = value, step
            self.snapshots_without_improvement = 0
        else:
            self.snapshots_without_improvement += 1
        return better

    @property
    def learning_rate_factor(self):
        """What the rollbacks left of the learning rates that were set."""
        return self.rollbacks[-1]['learning_rate_factor'] if self.rollbacks else 1.0

    @property
    def skipped_steps(self):
        """Steps, counted from 1, whose batch is left out."""
        return sorted({event['failed_step'] for event in self.rollbacks if event['skips_batch']})


@dataclasses.dataclass(frozen=True)
class Rollback:
    """One rollback, as checkpoint.json and metrics.jsonl keep it."""

    sign: str
    failed_step: int  # counted from 1
    to_step: int
    learning_rate_factor: float  # of the set learning rates, from now on
    skips_batch: bool
    files: dict  # role -> names of the failed batch
    variables: list  # names of variables that were no longer finite when it was noticed
    variable_count: int

    @classmethod
    def from_dict(cls, values):
        """Rebuilds one from a dict that holds its fields and perhaps others."""
        return cls(**{field.name: values[field.name] for field in dataclasses.fields(cls)})

    def sentence(self):
        """Tells all of it in one line."""
        batch = ('its batch broke the run before and is left out from now on' if self.skips_batch
                 else 'its batch comes again')
        return (f'{self.sign} at step {self.failed_step:,}: back to step {self.to_step:,}, learning '
                f'rates at {self.learning_rate_factor:g} of what was set; {batch}. '
                f'{broken_variables(self.variables, self.variable_count)}Files of the batch: '
                f'{listed(self.files)}.')


class Guardian:
    """Watches the numbers of a run and takes it back when one breaks.

    Args:
        engine: Has `restored()`, called after the system's variables were replaced.
        system: The System in training.
        config: Its Config: `max_rollbacks`, `rollback_learning_rate`, `batch_size`.
        folder: RunFolder.
        history: History of the run; changed in place.
        make_record: Callable from a step to the dict that checkpoint.json holds.
        files_of: Callable from a step (counted from 0) to a dict role -> file names of its batch.
        skip: Callable (position, count) that makes the data leave those samples out; None where
            the data cannot.
    """

    def __init__(self, engine, system, config, folder, history, make_record, *, files_of=None, skip=None):
        self._engine, self._system, self._config = engine, system, config
        self._folder, self.history, self._make_record = folder, history, make_record
        self._files_of, self._skip = files_of, skip
        self._initial = None
        self._skipped_in_a_row = {}

    def begin(self):
        """Applies what the history says; call before the first step."""
        if not checkpoints.list_folders(self._folder.checkpoints):
            self._initial = checkpoints.to_arrays(self._system.state())
        if self.history.rollbacks:
            self._apply()

    def saved(self):
        """Tells that a checkpoint was written: the initial state is no longer needed."""
        self._initial = None

    def check_logs(self, step, logs):
        """Sees that the numbers of a step are finite.

        Args:
            step: Counted from 1.
            logs: Dict 'phase/term' -> float.
        Raises:
            NotFiniteError: One is not, or half precision skipped too many steps in a row.
        """
        for name, value in logs.items():
            if not math.isfinite(value):
                raise NotFiniteError(_describe(name, value), step)
            if name.endswith('/skipped'):
                count = self._skipped_in_a_row.get(name, 0) + 1 if value else 0
                self._skipped_in_a_row[name] = count
                if count >= MAX_SKIPPED_STEPS:
                    raise NotFiniteError(
                        f'phase {name.rpartition("/")[0]!r} skipped {count} steps in a row because '
                        'its gradients overflow in half precision', step)

    def check_arrays(self, arrays, step):
        """Sees that what a checkpoint is to hold is finite.

        Raises:
            NotFiniteError: A variable is not.
        """
        names = not_finite(arrays)
        if names:
            raise NotFiniteError(f'the variable {names[0]} became nan or inf', step)

    def roll_back(self, broken):
        """Takes the run back after a NotFiniteError.

        Returns:
            Rollback; the system, the engine and the history stand at its `to_step`.
        Raises:
            DivergenceError: There were `max_rollbacks` already.
            CheckpointError, RunFolderError: No checkpoint can be read or written.
        """
        files = self._files_of(broken.step - 1) if self._files_of else {}
        variables = not_finite(checkpoints.to_arrays(self._system.state()))
        if len(self.history.rollbacks) >= self._config.max_rollbacks:
            raise DivergenceError(self._farewell(broken, files, variables))
        target = self._target()
        repeated = any(event['failed_step'] == broken.step for event in self.history.rollbacks)
        event = Rollback(
            broken.sign, broken.step, target.step,
            self.history.learning_rate_factor * self._config.rollback_learning_rate,
            repeated and self._skip is not None, files, variables[:MAX_NAMED_VARIABLES], len(variables))
        self._remember(target, event)
        checkpoints.restore(self._system.state(), target)
        self._skipped_in_a_row = {}
        self._apply()
        return event

    def _target(self):
        """The checkpoint to go back to, read and whole."""
        folder = self._folder.checkpoints
        if self._initial is not None:
            step = int(self._initial['step'])
            checkpoints.save(folder, step, self._initial, self._make_record(step))
            self.saved()
        newest, _ = checkpoints.latest(folder)
        if newest is None:
            raise checkpoints.CheckpointError(f'No whole checkpoint is left in {self._folder.path}. '
                                              'Begin anew with --resume=never.')
        # No checkpoint since the last rollback: that one may be ruined already, though finite.
        rollbacks = self.history.rollbacks
        if rollbacks and rollbacks[-1]['to_step'] == newest.step:
            return checkpoints.latest(folder, before=newest.step)[0] or newest
        return newest

    def _remember(self, target, event):
        past = History(**target.record.get('history', {}))
        past.seconds = self.history.seconds
        past.rollbacks = [*self.history.rollbacks, dataclasses.asdict(event)]
        checkpoints.rewrite_record(target.path, {**target.record, 'history': dataclasses.asdict(past)})
        # Killed before this, the run resumes at a newer checkpoint, breaks, and decides the same.
        checkpoints.remove_after(self._folder.checkpoints, target.step)
        for field in dataclasses.fields(History):
            setattr(self.history, field.name, getattr(past, field.name))

    def _apply(self):
        self._system.learning_rate_factor.assign(self.history.learning_rate_factor)
        size = self._config.batch_size
        for step in self.history.skipped_steps:
            if self._skip is not None:
                self._skip((step - 1) * size, size)
        self._engine.restored()

    def _farewell(self, broken, files, variables):
        config, count = self._config, len(self.history.rollbacks)
        folders = checkpoints.list_folders(self._folder.checkpoints)
        kept = f'The last good checkpoint is {folders[-1][1]}.' if folders else 'No checkpoint was saved yet.'
        lower = 'the learning rates' if not count else (
            f'the learning rates, below {self.history.learning_rate_factor:g} of what is set now')
        more = f'--set=max_rollbacks={config.max_rollbacks + 3}'
        return (f'{broken.sign} at step {broken.step}, after {count} of {config.max_rollbacks} rollbacks. {kept} '
                f'Begin anew with --resume=never and lower {lower}, or set clip_norm; or run the same '
                f'command with {more} to go on from that checkpoint. '
                f'{broken_variables(variables[:MAX_NAMED_VARIABLES], len(variables))}'
                f'Look at the files of this batch: {listed(files)}.')


def not_finite(arrays):
    """Returns the names of the arrays that hold a nan or inf; of averages only if nothing else does."""
    names = [name for name, array in arrays.items() if array.dtype.kind not in 'biu'
             and not np.isfinite(array.astype(np.float32)).all()]
    return [name for name in names if '_ema/' not in name] or names


def broken_variables(names, count):
    """Returns a sentence about variables that are no longer finite, or ''."""
    if not names:
        return ''
    more = f' and {count - len(names)} more' if count > len(names) else ''
    return f'No longer finite by then: {", ".join(names)}{more}. '


def listed(files):
    """Returns a dict role -> file names as text."""
    return '; '.join(f'{role}: {", ".join(names)}' for role, names in files.items()) or 'unknown'


def _describe(name, value):
    phase, _, term = name.rpartition('/')
    if term.startswith('gradient_norm'):
        network = term.removeprefix('gradient_norm').lstrip('_')
        return f'the gradient of phase {phase!r}' + (f' in {network}' if network else '') + f' became {value}'
    return f'{name} became {value}'
