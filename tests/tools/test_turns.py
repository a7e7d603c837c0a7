"""Subjects take turns in processes of their own, and rows are kept as they were measured."""

import json
import pathlib
import sys

import cv2
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
from benchmarks import records, turns  # noqa: E402

from stylegan_tf import commands  # noqa: E402


def product(size):
    """A subject of matrix products, without the choice of a library."""
    return turns.Subject(f'{size}', 'benchmarks.peak:matrix_multiplication', {'size': size, 'seconds': 0.01})


@pytest.mark.slow
def test_subjects_work_in_turns_and_tell_what_they_used():
    with turns.processes([product(64), product(128)], 1) as workers:
        assert all(worker.preparation['cpu_seconds'] > 0.1 for worker in workers)
        small, _ = turns.take(workers, [None, 'any task'], 3)
    assert [len(taken) for taken in small.values()] == [3, 3]
    for size in (64, 128):
        for numbers in small[str(size)]:
            assert numbers['flops'] % (2 * size ** 3) == 0 and numbers['flops'] > 0
            assert 0.01 <= numbers['wall_seconds'] < 10 and numbers['peak_bytes'] > 1e7


@pytest.mark.parametrize('is_kept', [False, True])
def test_a_subject_that_fails_is_named_with_its_last_words(tmp_path, is_kept):
    log_path = tmp_path / 'log' if is_kept else None
    subject = turns.Subject('broken', 'benchmarks.peak:no_such_function')
    with (pytest.raises(commands.UsageError, match=r"broken ended with code 1: .*no attribute 'no_such_function'"),
          turns.processes([subject], 1, log_path=log_path)):
        pass
    assert not is_kept or 'Traceback' in log_path.read_text()


def test_ratios_are_taken_turn_by_turn():
    assert turns.ratio([1, 4, 9], [2, 2, 3]) == {'median': 2, 'smallest': 0.5, 'largest': 3}
    assert turns.column([{'a': 1}, {'a': 2}], 'a') == [1, 2]


def test_rows_are_kept_and_drawn(tmp_path):
    row = records.Row('a step', 'a peer', 'CPU s', 1.0, 2.0, turns.ratio([1, 1], [2, 4]), '<= 1.0', True)
    records.save(tmp_path, 'steps', [row], rounds=2)
    kept = json.loads((tmp_path / 'steps.json').read_text())
    assert kept['rows'][0]['ratio'] == {'median': 0.375, 'smallest': 0.25, 'largest': 0.5}
    assert kept['settings'] == {'rounds': 2} and kept['machine']['versions']['numpy']
    assert '| a step | a peer | CPU s | 1 | 2 | 0.38 (0.25 to 0.50) | <= 1.0, holds |' in records.table([row])
    pytest.importorskip('matplotlib')
    assert cv2.imread(str(tmp_path / 'steps.png')).shape[2] == 3


