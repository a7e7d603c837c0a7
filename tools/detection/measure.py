"""Measures detectors on the sets: `report` makes everything that is said of one, from its scores."""

import numpy as np

from detection import pictures, scorers, tables
from stylegan_tf.data import defects
from stylegan_tf.metrics import conformal

RATES = (0.01, 0.05, 0.1)
TITLES = {'references': 'with content and style', 'content': 'with content', 'none': 'without references'}


def run(scorer, folder, output, *, conditions=pictures.CONDITIONS, sources=None, crops=1000, batch_size=8,
        rate=0.05, rates=RATES, resamples=1000, seed=0, least_region=1, note=print):
    """Scores what is missing and reports.

    Args:
        scorer: scorers.Scorer.
        folder: Of the sets.
        output: Folder that keeps scores.
        conditions: Of pictures.CONDITIONS.
        sources: Only so many sources of planted pictures; None for all.
        crops: Least number of clean crops, for the calibration and for the measurement each.
        batch_size: Pictures at once.
        rate: False-alarm rate of F1 and recall.
        rates: Promised false-alarm rates.
        resamples, seed: Of the bootstrap.
        least_region: Pixels that a damaged region needs to count in AUPRO.
        note: Callable that prints a line.
    Returns:
        dict of plain values: 'scorer', 'settings' and, by condition, what `report` returns.
    """
    planted = pictures.planted(folder, sources)
    clean = {table: pictures.crops(folder, f'{table}.csv', crops) for table in ('calibration', 'clean')}
    found = {'scorer': {'name': scorer.name, **scorer.facts},
             'settings': {'sources': len({row['clean'] for row in planted}), 'rate': rate, 'resamples': resamples,
                          'seed': seed, 'least_region_pixels': least_region,
                          'interval': '95% percentile bootstrap over photographs'}}
    kept = output / 'scores' / f'{str(scorer.facts["hash"])[:12]}_{len(planted)}_{crops}'
    for condition in conditions:
        told = {'planted': [row for row in planted if pictures.suits(row, condition)],
                **{table: [row for row in rows if pictures.suits(row, condition)] for table, rows in clean.items()}}
        scores = {name: scorers.score(
            scorer, rows, condition, pictures.read_planted if name == 'planted' else pictures.read_crop,
            kept / condition / name, batch_size=batch_size,
            keep_map=lambda row: row.get('is_local', False),
            progress=scorers.Eta(f'{scorer.name}, {TITLES[condition]}, {name}', len(rows), note))
            for name, rows in told.items()}
        found[condition] = report(scores, told, scorer.defect_names, left_out=scorer.facts['left_out_defects'],
                                  rate=rate, rates=rates, resamples=resamples, seed=seed, least_region=least_region)
    return found


def report(scores, rows, defect_names, *, left_out=(), rate=0.05, rates=RATES, resamples=1000, seed=0, least_region=1):
    """Everything that is said of one scorer under one condition.

    Args:
        scores: dict 'planted', 'calibration', 'clean' -> what `scorers.score` returns.
        rows: dict of the same keys -> list of rows.
        defect_names: Order of the scores of defects.
        left_out: Defects that its training did not know.
        rate, rates, resamples, seed, least_region: As of `run`.
    Returns:
        dict of plain values: that of `detection_report`, and false-alarm rates.
    """
    calibration, clean = scores['calibration']['score'], scores['clean']
    options = {'resamples': resamples, 'seed': seed}
    found = detection_report(
        scores['planted']['score'], rows['planted'], maps=scores['planted']['map'],
        named=_named(scores['planted']['defects'], rows['planted'], defect_names), left_out=left_out,
        threshold=float(conformal.threshold(calibration, rate)), least_region=least_region, **options)
    found['n'].update(calibration=len(calibration), clean=len(rows['clean']))
    found['false_alarms'] = tables.false_alarms(conformal.p_values(clean['score'], calibration), rows['clean'], rates,
                                                **options)
    if np.isfinite(clean['p_value']).all() and (clean['p_value'] < 1).any():
        found['false_alarms_as_shipped'] = tables.false_alarms(clean['p_value'], rows['clean'], rates, **options)
    return found


def detection_report(values, rows, *, maps=None, named=None, left_out=(), threshold=None, resamples=1000, seed=0,
                     least_region=1):
    """Tables of scores of the planted pictures.

    Args:
        values: Scores [N].
        rows: Of `pictures.planted`.
        maps: dict row index -> anomaly map, or None.
        named: bool [N], whether the true defect was named, or None.
        left_out: Defects that training did not know.
        threshold: For F1 and recall, or None.
        resamples, seed: Of the bootstrap.
        least_region: As of `tables.overlaps`.
    Returns:
        dict of plain values.
    """
    cells = tables.Cells(values, rows, resamples=resamples, seed=seed)
    overlap = tables.overlaps(maps, lambda index: pictures.read_mask(rows[index]), rows,
                              severities=(1.0,), least_region=least_region) if maps else {}
    found = {'n': {'planted': len(rows), 'damaged_per_defect': (len(rows) - len(cells.clean)) // len(cells.defects),
                   'photographs': cells.photographs},
             'means': tables.summary(cells, left_out=left_out),
             'table': tables.detection_table(cells, threshold=threshold, named=named, overlap=overlap),
             'aupro': _overlap_means(overlap),
             'generators': _by_generator(values, rows, left_out, {'resamples': resamples, 'seed': seed})}
    if named is not None:
        found['named'] = {f'{severity:g}': float(np.mean([hit for hit, row in zip(named, rows)
                                                          if row['severity'] == severity]))
                          for severity in cells.severities}
    return found


def _named(values, rows, defect_names):
    """Whether the highest score of a defect is that of the true one, bool [N]."""
    best = np.argmax(values, axis=1)
    return np.array([bool(row['defect']) and defect_names[index] == row['defect'] for index, row in zip(best, rows)])


def _overlap_means(overlap):
    """Mean AUPRO over the local defects, at severity 1 and over all severities."""
    return {title: float(np.mean([values[key] for values in overlap.values()])) for title, key in
            (('1', 1.0), ('all', 'all')) if overlap and all(key in values for values in overlap.values())}


def _by_generator(values, rows, left_out, options):
    found = {}
    for label in sorted({row['label'] for row in rows}):
        chosen = [index for index, row in enumerate(rows) if row['label'] == label]
        cells = tables.Cells(values[chosen], [rows[index] for index in chosen], **options)
        found[label] = {'sources': len(cells.clean), **tables.summary(cells, left_out=left_out)}
    return found


def conditions_line(record):
    """One sentence about the sets: what every table must say beside its numbers."""
    return (f'{record["sources"]} sources from {record["photographs"]} photographs, {record["planted_pictures"]} '
            f'pictures, defect table version {record["table_version"]} ({len(defects.DEFECTS)} kinds), seed '
            f'{record["seed"]}, pixels {record["pixels_sha256"][:16]}; generators not in the calibration: '
            f'{", ".join(record["left_out_generators"]) or "none"}')
