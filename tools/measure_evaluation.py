"""Shows that metrics notice planted faults: a table of metric by fault, with Spearman's rank correlations.

    python tools/measure_evaluation.py --results=styled/ --content=photos/ --style=paintings/ --output=runs/faults

Each result gets each fault in four degrees (blur, noise, JPEG, turned hues, another result's part, the style fading,
the style picture showing through, one look for all) and is measured again. +1 says that a metric gets worse with every
degree of every pair, -1 that it gets better; a metric need not notice what is not its business (`HARMS` in
judging/planted.py, marked by an asterisk where it must). Writes table.md and report.json.
"""

import json
import pathlib

import numpy as np
from absl import flags
from judging import planted

from stylegan_tf import commands

_RESULTS = flags.DEFINE_string('results', None, 'Folder of results, called as `evaluate` wants them.')
_CONTENT = flags.DEFINE_string('content', None, 'Folder of contents.')
_STYLE = flags.DEFINE_string('style', None, 'Folder of style pictures, or one.')
_METRICS = flags.DEFINE_list('metrics', None, 'Names of metrics; all by EfficientNet-Lite0 if absent.')
_SIZE = flags.DEFINE_integer('size', 192, 'Side of the pictures, pixels.')
_LIMIT = flags.DEFINE_integer('limit', 0, 'Only so many pairs, spread over all; 0 = all.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for table.md and report.json.')


def main():
    """Plants, measures, writes."""
    for flag in (_RESULTS, _CONTENT, _STYLE, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    from stylegan_tf import evaluator, images, method_pairs

    found = method_pairs.plan(_RESULTS.value, _CONTENT.value, _STYLE.value)
    paths = method_pairs.results(_RESULTS.value, found)
    chosen = np.unique(np.linspace(0, len(found) - 1, _LIMIT.value or len(found)).round().astype(int))

    def square(path):
        return images.cover_crop(images.read(path), (_SIZE.value, _SIZE.value))

    pairs = [(square(found[index].content), square(found[index].style)) for index in chosen]
    results = [square(paths[index]) for index in chosen]
    metrics = _METRICS.value or [*evaluator.DEFAULT_METRICS, 'ssim']
    evaluation = evaluator.Evaluation([evaluator.Pair(found[index].name, *pair)
                                       for index, pair in zip(chosen, pairs, strict=True)], metrics, size=_SIZE.value)
    curves = planted.measured(evaluation, pairs, results, tell=lambda text: print(text, flush=True))
    correlations = {fault: {name: planted.correlation(evaluation.described[name], by_degree)
                            for name, by_degree in rows.items()} for fault, rows in curves.items()}
    text = table(metrics, curves, correlations)
    conditions = evaluation.conditions
    text += (f'\n\nn = {len(pairs)} pairs, {conditions["resize"]}; networks '
             + '; '.join(f'{name} sha256 {network["sha256"][:12]}' for name, network in conditions['networks'].items()))
    output = pathlib.Path(_OUTPUT.value)
    output.mkdir(parents=True, exist_ok=True)
    (output / 'table.md').write_text(text + '\n', encoding='utf-8')
    (output / 'report.json').write_text(json.dumps({'conditions': conditions, 'curves': curves,
                                                    'correlations': correlations}, indent=1), encoding='utf-8')
    print(text)


def table(metrics, curves, correlations):
    """Markdown: a row a metric, a column a fault; correlation and the means without and with the most of the fault."""
    lines = ['| metric | ' + ' | '.join(fault.replace('_', ' ') for fault in curves) + ' |',
             '|---' * (len(curves) + 1) + '|']
    for name in metrics:
        cells = []
        for fault, rows in curves.items():
            first, last = (np.mean([value for value in rows[name][degree] if value is not None] or [np.nan])
                           for degree in (0, -1))
            mark = '*' if name.partition('@')[0] in planted.HARMS[fault] else ''
            found = correlations[fault][name]
            cells.append('-' if found is None else f'{found:+.2f}{mark} ({first:.3f} to {last:.3f})')
        lines.append(f'| {name} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def _errors():
    from stylegan_tf import images, pairings

    return images.ImageError, pairings.PairingError, ValueError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
