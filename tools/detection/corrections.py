"""What corrections are compared with, and shares of cases: how often they help, worsen and abstain."""

import collections

from stylegan_tf.data import order

WORSE = 1.05  # of the error before
SEED = 0


def chosen(rows, severities, *, pictures=0, cases=0):
    """Rows of a benchmark's index to measure: the clean ones, and of the defects those that are wanted.

    Args:
        rows: dicts with 'path', 'clean', 'defect' ('' if clean) and 'severity'.
        severities: Of the defects.
        pictures: Of the first so many clean pictures; 0 for all.
        cases: So many of each defect, always the same ones; 0 for all.
    """
    names = set(sorted({row['clean'] for row in rows})[:pictures or None])
    rows = [row for row in rows if row['clean'] in names]
    found, by_defect = [row for row in rows if not row['defect']], collections.defaultdict(list)
    for row in rows:
        if row['defect'] and any(abs(row['severity'] - wanted) < 1e-6 for wanted in severities):
            by_defect[row['defect']].append(row)
    for of_one in by_defect.values():
        found += sorted(of_one, key=lambda row: order.key_from(SEED, 'case', row['path']))[:cases or None]
    return found


def other_repairs(image, true, found):
    """What OpenCV makes of a damaged picture: dict name -> uint8 [H, W, 3].

    Args:
        image: uint8 [H, W, 3].
        true, found: Where it is damaged and where it was found to be, bool [H, W]. Pictures that are damaged all over
            have nothing to be painted from and stay as they are.
    """
    import cv2

    def inpainted(mask):
        if mask.mean() > 0.7 or not mask.any():
            return image
        return cv2.inpaint(image, mask.astype('uint8') * 255, 3, cv2.INPAINT_TELEA)

    return {'cv2.inpaint, true damage': inpainted(true), 'cv2.inpaint, found damage': inpainted(found),
            'cv2.fastNlMeansDenoisingColored': cv2.fastNlMeansDenoisingColored(image, None, 5, 5, 5, 15)}


def summarised(cases):
    """Shares of a list of cases, over all defects and by defect; see `_shares`."""
    damaged = [case for case in cases if case['defect']]
    clean = [case for case in cases if not case['defect']]
    by_defect = collections.defaultdict(list)
    for case in damaged:
        by_defect[case['defect']].append(case)
    return {'all': _shares(damaged), 'defects': {name: _shares(found) for name, found in sorted(by_defect.items())},
            'clean': _measured(clean, lambda case: not case['accepted']),
            'repairs': collections.Counter(case['repair'] for case in damaged if case['accepted']),
            'reasons': collections.Counter(case['reason'] for case in damaged if not case['accepted'])}


def _shares(cases):
    """Of damaged pictures: how many were flagged, repaired, nearer, worse; and errors left, of the flagged ones."""
    flagged = [case for case in cases if case['flagged']]
    repaired = [case for case in flagged if case['accepted']]
    names = sorted({name for case in flagged for name in case.get('others', {})})
    return {'flagged': _measured(cases, lambda case: case['flagged']),
            'coverage': _measured(flagged, lambda case: case['accepted']),
            'nearer': _measured(repaired, lambda case: case['after'] < case['before']),
            'worse': _measured(repaired, lambda case: case['after'] > WORSE * case['before']),
            'nearer by the second distance': _measured(
                [case for case in repaired if 'second_before' in case],
                lambda case: case['second_after'] < case['second_before']),
            'error left': _measured(flagged, lambda case: _left(case, case['after'])),
            'error left where repaired': _measured(repaired, lambda case: _left(case, case['after'])),
            'others, error left': {name: _measured([case for case in flagged if name in case.get('others', {})],
                                                   lambda case, name=name: _left(case, case['others'][name]))
                                   for name in names}}


def _left(case, error):
    return error / max(case['before'], 1e-3)


def _measured(cases, value):
    """Mean, 95% interval by pictures (their means are resampled), and the number of cases."""
    from stylegan_tf.metrics.bootstrap import bootstrap_interval

    by_picture = collections.defaultdict(list)
    for case in cases:
        by_picture[case['clean']].append(float(value(case)))
    every = [number for numbers in by_picture.values() for number in numbers]
    means = [sum(numbers) / len(numbers) for numbers in by_picture.values()]
    interval = bootstrap_interval(means, seed=SEED) if len(means) > 1 else None
    return {'mean': round(sum(every) / len(every), 4) if every else None, 'n': len(every), 'pictures': len(by_picture),
            'interval': None if interval is None else [round(end, 4) for end in interval]}


def table(report):
    """The report for a terminal."""
    columns = ('flagged', 'coverage', 'nearer', 'worse', 'error left', 'error left where repaired')
    lines = [f'{"":<22}' + ''.join(f'{column[:16]:>18}' for column in columns)]
    for name, shares in [*report['defects'].items(), ('all', report['all'])]:
        lines.append(f'{name:<22}' + ''.join(f'{_cell(shares[column]):>18}' for column in columns))
    lines.append(f'clean pictures returned untouched: {_cell(report["clean"])}')
    lines += [f'error left by {name}: {_cell(measured)}'
              for name, measured in report['all']['others, error left'].items()]
    lines.append('repairs: ' + ', '.join(f'{name} {count}' for name, count in
                                         sorted(report['repairs'].items(), key=lambda item: -item[1])))
    lines.append('abstained: ' + ', '.join(f'{name} {count}' for name, count in report['reasons'].items()))
    return '\n'.join(lines)


def _cell(measured):
    if measured['mean'] is None:
        return '-'
    low, high = measured['interval'] or (float('nan'), float('nan'))
    return f'{measured["mean"]:.2f} [{low:.2f},{high:.2f}]'
