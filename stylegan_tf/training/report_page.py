"""The HTML of report.html: no script, no other file, readable on a phone, light and dark."""

import base64
import html
import math

from stylegan_tf import configs
from stylegan_tf.training import charts, health, run_folder

_POSITION_NAMES = {'step', 'images', 'seconds', 'memory_bytes', 'data_wait_share'}

STYLE = """
:root{color-scheme:light dark;--page:#fbfaf8;--card:#fff;--ink:#23211e;--soft:#6d6962;
--rule:#e5e1da;--line:#1f6f8b;--raw:#1f6f8b44;--warn:#fff4dc;--warn-ink:#6b4a00;--good:#2f7d4f}
@media(prefers-color-scheme:dark){:root{--page:#171614;--card:#211f1c;--ink:#ece8e1;
--soft:#a19b91;--rule:#38342f;--line:#6fc3de;--raw:#6fc3de44;--warn:#3a2f16;--warn-ink:#f3d995;
--good:#7fd0a0}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1180px;margin:0 auto;padding:20px 16px 60px}
h1{font-size:1.5rem;margin:0;overflow-wrap:anywhere}
h2{font-size:1.05rem;margin:34px 0 10px}
.soft,figcaption span,dt{color:var(--soft)}
.head{display:flex;flex-wrap:wrap;gap:6px 14px;align-items:baseline}
.pill{font-size:.85rem;padding:1px 11px;border-radius:99px;color:#fff;background:var(--line)}
@media(prefers-color-scheme:dark){.pill{color:#10212a}}
.bar{height:8px;border-radius:4px;background:var(--rule);margin:14px 0;overflow:hidden}
.bar i{display:block;height:100%;background:var(--line)}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:10px 18px;margin:0}
dt{font-size:.8rem}dd{margin:0;font-variant-numeric:tabular-nums}
.advice{background:var(--warn);color:var(--warn-ink);border-radius:8px;padding:10px 14px;
margin:10px 0}.advice p{margin:0}.advice p+p{margin-top:4px}
.fine{color:var(--good)}
.grid{display:grid;gap:14px;grid-template-columns:repeat(auto-fill,minmax(min(100%,320px),1fr))}
figure{margin:0}.chart,.newest{background:var(--card);border:1px solid var(--rule);
border-radius:8px;padding:10px 12px}
.chart figcaption{display:flex;justify-content:space-between;gap:10px;font-size:.85rem;
overflow-wrap:anywhere}
svg{width:100%;height:auto;display:block}
.rule{stroke:var(--rule);stroke-width:1}.axis{fill:var(--soft);font-size:10.5px}
polyline{fill:none;stroke-linejoin:round}
.raw{stroke:var(--raw);stroke-width:1.2}.smooth{stroke:var(--line);stroke-width:2}
.dot{fill:var(--line)}
img{max-width:100%;height:auto;display:block;border-radius:4px;background:#fff}
.newest img{margin:0 auto}.newest figcaption,.strip figcaption{font-size:.85rem;
color:var(--soft);padding-top:6px}
.strip{display:flex;gap:12px;overflow-x:auto;padding:4px 0 12px;margin-top:14px}
.strip figure{flex:0 0 auto;width:min(300px,72vw)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.86rem}
td{border-top:1px solid var(--rule);padding:4px 10px 4px 0;vertical-align:top}
td:first-child{white-space:nowrap}td:last-child{overflow-wrap:anywhere}
tr.changed td{font-weight:600}
summary{cursor:pointer;padding:6px 0}
code{font:.84rem/1.5 ui-monospace,Consolas,monospace;overflow-wrap:anywhere}
"""


def render(*, record, status, rows, summary, changed, advice, events, samples, refresh_seconds, written, sections=()):
    """Builds the page.

    Args:
        record: The dict of config.json.
        status: `report.Status`.
        rows: Rows of metrics.jsonl.
        summary: ([(label, value)], share done in [0, 1]).
        changed: Dotted names of settings that differ from the preset.
        advice: List of `health.Advice`.
        events: List of `guardian.Rollback`.
        samples: [(step, JPEG bytes, width, height)], oldest first.
        refresh_seconds: Seconds after which the page loads itself again; None for never.
        written: Time of writing, as text.
        sections: What `explained.read` returned.

    Returns:
        str, HTML without any reference to another file.
    """
    title = html.escape(str(record.get('preset', 'training run')))
    refresh = f'<meta http-equiv="refresh" content="{refresh_seconds}">' if refresh_seconds else ''
    facts, share = summary
    message = f'<p>{html.escape(status.message)}</p>' if status.message else ''
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'{refresh}<title>{title}: {share:.0%} {html.escape(status.label)}</title>'
        f'<style>{STYLE}</style></head><body><main>'
        f'<div class="head"><h1>{title}</h1><span class="pill">{html.escape(status.label)}</span>'
        f'<span class="soft">written {html.escape(written)}</span></div>'
        f'<div class="bar" role="img" aria-label="{share:.0%} done">'
        f'<i style="width:{100 * share:.1f}%"></i></div>{message}{facts_list(facts)}'
        f'{_advice(advice, rows)}{_events(events)}{_samples(samples)}{_sections(sections)}{_metrics(record, rows)}'
        f'{_curves(rows)}'
        f'{_settings(record, changed)}</main></body></html>\n')


def facts_list(facts):
    """HTML of [(label, value)], both str."""
    items = ''.join(f'<div><dt>{html.escape(label)}</dt><dd>{html.escape(value)}</dd></div>'
                    for label, value in facts)
    return f'<dl>{items}</dl>'


def _advice(advice, rows):
    if not advice:
        text = 'No sign of trouble so far.' if rows else 'No numbers yet.'
        return f'<h2>Health</h2><p class="fine">{text}</p>'
    notes = ''.join(f'<div class="advice" role="note"><p>{html.escape(item.sign)}</p>'
                    f'<p><b>What to do:</b> {html.escape(item.remedy)}</p></div>'
                    for item in advice)
    return f'<h2>Health</h2>{notes}'


def _events(events):
    notes = ''.join(f'<div class="advice" role="note"><p>{html.escape(event.sentence())}</p></div>'
                    for event in events)
    return f'<h2>Rollbacks</h2>{notes}' if events else ''


def _samples(samples):
    if not samples:
        return '<h2>Samples</h2><p class="soft">The first sample comes with the first snapshot.</p>'
    *earlier, newest = [_picture(*sample) for sample in samples]
    strip = ''
    if earlier:
        strip = (f'<h2>Earlier samples, same inputs</h2><div class="strip" tabindex="0">'
                 f'{"".join(f"<figure>{picture}</figure>" for picture in earlier)}</div>')
    return f'<h2>Newest sample</h2><figure class="newest">{newest}</figure>{strip}'


def _picture(step, jpeg, width, height):
    data = base64.b64encode(jpeg).decode()
    return (f'<img alt="sample at step {step:,}" width="{width}" height="{height}" '
            f'src="data:image/jpeg;base64,{data}"><figcaption>step {step:,}</figcaption>')


def _sections(sections):
    """What a system says of what it learnt."""
    page = ''
    for section in sections:
        page += f'<h2>{html.escape(section["title"])}</h2>'
        page += ''.join(f'<p>{html.escape(line)}</p>' for line in section.get('lines', ()))
        if section.get('picture'):
            data = base64.b64encode(section['picture']).decode()
            page += (f'<figure class="newest"><img alt="{html.escape(section["title"])}" '
                     f'src="data:image/png;base64,{data}"></figure>')
        head, *rows = section.get('table') or [()]
        if rows:
            lines = ''.join('<tr>' + ''.join(f'<td>{html.escape(cell)}</td>' for cell in row) + '</tr>' for row in rows)
            names = ''.join(f'<td class="soft">{html.escape(cell)}</td>' for cell in head)
            page += f'<div class="wide"><table><tr>{names}</tr>{lines}</table></div>'
    return page


def _metrics(record, rows):
    """The newest metrics with what they were measured by."""
    names = [f'held_out/{name}' for name in map(configs.metric_label, record.get('config', {}).get('metrics', ()))]
    newest = next((row for row in reversed(rows) if any(name in row for name in names)), None)
    if newest is None:
        return ''
    lines = ''
    for name in names:
        value, short = newest.get(name), name.removeprefix('held_out/')
        interval = newest.get('intervals', {}).get(short)
        span = ' to '.join(map(charts.number, interval)) if interval else ''
        lines += (f'<tr><td>{html.escape(short)}</td><td>{"" if value is None else charts.number(value)}</td>'
                  f'<td>{span}</td></tr>')
    conditions = '; '.join(f'{name} {value}' for name, value in run_folder.flatten(record.get('measurements', {})))
    return (f'<h2>Metrics at step {newest["step"]:,}, with 95% intervals</h2>'
            f'<div class="wide"><table>{lines}</table></div>'
            f'<p class="soft">{html.escape(conditions)}</p>')


def _curves(rows):
    groups, ends = {}, {}
    for name in dict.fromkeys(name for row in rows for name in row):
        steps, values = health.series(rows, name)
        finite = [(s, v) for s, v in zip(steps, values, strict=True) if math.isfinite(v)]
        if name in _POSITION_NAMES or len(finite) < 2:
            continue
        group, _, short = name.rpartition('/')
        chart = charts.line_chart((short or name).replace('_', ' '), *zip(*finite, strict=True))
        groups.setdefault(group or 'speed', []).append(chart)
        ends[group or 'speed'] = finite[-1][0]
    # Held-out numbers say most; phases that ended long ago say least.
    ended = {name for name in groups if ends[name] < 0.8 * max(ends.values())}
    order = sorted(groups, key=lambda name: (name != 'held_out', name in ended, name == 'speed'))
    return ''.join(f'<h2>{html.escape(name.replace("_", " "))}</h2>'
                   f'<div class="grid">{"".join(groups[name])}</div>' for name in order)


def _settings(record, changed):
    if not record:
        return ''
    lines = ''.join(_line(name, value, name in changed)
                    for name, value in run_folder.flatten(record.get('config', {})))
    others = ''.join(_line(name, value, False) for name, value in run_folder.flatten(
        {name: value for name, value in record.items() if name not in ('config', 'command')}))
    return (
        '<h2>Settings</h2><p class="soft">Bold: different from the preset.</p>'
        f'<p><code>{html.escape(str(record.get("command", "")))}</code></p>'
        f'<details><summary>All settings</summary><div class="wide"><table>{lines}</table></div>'
        '</details><details><summary>Data, versions and the rest</summary>'
        f'<div class="wide"><table>{others}</table></div></details>')


def _line(name, value, is_changed):
    mark = ' class="changed"' if is_changed else ''
    return (f'<tr{mark}><td>{html.escape(name)}</td>'
            f'<td>{html.escape("" if value is None else str(value))}</td></tr>')
