"""How an evaluation's cost grows with its pairs, in one row and one exponent."""

import math

from benchmarks import records, turns

LINEAR = 1.05  # the largest exponent that is called so


def row(kind, counts, taken):
    """A `records.Row`: CPU seconds of a pair among most pairs beside fewest, and the exponent.

    Args:
        kind: Of the pairs.
        counts: Numbers of pairs, growing.
        taken: What `evaluations.evaluation` told for each.
    """
    seconds = [numbers['cpu_seconds'] for numbers in taken]
    each = [a / b for a, b in zip(seconds, counts, strict=True)]
    found = exponent(counts, seconds)
    is_once = all(numbers['looks'] == numbers['distinct'] for numbers in taken)
    return records.Row(
        f'{kind}: a pair among {counts[-1]}', f'a pair among {counts[0]}', 'CPU s', each[-1], each[0],
        turns.ratio([each[-1]], [each[0]]), f'exponent {found:.2f} <= {LINEAR}, each picture looked at once',
        found <= LINEAR and is_once,
        {'exponent': found, 'pairs': counts, 'cpu_seconds': seconds, 'looks': [numbers['looks'] for numbers in taken],
         'pictures': [numbers['distinct'] for numbers in taken],
         'peak_bytes': [numbers['peak_bytes'] for numbers in taken]})


def exponent(counts, seconds):
    """Slope of log(seconds) by log(counts), by least squares, after a start that does not depend on the count.

    The start is what a line through the first two leaves at no pairs at all, at most half of the first.
    """
    slope = (seconds[1] - seconds[0]) / (counts[1] - counts[0])
    start = min(max(0.0, seconds[0] - slope * counts[0]), seconds[0] / 2)
    x, y = ([math.log(value) for value in values] for values in (counts, [value - start for value in seconds]))
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    return (sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True))
            / sum((a - middle_x) ** 2 for a in x))
