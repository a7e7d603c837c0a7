"""Reports as Markdown and as a picture (SVG)."""

import html
import itertools

from detection.measure import TITLES

CELL, LABEL, TOP = (46, 22), 190, 64  # width and height of a cell, width of the names, height of the titles; pixels
TINT = ((0.5, (253, 219, 199)), (0.8, (247, 247, 247)), (1.0, (67, 147, 195)))  # colours of AUROC


def markdown(found, about):
    """The report of one scorer.

    Args:
        found: What `measure.run` returns.
        about: Line on the sets.
    Returns:
        str.
    """
    scorer, settings = found['scorer'], found['settings']
    lines = [f'# {scorer["name"]}', '', f'{about}.', '',
             f'Weights {str(scorer["hash"])[:12]}, step {scorer.get("step")}; {settings["sources"]} sources used; '
             f'intervals: {settings["interval"]}, {settings["resamples"]} resamples, seed {settings["seed"]}; F1 and '
             f'recall at a promised false-alarm rate of {settings["rate"]:g}; AUPRO of regions of at least '
             f'{settings["least_region_pixels"]} pixels. '
             f'Defects left out of training: {", ".join(scorer["left_out_defects"]) or "none"}.', '']
    for condition, title in TITLES.items():
        if condition in found:
            lines += _condition(found[condition], title)
    return '\n'.join(lines) + '\n'


def _condition(part, title):
    n = part['n']
    lines = [f'## {title[0].upper()}{title[1:]}', '',
             f'{n["planted"]} planted pictures of {n["photographs"]} photographs, {n["calibration"]} crops to '
             f'calibrate by, {n["clean"]} clean crops.', '', '| mean AUROC | value | cells |', '|---|---|---|']
    lines += [f'| {name} | {_with_interval(mean)} | {mean["cells"]} |' for name, mean in part['means'].items()]
    if part['aupro']:
        titles = {'1': 'severity 1', 'all': 'all severities'}
        lines += ['', 'AUPRO of local defects: ' + ', '.join(f'{titles[name]} {value:.3f}'
                                                             for name, value in part['aupro'].items())]
    if 'named' in part:
        lines += ['', 'Named rightly: ' + ', '.join(f'severity {severity} {share:.2f}'
                                                    for severity, share in part['named'].items())]
    return [*lines, '', *_defects(part['table']), '', *_generators(part['generators']), '',
            *_false_alarms(part['false_alarms'], 'Promised and measured false-alarm rates'),
            *(_false_alarms(part['false_alarms_as_shipped'], 'The same by the p-values that the model gives')
              if 'false_alarms_as_shipped' in part else [])]


def _defects(table):
    columns = [name for name in ('average_precision', 'f1', 'recall', 'named', 'aupro')
               if any(name in line for line in table)]
    lines = ['| defect | severity | n | AUROC | ' + ' | '.join(name.replace('_', ' ') for name in columns) + ' |',
             '|' + '---|' * (4 + len(columns))]
    for line in table:
        more = ' | '.join(f'{line[name]:.2f}' if name in line else '' for name in columns)
        lines.append(f'| {line["defect"]} | {line["severity"]:g} | {line["n"]} | '
                     f'{_with_interval({"value": line["auroc"], "interval": line["interval"]})} | {more} |')
    return lines


def _generators(generators):
    names = list(dict.fromkeys(name for part in generators.values() for name in part if name != 'sources'))
    lines = ['| generator | sources | ' + ' | '.join(f'mean AUROC, {name}' for name in names) + ' |',
             '|' + '---|' * (2 + len(names))]
    return lines + [f'| {label} | {part["sources"]} | '
                    + ' | '.join(_with_interval(part[name]) if name in part else '' for name in names) + ' |'
                    for label, part in generators.items()]


def _false_alarms(groups, title):
    rates = [name for name in groups['all'] if name not in ('n', 'pictures')]
    lines = [f'{title}:', '', '| clean pictures | crops | pictures | '
             + ' | '.join(f'promised {float(rate):.0%}' for rate in rates) + ' |', '|' + '---|' * (3 + len(rates))]
    for name, group in groups.items():
        cells = [_with_interval({'value': group[rate]['measured'], 'interval': group[rate]['interval']}, '.1%')
                 for rate in rates]
        lines.append(f'| {name} | {group["n"]} | {group["pictures"]} | ' + ' | '.join(cells) + ' |')
    return [*lines, '']


def comparison(reports, about):
    """Mean AUROC of several scorers beside each other, as Markdown; arguments as `plot`."""
    names = list(dict.fromkeys(name for _, part in reports for name in part['means']))
    lines = [f'{about}.', '', '| detector | ' + ' | '.join(names) + ' | AUPRO, severity 1 |',
             '|' + '---|' * (len(names) + 2)]
    for title, part in reports:
        cells = [_with_interval(part['means'][name]) if name in part['means'] else '' for name in names]
        overlap = f'{part["aupro"]["1"]:.3f}' if part['aupro'] else ''
        lines.append(f'| {title} | ' + ' | '.join(cells) + f' | {overlap} |')
    return '\n'.join(lines) + '\n'


def left_out_lines(reports):
    """Lines on detectors that were tried on kinds of defects that they were fitted without."""
    return ''.join(f'\n{title}, on defects left out of fitting: mean AUROC {_with_interval(part["left_out"]["mean"])}; '
                   + ', '.join(f'{name} {mean["value"]:.2f}' for name, mean in part['left_out']['defects'].items())
                   + '.\n' for title, part in reports.items() if 'left_out' in part)


def _with_interval(mean, form='.3f'):
    if mean['interval'] is None:
        return format(mean['value'], form)
    low, high = (format(value, form) for value in mean['interval'])
    return f'{mean["value"]:{form}} [{low}, {high}]'


def plot(reports, about):
    """AUROC of every defect (down) at every severity (across), for each scorer side by side: the text of an SVG.

    Args:
        reports: List of (title, what `measure.report` returns).
        about: Line on the sets.
    """
    kinds = list(dict.fromkeys(line['defect'] for _, part in reports for line in part['table']))
    severities = sorted({line['severity'] for _, part in reports for line in part['table']})
    wide, high = CELL
    block = wide * len(severities) + 14
    size = LABEL + block * len(reports) + 10, TOP + high * (len(kinds) + 1) + 30
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" '
             'font-family="sans-serif" font-size="12">', f'<rect width="{size[0]}" height="{size[1]}" fill="white"/>']
    for row, kind in enumerate(kinds):
        lines.append(_text(8, TOP + row * high + 15, kind.replace('_', ' ')))
    lines.append(_text(8, TOP + len(kinds) * high + 20, 'mean', 'bold'))
    for place, (title, part) in enumerate(reports):
        left = LABEL + place * block
        lines.append(_text(left, 20, title, 'bold'))
        values = {(line['defect'], line['severity']): line['auroc'] for line in part['table']}
        for column, severity in enumerate(severities):
            x = left + column * wide
            lines.append(_text(x + 8, TOP - 12, f'{severity:g}'))
            for row, kind in enumerate(kinds):
                if (kind, severity) in values:
                    lines += _cell(x, TOP + row * high, values[kind, severity])
            known = [values[kind, severity] for kind in kinds if (kind, severity) in values]
            lines += _cell(x, TOP + len(kinds) * high + 5, sum(known) / len(known))
    lines.append(_text(8, size[1] - 8, f'AUROC; {about}'))
    return '\n'.join([*lines, '</svg>']) + '\n'


def _cell(x, y, value):
    low, high = CELL
    return [f'<rect x="{x}" y="{y}" width="{low - 2}" height="{high - 2}" fill="rgb{_tint(value)}"/>',
            _text(x + 8, y + 15, f'{value:.2f}')]


def _tint(value):
    value = min(max(value, TINT[0][0]), TINT[-1][0])
    for (start, one), (end, two) in itertools.pairwise(TINT):
        if value <= end:
            share = (value - start) / (end - start)
            return tuple(round(a + share * (b - a)) for a, b in zip(one, two))
    return TINT[-1][1]


def _text(x, y, text, weight='normal'):
    return f'<text x="{x}" y="{y}" font-weight="{weight}">{html.escape(text)}</text>'
