"""The benchmark of looks: its split, its table, its answer to bad flags."""

import subprocess
import sys

import pytest

from stylegan_tf.looks.prior import load_prior
from tests.conftest import ROOT
from tools.judging import looks


def test_the_split_keeps_people_apart():
    roles = looks.split(ROOT / 'docs' / 'looks_split.tsv')
    names = [name for role in roles.values() for name in role]
    assert len(set(names)) == len(names) and min(map(len, roles.values())) >= 40
    assert len(roles['reference']) == len(load_prior().reference)


def test_the_table_tells_means_of_grades():
    results = {'one': {looks.NOTHING: [4.0, 6.0], looks.LEARNED: [1.0, 3.0], 'other': [2.0, 2.0]},
               'two': {looks.NOTHING: [10.0, 10.0], looks.LEARNED: [4.0, 4.0], 'other': [8.0, 8.0]}}
    lines = looks.table(results)
    assert lines[0] == f'| grade | {looks.NOTHING} | {looks.LEARNED} | other |'
    assert lines[2].startswith('| one | 5.00 [') and lines[2].endswith('| 2.00 |')
    assert '| 7.50 [' in lines[-1] and '| 3.00 [' in lines[-1] and lines[-1].endswith('| 5.00 |')


@pytest.mark.parametrize('flags, said', [(['--data=x'], '--output is required'),
                                         (['--data=x', '--output=y', '--grades=neon'], 'neon')])
def test_bad_flags_are_one_line(flags, said):
    done = subprocess.run([sys.executable, ROOT / 'tools' / 'measure_looks.py', *flags], cwd=ROOT, text=True,
                          capture_output=True, timeout=300, check=False)
    assert done.returncode == 2 and said in done.stderr
    assert 'Traceback' not in done.stderr and len(done.stderr.strip().splitlines()) == 1
