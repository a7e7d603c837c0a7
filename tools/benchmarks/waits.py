"""How long the steps of a real training wait for their data."""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from benchmarks import records, turns

from stylegan_tf import configs

BAR = 0.05  # of a step's time


def row(preset, specs, steps, cores):
    """A `records.Row` of a training of so many steps in a process of its own: step seconds, and the share waited.

    Raises:
        UsageError: The training failed; says what it printed last.
    """
    ticks = measured(preset, specs, steps, cores)
    shares = [tick['data_wait_share'] for tick in ticks if 'data_wait_share' in tick]
    batch = configs.get(preset).batch_size
    step_seconds = batch / ticks[-1]['images_per_second']
    share = statistics.fmean(shares)
    return records.Row(
        f'{preset}, training: waits for data', 'the whole step', 's', share * step_seconds, step_seconds,
        {'median': statistics.median(shares), 'smallest': min(shares), 'largest': max(shares)}, f'< {BAR}', share < BAR,
        {'cores': cores, 'steps': ticks[-1]['step'], 'batch_size': batch})


def measured(preset, specs, steps, cores, settings=()):
    """The lines of metrics.jsonl, dicts, of a training with a line about every step."""
    batch = configs.get(preset).batch_size
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, '-m', 'stylegan_tf', 'train', f'--preset={preset}', f'--data={specs[0]}',
                   *(f'--style_data={spec}' for spec in specs[1:]), f'--workdir={folder}/run',
                   f'--set=total_images={steps * batch}', '--set=tick_seconds=0.01',
                   f'--set=snapshot_images={10 * steps * batch}', *(f'--set={setting}' for setting in settings)]
        environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(turns.ROOT), os.environ.get('PYTHONPATH', '')])}
        done = subprocess.run(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              preexec_fn=lambda: os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores]))
        lines = pathlib.Path(folder, 'run', 'metrics.jsonl')
        if done.returncode or not lines.is_file():
            raise turns.failure(f'The training of {preset}', done.returncode, done.stdout)
        return [json.loads(line) for line in lines.read_text().splitlines()]
