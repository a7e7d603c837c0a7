"""From scores to tables: AUROC, AUPRC, F1, AUPRO and naming by defect and severity, and false-alarm rates. NumPy only.

Intervals are percentile bootstraps over photographs: pictures made of one photograph are drawn together, clean and
damaged ones alike, since they are no independent examples.
"""

import cv2
import numpy as np

from stylegan_tf.metrics import detection

SHARE = 0.95  # of the bootstrap's values inside an interval
MIDDLE_AND_HIGH = (0.5, 1.0)


class Cells:
    """AUROC of every defect at every severity, with the resampled values behind its intervals.

    Args:
        scores: float [N] of planted pictures and their clean twins; higher is worse.
        rows: N dicts with defect ('' for clean), severity and photograph.
        resamples: Number of bootstrap samples.
        seed: Of the bootstrap.
    """

    def __init__(self, scores, rows, *, resamples=1000, seed=0):
        self.scores = np.asarray(scores, np.float64)
        if len(self.scores) != len(rows) or not np.isfinite(self.scores).all():
            raise ValueError(f'Expected one finite score a row, {len(rows)}. Received: {len(self.scores)}, '
                             f'{np.isfinite(self.scores).sum()} of them finite.')
        self.defects = list(dict.fromkeys(row['defect'] for row in rows if row['defect']))
        self.severities = sorted({row['severity'] for row in rows if row['defect']})
        groups = {}
        for index, row in enumerate(rows):
            groups.setdefault((row['defect'], row['severity'] if row['defect'] else 0.0), []).append(index)
        self.members = {key: np.array(indices) for key, indices in groups.items()}
        self.clean = self.members[('', 0.0)]
        names, self._photograph = np.unique([row['photograph'] for row in rows], return_inverse=True)
        drawn = np.random.default_rng(seed).integers(len(names), size=(resamples, len(names)))
        self._counts = np.stack([np.bincount(draw, minlength=len(names)) for draw in drawn]).astype(np.float32)
        self.resampled = {key: self._resample(self.members[key]) for key in self.members if key[0]}
        self.photographs = len(names)

    def auroc(self, defect, severity):
        return detection.auroc(self.scores[self.clean], self.scores[self.members[defect, severity]])

    def mean(self, severities=None, defects=None):
        """{'value', 'interval', 'cells'} of the mean AUROC over cells; None without any."""
        keys = [(defect, severity) for defect in (self.defects if defects is None else defects)
                for severity in (severities or self.severities) if (defect, severity) in self.members]
        if not keys:
            return None
        return {'value': float(np.mean([self.auroc(*key) for key in keys])), 'cells': len(keys),
                'interval': interval(np.mean([self.resampled[key] for key in keys], axis=0))}

    def _resample(self, damaged):
        """AUROC of each bootstrap sample, [resamples]; a pair counts as often as both its pictures were drawn."""
        clean, other = self.scores[self.clean], self.scores[damaged]
        wins = ((other[None] > clean[:, None]) + 0.5 * (other[None] == clean[:, None])).astype(np.float32)
        clean_counts, counts = (self._counts[:, self._photograph[members]] for members in (self.clean, damaged))
        pairs = clean_counts.sum(axis=1) * counts.sum(axis=1)
        with np.errstate(invalid='ignore'):  # a sample without a picture of a kind says nothing
            return np.einsum('rc,cd,rd->r', clean_counts, wins, counts, optimize=True) / pairs


def interval(values):
    """Percentile interval of resampled values, [low, high]; None where too few are finite."""
    values = np.asarray(values)[np.isfinite(values)]
    if len(values) < 2:
        return None
    return [float(value) for value in np.quantile(values, [(1 - SHARE) / 2, (1 + SHARE) / 2])]


def detection_table(cells, *, threshold=None, named=None, overlap=None):
    """One dict for each defect and severity.

    Args:
        cells: Cells.
        threshold: Score above which a picture is an alarm, for F1 and recall; None leaves them out.
        named: bool [N], whether the true defect was named; or None.
        overlap: dict defect -> {severity or 'all': AUPRO}, or None.
    Returns:
        list of dict: defect, severity, n, auroc, interval, average_precision, and where known f1, recall, named, aupro.
    """
    clean, table = cells.scores[cells.clean], []
    for defect in cells.defects:
        for severity in cells.severities:
            members = cells.members[defect, severity]
            damaged = cells.scores[members]
            line = {'defect': defect, 'severity': severity, 'n': len(members), 'auroc': cells.auroc(defect, severity),
                    'interval': interval(cells.resampled[defect, severity]),
                    'average_precision': detection.average_precision(clean, damaged)}
            if threshold is not None:
                found = detection.detection_at(clean, damaged, threshold)
                line.update(f1=found['f1'], recall=found['recall'])
            if named is not None:
                line['named'] = float(np.mean(np.asarray(named)[members]))
            if overlap and severity in overlap.get(defect, {}):
                line['aupro'] = overlap[defect][severity]
            table.append(line)
    return table


def summary(cells, *, left_out=()):
    """Means over cells: all severities, the upper two, each one; apart for defects that training did not know."""
    known = [defect for defect in cells.defects if defect not in left_out]
    means = {'all': cells.mean(defects=known), '0.5 and 1.0': cells.mean(MIDDLE_AND_HIGH, known),
             **{f'{severity:g}': cells.mean([severity], known) for severity in cells.severities}}
    if left_out:
        unknown = [defect for defect in cells.defects if defect in left_out]
        means.update({'left out, all': cells.mean(defects=unknown),
                      'left out, 0.5 and 1.0': cells.mean(MIDDLE_AND_HIGH, unknown),
                      **{f'left out: {defect}': cells.mean(defects=[defect]) for defect in unknown}})
    return {name: mean for name, mean in means.items() if mean is not None}


def overlaps(maps, masks, rows, *, severities=None, least_region=1):
    """AUPRO of each local defect at each severity and over all of them.

    Args:
        maps: dict row index -> float [h, w]; stretched to the mask.
        masks: Callable row index -> bool [H, W].
        rows: As of Cells.
        severities: Those to be listed apart; None for all.
        least_region: Pixels that a damaged region needs to count; smaller specks are neither damaged nor clean.
    Returns:
        dict defect -> {severity or 'all': float}.
    """
    groups = {}
    for index in maps:
        groups.setdefault(rows[index]['defect'], {}).setdefault(rows[index]['severity'], []).append(index)
    found = {}
    for defect, levels in groups.items():
        loaded = {index: masks(index) for indices in levels.values() for index in indices}
        stretched = {index: cv2.resize(np.float32(maps[index]), mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
                     for index, mask in loaded.items()}

        def area(indices, loaded=loaded, stretched=stretched):
            return detection.aupro([stretched[index] for index in indices], [loaded[index] for index in indices],
                                   least_region=least_region)

        found[defect] = {severity: area(indices) for severity, indices in sorted(levels.items())
                         if severities is None or severity in severities}
        if len(levels) > 1:
            found[defect]['all'] = area([index for indices in levels.values() for index in indices])
    return found


def false_alarms(p_values, rows, rates, *, resamples=1000, seed=0):
    """Measured against promised false-alarm rates, for all clean pictures and for groups of them.

    Args:
        p_values: Of clean crops, [N].
        rows: N dicts with label, photograph, style_name, image, seen_style, seen_generator (both '0' or '1').
        rates: Promised rates.
        resamples: Of the bootstrap over photographs.
        seed: Of the bootstrap.
    Returns:
        dict group -> {'n', 'pictures', rate: {'measured', 'interval'}}.
    """
    p_values = np.asarray(p_values, np.float64)
    groups = {'all': np.ones(len(rows), bool)}
    for title, column, value in (('styles in the calibration', 'seen_style', '1'),
                                 ('styles not in the calibration', 'seen_style', '0'),
                                 ('generators in the calibration', 'seen_generator', '1'),
                                 ('generators not in the calibration', 'seen_generator', '0')):
        groups[title] = np.array([row[column] == value and bool(row['content']) for row in rows])
    for label in sorted({row['label'] for row in rows}):
        groups[label] = np.array([row['label'] == label for row in rows])
    clusters = np.unique([row['photograph'] or row['style_name'] for row in rows], return_inverse=True)[1]
    found = {}
    for name, chosen in groups.items():
        if chosen.any():
            found[name] = {'n': int(chosen.sum()), 'pictures': len({row['image'] for row, is_in in zip(rows, chosen)
                                                                    if is_in})}
            for rate in rates:
                alarms = p_values[chosen] <= rate + 1e-12
                found[name][f'{rate:g}'] = {'measured': float(alarms.mean()), 'interval': _clustered(
                    alarms, clusters[chosen], resamples, seed)}
    return found


def _clustered(values, clusters, resamples, seed):
    """Bootstrap interval of a mean, clusters drawn whole."""
    _, place = np.unique(clusters, return_inverse=True)
    totals, sizes = np.bincount(place, values), np.bincount(place)
    if len(sizes) < 2:
        return None
    drawn = np.random.default_rng(seed).integers(len(sizes), size=(resamples, len(sizes)))
    return interval(totals[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
