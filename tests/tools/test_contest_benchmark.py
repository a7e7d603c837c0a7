"""The contest's stress test: it finds what it is there to find, and five kills lose nothing."""

import sys

import pytest

from tests.tools.test_benchmark import ROOT

sys.path.insert(0, str(ROOT / 'tools'))
from benchmarks import contest_board, contest_chaos


@pytest.mark.slow
def test_five_killed_workers_lose_nothing_and_double_nothing(tmp_path):
    report = contest_chaos.Chaos(tmp_path, kills=5, submissions=6, seed=1).run()
    assert contest_chaos.is_good(report), report
    assert report['kills'] == sum(report['killed_with'].values()) == 5 and report['submissions'] >= 6
    assert max(report['attempts']) > 1, 'no run was ever interrupted'


@pytest.mark.parametrize('name', ['lost', 'scored_more_than_once', 'other_log_entries', 'pictures_missing',
                                  'different_scores_for_equal_archives', 'board_differs_from_log'])
def test_each_fault_is_one(name):
    good = dict.fromkeys(('lost', 'scored_more_than_once', 'other_log_entries', 'pictures_missing',
                          'different_scores_for_equal_archives', 'board_differs_from_log'), 0)
    assert contest_chaos.is_good(good) and not contest_chaos.is_good(good | {name: 1})


@pytest.mark.slow
def test_a_small_board_with_three_participants(tmp_path):
    board = contest_board.Board(tmp_path, 40)
    filled = board.fill()
    assert filled['submissions'] == 40 and set(filled['store']) == {'add', 'claim', 'finish'}
    people = board.participants(3, rounds=1)
    board.close()
    assert people['errors'] == 0, people['first_errors']
    assert people['submitted'] == 3 and people['states'] == {'scored': 3}
