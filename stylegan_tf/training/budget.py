"""What a training will need: parameters, memory and time, measured by a few of its real steps.

Nothing is guessed from formulas: the compiled steps themselves run here, on this machine, at the
wanted size. Where that would be large for a CPU, batches of one and two pictures are measured and
continued in a straight line.
"""

import collections
import dataclasses
import statistics
import time

import numpy as np

from stylegan_tf.training import loop, progress, snapshots

MEASURED_STEPS = 4
MEASURED_SECONDS = 20.0  # for each stage, after its tracing
DIRECT_PIXELS = 8 * 192 * 192  # pictures x height x width above which a CPU probe extrapolates
RARE_SHARE = 0.01  # stages with a smaller share of the steps are not worth a trace


@dataclasses.dataclass(frozen=True)
class Budget:
    """Needs of a whole run on this machine."""

    parameters: dict  # network -> trained parameters
    step_seconds: float  # mean over the stages, by their share of the run
    snapshot_seconds: float  # evaluation and samples of one snapshot
    tracing_seconds: float  # once at the start of each stage
    total_seconds: float
    memory_bytes: int  # peak of the process, or of the GPU where there is one
    cache_bytes: int  # of it: decoded pictures kept in memory as the run goes on
    how: str  # how it was measured, in words

    def lines(self):
        """Returns the budget as lines of text."""
        return [
            *(f'  {name:<24} {count:>13,} parameters' for name, count in self.parameters.items()),
            f'memory: about {self.memory_bytes / 2 ** 30:.1f} GiB at the peak'
            + (f', {self.cache_bytes / 2 ** 30:.1f} GiB of it decoded pictures'
               if self.cache_bytes > 2 ** 27 else ''),
            f'time: {self.step_seconds:.3g} s a step, about '
            f'{progress.duration(self.total_seconds)} in total with '
            f'{progress.duration(self.tracing_seconds)} of tracing and '
            f'{progress.duration(self.snapshot_seconds)} a snapshot',
            f'measured: {self.how}',
        ]


def measure(system, config, feed, *, picture_bytes=0, has_gpu=False, compiled_step=None):
    """Runs a few steps of every stage of a run.

    The weights are changed: build a new system for training.

    Args:
        system: A built System.
        config: Its Config.
        feed: Callable from a batch size to an iterator of batches.
        picture_bytes: Bytes of decoded pictures that the run will keep in memory.
        has_gpu: Whether the steps run on a GPU, where probes are quick.
        compiled_step: An engine's stand-in for `System.compiled_step`, or None.

    Returns:
        Budget.
    """
    shares = stage_shares(system, config.total_steps)
    parts = config.accumulation_steps
    at_once = config.batch_size // parts
    pixels = at_once * config.height * config.width
    direct = has_gpu or pixels <= DIRECT_PIXELS or at_once <= 2
    sizes = (config.batch_size,) if direct else (1, 2)
    system.accumulation_steps = parts if direct else 1
    seconds, memory = [], []
    for size in sizes:
        batches = feed(size)
        stages = {due: _stage_seconds(compiled_step or system.compiled_step, due, batches) for due in shares}
        tracing = sum(first for first, _ in stages.values())
        seconds.append(sum(share * stages[due][1] for due, share in shares.items()))
        snapshot = _snapshot_seconds(system, next(batches), config, at_once)
        memory.append(_memory_bytes(has_gpu))
    how = f'{MEASURED_STEPS} steps of each of {len(shares)} stages on this machine as busy as it is'
    if direct:
        step_seconds, peak = seconds[0], memory[0]
    else:
        step_seconds, peak = (_continue(pair, at_once) for pair in (seconds, memory))
        step_seconds *= parts
        how += f', at batches of 1 and 2 pictures, continued in a straight line to {at_once}'
    if parts > 1:
        how += f'; a step is {parts} micro-batches of {at_once}'
    count = max(1, config.total_images // max(config.snapshot_images, config.batch_size))
    cache_bytes = 0 if has_gpu else picture_bytes
    total = tracing + step_seconds * config.total_steps + count * snapshot
    return Budget(system.parameter_counts(), step_seconds, snapshot, tracing, total,
                  int(peak + cache_bytes), cache_bytes, how)


def stage_shares(system, total_steps):
    """Returns dict of due phases -> share of the run's steps, rare ones left out, summing to 1."""
    # An odd stride meets lazy phases, whose intervals are even, in their true proportion.
    stride = total_steps // 50_000 * 2 + 1
    counts = collections.Counter(system.due(step) for step in range(0, total_steps, stride))
    total = sum(counts.values())
    kept = {due: count for due, count in counts.items() if count >= RARE_SHARE * total}
    return {due: count / sum(kept.values()) for due, count in kept.items()}


def decoded_bytes(stream):
    """Estimates how much memory the decoded pictures of a stream's sources will take.

    Returns:
        Bytes, from the mean size of up to 12 pictures of each source.
    """
    from stylegan_tf.data import sources as sources_module

    total = 0
    for source in {id(source): source for source in stream.sources.values()}.values():
        chosen = np.linspace(0, len(source) - 1, min(12, len(source))).astype(int)
        sizes = [source.read(int(index), min_short_side=max(stream.size)).image.nbytes
                 for index in chosen]
        total += min(sources_module.CACHE_BYTES, int(statistics.fmean(sizes) * len(source)))
    return total


def stream_feed(stream):
    """Returns a feed of a stream's own batches, decoding included."""
    def feed(size):
        from stylegan_tf.data import to_batches

        return map(snapshots.to_floats, to_batches(stream, start=0, batch_size=size))

    return feed


def synthetic_feed(system, config):
    """Returns a feed of noise pictures in the system's own layout, for a dry run without data."""
    from stylegan_tf.data.sources import NoiseSource

    size = config.height, config.width
    source = NoiseSource(size)
    return stream_feed(system.training_stream(dict.fromkeys(system.roles, source), size, 0))


def _stage_seconds(compiled_step, due, batches):
    """Returns seconds of the first step, which traces, and of the ones after it."""
    step, start = compiled_step(due), time.monotonic()
    _wait(step(next(batches)))
    tracing = time.monotonic() - start
    measured, begin = [], time.monotonic()
    while len(measured) < MEASURED_STEPS and time.monotonic() - begin < MEASURED_SECONDS:
        start = time.monotonic()
        _wait(step(next(batches)))
        measured.append(time.monotonic() - start)
    return tracing, statistics.fmean(measured)


def _wait(logs):
    for value in logs.values():
        float(value)


def _snapshot_seconds(system, batch, config, at_once):
    batch = {name: value[:at_once] for name, value in batch.items()}
    begin = time.monotonic()
    system.evaluate_batch(batch)
    once = time.monotonic() - begin
    few = {name: value[:snapshots.SAMPLE_IMAGES] for name, value in batch.items()}
    begin = time.monotonic()
    snapshots.draw(system.sample_grid(few))
    drawn = time.monotonic() - begin
    return once * max(1, -(-config.evaluation_images // at_once)) + drawn


def _memory_bytes(has_gpu):
    if not has_gpu:
        return loop.peak_memory_bytes()
    import keras

    if keras.config.backend() == 'jax':
        from stylegan_tf.training import jax_engine
        return jax_engine.device_memory_bytes()
    import tensorflow as tf

    return tf.config.experimental.get_memory_info('GPU:0')['peak']


def _continue(pair, batch_size):
    first, second = pair
    return first + (batch_size - 1) * max(second - first, 0)
