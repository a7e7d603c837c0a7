"""The HTML of a folder of corrections: no script, no other file, readable on a phone, light and dark."""

import base64
import datetime
import html
import pathlib

from stylegan_tf import images
from stylegan_tf.training import report_page

THUMBNAIL_SIDE = 320  # longer side of the pictures, pixels
MOST_SHOWN = 150  # so many repairs are shown with pictures

_STYLE = """
.pair{display:grid;grid-template-columns:1fr 1fr;gap:6px}
.card{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:10px 12px}
.card h3{font-size:.95rem;margin:0 0 6px;overflow-wrap:anywhere}
.card p{margin:6px 0 0;font-size:.9rem}
.card img{width:100%}
"""


def render(report, folder):
    """Builds the page of a `corrector.Report`.

    Args:
        report: The report.
        folder: Folder of the results.
    Returns:
        str, HTML without any reference to another file: repairs, what changed most first, then what was left alone.
    """
    repaired, folder = report.repaired, pathlib.Path(folder)
    label = f'{len(repaired)} of {len(report.entries)} repaired'
    written = datetime.datetime.now().astimezone().strftime('%Y-%m-%d %H:%M:%S %Z')
    facts = report_page.facts_list([('model', f'{report.model["name"]} {report.model["hash"]}'),
                                    ('promised false-alarm rate', f'{report.false_alarm_rate:g}')])
    notes = ''.join(f'<div class="advice" role="note"><p>Not corrected: {html.escape(reason)}</p></div>'
                    for _, reason in report.failures)
    cards = ''.join(_card(entry, folder) for entry in repaired[:MOST_SHOWN])
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>Corrections: {label}</title><style>{report_page.STYLE}{_STYLE}</style></head><body><main>'
        f'<div class="head"><h1>Corrections</h1><span class="pill">{label}</span>'
        f'<span class="soft">written {html.escape(written)}</span></div>{facts}'
        '<p class="soft">A repair is taken where the picture was flagged, the score falls clearly, and structure and '
        f'colours agree. Everything else is as it was, bit for bit.</p>{notes}'
        f'<h2>Repaired, what changed most first</h2><div class="grid">{cards}</div>{_rest(report)}'
        '</main></body></html>\n')


def _card(entry, folder):
    after = folder / pathlib.PurePath(entry['file']).parent / entry['output']['name']
    pictures = _picture(entry['path'], 'before') + _picture(after, 'after')
    return (f'<article class="card"><h3>{html.escape(entry["file"])}</h3><div class="pair">{pictures}</div>'
            f'<p>{html.escape(entry["repair"])}: score {entry["score_before"]:.3f} to {entry["score_after"]:.3f}, '
            f'p-value before {entry["p_value"]:.4f}</p><p class="soft">{entry["changed_share"]:.0%} of the pixels '
            f'changed, {entry["changed"]:.1%} on the average</p></article>')


def _picture(path, text):
    try:
        small = images.fit_within(images.read(path), THUMBNAIL_SIDE)
    except images.ImageError:  # taken away since then
        return f'<span class="soft">{text}: no longer there</span>'
    data = base64.b64encode(images.encode(small, 'jpeg', quality=82)).decode()
    return (f'<img alt="{text}" title="{text}" width="{small.shape[1]}" height="{small.shape[0]}" '
            f'src="data:image/jpeg;base64,{data}">')


def _rest(report):
    entries = sorted((entry for entry in report.entries if not entry['accepted']),
                     key=lambda entry: (entry['p_value'], entry['file']))
    if not entries:
        return ''
    rows = ''.join(f'<tr><td>{html.escape(entry["file"])}</td><td>{html.escape(entry["reason"])}</td>'
                   f'<td>{entry["p_value"]:.4f}</td><td>{entry["score_before"]:.3f}</td></tr>' for entry in entries)
    return (f'<h2>Left as they were</h2><div class="wide"><table><tr><td>picture</td><td>why</td><td>p-value</td>'
            f'<td>score</td></tr>{rows}</table></div>')
