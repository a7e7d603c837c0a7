"""Judges models of style transfer beside each other: same pairs, one run, along the strength sweep.

    python tools/judge_styles.py --pairs=pairs.csv --root=pictures/ --models=arbitrary_style,gatys --output=runs/judged

`pairs.csv` has a line `content,style` for each pair, names below --root. Pictures are cut to squares, which are
written to OUTPUT/inputs/NNN_content.png and NNN_style.png: let another program paint them into FOLDER/NNN.png and
name it by --results=NAME=FOLDER. Results are kept, so that the same command run again only does what is missing.
Written are table.md, report.json (per-picture numbers, conditions) and sheet.png. Judge with networks that trained
none of the models.
"""

import csv
import itertools
import json
import pathlib

import numpy as np
from absl import flags

from stylegan_tf import commands

_PAIRS = flags.DEFINE_string('pairs', None, 'CSV file of lines content,style.')
_ROOT = flags.DEFINE_string('root', '.', 'Folder that the names in --pairs start from.')
_MODELS = flags.DEFINE_list('models', ['arbitrary_style'], 'Names or folders of models.')
_STRENGTHS = flags.DEFINE_list('strengths', ['0.25', '0.5', '0.75', '1'], 'Sweep of every model but gatys.')
_RESULTS = flags.DEFINE_multi_string(
    'results', [], 'NAME=FOLDER of pictures NNN.png painted elsewhere; may be repeated.')
_JUDGES = flags.DEFINE_list('judges', ['efficientnet_lite0'], 'Frozen networks to judge with, by name or path.')
_LIMIT = flags.DEFINE_integer('limit', 0, 'Only the first so many pairs; 0 = all.')
_SIZE = flags.DEFINE_integer('size', 256, 'Side of the pictures, pixels.')
_SHEET_ROWS = flags.DEFINE_integer('sheet_rows', 12, 'Pairs on the sheet, spread over all.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for results.')


def main():
    """Paints what is missing, measures, draws."""
    for flag in (_PAIRS, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    others = dict(_name_and_folder(text) for text in _RESULTS.value)
    strengths = sorted(_strength(text) for text in _STRENGTHS.value)
    commands.import_tensorflow()
    from stylegan_tf import evaluator

    output = pathlib.Path(_OUTPUT.value)
    pairs = _read_pairs(output)
    methods = {}
    for name in _MODELS.value:
        methods.update(_painted(name, strengths, pairs, output))
    for name, folder in others.items():
        methods[name] = [_existing(pathlib.Path(folder) / f'{index:03d}.png') for index in range(len(pairs))]
    metrics = [f'{kind}@{judge}' for judge in _JUDGES.value for kind in ('style_distance', 'content_distance')]
    judge = evaluator.Evaluator([*metrics, 'structure_retention', 'grid_peaks'], size=_SIZE.value)
    scores = _measured(judge, methods, pairs)
    text = '\n'.join([_table(scores, judge.names), '', _conditions(judge, len(pairs)), '',
                      *_at_equal_style(scores, list(others))])
    output.joinpath('table.md').write_text(text + '\n', encoding='utf-8')
    output.joinpath('report.json').write_text(json.dumps(
        {**judge.conditions(len(pairs)), 'scores': scores}, indent=1), encoding='utf-8')
    _draw(methods, pairs, output / 'sheet.png')
    print(text)
    print(f'pictures: {output / "sheet.png"}')


def _strength(text):
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise commands.UsageError(f'--strengths must be numbers from 0 to 1. Received: {text!r}.')
    return value


def _name_and_folder(text):
    name, equals, folder = text.partition('=')
    if not equals or not pathlib.Path(folder).is_dir():
        raise commands.UsageError(f'--results must be NAME=FOLDER, and the folder must exist. Received: {text!r}.')
    return name, folder


def _existing(path):
    if not path.is_file():
        raise commands.UsageError(
            f'{path} is missing: --results needs one picture for each pair. Use --limit for fewer.')
    return path


def _read_pairs(output):
    """[(content, style)] as squares, which are written for other programs too."""
    from stylegan_tf import images

    try:
        with open(_PAIRS.value, encoding='utf-8', newline='') as file:
            rows = [row for row in csv.reader(file) if row and not row[0].startswith('#')]
    except OSError as error:
        raise commands.UsageError(f'--pairs cannot be read: {error}.') from error
    rows = [row for row in rows if row != ['content', 'style']]
    if not rows or any(len(row) != 2 for row in rows):
        raise commands.UsageError(f'{_PAIRS.value} must hold lines content,style.')
    pairs, root = [], pathlib.Path(_ROOT.value)
    for index, row in enumerate(rows[:_LIMIT.value or None]):
        pair = []
        for role, name in zip(('content', 'style'), row, strict=True):
            square = images.cover_crop(images.read(root / name), (_SIZE.value, _SIZE.value))
            images.save(output / 'inputs' / f'{index:03d}_{role}.png', square)
            pair.append(square)
        pairs.append(tuple(pair))
    return pairs


def _painted(name, strengths, pairs, output):
    """{method: [path]}; paints what is not there."""
    import stylegan_tf as sg
    from stylegan_tf import images

    model = sg.load(name)
    label = pathlib.Path(name).resolve().name
    sweep = [1.0] if name == 'gatys' else strengths
    methods = {}
    for strength in sweep:
        method = label if name == 'gatys' else f'{label} {strength:g}'
        folder = output / f'{method.replace(" ", "_")}_{model.hash[:8]}'
        methods[method] = [folder / f'{index:03d}.png' for index in range(len(pairs))]
        missing = [index for index, path in enumerate(methods[method]) if not path.is_file()]
        for done, index in enumerate(missing, 1):
            content, style = pairs[index]
            images.save(methods[method][index], model.stylize(content, style, strength=strength))
            print(f'\r{method}: {done} of {len(missing)} painted', end='', flush=True)
        if missing:
            print()
    return methods


def _measured(judge, methods, pairs):
    """{method: {metric: {'mean', 'interval', 'per_image'}}}; the baselines come first."""
    from stylegan_tf import images
    from stylegan_tf.metrics.bootstrap import bootstrap_interval

    rows = {method: [] for method in ('content unchanged', 'style pasted', *methods)}
    for index, (content, style) in enumerate(pairs):
        outputs = {'content unchanged': content, 'style pasted': style,
                   **{method: images.read(paths[index]) for method, paths in methods.items()}}
        for method, picture in outputs.items():
            rows[method].append(judge.measure(picture, content, style))
        print(f'\rpairs measured: {index + 1} of {len(pairs)}', end='', flush=True)
    print()
    return {method: {metric: {'mean': float(np.mean([row[metric] for row in numbers])),
                              'interval': bootstrap_interval([row[metric] for row in numbers], seed=judge.seed),
                              'per_image': [row[metric] for row in numbers]} for metric in judge.names}
            for method, numbers in rows.items()}


def _table(scores, metrics):
    def cell(score):
        low, high = score['interval'] or (score['mean'],) * 2
        return f'{score["mean"]:.3f} [{low:.3f}, {high:.3f}]'

    lines = ['| method | ' + ' | '.join(metrics) + ' |', '|' + '---|' * (len(metrics) + 1)]
    lines += [f'| {method} | ' + ' | '.join(cell(row[metric]) for metric in metrics) + ' |'
              for method, row in scores.items()]
    return '\n'.join(lines)


def _conditions(judge, count):
    conditions = judge.conditions(count)
    networks = '; '.join(f'{name} sha256 {network["sha256"][:12]}' for name, network in conditions['networks'].items())
    return (f'n = {count} pairs; {conditions["resize"]}; seed {conditions["seed"]}; '
            f'95% bootstrap intervals over pairs; {networks}')


def _at_equal_style(scores, rivals):
    """For each rival: what the sweep costs in content where its style distance is reached."""
    for judge in _JUDGES.value:
        style, content = f'style_distance@{judge}', f'content_distance@{judge}'
        for model in (name for name in _MODELS.value if name != 'gatys'):
            label = pathlib.Path(model).resolve().name
            sweep = [(row[style]['mean'], row[content]['mean']) for method, row in scores.items()
                     if method.rpartition(' ')[0] == label]
            for rival in rivals:
                wanted, cost = scores[rival][style]['mean'], scores[rival][content]['mean']
                ours = content_at_style(sweep, wanted)
                found = (f'the content distance is {ours:.3f}' if ours is not None else
                         f'is not reached; nearest are {min(sweep)[0]:.3f} at content distance {min(sweep)[1]:.3f}')
                yield f'- {label}, judge {judge}: the style distance of {rival}, {wanted:.3f}, ' \
                      f'which costs it {cost:.3f} of content: {found}'


def content_at_style(sweep, wanted):
    """Content distance where a sweep reaches a style distance, linear between its points.

    Args:
        sweep: [(style distance, content distance)] in rising order of strength.
        wanted: Style distance.
    Returns:
        float, or None if the sweep stays above `wanted`.
    """
    if sweep[0][0] <= wanted:
        return sweep[0][1]
    for (style_a, content_a), (style_b, content_b) in itertools.pairwise(sweep):
        if style_b <= wanted < style_a:
            share = (style_a - wanted) / (style_a - style_b)
            return content_a + share * (content_b - content_a)
    return None


def _draw(methods, pairs, path):
    from stylegan_tf import images, sheets

    chosen = np.unique(np.linspace(0, len(pairs) - 1, min(_SHEET_ROWS.value, len(pairs))).astype(int))
    rows = [[*pairs[index], *(images.read(paths[index]) for paths in methods.values())] for index in chosen]
    images.save(path, sheets.grid(rows, column_labels=['content', 'style', *methods]))


def _errors():
    from stylegan_tf import images
    from stylegan_tf.loaded_models import ModelError

    return ModelError, images.ImageError, ValueError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
