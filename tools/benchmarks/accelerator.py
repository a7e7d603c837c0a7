"""Training steps of the JAX engine on this machine's GPU or TPU: images a second, share of its peak, what bounds them.

    KERAS_BACKEND=jax python tools/benchmark.py accelerator --presets=style_transfer_256,cyclegan_256 \\
        --precision=mixed_bfloat16 --batch_sizes=8,32

The peaks are measured in the same process: products of bfloat16 matrices, and copies in the device's memory. XLA says
how many operations and bytes a step's program needs; what they would take at either peak says what bounds the step.
`--trace=FOLDER` keeps a profile of some steps for TensorBoard or Perfetto. Runs on a CPU too, for a trial.
"""

import dataclasses
import os
import statistics
import time

from absl import flags
from benchmarks import checks, records, steps

from stylegan_tf import commands, configs

_PRESETS = flags.DEFINE_list('presets', ['style_transfer_256', 'stylegan_256', 'cyclegan_256'], 'Presets.')
_BATCH_SIZES = flags.DEFINE_list('batch_sizes', ['0'], "Pictures of a step; 0: the preset's own.")
_PRECISION = flags.DEFINE_enum('precision', 'mixed_bfloat16', ['float32', 'mixed_bfloat16'], 'What layers compute in.')
_SETTINGS = flags.DEFINE_multi_string('set', [], 'name=value of a setting of the presets, as of `train`.')
_STEPS = flags.DEFINE_integer('steps', 30, 'Steps that are timed.', 1)
_WARM_UPS = flags.DEFINE_integer('warm_ups', 3, 'Steps before them.', 0)
_MATRIX = flags.DEFINE_integer('matrix', 8192, 'Side of the matrices of the peak.', 1)
_TRACE = flags.DEFINE_string('trace', None, "Folder for a profile of each preset's last steps.")
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for accelerator.json and accelerator.png.')


@dataclasses.dataclass(frozen=True)
class Peaks:
    """What the device does at best: operations and bytes a second."""

    flops: float
    bytes: float


def main():
    """Prints the table."""
    if os.environ.setdefault('KERAS_BACKEND', 'jax') != 'jax':
        raise commands.UsageError(f'Expected KERAS_BACKEND=jax. Received: {os.environ["KERAS_BACKEND"]}.')
    checks.choices('presets', _PRESETS.value, configs.PRESETS)
    sizes = checks.whole_numbers('batch_sizes', _BATCH_SIZES.value, least=0)
    for preset in _PRESETS.value:
        for size in sizes:
            configured(preset, size)
    checks.output_folder(_OUTPUT.value)
    commands.import_backend()
    import jax

    peaks = measured_peaks(_MATRIX.value)
    print(f'{jax.devices()[0].device_kind}: {peaks.flops / 1e12:.3g} TFLOP/s in bfloat16 products of {_MATRIX.value}, '
          f'{peaks.bytes / 1e9:.3g} GB/s read and written\n')
    rows = []
    for preset in _PRESETS.value:
        for size in sizes:
            rows.append(measured(preset, size, peaks))
            print(describe(rows[-1]), flush=True)
    if _OUTPUT.value:
        records.save(_OUTPUT.value, 'accelerator', rows, device=jax.devices()[0].device_kind,
                     precision=_PRECISION.value, matrix=_MATRIX.value, peaks=dataclasses.asdict(peaks))


def measured_peaks(side):
    """Peaks of the device, from the fastest of some turns."""
    import jax
    from jax import numpy as jnp

    matrix = jnp.ones((side, side), 'bfloat16')
    product = _fastest(jax.jit(jnp.matmul), matrix, matrix)
    values = jnp.ones((4 * side * side,), 'float32')
    copy = _fastest(jax.jit(lambda values: values + 1.0), values)
    return Peaks(2 * side ** 3 / product, 2 * values.nbytes / copy)


def _fastest(function, *arguments, turns=8):
    import jax

    jax.block_until_ready(function(*arguments))
    seconds = []
    for _ in range(turns):
        start = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def configured(preset, batch_size):
    """The preset's config with what was typed; raises ConfigError."""
    config = configs.override(steps.plain_config(preset, batch_size), _SETTINGS.value)
    config = dataclasses.replace(config, precision=_PRECISION.value)
    config.check()
    return config


def measured(preset, batch_size, peaks):
    """Row of a preset: images a second of plain steps, beside what the device could do at its peak."""
    import jax

    from stylegan_tf.layers import resample
    from stylegan_tf.training import jax_engine

    config = configured(preset, batch_size)
    resample.implementation('slices')
    system = config.build()
    batch = jax.device_put(steps.pictures(config, system.roles))
    batch['label'] = jax.numpy.zeros((config.batch_size,), 'int32')
    compiled, due = jax_engine.CompiledSteps(system), system.due(1)
    cost = compiled.program(due, batch).cost_analysis()
    step, seconds = compiled.of(due), []
    for number in range(_WARM_UPS.value + _STEPS.value):
        start = time.perf_counter()
        jax.block_until_ready(step(batch))
        if number >= _WARM_UPS.value:
            seconds.append(time.perf_counter() - start)
    if _TRACE.value:
        with jax.profiler.trace(os.path.join(_TRACE.value, f'{preset}_{config.batch_size}')):
            for _ in range(3):
                jax.block_until_ready(step(batch))
    bounds = {'arithmetic': cost['flops'] / peaks.flops, 'memory': cost['bytes accessed'] / peaks.bytes}
    rates = [config.batch_size / one for one in seconds]
    best = config.batch_size / max(bounds.values())
    return records.Row(
        f'{preset}, batch {config.batch_size}, {_PRECISION.value}', 'its bound', 'images/s', statistics.median(rates),
        best, {name: take(rates) / best for name, take in (('median', statistics.median), ('smallest', min),
                                                            ('largest', max))},
        more={'steps': len(seconds), 'flops': cost['flops'], 'bytes': cost['bytes accessed'], 'bounds_seconds': bounds,
              'step_seconds': statistics.median(seconds), 'memory_bytes': jax_engine.device_memory_bytes()})


def describe(row):
    """One line of what a row says."""
    more = row.more
    rate, bounds = more['flops'] / more['step_seconds'], more['bounds_seconds']
    first = max(bounds, key=bounds.get)
    return (f'{row.what}: {row.ours:.4g} images/s, {1000 * more["step_seconds"]:.4g} ms a step, '
            f'{rate / 1e12:.3g} TFLOP/s, {more["memory_bytes"] / 1e9:.1f} GB. At its peaks the device would need '
            f'{1000 * bounds["arithmetic"]:.3g} ms for the arithmetic and {1000 * bounds["memory"]:.3g} ms for memory: '
            f'bound by {first}, {row.ratio["median"]:.0%} of that bound reached')


if __name__ == '__main__':
    commands.run(main, errors=(configs.ConfigError,))
