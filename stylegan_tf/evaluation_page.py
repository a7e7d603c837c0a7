"""The HTML of an evaluation: no script, no other file, readable on a phone, light and dark."""

import base64
import datetime
import html

from stylegan_tf import images
from stylegan_tf.evaluator import BASELINES, describe
from stylegan_tf.training import report_page

THUMBNAIL_SIDE = 240  # longer side of the pictures, pixels
SHOWN = 6  # best and worst pairs of a method
COLORS = ('#1f6f8b', '#c2612d', '#2f7d4f', '#8a4fa3', '#a3851f', '#b03a5b')

_STYLE = """
.trio{display:grid;grid-template-columns:1fr 1fr 1fr;gap:6px}
.trio img{width:100%}
.card{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:10px 12px}
.card h3{font-size:.95rem;margin:0 0 6px;overflow-wrap:anywhere}
.card p{margin:6px 0 0;font-size:.9rem}
.mark{color:#c2412d;font-weight:600}
th{text-align:left;font-weight:600;padding:4px 10px 4px 0;vertical-align:bottom}
td.best{font-weight:700}
td.value{white-space:nowrap;font-variant-numeric:tabular-nums}
.intervals text{fill:var(--ink);font-size:12px}.intervals .axis{fill:var(--soft);font-size:11px}
@media(prefers-color-scheme:dark){.mark{color:#ff8a75}}
"""


def render(report):
    """Builds the page of a `method_evaluator.Report`.

    Returns:
        str, HTML without any reference to another file.
    """
    ranked = report.ranked()
    label = f'{len(ranked)} method{"" if len(ranked) == 1 else "s"}, {len(report.pairs)} pairs'
    written = datetime.datetime.now().astimezone().strftime('%Y-%m-%d %H:%M:%S %Z')
    body = ''.join(_method(report, name) for name in ranked)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>Evaluation: {html.escape(label)}</title><style>{report_page.STYLE}{_STYLE}</style></head><body><main>'
        f'<div class="head"><h1>Evaluation</h1><span class="pill">{html.escape(label)}</span>'
        f'<span class="soft">written {html.escape(written)}</span></div>'
        f'{report_page.facts_list(_facts(report))}{_notes(report)}{_ranking(report, ranked)}'
        f'{_metrics(report, ranked)}{_comparisons(report)}{body}</main></body></html>\n')


def _facts(report):
    conditions = report.conditions
    networks = '; '.join(f'{name}, sha256 {network["sha256"][:12]}, {network["licence"]}'
                         for name, network in conditions['networks'].items())
    return [('pairs', f'n = {conditions["n"]}'), ('resized by', conditions['resize']),
            ('networks', networks or 'none'), ('seed', str(conditions['seed'])),
            ('intervals', conditions['interval']), ('evaluator', conditions['hash'])]


def _notes(report):
    notes = list(report.failures)
    for name, method in report.methods.items():
        flags = method['summary']['flags'] if method['summary'] else []
        for kind in dict.fromkeys(flag['kind'] for flag in flags):
            pairs = [report.pairs[flag['pair']].name for flag in flags if flag['kind'] == kind]
            notes.append(f'{name}: {len(pairs)} of {len(method["rows"])} results are flagged as '
                         f'{kind.replace("_", " ")}: {_some(pairs)}.')
    found = {}
    for copy in report.copies:
        found.setdefault((copy['method'], copy['entry']), []).append(report.pairs[copy['pair']].name)
    notes += [f'{method}: {len(pairs)} results are those of {entry}, or the same but for saving, cropping or '
              f'recolouring: {_some(pairs)}.' for (method, entry), pairs in found.items()]
    return ''.join(f'<div class="advice" role="note"><p>{html.escape(note)}</p></div>' for note in notes)


def _some(names):
    return ', '.join(names[:8]) + (f' and {len(names) - 8} more' if len(names) > 8 else '')


def _ranking(report, ranked):
    """The score of each method and baseline as a point with its interval."""
    if not ranked:
        return '<p>Nothing could be measured.</p>'
    first = report.methods[ranked[0]]['summary']
    rows = [(name, report.methods[name]['summary']['metrics'][report.score]) for name in ranked]
    rows += [(kind, first['baselines'][kind][report.score]) for kind in BASELINES if report.score in
             first['baselines'][kind]]
    described = describe(report.score)
    sentences = ''.join(f'<p>{html.escape(_guard(report, name))}</p>' for name in ranked)
    return (f'<h2>{html.escape(report.score)}, {described["better"]} is better</h2>'
            f'<p class="soft">{html.escape(described["purpose"])}. Points are means over pairs, bars 95% bootstrap '
            f'intervals.</p><figure class="chart">{_intervals(rows)}</figure>{sentences}')


def _guard(report, name):
    guards = report.methods[name]['summary']['guards']
    parts = [f'{"beats" if guard["is_beaten"] else "does not beat"} {kind}' for kind, guard in guards.items()]
    return f'{name} {" and ".join(parts)} (by intervals that do not overlap).'


def _intervals(rows):
    rows = [(name, row) for name, row in rows if row['mean'] is not None]
    ends = [value for _, row in rows for value in (row['mean'], row['low'], row['high']) if value is not None]
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low) or 0.5
    low, high = low - room, high + room
    left, width, height = 210, 690, 24 * len(rows) + 26

    def place(value):
        return left + (width - left - 60) * (value - low) / (high - low)

    parts = []
    for index, (name, row) in enumerate(rows):
        y = 18 + 24 * index
        color = '#8b867d' if name in BASELINES else COLORS[index % len(COLORS)]
        parts.append(f'<text x="{left - 12}" y="{y + 4}" text-anchor="end">{html.escape(name[:28])}</text>')
        if row['low'] is not None:
            parts.append(f'<line x1="{place(row["low"]):.1f}" x2="{place(row["high"]):.1f}" y1="{y}" y2="{y}" '
                         f'stroke="{color}" stroke-width="5" stroke-opacity=".45" stroke-linecap="round"/>')
        parts.append(f'<circle cx="{place(row["mean"]):.1f}" cy="{y}" r="5" fill="{color}"/>'
                     f'<text x="{width - 50}" y="{y + 4}">{row["mean"]:.3f}</text>')
    for value in (low + room, (low + high) / 2, high - room):
        parts.append(f'<text class="axis" x="{place(value):.1f}" y="{height - 4}" text-anchor="middle">{value:.2f}'
                     '</text>')
    told = '; '.join(f'{name} {row["mean"]:.3f}' for name, row in rows)
    return (f'<svg class="intervals" viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(told)}">'
            f'{"".join(parts)}</svg>')


def _metrics(report, ranked):
    if not ranked:
        return ''
    baselines = report.methods[ranked[0]]['summary']['baselines']
    head = ''.join(f'<th>{html.escape(name)}</th>' for name in (*ranked, *BASELINES))
    lines = ''
    for name, row in report.methods[ranked[0]]['summary']['metrics'].items():
        values = [report.methods[method]['summary']['metrics'][name] for method in ranked]
        known = [value['mean'] for value in values if value['mean'] is not None]
        best = (max if row['better'] == 'higher' else min)(known) if known and len(ranked) > 1 else None
        cells = ''.join(_cell(value, value['mean'] == best) for value in values)
        cells += ''.join(_cell(baselines[kind].get(name), False) for kind in BASELINES)
        lines += (f'<tr><td title="{html.escape(describe(name)["purpose"])}">{html.escape(name)}<br><span class="soft">'
                  f'{row["better"]} is better</span></td>{cells}</tr>')
    return (f'<h2>Every metric</h2><div class="wide"><table><tr><th>metric</th>{head}</tr>{lines}</table></div>')


def _cell(row, is_best):
    if row is None or row['mean'] is None:
        return '<td class="value soft">-</td>'
    interval = '' if row['low'] is None else f'<br><span class="soft">{row["low"]:.3f} to {row["high"]:.3f}</span>'
    return f'<td class="value{" best" if is_best else ""}">{row["mean"]:.3f}{interval}</td>'


def _comparisons(report):
    if not report.comparisons:
        return ''
    lines = ''.join(
        f'<tr><td>{html.escape(test["metric"])}</td>'
        f'<td>{html.escape(test["first"])} - {html.escape(test["second"])}</td>'
        f'<td class="value">{_signed(test["difference"])}</td>'
        f'<td class="value">{_signed(test["low"])} to {_signed(test["high"])}</td>'
        f'<td class="value">{"-" if test["p_holm"] is None else format(test["p_holm"], ".2g")}</td>'
        f'<td>{html.escape(test[test["winner"]]) if test["winner"] else "no difference shown"}</td></tr>'
        for test in sorted(report.comparisons, key=lambda test: test['metric'] != report.score))
    return ('<h2>Method against method, pair by pair</h2><p class="soft">Mean difference with its 95% bootstrap '
            "interval; Wilcoxon's signed-rank test with Holm's correction over the "
            f'{len(report.comparisons)} tests of this table.</p>'
            '<div class="wide"><table><tr><th>metric</th><th>difference of</th><th>mean</th><th>interval</th>'
            f'<th>p</th><th>better</th></tr>{lines}</table></div>')


def _signed(value):
    return '-' if value is None else f'{value:+.3f}'


def _method(report, name):
    rows = [row for row in report.methods[name]['rows'] if row['metrics'].get(report.score) is not None]
    if not rows:
        return ''
    sign = 1 if describe(report.score)['better'] == 'higher' else -1
    rows = sorted(rows, key=lambda row: (sign * row['metrics'][report.score], row['pair']))
    worst = rows[:min(SHOWN, (len(rows) + 1) // 2)]
    best = rows[len(worst):][-SHOWN:][::-1]
    parts = [(title, chosen) for title, chosen in (('worst', worst), ('best', best)) if chosen]
    return ''.join(f'<h2>{html.escape(name)}: the {title} pairs</h2>'
                   '<p class="soft">Content, style, result; the number in bold is the score.</p><div class="grid">'
                   f'{"".join(_card(report, row) for row in chosen)}</div>' for title, chosen in parts)


def _card(report, row):
    pair = report.pairs[row['pair']]
    pictures = ''.join(_picture(path, text) for path, text in (
        (pair.content, 'content'), (pair.style, 'style'), (row['file'], 'result')))
    marks = ''.join(f'<p class="mark">{html.escape(flag["text"])}</p>' for flag in row['flags'])
    shown = ' &middot; '.join(f'{html.escape(name.partition("@")[0].replace("_", " "))} {value:.3f}'
                              for name, value in row['metrics'].items() if value is not None and name != report.score)
    return (f'<article class="card"><h3>{html.escape(row["name"])}</h3><div class="trio">{pictures}</div>{marks}'
            f'<p><b>{row["metrics"][report.score]:.3f}</b></p><p class="soft">{shown}</p></article>')


def _picture(path, text):
    try:
        small = images.fit_within(images.read(path), THUMBNAIL_SIDE)
    except images.ImageError:  # taken away since it was measured
        return f'<span class="soft">{text}: no longer there</span>'
    data = base64.b64encode(images.encode(small, 'jpeg', quality=82)).decode()
    return (f'<img alt="{text}" title="{text}" width="{small.shape[1]}" height="{small.shape[0]}" '
            f'src="data:image/jpeg;base64,{data}">')
