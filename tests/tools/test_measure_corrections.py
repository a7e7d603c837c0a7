"""The tool that measures corrections: its shares, and the repairs it compares with."""

import sys

import numpy as np
import pytest

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / 'tools'))

from detection import corrections as tool


def case(clean, defect, *, flagged=True, accepted=False, before=10.0, after=10.0, **others):
    return {'clean': clean, 'defect': defect, 'flagged': flagged, 'accepted': accepted, 'before': before,
            'after': after, 'repair': 'network' if accepted else '', 'reason': '' if accepted else 'not flagged',
            **({'others': others} if others else {})}


def test_shares_are_of_what_they_say():
    cases = [case('a', '', flagged=False), case('b', '', accepted=True),
             case('a', 'blur', accepted=True, after=5.0, inpaint=8.0), case('a', 'noise', inpaint=12.0),
             case('b', 'blur', accepted=True, after=10.3, inpaint=10.0), case('b', 'noise', accepted=True, after=11.0),
             case('b', 'noise', flagged=False)]
    found = tool.summarised(cases)
    assert found['clean']['mean'] == 0.5
    everything = found['all']
    assert {name: everything[name]['mean'] for name in ('flagged', 'coverage', 'nearer', 'worse')} == {
        'flagged': 0.8, 'coverage': 0.75, 'nearer': pytest.approx(1 / 3, abs=1e-4),
        'worse': pytest.approx(1 / 3, abs=1e-4)}
    assert everything['error left']['mean'] == pytest.approx((0.5 + 1 + 1.03 + 1.1) / 4, abs=1e-4)
    inpainted = everything['others, error left']['inpaint']
    assert (inpainted['mean'], inpainted['n'], inpainted['pictures']) == (pytest.approx(1.0), 3, 2)
    assert found['defects']['blur']['coverage']['mean'] == 1 and found['repairs'] == {'network': 3}
    assert 'noise' in tool.table({**found, 'false_alarm_rate': 0.05})


def test_as_many_cases_of_each_defect_are_chosen():
    levels = [('', 0.0), *((defect, severity) for defect in ('blur', 'noise') for severity in (0.25, 0.5, 1.0))]
    rows = [{'path': f'{defect}_{severity}_{clean}', 'clean': clean, 'defect': defect, 'severity': severity}
            for clean in 'abcd' for defect, severity in levels]
    assert len(tool.chosen(rows, [0.5, 1.0])) == 4 + 2 * 2 * 4
    few = tool.chosen(rows, [0.5, 1.0], pictures=3, cases=2)
    assert [row['defect'] for row in few] == [''] * 3 + ['blur'] * 2 + ['noise'] * 2
    assert {row['clean'] for row in few} <= set('abc') and not {row['severity'] for row in few} & {0.25}
    again = tool.chosen(rows[::-1], [0.5, 1.0], pictures=3, cases=2)
    assert {row['path'] for row in again} == {row['path'] for row in few}


def test_other_repairs_repair():
    rows = np.linspace(0, 255, 48)[:, None, None]
    clean = np.uint8(np.broadcast_to(rows, (48, 48, 3)))
    hole = np.zeros((48, 48), bool)
    hole[10:20, 10:20] = True
    broken = np.where(hole[..., None], 0, clean).astype(np.uint8)
    repaired = tool.other_repairs(broken, hole, np.ones_like(hole))
    assert np.abs(repaired['cv2.inpaint, true damage'].astype(float) - clean).mean() < 1
    np.testing.assert_array_equal(repaired['cv2.inpaint, found damage'], broken)  # nothing is left to paint from
