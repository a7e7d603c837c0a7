"""How long commands take from nothing: all their `--help`, and `stylize` for one photograph."""

import pathlib
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
from benchmarks import records, turns

from stylegan_tf import commands

NO_COMMANDS = ('sandboxed_model',)  # started by a worker, takes no flags
HELP_SECONDS = 1.0  # asked of every --help
COLD_SECONDS = {'litert': 3.0, 'litert_int8': 3.0, 'tensorflow': 6.0}  # asked of `stylize`, by engine


def help_commands():
    """Dict of a command's name -> arguments that print its help: the package's, the serving package's, tools/*.py."""
    found = {f'stylegan-tf {name}': ['-m', 'stylegan_tf', name] for name in commands.available()}
    serving = turns.ROOT / 'serving'
    modules = [path for path in sorted((serving / 'stylegan_serving').rglob('*.py')) if _is_command(path)]
    for path in modules:
        name = '.'.join(path.relative_to(serving).with_suffix('').parts).removesuffix('.__main__')
        found[name] = ['-m', name]
    tools = [path for path in sorted((turns.ROOT / 'tools').glob('*.py')) if _is_command(path)]
    found.update({f'tools/{path.name}': [str(path)] for path in tools})
    return {name: [*arguments, '--help'] for name, arguments in found.items()}


def _is_command(path):
    return path.stem not in NO_COMMANDS and "__name__ == '__main__'" in path.read_text(encoding='utf-8')


def run(arguments):
    """Dict of wall and CPU seconds of a Python process; raises UsageError, with its last words, where it fails."""
    before, start = _children_seconds(), time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise turns.failure(' '.join(map(str, arguments)), done.returncode, done.stderr)
    return {'wall_seconds': time.perf_counter() - start, 'cpu_seconds': _children_seconds() - before}


def _children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def help_rows(rounds):
    """List of Row, one a command."""
    taken = {name: [] for name in help_commands()}
    for _ in range(rounds):
        for name, arguments in help_commands().items():
            taken[name].append(run(arguments))
    return [_row(f'{name} --help', numbers, HELP_SECONDS) for name, numbers in taken.items()]


def cold_rows(folder, rounds, engines=tuple(COLD_SECONDS), model='arbitrary_style'):
    """List of Row, one an engine: `stylize` of a photograph of 600x400 in a new style, receipt included.

    Args:
        folder: For the pictures.
        rounds: Runs of each engine; they take turns.
        engines: Names of engines.
        model: The model.
    """
    from stylegan_tf import images

    folder, generator = pathlib.Path(folder), np.random.default_rng(0)
    for name, size in (('content', (400, 600)), ('style', (400, 400))):
        images.save(folder / f'{name}.png', images.resize(generator.integers(0, 256, (20, 20, 3), np.uint8), size))
    taken = {engine: [] for engine in engines}
    for turn in range(rounds):
        for engine in engines:
            files = {'content': 'content.png', 'style': 'style.png', 'output': f'{engine}{turn}.png'}
            taken[engine].append(run([
                '-m', 'stylegan_tf', 'stylize', f'--model={model}', f'--engine={engine}',
                *(f'--{flag}={folder / name}' for flag, name in files.items())]))
    return [_row(f'stylize --engine={engine}, 600x400', numbers, COLD_SECONDS[engine])
            for engine, numbers in taken.items()]


def _row(what, numbers, seconds):
    # The wall is what was asked about, and on shared cores it tells about the others: see the CPU seconds beside it.
    walls, cpu = turns.column(numbers, 'wall_seconds'), turns.column(numbers, 'cpu_seconds')
    ratio = turns.ratio(walls, [seconds] * len(walls))
    return records.Row(what, 'what is asked', 'wall s', statistics.median(walls), seconds, ratio, f'<= {seconds:g} s',
                       ratio['median'] <= 1, {'cpu_seconds': statistics.median(cpu), 'rounds': len(walls)})
