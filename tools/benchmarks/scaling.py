"""On paper: what N model servers, GPUs and evaluation workers give, and where the bottleneck moves.

    python tools/benchmark.py scaling
    python tools/benchmark.py scaling --measured=measured/ --constant=server_cores=8 \\
        --constant="gpu_images=410; measured: H200, JAX" --output=measured/

--measured is a folder with pipeline, evaluation, serving, contest and accelerator.json of the other commands; what they
lack is taken from docs/performance.md, measured here (files of pictures), or assumed: the table of constants says
which. Everything is a rate of the mean of a day; servers, workers, database and link are sized for its peak.
"""

import dataclasses
import math
import pathlib

from absl import flags
from benchmarks import checks, records, scales

from stylegan_tf import commands

_MEASURED = flags.DEFINE_string('measured', None, 'Folder with JSON files of other commands.')
_CONSTANT = flags.DEFINE_multi_string('constant', [], 'NAME=VALUE or "NAME=VALUE; SOURCE" of the table of constants.')
_IMAGES = flags.DEFINE_float('images', 1_000_000, 'Images a day that are wanted.', 1)
_SUBMISSIONS = flags.DEFINE_float('submissions', 10_000, 'Submissions a day that are wanted.', 1)
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for scaling.json and scaling.png.')


def main():
    """Prints the tables; returns the exit code."""
    given(scales.DEFAULTS, _CONSTANT.value)
    checks.output_folder(_OUTPUT.value)
    constants = given(scales.read(_MEASURED.value, {**scales.DEFAULTS, **scales.codec()}), _CONSTANT.value)
    values = {name: constant.value for name, constant in constants.items()}
    series = plans(values)
    print(table(series))
    print('\n' + answers(series, {'images a day': _IMAGES.value, 'submissions a day': _SUBMISSIONS.value}))
    print('\n| constant | value | unit | from |\n|---|---|---|---|')
    for name, constant in constants.items():
        print(f'| `{name}` | {constant.value:.4g} | {constant.unit} | {constant.source} |')
    if _OUTPUT.value:
        save(pathlib.Path(_OUTPUT.value), constants, series)


def given(constants, texts):
    """Constants with those replaced that were typed."""
    found = dict(constants)
    for text in texts:
        head, _, source = text.partition(';')
        name, _, value = head.partition('=')
        if name.strip() not in constants:
            raise commands.UsageError(f'--constant: unknown name {name!r}. Known: {", ".join(constants)}.')
        try:
            number = float(value)
        except ValueError as error:
            raise commands.UsageError(f'--constant: expected NAME=NUMBER. Received: {text!r}.') from error
        if not 0 < number < math.inf:
            raise commands.UsageError(f'--constant: expected a number above 0. Received: {text!r}.')
        found[name.strip()] = dataclasses.replace(constants[name.strip()], value=number,
                                                  source=source.strip() or 'given')
    return found


def plans(values):
    """{title: (what counts, unit, function from a count to rates by resource)}."""
    found = {'model servers': ('servers', 'images a day', lambda count: scales.serving(values, count)),
             'GPUs of a training': ('GPUs', 'images/s', lambda count: scales.training(values, count))}
    for is_painted, kind in ((False, 'results'), (True, 'programs')):
        for pairs in scales.PAIRS:
            found[f'evaluation workers, {kind}, {pairs} pairs'] = (
                'workers', 'submissions a day',
                lambda count, pairs=pairs, is_painted=is_painted: scales.submissions(values, count, pairs, is_painted))
    return found


def table(series):
    """Markdown: for each count what is reached, and what binds."""
    lines = ['| N | ' + ' | '.join(f'{title}: {unit}' for title, (_, unit, _) in series.items()) + ' |',
             '|---' * (len(series) + 1) + '|']
    for count in scales.COUNTS:
        cells = []
        for own, _, rates_of in series.values():
            rate, name = scales.reached(rates_of(count))
            cells.append(scales.rounded(rate) + ('' if name == own else f' ({name})'))
        lines.append(f'| {count} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def answers(series, wanted):
    """Markdown: how many are needed for what is wanted, by unit, and from how many on something else binds."""
    lines = ['| | wanted | needed | something else binds from | then |', '|---|---|---|---|---|']
    for title, (_, unit, rates_of) in series.items():
        count, name = scales.turn(rates_of)
        amount = wanted.get(unit)
        enough = scales.needed(rates_of, amount) if amount else None
        needed = str(enough) if enough else f'cannot be had: {scales.reached(rates_of(1 << 20))[1]}' if amount else ''
        then = '' if count is None else f'{name}, {scales.rounded(scales.reached(rates_of(count))[0])} {unit}'
        asked = f'{amount:,.0f} {unit}' if amount else ''
        lines.append(f'| {title} | {asked} | {needed} | {f"{count:,}" if count else "never"} | {then} |')
    return '\n'.join(lines)


def save(folder, constants, series):
    """Writes scaling.json and, where matplotlib is, scaling.png."""
    records.write(folder / 'scaling.json', {
        'constants': {name: dataclasses.asdict(constant) for name, constant in constants.items()},
        'rates': {title: {count: rates_of(count) for count in scales.COUNTS}
                  for title, (_, _, rates_of) in series.items()}})
    pyplot = records.plotter()
    if pyplot is None:
        return
    units = list(dict.fromkeys(unit for _, unit, _ in series.values()))
    figure, axes = pyplot.subplots(1, len(units), figsize=(5 * len(units), 4))
    for axis, unit in zip(axes, units, strict=True):
        for title, (_, own_unit, rates_of) in series.items():
            if own_unit == unit:
                axis.loglog(scales.COUNTS, [scales.reached(rates_of(count))[0] for count in scales.COUNTS], 'o-',
                            label=title)
        axis.set(xlabel='N', ylabel=unit)
        axis.set_xticks(scales.COUNTS, map(str, scales.COUNTS))
        axis.minorticks_off()
        axis.legend(fontsize=7, loc='upper center', bbox_to_anchor=(0.5, -0.15))
    figure.savefig(folder / 'scaling.png', dpi=110, bbox_inches='tight')
    pyplot.close(figure)


if __name__ == '__main__':
    commands.run(main)
