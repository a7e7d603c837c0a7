"""The trace of a SavedModel: its operations are found by kind, and shares of the peak are what they are."""

import sys

import numpy as np

from tests import tiny_models
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / 'tools'))
from benchmarks import operation_times


def test_convolutions_are_found_in_a_trace():
    folder = tiny_models.exported() / '1'
    inputs = {'style': np.random.default_rng(0).random((1, 40, 48, 3), np.float32)}
    seconds, whole = operation_times.trace(folder, 'encode_style', inputs, 1)
    assert any('Conv2D' in kind for kind in seconds)
    assert whole > 0 and 0 < sum(seconds.values()) < 60


def test_a_table_divides_cpu_seconds_by_the_shares_of_the_trace():
    text = operation_times.table({'_FusedConv2D': 3.0, 'Mul': 1.0}, 2.0, flops=3e9, peak_flops=4e9)
    assert '| _FusedConv2D | 1500.0 | 75% |' in text and '| Mul | 500.0 | 25% |' in text
    assert '2000 CPU ms in all: 2 of 4 GFLOP/s, 38% of the peak; convolutions while they run: 50%' in text
