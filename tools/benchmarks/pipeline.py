"""The input pipeline: images/s beside a PyTorch DataLoader with OpenCV, and how long training steps wait for data.

    python tools/benchmark.py pipeline
    python tools/benchmark.py pipeline --data=photos/ --style_data=paintings/ --rounds=7 --output=measured/
    python tools/benchmark.py pipeline --parts=waits --presets=cyclegan_128 --steps=20 --data=a/ --style_data=b/

feeds: decode, crop, flip and colours as each preset asks, to batches of floats, on the same cores in turns; nothing is
kept in memory, except in the rows that say so. The peer decodes no more of a JPEG than its crop needs, as ours; it
makes crops smaller by averages, as ours, or bilinearly, which is quicker and leaves aliases.
waits: trains for some steps and reads `data_wait_share` of metrics.jsonl. Exit code 1: a bar is missed.
"""

import statistics

from absl import flags
from benchmarks import checks, records, turns, waits

from stylegan_tf import commands, configs

PARTS = ['feeds', 'waits']
BATCHES = 40  # of a turn, at least: those half made when it begins and ends must not count
_DATA = flags.DEFINE_string('data', 'sample:photos', 'Content pictures: a folder or sample:NAME.')
_STYLE_DATA = flags.DEFINE_string('style_data', 'sample:styles', 'Style pictures, where a preset takes two sets.')
_PRESETS = flags.DEFINE_list('presets', ['style_transfer_128', 'stylegan_64', 'cyclegan_128'], 'Which trainings.')
_PARTS = flags.DEFINE_list('parts', PARTS, f'Which: {", ".join(PARTS)}.')
_ROUNDS = flags.DEFINE_integer('rounds', 7, 'Turns of each, after one that warms up.', 1)
_IMAGES = flags.DEFINE_integer('images', 600, 'Images of a turn, at least; never less than 40 batches.', 1)
_STEPS = flags.DEFINE_integer('steps', 12, 'Training steps.', 2)
_CORES = flags.DEFINE_integer('cores', 2, 'CPU cores.', 1)
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for pipeline.json and pipeline.png.')


def main():
    """Measures the parts and prints a table; returns the exit code."""
    checks.choices('parts', _PARTS.value, PARTS)
    checks.choices('presets', _PRESETS.value, [name for name in configs.PRESETS if specs(name)])
    checks.cores('cores', _CORES.value)
    if 'feeds' in _PARTS.value:
        checks.packages(['torch'], 'benchmark')
    for flag in (_DATA, _STYLE_DATA):
        checks.picture_folder(flag.name, flag.value)
    checks.output_folder(_OUTPUT.value)
    rows = []
    for preset in _PRESETS.value:
        if 'feeds' in _PARTS.value:
            rows += _feeds(preset, specs(preset))
        if 'waits' in _PARTS.value:
            rows.append(waits.row(preset, specs(preset), _STEPS.value, _CORES.value))
    print(records.table(rows))
    if _OUTPUT.value:
        records.save(_OUTPUT.value, 'pipeline', rows, data=_DATA.value, style_data=_STYLE_DATA.value,
                     images=_IMAGES.value, rounds=_ROUNDS.value, cores=_CORES.value, steps=_STEPS.value)
    return commands.SOME_FAILED if any(row.holds is False for row in rows) else commands.DONE


def specs(preset):
    """Data SPECs of a preset whose samples are crops of one or two sets of pictures; () of any other."""
    config = configs.get(preset)
    if isinstance(config, configs.StyleGANConfig):
        return (_DATA.value,)
    has_two = isinstance(config, (configs.StyleTransferConfig, configs.CycleGANConfig))
    return (_DATA.value, _STYLE_DATA.value) if has_two and getattr(config, 'method', '') != 'paired' else ()


def _feeds(preset, specs):
    """Rows of one preset: by CPU time and by wall time, beside both peers; and ours with the pictures in memory."""
    given = {'preset': preset, 'specs': specs, 'cores': _CORES.value}
    ours = turns.Subject('ours', 'benchmarks.feeds:ours', given)
    kept = turns.Subject('kept in memory', 'benchmarks.feeds:ours', {**given, 'kept_bytes': 1 << 30})
    peers = [turns.Subject(f'torch DataLoader, cv2, {kind}', 'benchmarks.feeds:torch_loader',
                           {**given, 'interpolation': kind}) for kind in ('area', 'linear')]
    with turns.processes([ours, kept, *peers], _CORES.value) as workers:
        images = max(_IMAGES.value, BATCHES * configs.get(preset).batch_size * len(specs))
        taken = turns.take(workers, [{'images': images}], _ROUNDS.value)[0]
    rows = []
    for peer in (*peers, kept):
        for unit, column in (('images/CPU s', 'cpu_seconds'), ('images/s', 'wall_seconds')):
            speeds = [[row['images'] / row[column] for row in taken[name]] for name in ('ours', peer.name)]
            found = turns.ratio(*speeds)
            asked = ('>= 1.0', found['median'] >= 1) if peer in peers else ('', None)
            rows.append(records.Row(
                f'{preset}, feed', peer.name, unit, *map(statistics.median, speeds), found, *asked,
                {'cores': _CORES.value, 'rounds': _ROUNDS.value, 'peak_bytes': taken['ours'][-1]['peak_bytes']}))
    return rows


if __name__ == '__main__':
    commands.run(main)
