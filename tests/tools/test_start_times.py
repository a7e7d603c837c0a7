"""Starts: every command is found and answers --help without a heavy library; a cold start is counted whole."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / 'tools'))
from benchmarks import start_times

from stylegan_tf import commands

HEAVY = ('tensorflow', 'keras', 'jax', 'torch', 'scipy.stats', 'sklearn', 'skimage')


@pytest.mark.slow
@pytest.mark.parametrize('name', start_times.help_commands())
def test_help_loads_nothing_heavy(name):
    done = subprocess.run([sys.executable, '-X', 'importtime', *start_times.help_commands()[name]],
                          capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0 and len(done.stdout) > 100
    loaded = {line.rpartition('|')[2].strip() for line in done.stderr.splitlines() if line.startswith('import time:')}
    assert loaded and not loaded & set(HEAVY)


def test_commands_of_all_three_places_are_found():
    found = start_times.help_commands()
    assert {'stylegan-tf stylize', 'stylegan_serving.client.stylize', 'tools/benchmark.py'} <= set(found)
    assert not any('sandboxed_model' in name for name in found), 'a program that commands start is none'


def test_a_cold_start_is_counted_with_its_children(tmp_path):
    row, = start_times.cold_rows(tmp_path, 1, engines=('litert',))
    assert (tmp_path / 'litert0.png').is_file() and (tmp_path / 'litert0.png.json').is_file()
    assert row.more['cpu_seconds'] > 0.2 and row.ours > 0.2 and row.theirs == 3.0
    with pytest.raises(commands.UsageError, match='ended with code 1: last words'):
        start_times.run(['-c', 'raise SystemExit("last words")'])
