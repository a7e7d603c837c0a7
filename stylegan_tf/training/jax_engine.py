"""The JAX engine: the same steps under KERAS_BACKEND=jax, without TensorFlow.

A step is `System.train_step` run inside a `keras.StatelessScope` inside `jax.jit`: a pure function of the
values of all variables, whose buffers it takes over (donation), so that nothing is kept twice.
"""

from __future__ import annotations

import collections
import functools
import time

import jax
from jax import numpy as jnp

from stylegan_tf.data.pipeline import to_batches
from stylegan_tf.layers import resample
from stylegan_tf.layers.gradient import Assignments
from stylegan_tf.systems.variables import optimizer_variables

STEPS_IN_FLIGHT = 2  # the host prepares a batch while the device works on the one before


class Engine:
    """Runs a System's training steps on one device.

    Args:
        system: The System; its `step` says where the run stands.
        stream: `data.stream.SampleStream`; step k uses its samples [k * batch, (k + 1) * batch).
        batch_size: Global batch, images.
        seed: Seed of the run's noise.
    """

    def __init__(self, system, stream, *, batch_size: int, seed: int):
        self.system = system
        self.stream = stream
        self.batch_size = batch_size
        system.run_seed = seed
        resample.implementation('slices')  # all is compiled, and compiled slices are the fastest
        self._steps = CompiledSteps(system)
        self.evaluate_batch = self.compiled(system.evaluate_batch)  # in place of the system's, op by op
        self._batches = None
        self._in_flight = collections.deque()
        self.waited_seconds = 0.0  # time that steps have waited for their batches
        self._step = int(system.step.numpy())

    def compiled(self, function):
        """A function of the system's weights and a batch, such as `System.draw_batch`, compiled as a whole."""
        return CompiledFunction(self.system, function)

    @property
    def step(self) -> int:
        """Training steps done, the last ones perhaps still on their way through the device."""
        return self._step

    def restored(self) -> None:
        """Tells the engine that the system's state was replaced: the feed restarts there."""
        self._step = int(self.system.step.numpy())
        self._in_flight.clear()
        self._batches = None

    def run_step(self) -> dict:
        """One training step.

        Returns:
            Scalar arrays by log name, left on the device.
        Raises:
            DataError: Too many pictures turned out bad.
        """
        if self._batches is None:
            self._batches = to_batches(
                self.stream, start=self._step * self.batch_size, batch_size=self.batch_size)
        begin = time.monotonic()
        batch = next(self._batches)
        self.waited_seconds += time.monotonic() - begin
        batch = jax.device_put(batch)  # bytes, a quarter of the floats
        logs = self._steps.of(self.system.due(self._step))(batch)
        self._in_flight.append(logs)
        if len(self._in_flight) > STEPS_IN_FLIGHT:
            jax.block_until_ready(self._in_flight.popleft())
        self._step += 1
        return logs

    def batch_names(self, step: int) -> dict[str, list[str]]:
        """Files of a step's batch by role, for error reports."""
        return self.stream.names(step * self.batch_size, self.batch_size)


class CompiledSteps:
    """Training steps of a System, one compiled function for each tuple of due phases.

    `of(due)` is called with a batch (dict of arrays [B, ...]; pictures as uint8 or as floats in [-1, 1]),
    assigns the variables of the system and returns the logs.
    """

    def __init__(self, system):
        self._system = system
        self._variables = all_variables(system)
        self._compiled = {}

    def of(self, due: tuple[str, ...]):
        """The step that runs exactly the phases in `due`; compiled when first called."""
        if due not in self._compiled:
            self._compiled[due] = functools.partial(self._run, jax.jit(self._pure_step(due), donate_argnums=0))
        return self._compiled[due]

    def program(self, due: tuple[str, ...], batch):
        """The compiled program of such a step, which tells its cost; it is not run, and not kept.

        Returns:
            `jax.stages.Compiled`.
        """
        values = _unshared([variable.value for variable in self._variables])
        return jax.jit(self._pure_step(due), donate_argnums=0).lower(values, batch).compile()

    def _run(self, compiled, batch) -> dict:
        values = _unshared([variable.value for variable in self._variables])
        logs, values = compiled(values, batch)
        for variable, value in zip(self._variables, values):
            variable.assign(value)
        return logs

    def _pure_step(self, due):
        known = {id(variable) for variable in self._variables}

        def step(values, batch):
            with Assignments(zip(self._variables, values)) as scope:
                logs = self._system.train_step(_to_floats(batch), due=due)
            unknown = [variable.path for variable in scope.variables if id(variable) not in known]
            if unknown:
                raise ValueError(
                    f'{type(self._system).__name__} assigns variables that its layers, optimizers and extra_state do '
                    f'not hold: {", ".join(unknown)}. Make them attributes of the system or of its layers.')
            return logs, [scope.get_current_value(variable) for variable in self._variables]

        return step


class CompiledFunction:
    """A function of a batch (dict of arrays) and further arrays that reads a system's variables, as one program."""

    def __init__(self, system, function):
        self._variables = all_variables(system)

        def run(values, batch, *arrays):
            with Assignments(zip(self._variables, values)):
                return function(_to_floats(batch), *arrays)

        self._compiled = jax.jit(run)

    def __call__(self, batch, *arrays):
        return self._compiled([variable.value for variable in self._variables], batch, *arrays)


def all_variables(system) -> list:
    """Everything a step may read or assign, each once: layers, random states, optimizers, extra state."""
    found = [*system.variables, *system.state().values()]
    for optimizer in system.optimizers_by_name.values():
        found += optimizer_variables(optimizer)
    return list({id(variable): variable for variable in found}.values())


def device_name() -> str:
    """The device in use, in words for logs and cards."""
    device = jax.devices()[0]
    return 'CPU' if device.platform == 'cpu' else device.device_kind


def has_accelerator() -> bool:
    """Whether steps run on something else than the CPU."""
    return jax.default_backend() != 'cpu'


def device_memory_bytes() -> int:
    """Peak memory of the accelerator so far; 0 where its driver does not tell."""
    return (jax.devices()[0].memory_stats() or {}).get('peak_bytes_in_use', 0)


def _to_floats(batch):
    return {name: value.astype('float32') / 127.5 - 1.0 if value.dtype == jnp.uint8 else value
            for name, value in batch.items()}


def _unshared(values):
    # A network and its average may begin as one array, which cannot be given away twice.
    seen, unshared = set(), []
    for value in values:
        unshared.append(jnp.copy(value) if id(value) in seen else value)
        seen.add(id(value))
    return unshared
