"""The HTML of a report of scores: no script, no other file, readable on a phone, light and dark."""

import base64
import datetime
import html

from stylegan_tf import images
from stylegan_tf.training import report_page

THUMBNAIL_SIDE = 320  # longer side of the pictures, pixels
MOST_SHOWN = 200  # the worst so many are shown with pictures, the others in a table
MOST_DEFECTS = 4  # of a picture, named below it

_STYLE = """
.pair{display:grid;grid-template-columns:1fr 1fr;gap:6px}
.card{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:10px 12px}
.card.flagged{border-color:#c2412d;border-width:2px}
.card h3{font-size:.95rem;margin:0 0 6px;overflow-wrap:anywhere}
.card p{margin:6px 0 0;font-size:.9rem}
.card img{width:100%}
.mark{color:#c2412d;font-weight:600}
@media(prefers-color-scheme:dark){.card.flagged{border-color:#ff8a75}.mark{color:#ff8a75}}
"""


def render(report, folder):
    """Builds the page of a `scorer.Report`.

    Args:
        report: The report, its entries with `is_flagged`.
        folder: Folder that the entries' overlays are below.
    Returns:
        str, HTML without any reference to another file; the worst pictures come first.
    """
    entries = worst_first(report.entries)
    flagged = sum(entry['is_flagged'] for entry in entries)
    label = f'{flagged} of {len(entries)} flagged'
    written = datetime.datetime.now().astimezone().strftime('%Y-%m-%d %H:%M:%S %Z')
    cards = ''.join(_card(entry, folder) for entry in entries[:MOST_SHOWN])
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>Anomaly scores: {label}</title><style>{report_page.STYLE}{_STYLE}</style></head><body><main>'
        f'<div class="head"><h1>Anomaly scores</h1><span class="pill">{label}</span>'
        f'<span class="soft">written {html.escape(written)}</span></div>'
        f'{report_page.facts_list(_facts(report))}{_notes(report)}'
        f'<h2>Pictures, the worst first</h2><div class="grid">{cards}</div>{_rest(entries[MOST_SHOWN:])}'
        '</main></body></html>\n')


def worst_first(entries):
    """Entries of a report by p-value, then by score."""
    return sorted(entries, key=lambda entry: (entry['p_value'], -entry['anomaly_score'], entry['file']))


def _facts(report):
    facts = [('model', f'{report.facts["model"]["name"]} {report.facts["model"]["hash"]}'),
             ('promised false-alarm rate', f'{report.false_alarm_rate:g}'),
             ('flagged from', f'p-value {report.false_alarm_rate:g} downwards')]
    for name in report.facts['signatures']:
        threshold = report.facts['score_thresholds'][name]
        if threshold is not None:
            facts.append((f'the same as a score ({name})', f'{threshold:.3f} upwards'))
        count = report.facts['calibration_pictures'][name]
        facts.append((f'calibrated on ({name})', 'unknown' if count is None else f'{count:,} clean pictures'))
    return facts


def _notes(report):
    notes = [report.warning] if report.warning else []
    notes += [f'Not scored: {reason}' for _, reason in report.failures]
    promise = (f'<p class="soft">Of clean pictures that are like those of the calibration, at most '
               f'{report.false_alarm_rate:.1%} are flagged. The p-value is the share of clean pictures that score as '
               'high. Yellow to red: where the picture is probably damaged.</p>')
    return promise + ''.join(f'<div class="advice" role="note"><p>{html.escape(note)}</p></div>' for note in notes)


def _card(entry, folder):
    pictures = ''.join(_picture(path, text) for path, text in (
        (entry['image'], 'picture'), (folder / entry['overlay'], 'damage found')))
    mark = '<span class="mark">anomalous</span>, ' if entry['is_flagged'] else ''
    scores = sorted(entry['defect_scores'].items(), key=lambda item: -item[1])[:MOST_DEFECTS]
    defects = ', '.join(f'{_words(name)} {value:.2f}' for name, value in scores)
    evidence = ''.join(f'<tr><td>{_words(name)}</td><td>{value:.4g}</td></tr>'
                       for name, value in entry['evidence'].items())
    details = f'<details><summary>Evidence</summary><table>{evidence}</table></details>' if evidence else ''
    return (f'<article class="card{" flagged" if entry["is_flagged"] else ""}"><h3>{html.escape(entry["file"])}</h3>'
            f'<div class="pair">{pictures}</div><p>{mark}p-value {entry["p_value"]:.4f}, score '
            f'{entry["anomaly_score"]:.3f}</p><p class="soft">{defects}</p>{details}</article>')


def _picture(path, text):
    try:
        small = images.fit_within(images.read(path), THUMBNAIL_SIDE)
    except images.ImageError:  # taken away since it was scored
        return f'<span class="soft">{text}: no longer there</span>'
    data = base64.b64encode(images.encode(small, 'jpeg', quality=82)).decode()
    return (f'<img alt="{text}" title="{text}" width="{small.shape[1]}" height="{small.shape[0]}" '
            f'src="data:image/jpeg;base64,{data}">')


def _rest(entries):
    if not entries:
        return ''
    rows = ''.join(f'<tr><td>{html.escape(entry["file"])}</td><td>{"anomalous" if entry["is_flagged"] else ""}</td>'
                   f'<td>{entry["p_value"]:.4f}</td><td>{entry["anomaly_score"]:.3f}</td></tr>' for entry in entries)
    return (f'<details><summary>{len(entries):,} more, without pictures</summary><div class="wide"><table>'
            f'<tr><td>picture</td><td></td><td>p-value</td><td>score</td></tr>{rows}</table></div></details>')


def _words(name):
    return html.escape(name.replace('_', ' '))
