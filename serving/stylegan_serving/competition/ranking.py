"""From scores to boards, by pure functions: which submission of a team counts, in which order teams stand, who ties.

The score that is shown is the score that ranks. A lower or a higher one wins as the metrics say: where all metrics
of a contest have the same direction, their weighted mean has it too; where they differ, those in which lower is
better count negatively, and the higher mean wins.
"""

import bisect
import dataclasses
import math

SCORE = 'score'


@dataclasses.dataclass(frozen=True)
class Entry:
    """A scored submission as far as ranking goes."""

    submission_id: str
    team_id: str
    phase: str
    number: int
    is_final: bool
    is_hidden: bool
    scores: dict  # split -> metric -> [value, low, high]


@dataclasses.dataclass(frozen=True)
class Place:
    """A line of a board."""

    rank: int  # 1 for the best; tied teams share the best of their ranks
    tied: bool  # with the team before or behind it in its group
    team_id: str
    submission_id: str
    number: int
    entries: int
    value: float  # what is shown, and what ranks
    low: float | None
    high: float | None
    scores: dict  # metric -> [value, low, high]


def score_better(bundle):
    """'lower' or 'higher': which ranked score wins in a contest of this bundle (dict)."""
    return 'lower' if all(metric['better'] == 'lower' for metric in _ranking_metrics(bundle)) else 'higher'


def better_of(bundle, metric):
    """Which value of a metric wins; KeyError where the contest has no such metric."""
    if metric == SCORE:
        return score_better(bundle)
    return {row['name']: row['better'] for row in bundle['metrics']}[metric]


def combined(bundle, values):
    """The ranked score of one submission or picture: the weighted mean of its metrics.

    Args:
        bundle: Bundle as dict.
        values: dict metric -> float, every metric of the bundle that has a weight.
    Raises:
        KeyError: A metric is missing.
    """
    negative = negative_metrics(bundle)
    total = weight = 0.0
    for metric in _ranking_metrics(bundle):
        sign = -1 if metric['name'] in negative else 1
        total += sign * metric['weight'] * values[metric['name']]
        weight += metric['weight']
    return total / weight


def negative_metrics(bundle):
    """The names of those that enter the ranked score negatively: where directions differ, the lower-is-better ones."""
    metrics = _ranking_metrics(bundle)
    mixed = len({metric['better'] for metric in metrics}) > 1
    return {metric['name'] for metric in metrics if mixed and metric['better'] == 'lower'}


def _ranking_metrics(bundle):
    """The metrics that rank; those of weight 0 are shown on boards of their own only."""
    return [metric for metric in bundle['metrics'] if metric['weight']]


def selection_rule(bundle, phase):
    """'best', 'last' or 'chosen': which submission of a team counts in a phase; 'best' where the phase is unknown."""
    return next((row['final_selection'] for row in bundle['phases'] if row['name'] == phase), 'best')


def counting(entries, rule, better, split):
    """The entry of a team that counts in a phase, or None without one.

    'best' is the best by public score, also on the private board: choosing by the private score would fit to it.
    'last' is the newest scored one. 'chosen' is the chosen one, the best of several by the split's own score; as
    long as nothing is chosen, the best by public score. Equal scores: the earlier one.

    Args:
        entries: The team's `Entry` that may rank.
        rule: 'best', 'last', 'chosen'.
        better: 'lower', 'higher'.
        split: 'public', 'private'.
    """
    if not entries:
        return None
    if rule == 'last':
        return max(entries, key=lambda entry: entry.number)
    chosen = [entry for entry in entries if entry.is_final] if rule == 'chosen' else []
    by = split if chosen else 'public'
    return min(chosen or entries, key=lambda entry: (_cost(entry, better, by), entry.number))


def _cost(entry, better, split):
    row = entry.scores.get(split, {}).get(SCORE) or entry.scores.get('private', {}).get(SCORE)
    value = row[0] if row else math.nan
    if not math.isfinite(value):
        return math.inf
    return value if better == 'lower' else -value


def places(rows, bundle, metric=SCORE):
    """A board.

    With `ranking: mean_rank` and the metric 'score', the value is the mean over the metrics of a team's rank in each
    (weighted; 1 is best), and its interval runs over the ranks that the metrics' intervals leave open. Else it is the
    metric's value. Teams whose intervals overlap that of the best of a group tie with it and share its rank.

    Args:
        rows: `records.Standing` of one phase and split, at most one a team; those without the metric are left out.
        bundle: Bundle as dict.
        metric: 'score' or one of the bundle's metrics.
    Returns:
        list of `Place`, best first.
    """
    better = better_of(bundle, metric)
    if metric == SCORE and bundle['ranking'] == 'mean_rank':
        valued, better = _mean_ranks(rows, bundle), 'lower'
    else:
        valued = [(row, *row.scores[metric]) for row in rows
                  if metric in row.scores and math.isfinite(row.scores[metric][0])]
    sign = 1 if better == 'lower' else -1
    valued.sort(key=lambda item: (sign * item[1], item[0].number))
    return _with_ties(valued, sign)


def _with_ties(valued, sign):
    groups = []
    for item in valued:
        if groups and _overlap(groups[-1][0], item, sign):
            groups[-1].append(item)
        else:
            groups.append([item])
    result = []
    for group in groups:
        rank = len(result) + 1
        result += [Place(rank, len(group) > 1, row.team_id, row.submission_id, row.number, row.entries, value, low,
                         high, row.scores) for row, value, low, high in group]
    return result


def _overlap(first, other, sign):
    """Whether a line ties with the first of its group: their intervals overlap, or without intervals they are equal."""
    if None in (*first[2:], *other[2:]):
        return first[1] == other[1]
    worst_of_first = first[3] if sign > 0 else first[2]
    best_of_other = other[2] if sign > 0 else other[3]
    return sign * best_of_other <= sign * worst_of_first


def _mean_ranks(rows, bundle):
    metrics = _ranking_metrics(bundle)
    rows = [row for row in rows if all(math.isfinite(row.scores.get(metric['name'], [math.nan])[0])
                                       for metric in metrics)]
    ranks = [_ranks([row.scores[metric['name']] for row in rows], metric['better']) for metric in metrics]
    total = sum(metric['weight'] for metric in metrics)
    return [(row, *(sum(metric['weight'] * own[index][part] for metric, own in zip(metrics, ranks)) / total
                    for part in range(3))) for index, row in enumerate(rows)]


def _ranks(values, better):
    """Rank (equal values share the mean of theirs), best and worst rank that intervals leave open: list of tuples."""
    sign = 1 if better == 'lower' else -1
    costs = [sign * value for value, _, _ in values]
    bounds = [sorted((sign * (value if low is None else low), sign * (value if high is None else high)))
              for value, low, high in values]
    lows, highs = sorted(low for low, _ in bounds), sorted(high for _, high in bounds)
    ordered = sorted(costs)
    result = []
    for cost, (low, high) in zip(costs, bounds):
        first, last = bisect.bisect_left(ordered, cost), bisect.bisect_right(ordered, cost)
        result.append(((first + 1 + last) / 2, bisect.bisect_left(highs, low) + 1, bisect.bisect_right(lows, high)))
    return result
