"""How the cost of an evaluation grows with its pairs: CPU seconds a pair, the exponent, memory.

    python tools/benchmark.py evaluation
    python tools/benchmark.py evaluation --pairs=50,100,200,1000 --content=photos/ --style=paintings/ --output=measured/

For each number of pairs a process of its own writes that many results and does what `stylegan-tf evaluate` does, both
reports included. They take turns; the smallest CPU time of each counts, because other work on the machine only adds to
it. Kinds: all distinct, where every content and style belongs to one pair; and a grid of few of either.
`looks` are the pictures that the network was shown: as many as there are, if none is had twice. The exponent is the
slope of the logarithms of seconds by pairs, the seconds of loading left out (those of the smallest number, as a line
through the first two says): 1 is linear.
"""

from absl import flags
from benchmarks import checks, evaluation_rows, evaluations, records, turns

from stylegan_tf import commands

KINDS = [evaluations.DISTINCT, evaluations.GRID]
_CONTENT = flags.DEFINE_string('content', 'sample:photos', 'Pictures that contents are cut from.')
_STYLE = flags.DEFINE_string('style', 'sample:styles', 'Pictures that styles are cut from.')
_PAIRS = flags.DEFINE_list('pairs', ['50', '100', '200', '1000'], 'Numbers of pairs, growing.')
_KINDS = flags.DEFINE_list('kinds', KINDS, 'Which pairs.')
_SIZE = flags.DEFINE_integer('size', 192, 'Side that pictures are measured at, pixels.', 32, 1024)
_ROUNDS = flags.DEFINE_integer('rounds', 2, 'Turns of each.', 1)
_CORES = flags.DEFINE_integer('cores', 1, 'CPU cores.', 1)
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for evaluation.json and evaluation.png.')


def main():
    """Measures and prints two tables; returns the exit code."""
    from stylegan_tf import data

    counts = checks.whole_numbers('pairs', _PAIRS.value, least=4)
    if len(counts) < 2 or sorted(set(counts)) != counts:
        raise commands.UsageError('--pairs expects at least two numbers that grow, such as 50,200. '
                                  f'Received: {",".join(_PAIRS.value)}.')
    checks.choices('kinds', _KINDS.value, KINDS)
    checks.cores('cores', _CORES.value)
    for spec in (_CONTENT.value, _STYLE.value):
        data.load(spec)
    checks.output_folder(_OUTPUT.value)
    rows = []
    print('| pairs | kind | CPU s | a pair | wall s | peak memory | looks | pictures |\n' + '|---' * 8 + '|')
    for kind in _KINDS.value:
        taken = _measured(kind, counts)
        rows.append(evaluation_rows.row(kind, counts, taken))
    print(f'\n{records.table(rows)}')
    if _OUTPUT.value:
        records.save(_OUTPUT.value, 'evaluation', rows, content=_CONTENT.value, style=_STYLE.value, size=_SIZE.value,
                     cores=_CORES.value, rounds=_ROUNDS.value)
    return commands.SOME_FAILED if any(not found.holds for found in rows) else commands.DONE


def _measured(kind, counts):
    """What each number of pairs cost in its cheapest turn."""
    subjects = [turns.Subject(str(count), 'benchmarks.evaluations:evaluation', {
        'content': _CONTENT.value, 'style': _STYLE.value, 'pairs': count, 'kind': kind, 'size': _SIZE.value})
        for count in counts]
    with turns.processes(subjects, _CORES.value) as workers:
        taken = turns.take(workers, [None], _ROUNDS.value, warm_ups=0)[0]
    found = [min(taken[str(count)], key=lambda numbers: numbers['cpu_seconds']) for count in counts]
    for count, numbers in zip(counts, found, strict=True):
        seconds = numbers['cpu_seconds']
        print(f'| {count} | {kind} | {seconds:.1f} | {seconds / count:.3f} | {numbers["wall_seconds"]:.1f} '
              f'| {numbers["peak_bytes"] / 1e6:.0f} MB | {numbers["looks"]} | {numbers["distinct"]} |', flush=True)
    return found


def _errors():
    from stylegan_tf import data

    return (data.DataError,)


if __name__ == '__main__':
    commands.run(main, errors=_errors)
