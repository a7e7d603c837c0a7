"""Compares training steps with the same networks, losses and batch in PyTorch (eager, channels_last, Adam, averages).

    python tools/benchmark.py training --presets=style_transfer_128,stylegan_64,cyclegan_128 --cores=2 --rounds=5
    python tools/benchmark.py training --presets= --first_steps=all   # how soon the first step of each ends

Both do the same work: a test compares their outputs with the same weights, and counted operations agree within 1%.
Each kind of step is timed by itself and counts as often as it comes in a cycle of lazy regularisation. The share of
the peak is of the matrix multiplications that take their turn beside them.
"""

import statistics

from absl import flags
from benchmarks import checks, peak, records, steps, turns

from stylegan_tf import commands, configs

_PRESETS = flags.DEFINE_list('presets', list(steps.PRESETS), 'Presets compared with PyTorch.')
_FIRST_STEPS = flags.DEFINE_list(
    'first_steps', [], "Presets whose first step is timed, from a new process on; 'all': those of up to 128 px.")
_BATCH_SIZE = flags.DEFINE_integer('batch_size', 0, "Pictures of a step; 0: the preset's own.", 0)
_CORES = flags.DEFINE_integer('cores', 2, 'CPU cores.', 1)
_ROUNDS = flags.DEFINE_integer('rounds', 5, 'Turns of each that count, after one that warms up.', 1)
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for training.json and training.png.')
_LOG = flags.DEFINE_string('log', None, 'File for what the measured processes print.')
FIRST_STEP_LIMIT_SECONDS = 60
SIDE_LIMIT = 128  # pixels


def main():
    """Prints the tables."""
    small = _small_presets()
    if _PRESETS.value or not small:
        checks.choices('presets', _PRESETS.value, steps.PRESETS)
        checks.packages(['torch'], 'benchmark')
    if small:
        checks.choices('first_steps', small, configs.PRESETS)
    checks.cores('cores', _CORES.value)
    checks.output_folder(_OUTPUT.value)
    rows = []
    for preset in _PRESETS.value:
        rows += compared(preset)
        print(records.table(rows[-2:]), flush=True)
    firsts = [first_step(preset) for preset in small]
    if _OUTPUT.value:
        records.save(_OUTPUT.value, 'training', rows, rounds=_ROUNDS.value, cores=_CORES.value,
                     batch_size=_BATCH_SIZE.value, first_steps=firsts)


def compared(preset):
    """Rows, by CPU and by wall time, of a cycle of steps beside PyTorch's."""
    arguments = {'preset': preset, 'batch_size': _BATCH_SIZE.value}
    subjects = [turns.Subject('ours', 'benchmarks.steps:ours', arguments),
                turns.Subject('PyTorch', 'benchmarks.steps:torch_peer', arguments), peak.SUBJECT]
    cycle = steps.cycle(steps.plain_config(preset))
    with turns.processes(subjects, _CORES.value, _LOG.value) as workers:
        kinds = turns.take(workers, list(cycle), _ROUNDS.value)
    counts, rows = list(cycle.values()), []
    taken = {name: {kind: _cycle_seconds(kinds, counts, name, kind) for kind in ('cpu_seconds', 'wall_seconds')}
             for name in ('ours', 'PyTorch')}
    flops = sum(count * turns_of['ours'][0]['flops'] for count, turns_of in zip(counts, kinds)) / sum(counts)
    peaks = [numbers['flops'] / numbers['cpu_seconds'] for numbers in kinds[0][peak.SUBJECT.name]]
    more = {'cores': _CORES.value, 'rounds': _ROUNDS.value, 'batch_size': steps.plain_config(preset).batch_size,
            'gigaflops_of_a_step': flops / 1e9, 'peak_gigaflops_a_core': statistics.median(peaks) / 1e9,
            **{f'share_of_peak_{name}': statistics.median(flops / seconds / top for seconds, top in zip(
                taken[name]['cpu_seconds'], peaks)) for name in taken},
            **{f'peak_bytes_{name}': max(numbers['peak_bytes'] for turns_of in kinds for numbers in turns_of[name])
               for name in taken}}
    for kind, unit in (('cpu_seconds', 'CPU s'), ('wall_seconds', 's')):
        ours, theirs = taken['ours'][kind], taken['PyTorch'][kind]
        ratio = turns.ratio(ours, theirs)
        what = f'{preset}, a step' + (f' (mean of a cycle of {sum(counts)})' if len(counts) > 1 else '')
        rows.append(records.Row(what, 'PyTorch eager', unit, statistics.median(ours), statistics.median(theirs), ratio,
                                '<= 1.0', ratio['median'] <= 1, more))
    print(f'{preset}: {flops / 1e9:.0f} GFLOP a step; share of the peak of {more["peak_gigaflops_a_core"]:.0f} GFLOP/s '
          f'a core: ours {more["share_of_peak_ours"]:.0%}, PyTorch {more["share_of_peak_PyTorch"]:.0%}; peak memory '
          f'{more["peak_bytes_ours"] / 1e9:.1f} and {more["peak_bytes_PyTorch"] / 1e9:.1f} GB', flush=True)
    return rows


def _cycle_seconds(kinds, counts, name, unit):
    """Mean seconds of a step of the cycle, turn by turn."""
    columns = [turns.column(turns_of[name], unit) for turns_of in kinds]
    return [sum(count * seconds for count, seconds in zip(counts, row)) / sum(counts) for row in zip(*columns)]


def _small_presets():
    if _FIRST_STEPS.value != ['all']:
        return _FIRST_STEPS.value
    return [name for name, preset in configs.PRESETS.items()
            if max(preset.config.height, preset.config.width) <= SIDE_LIMIT]


def first_step(preset):
    """Dict of the CPU seconds until the first step has ended: building, tracing with that step, and a later step."""
    subject = turns.Subject(preset, 'benchmarks.steps:ours', {
        'preset': preset, 'batch_size': _BATCH_SIZE.value, 'counts': False})
    with turns.processes([subject], _CORES.value, _LOG.value) as (worker,):
        first, second = (worker.work(1)['cpu_seconds'] for _ in range(2))
        numbers = {'preset': preset, 'build': worker.preparation['cpu_seconds'], 'first': first, 'second': second}
    total = numbers['build'] + numbers['first']
    print(f'{preset}: {total:.0f} CPU s to the end of the first step ({numbers["build"]:.0f} to build, '
          f'{numbers["first"]:.0f} for the step, of which {numbers["second"]:.1f} come again) '
          f'{"holds" if total <= FIRST_STEP_LIMIT_SECONDS else "above " + str(FIRST_STEP_LIMIT_SECONDS)}', flush=True)
    return numbers


if __name__ == '__main__':
    commands.run(main)
