"""How well scores tell damaged pictures from clean ones, and maps the damaged places. NumPy only.

Scores and maps are higher where something is wrong. AUROC may be below 0.5: a score that points the wrong way is
reported as it is.
"""

import numpy as np

PRO_LIMIT = 0.3  # share of clean pixels up to which the overlap curve is integrated (Bergmann et al. 2020)


def auroc(clean, damaged):
    """Probability that a damaged picture scores higher than a clean one, ties counting half.

    Args:
        clean: Scores of clean pictures, [N].
        damaged: Scores of damaged pictures, [M].
    Returns:
        float in [0, 1].
    Raises:
        ValueError: No scores, or some are not finite.
    Source: Hanley and McNeil 1982 (Mann-Whitney form).
    """
    clean, damaged = _checked(clean, damaged)
    ordered = np.sort(clean)
    below = np.searchsorted(ordered, damaged, 'left')
    not_above = np.searchsorted(ordered, damaged, 'right')
    return float((below + not_above).mean() / (2 * len(clean)))


def average_precision(clean, damaged):
    """Area under the precision-recall curve as a sum of steps, without interpolation; arguments as `auroc`."""
    scores, is_damaged, last = _descending(*_checked(clean, damaged))
    hits = np.cumsum(is_damaged)[last]
    precision, recall = hits / (last + 1), hits / is_damaged.sum()
    return float(np.sum(np.diff(recall, prepend=0) * precision))


def threshold_at(clean, false_alarm_rate):
    """The lowest threshold at which at most a share of the clean scores lie above it.

    Args:
        clean: Scores of clean pictures, [N].
        false_alarm_rate: In [0, 1).
    Returns:
        float; scores above it (not equal to it) are alarms.
    """
    ordered = np.sort(np.asarray(clean, np.float64))[::-1]
    allowed = int(np.floor(false_alarm_rate * len(ordered) + 1e-9))
    return float(ordered[min(allowed, len(ordered) - 1)])


def detection_at(clean, damaged, threshold):
    """What a threshold does: dict of `recall`, `false_alarm_rate`, `precision` and `f1`, each in [0, 1].

    Precision and F1 weigh the classes as many as there are; precision without any alarm is 1.
    """
    clean, damaged = _checked(clean, damaged)
    hits, alarms = int((damaged > threshold).sum()), int((clean > threshold).sum())
    precision = hits / (hits + alarms) if hits + alarms else 1.0
    recall = hits / len(damaged)
    return {'recall': recall, 'false_alarm_rate': alarms / len(clean), 'precision': precision,
            'f1': 2 * precision * recall / (precision + recall) if precision + recall else 0.0}


def aupro(maps, masks, *, limit=PRO_LIMIT, least_region=1):
    """Area under the per-region overlap curve, up to a share of false alarms among the clean pixels.

    Every connected damaged region counts alike, whatever its size.

    Args:
        maps: Sequence of anomaly maps, float [H, W].
        masks: Sequence of masks of the same shapes, nonzero where damaged.
        limit: Largest share of clean pixels that are alarms, in (0, 1].
        least_region: Pixels that a region needs to count; smaller specks are neither damaged nor clean.
    Returns:
        float in [0, 1]; limit / 2 for maps without information.
    Raises:
        ValueError: Shapes that differ, no damaged or no clean pixel.
    Source: Bergmann et al. 2020, "Uninformed Students", section 4.1; exact over all thresholds.
    """
    import cv2  # labels regions; nothing else here needs it

    scores, regions, count = [], [], 0
    for values, mask in zip(maps, masks, strict=True):
        values, mask = np.asarray(values, np.float64), np.asarray(mask) > 0
        if values.shape != mask.shape:
            raise ValueError(f'A map and its mask must have one shape. Received: {values.shape} and {mask.shape}.')
        found, labels, facts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        is_region = (facts[:, cv2.CC_STAT_AREA] >= least_region) | (np.arange(found) == 0)
        seen = is_region[labels].ravel()
        scores.append(values.ravel()[seen])
        regions.append(np.where(labels > 0, labels + count, 0).ravel()[seen])
        count += found - 1
    scores, regions = np.concatenate(scores), np.concatenate(regions)
    sizes = np.bincount(regions, minlength=count + 1)
    kept = np.count_nonzero(sizes[1:])
    if not kept or not sizes[0]:
        raise ValueError(f'Expected damaged and clean pixels. Received: {kept} regions of at least {least_region} '
                         f'pixels, {sizes[0]} clean pixels.')
    weights = np.where(regions > 0, 1 / (kept * np.maximum(sizes[regions], 1)), 0.0)
    order = np.argsort(-scores, kind='stable')
    last = _last_of_ties(scores[order])
    overlap = np.cumsum(weights[order])[last]
    alarms = np.cumsum(regions[order] == 0)[last] / sizes[0]
    return _area_up_to(np.concatenate([[0.0], alarms]), np.concatenate([[0.0], overlap]), limit) / limit


def _area_up_to(x, y, limit):
    """Trapezoid area under the points (x rising) from 0 to `limit`."""
    inside = np.searchsorted(x, limit, 'right')
    end = np.interp(limit, x, y)
    x, y = np.append(x[:inside], limit), np.append(y[:inside], end)
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))


def auroc_interval(clean, damaged, *, seed=0, share=0.95, resamples=1000):
    """Percentile bootstrap interval of `auroc`, clean and damaged pictures drawn apart.

    Args:
        clean, damaged: As `auroc`; one score an independent picture.
        seed: Of the resampling.
        share: Probability that the interval is to cover the value.
        resamples: Number of resampled values.
    Returns:
        (low, high), or None with fewer than two pictures of a kind.
    """
    clean, damaged = _checked(clean, damaged)
    if min(len(clean), len(damaged)) < 2:
        return None
    rng = np.random.default_rng(seed)
    values = [auroc(rng.choice(clean, len(clean)), rng.choice(damaged, len(damaged))) for _ in range(resamples)]
    low, high = np.quantile(values, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def _checked(clean, damaged):
    clean, damaged = np.asarray(clean, np.float64).ravel(), np.asarray(damaged, np.float64).ravel()
    if not len(clean) or not len(damaged) or not (np.isfinite(clean).all() and np.isfinite(damaged).all()):
        raise ValueError('Expected finite scores of clean and of damaged pictures. '
                         f'Received: {len(clean)} and {len(damaged)}, finite: '
                         f'{np.isfinite(clean).sum()} and {np.isfinite(damaged).sum()}.')
    return clean, damaged


def _descending(clean, damaged):
    scores = np.concatenate([clean, damaged])
    order = np.argsort(-scores, kind='stable')
    return scores[order], order >= len(clean), _last_of_ties(scores[order])


def _last_of_ties(ordered):
    """Indices at which a run of equal values ends."""
    return np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
