"""Cores are counted as the process may use them."""

import os

import pytest

from stylegan_tf import cores


@pytest.mark.skipif(not hasattr(os, 'sched_setaffinity'), reason='only Linux binds processes to cores')
def test_a_bound_process_counts_its_own_cores(monkeypatch):
    monkeypatch.setattr(os, 'cpu_count', lambda: 500)
    before = os.sched_getaffinity(0)
    assert cores.available() == len(before)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cores.available() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_elsewhere_those_of_the_machine_count(monkeypatch):
    monkeypatch.delattr(os, 'sched_getaffinity', raising=False)
    for told, counted in ((6, 6), (None, 1)):
        monkeypatch.setattr(os, 'cpu_count', lambda told=told: told)
        assert cores.available() == counted
