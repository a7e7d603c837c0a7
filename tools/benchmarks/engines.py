"""Compares the engines of `stylize`: seconds for a picture, and from a cold start.

    python tools/benchmark.py engines --sizes=256,512,1024 --threads=1,2 --rounds=7

Each engine works in a process of its own on the same cores, and they take turns, so that other work on the machine
disturbs both alike; ratios are medians over the turns. CPU seconds hardly notice other work, wall seconds do.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from absl import flags

from stylegan_tf import commands

_MODEL = flags.DEFINE_string('model', 'arbitrary_style', 'Model that runs by both engines.')
_SIZES = flags.DEFINE_list('sizes', ['256', '512', '1024'], 'Sides of square pictures, pixels.')
_THREADS = flags.DEFINE_list('threads', ['1', '2'], 'Numbers of CPU cores.')
_ROUNDS = flags.DEFINE_integer('rounds', 7, 'Turns of each engine.')
_COLD_STARTS = flags.DEFINE_integer('cold_starts', 3, 'Runs of the command for a picture of 600x400.')
ENGINES = ('litert', 'tensorflow')

# A process that paints what it is asked for, line by line, and says how long it took.
WORKER = '''
import os, sys, time
model, engine, cores = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import numpy as np
import stylegan_tf as sg
model = sg.load(model, engine=engine)
generator = np.random.default_rng(0)
style = model.prepare_style(generator.integers(0, 256, (256, 256, 3), np.uint8))
for line in sys.stdin:
    picture = generator.integers(0, 256, (int(line), int(line), 3), np.uint8)
    wall, cpu = time.perf_counter(), time.process_time()
    model.stylize(picture, style)
    print(time.perf_counter() - wall, time.process_time() - cpu, flush=True)
'''


def main():
    """Prints the two tables."""
    sizes, threads = ([int(text) for text in flag.value] for flag in (_SIZES, _THREADS))
    print('| picture | cores | LiteRT, seconds (CPU) | TensorFlow, seconds (CPU) | ratio, wall | ratio, CPU |')
    print('|---|---|---|---|---|---|')
    for cores in threads:
        for size, row in _compare(cores, sizes).items():
            numbers = {(engine, kind): statistics.median(row[engine][:, kind]) for engine in ENGINES for kind in (0, 1)}
            ratios = [statistics.median(row['litert'][:, kind] / row['tensorflow'][:, kind]) for kind in (0, 1)]
            cells = [f'{numbers[engine, 0]:.2f} ({numbers[engine, 1]:.2f})' for engine in ENGINES]
            print(f'| {size}x{size} | {cores} | {" | ".join(cells)} | {ratios[0]:.2f} | {ratios[1]:.2f} |')
    print('\n| cold start, 600x400 | seconds | CPU seconds |\n|---|---|---|')
    for engine, rows in _cold_starts().items():
        print(f'| {engine} | {statistics.median(rows[:, 0]):.1f} | {statistics.median(rows[:, 1]):.1f} |')


def _compare(cores, sizes):
    """Dict size -> engine -> [rounds, 2] of wall and CPU seconds."""
    workers = {engine: subprocess.Popen(
        [sys.executable, '-c', WORKER, _MODEL.value, engine, str(cores)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for engine in ENGINES}
    try:
        return {size: _rounds(workers, size) for size in sizes}
    finally:
        for worker in workers.values():
            worker.stdin.close()
            worker.wait()


def _rounds(workers, size):
    taken = {engine: [] for engine in ENGINES}
    for turn in range(_ROUNDS.value + 1):
        for engine, worker in workers.items():
            print(size, file=worker.stdin, flush=True)
            answer = worker.stdout.readline()
            if not answer:
                raise commands.UsageError(f'The model {_MODEL.value} does not run by {engine}.')
            if turn:  # the first one warms up
                taken[engine].append([float(text) for text in answer.split()])
    return {engine: np.array(rows) for engine, rows in taken.items()}


def _cold_starts():
    """Dict engine -> [runs, 2] of wall and CPU seconds of the whole command."""
    from stylegan_tf import images

    taken = {engine: [] for engine in ENGINES}
    with tempfile.TemporaryDirectory() as folder:
        generator = np.random.default_rng(0)
        for name, size in (('content', (400, 600)), ('style', (400, 400))):
            coarse = generator.integers(0, 256, (20, 20, 3), np.uint8)
            images.save(f'{folder}/{name}.png', images.resize(coarse, size))
        for turn in range(_COLD_STARTS.value):
            for engine in ENGINES:
                command = [sys.executable, '-m', 'stylegan_tf', 'stylize', f'--model={_MODEL.value}',
                           f'--engine={engine}', f'--content={folder}/content.png', f'--style={folder}/style.png',
                           f'--output={folder}/{engine}{turn}.png']
                before, start = os.times(), time.perf_counter()
                subprocess.run(command, check=True, capture_output=True)
                after = os.times()
                taken[engine].append([time.perf_counter() - start, after.children_user - before.children_user
                                      + after.children_system - before.children_system])
    return {engine: np.array(rows) for engine, rows in taken.items()}


if __name__ == '__main__':
    commands.run(main, errors=(subprocess.CalledProcessError,))
