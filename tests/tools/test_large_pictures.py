"""Growth: a line is found as it is, and the real command is measured from outside."""

import sys

import pytest

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / 'tools'))
from benchmarks import large_pictures

from stylegan_tf import commands


def test_a_line_is_found_and_a_bend_is_told():
    straight = large_pictures.line([1, 4, 12], [2.5, 4.0, 8.0])
    assert (straight['a'], straight['b']) == (pytest.approx(2.0), pytest.approx(0.5))
    assert straight['largest_deviation'] < 1e-9
    assert large_pictures.line([1, 4, 12], [1, 16, 144])['largest_deviation'] > 0.5
    assert large_pictures.line([1, 2, 4], [0.9, 2, 4.2])['a'] == 0.0


def test_the_command_is_painted_and_measured(tmp_path):
    measured = {size: large_pictures.paint(tmp_path, size, 'litert', ['--tile=288']) for size in (0.02, 0.12)}
    for numbers in measured.values():
        assert numbers['cpu_seconds'] > 0.2 and numbers['peak_bytes'] > 1e8
    rows = large_pictures.rows(measured, 'litert')
    assert [row.unit for row in rows] == ['CPU s', 'CPU s', 'GB', 'GB'] and rows[1].more['b'] >= 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ['0.02.jpg', '0.12.jpg', 'style.png']
    with pytest.raises(commands.UsageError, match='`stylize` ended with code 2: Error: `tile` must be'):
        large_pictures.paint(tmp_path, 0.02, 'litert', ['--tile=-1'])
