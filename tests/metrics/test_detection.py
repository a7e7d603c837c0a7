"""Detection metrics against scikit-learn and against counting by hand."""

import numpy as np
import pytest
from sklearn import metrics

from stylegan_tf.metrics import detection


def scores(seed, ties=False, shift=1.0):
    rng = np.random.default_rng(seed)
    clean, damaged = rng.normal(0, 1, 150), rng.normal(shift, 1.5, 90)
    return (np.round(clean, 1), np.round(damaged, 1)) if ties else (clean, damaged)


@pytest.mark.parametrize('ties', [False, True])
@pytest.mark.parametrize('shift', [1.0, -0.7])
def test_areas_are_scikit_learns(ties, shift):
    clean, damaged = scores(0, ties, shift)
    truth = np.r_[np.zeros(len(clean)), np.ones(len(damaged))]
    joined = np.r_[clean, damaged]
    assert detection.auroc(clean, damaged) == pytest.approx(metrics.roc_auc_score(truth, joined), abs=1e-12)
    assert detection.average_precision(clean, damaged) == pytest.approx(
        metrics.average_precision_score(truth, joined), abs=1e-12)


@pytest.mark.parametrize('rate', [0.0, 0.05, 0.2])
@pytest.mark.parametrize('ties', [False, True])
def test_a_threshold_keeps_its_promise_on_the_scores_it_came_from(rate, ties):
    clean, damaged = scores(1, ties)
    threshold = detection.threshold_at(clean, rate)
    found = detection.detection_at(clean, damaged, threshold)
    assert found['false_alarm_rate'] <= rate
    if not ties:
        assert found['false_alarm_rate'] > rate - 1.5 / len(clean)
    truth = np.r_[np.zeros(len(clean)), np.ones(len(damaged))]
    alarms = np.r_[clean, damaged] > threshold
    assert found['f1'] == pytest.approx(metrics.f1_score(truth, alarms))
    assert found['recall'] == pytest.approx(metrics.recall_score(truth, alarms))


def overlap_by_thresholds(maps, masks, limit):
    """The definition, one threshold after the other."""
    import cv2
    values = np.unique(np.concatenate([m.ravel() for m in maps]))[::-1]
    points = [(0.0, 0.0)]
    for value in values:
        shares, alarms, clean = [], 0, 0
        for scored, mask in zip(maps, masks):
            count, labels = cv2.connectedComponents((mask > 0).astype(np.uint8), connectivity=8)
            found = scored >= value
            shares += [found[labels == label].mean() for label in range(1, count)]
            alarms, clean = alarms + (found & (mask == 0)).sum(), clean + (mask == 0).sum()
        points.append((alarms / clean, np.mean(shares)))
    x, y = np.array(points).T
    grid = np.union1d(x[x <= limit], [limit])
    # Where the curve rises at one x, its upper end is what lies to the right.
    heights = [np.interp(limit, x, y) if g == limit else y[x == g].max() for g in grid]
    lows = [y[x == g].min() if g < limit or (x == g).any() else h for g, h in zip(grid, heights)]
    return sum((b - a) * (up + low) / 2 for a, b, up, low in zip(grid[:-1], grid[1:], heights[:-1], lows[1:])) / limit


def test_region_overlap_is_that_of_its_definition():
    rng = np.random.default_rng(2)
    masks = [np.zeros((12, 10)) for _ in range(3)]
    masks[0][2:5, 3:8], masks[0][8:10, 0:2], masks[1][0:9, 4:6] = 1, 1, 1
    maps = [np.round(rng.random(mask.shape) + 0.6 * mask, 2) for mask in masks]
    for limit in (0.3, 1.0):
        assert detection.aupro(maps, masks, limit=limit) == pytest.approx(
            overlap_by_thresholds(maps, masks, limit), abs=1e-9)


def test_region_overlap_of_perfect_and_of_blind_maps():
    mask = np.zeros((40, 40))
    mask[5:9, 5:9] = mask[20:35, 20:35] = 1
    assert detection.aupro([mask], [mask]) == pytest.approx(1.0)
    assert detection.aupro([np.zeros_like(mask)], [mask]) == pytest.approx(0.15)
    assert detection.aupro([1 - mask], [mask]) < 0.01


def test_specks_below_the_least_region_count_neither_way():
    mask, scores = np.zeros((20, 20)), np.zeros((20, 20))
    mask[2:10, 2:10] = scores[2:10, 2:10] = 1
    assert detection.aupro([scores], [mask]) == pytest.approx(1.0)
    mask[15, 15] = 1
    assert detection.aupro([scores], [mask]) == pytest.approx((1 + 0.15) / 2, abs=0.01)
    assert detection.aupro([scores], [mask], least_region=2) == pytest.approx(1.0)
    scores[15, 15] = 2
    assert detection.aupro([scores], [mask], least_region=2) == pytest.approx(1.0)


def test_intervals_cover_and_shrink():
    clean, damaged = scores(3)
    low, high = detection.auroc_interval(clean, damaged)
    assert low < detection.auroc(clean, damaged) < high
    few_low, few_high = detection.auroc_interval(clean[:20], damaged[:15])
    assert high - low < few_high - few_low
    assert detection.auroc_interval([1.0], damaged) is None


@pytest.mark.parametrize('clean, damaged', [([], [1.0]), ([0.0], [np.nan])])
def test_scores_that_say_nothing_are_refused(clean, damaged):
    with pytest.raises(ValueError, match='Expected finite scores'):
        detection.auroc(clean, damaged)


def test_maps_without_damage_are_refused():
    with pytest.raises(ValueError, match='damaged and clean pixels'):
        detection.aupro([np.ones((4, 4))], [np.zeros((4, 4))])
    with pytest.raises(ValueError, match='one shape'):
        detection.aupro([np.ones((4, 4))], [np.zeros((4, 5))])
