"""The TensorFlow engine: compiles the due phases once each and feeds them batches."""

from __future__ import annotations

import time

import tensorflow as tf

from stylegan_tf.data.pipeline import to_tensors
from stylegan_tf.layers import resample


class Engine:
    """Runs a System's training steps on this machine's device.

    The host picks the compiled function for the phases due at a step, so that nothing is compiled
    twice and no optimizer sits inside a condition.

    Args:
        system: The System; its `step` says where the run stands.
        stream: `data.stream.SampleStream`; step k uses its samples [k * batch, (k + 1) * batch).
        batch_size: Global batch, images.
        seed: Seed of the run's noise.
        use_xla: Compiles losses and gradients with XLA (worth it on GPUs, rarely on CPUs).

    Attributes:
        waited_seconds: Time that steps have waited for their batches.
    """

    def __init__(self, system, stream, *, batch_size: int, seed: int, use_xla: bool = False):
        self.system = system
        self.stream = stream
        self.batch_size = batch_size
        self.waited_seconds = 0.0
        system.run_seed = seed
        system.use_xla = use_xla
        resample.implementation('slices' if use_xla else None)  # each is 10 times slower in the other mode
        self._compiled = {}
        self._batches = None
        self._step = int(system.step.numpy())

    @property
    def step(self) -> int:
        """Training steps done."""
        return self._step

    def restored(self) -> None:
        """Tells the engine that the system's state was replaced: the feed restarts there."""
        self._step = int(self.system.step.numpy())
        self._batches = None

    def run_step(self) -> dict:
        """One training step.

        Returns:
            Scalar tensors by log name, left on the device.
        Raises:
            DataError: Too many pictures turned out bad.
        """
        if self._batches is None:
            self._batches = self._feed()
        due = self.system.due(self._step)
        if due not in self._compiled:
            self._compiled[due] = self._compile(due)
        logs = self._compiled[due](self._next_batch())
        self._step += 1
        return logs

    def _feed(self):
        return to_tensors(self.stream, start=self._step * self.batch_size, batch_size=self.batch_size)

    def _compile(self, due):
        return self.system.compiled_step(due)

    def _next_batch(self):
        begin = time.monotonic()
        try:
            return next(self._batches)
        finally:
            self.waited_seconds += time.monotonic() - begin

    def batch_names(self, step: int) -> dict[str, list[str]]:
        """Files of a step's batch by role, for error reports."""
        return self.stream.names(step * self.batch_size, self.batch_size)


def device_name() -> str:
    """The accelerator in use, in words for logs and cards."""
    gpus = tf.config.list_physical_devices('GPU')
    if not gpus:
        return 'CPU'
    details = tf.config.experimental.get_device_details(gpus[0])
    return details.get('device_name', 'GPU')
