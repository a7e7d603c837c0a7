"""Several processes that train together: what they agree on, and what a worker does that is not the chief.

Every step is one collective computation, so all workers must run the same steps. Ticks, snapshots, rollbacks and the
end are decided by the chief, by its clock and its disk, and a signal may reach any of them: so before each step all
confer. The chief alone touches the run folder; the others get its weights over the network.
"""

import dataclasses
import hashlib
import json
import re

import numpy as np

from stylegan_tf.training import loop, progress

MAX_SKIPPED = 32  # spans of left-out samples that can be shared
STOP, SHARE, END, FAIL = range(4)  # what a worker may say when all confer


class WorkersError(Exception):
    """Workers cannot train together; the message is one line that says what to do."""


class LostWorkerError(Exception):
    """Another worker ended or cannot be reached. The command exits with code 1."""


def lost_errors():
    """What TensorFlow raises in a collective computation that another worker has left."""
    import tensorflow as tf

    return (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.InternalError,
            tf.errors.DeadlineExceededError)


def lost_text(error) -> str:
    """The message of a LostWorkerError."""
    reason = re.sub(r'\{\{.*?\}\}', '', error.message or '').strip().partition('\n')[0].partition(';')[0]
    return (f'Another worker ended or cannot be reached ({reason or type(error).__name__}). Start the same commands '
            'again on all workers: they go on from the last checkpoint.')


class Company:
    """The workers of a training, seen from one of them.

    Every method is called by all of them in the same order, or answers what another one called.

    Args:
        placement: `strategy.Placement` of several workers.
    """

    def __init__(self, placement):
        self._placement = placement
        self._sums = {}
        self._engine = None

    def agree(self, what: dict) -> None:
        """Sees that all workers were started alike; call before variables are made.

        Args:
            what: JSON values that must be the same.
        Raises:
            WorkersError: They are not.
        """
        digest = hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).digest()
        own = np.zeros(self._placement.workers)
        own[self._placement.worker] = int.from_bytes(digest[:6], 'big')
        found = self._sum(own)
        others = [index for index, value in enumerate(found) if value != found[0]]
        if others:
            raise WorkersError(
                f'Worker {", ".join(map(str, others))} was started with other settings, data or versions than worker '
                '0. Start all with the same command; only TF_CONFIG differs.')

    def join(self, engine) -> None:
        """Tells which engine trains here, once it is built; the chief's state becomes everyone's."""
        self._engine = engine
        if self._placement.is_chief:
            self.share()

    def share(self) -> None:
        """Gives the chief's state and left-out samples to all; only the chief calls this."""
        self._confer(SHARE)
        self._exchange()

    def all_stop(self, wish: bool) -> bool:
        """Whether all workers stop before the next step, as any of them may wish; called by the chief."""
        return bool(self._confer(*([STOP] if wish else []))[STOP])

    def hear(self, wish: bool) -> str:
        """What comes next, for a worker that is not the chief.

        Args:
            wish: Whether this worker would stop.
        Returns:
            'step': run a step; 'wait': ask again, the chief is saving, or the run stands elsewhere now; 'end'.
        Raises:
            LostWorkerError: The chief failed.
        """
        said = self._confer(*([STOP] if wish else []))
        if said[FAIL]:
            raise LostWorkerError('Worker 0, which writes the run folder, ended with an error; see its output.')
        if said[SHARE]:
            self._exchange()
            return 'wait'
        if said[END]:
            return 'end'
        return 'wait' if said[STOP] else 'step'

    def end(self, failed: bool = False) -> None:
        """Lets the waiting workers go; only the chief calls this, when everything is saved."""
        self._confer(FAIL if failed else END)

    def _confer(self, *sayings):
        own = np.zeros(4)
        own[list(sayings)] = 1.0
        return self._sum(own) > 0

    def _exchange(self):
        """Replaces everyone's state by the chief's."""
        is_chief, stream = self._placement.is_chief, self._engine.stream
        variables = list(self._engine.system.state().values())
        spans = np.full((MAX_SKIPPED, 2), -1.0)
        skipped = stream.skipped[-MAX_SKIPPED:]
        spans[:len(skipped)] = np.reshape(skipped, (-1, 2))
        own = np.concatenate([spans.ravel(), *(np.ravel(variable.numpy()) for variable in variables)])
        received = self._sum(own if is_chief else np.zeros_like(own))
        if is_chief:
            return
        for first, end in received[:spans.size].reshape(spans.shape).astype(int):
            if first >= 0:
                stream.skip(first, end - first)
        begin = spans.size
        for variable in variables:
            size = int(np.prod(variable.shape))
            variable.assign(received[begin:begin + size].reshape(variable.shape).astype(str(variable.dtype)))
            begin += size
        self._engine.restart()

    def _sum(self, values):
        """Sums a vector over the workers, in double precision: step counts and weights cross it unchanged."""
        import tensorflow as tf

        strategy, count = self._placement.strategy, self._placement.local_replicas
        values = np.asarray(values, np.float64)

        def of_replica(context):
            is_first = context.replica_id_in_sync_group % count == 0
            return tf.constant(values if is_first else np.zeros_like(values))

        if len(values) not in self._sums:
            def add(values):
                values = tf.identity(values)  # on the replica's device
                return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)

            self._sums[len(values)] = tf.function(lambda values: strategy.run(add, args=(values,)), autograph=False)
        total = self._sums[len(values)](strategy.experimental_distribute_values_from_function(of_replica))
        return strategy.experimental_local_results(total)[0].numpy()


@dataclasses.dataclass
class Follower:
    """Trains along with the chief; writes nothing.

    Attributes:
        engine: ReplicatedEngine of this worker.
        company: Company that the engine has joined.
        note: Callable that prints one line.
    """

    engine: object
    company: Company
    note: object = print

    def run(self):
        """Steps until the chief ends the run; returns a `loop.Outcome`."""
        with progress.StopRequest(self.note) as stop:
            self.note('this worker follows worker 0, which writes the run folder and tells how it goes')
            while (verdict := self.company.hear(bool(stop.reason) or self._is_done())) != 'end':
                if verdict == 'step':
                    self.engine.run_step()
        step = self.engine.step
        return loop.Outcome('finished' if self._is_done() else 'stopped', step,
                            f'Ended at step {step:,} together with worker 0.')

    def _is_done(self):
        return self.engine.step >= self.engine.system.config.total_steps
