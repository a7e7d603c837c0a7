"""Loads and soaks: their numbers are right, and they end well and badly as they should."""

import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
from benchmarks import load, soak_run  # noqa: E402


def run(*arguments, timeout=600):
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(ROOT), str(ROOT / 'serving')])}
    return subprocess.run([sys.executable, str(ROOT / 'tools' / 'benchmark.py'), *map(str, arguments)], env=environment,
                          capture_output=True, text=True, timeout=timeout)


class Target:
    """Answers after some milliseconds; every fifth request fails."""

    def __init__(self, seconds=0.0):
        self.seconds, self.connections, self.sent, self.lock = seconds, 0, [], threading.Lock()

    def connect(self):
        self.connections += 1

        def call(request):
            with self.lock:
                self.sent.append(request['image_bytes'][0])
            time.sleep(self.seconds)
            if request['image_bytes'][0] % 5 == 4:
                raise load.CallError('UNAVAILABLE')
        return call


REQUESTS = [{'image_bytes': [number, number]} for number in range(10)]


def test_a_closed_loop_sends_each_request_once_and_keeps_connections():
    target = Target()
    loop = load.Loop(target, 2, REQUESTS)
    measured = loop.closed(20)
    loop.closed(10)
    loop.close()
    assert sorted(target.sent) == sorted([*range(10)] * 3) and target.connections <= 2
    numbers = measured.numbers()
    assert numbers['requests'] == 16 and numbers['errors'] == {'UNAVAILABLE': 4} and measured.rows == 32


def test_an_open_loop_counts_the_time_that_requests_wait_for_a_slow_server():
    loop = load.Loop(Target(0.05), 1, REQUESTS[:4])
    measured = loop.open(4, 1000.0)
    loop.close()
    assert sorted(measured.latencies)[-1] > 0.15  # the last one waited for three others


def test_quantiles_and_rates():
    measured = load.Measured([0.001 * number for number in range(100, 0, -1)], {}, 400, 8.0)
    assert measured.numbers() == {'images_per_second': 50.0, 'p50_ms': 51.0, 'p95_ms': 96.0, 'p99_ms': 100.0,
                                  'requests': 100, 'errors': {}}
    measured.add(load.Measured([1.0], {'HTTP 400': 2}, 100, 2.0))
    assert measured.numbers()['images_per_second'] == 50.0 and measured.numbers()['errors'] == {'HTTP 400': 2}


def test_memory_growth_is_that_within_a_version_and_from_one_to_the_next():
    mb = 10 ** 6
    steady = {'version 1': [50 * mb] * 30 + [100 * mb] * 70, 'version 2': [150 * mb] * 100}
    assert soak_run.growth(steady)['largest_growth'] == 0.0
    leak_per_version = {**steady, 'version 3': [165 * mb] * 100}
    assert soak_run.growth(leak_per_version)['largest_growth'] == pytest.approx(0.1)
    leak_per_request = {'version 1': [number * mb for number in range(100, 200)]}
    assert soak_run.growth(leak_per_request)['largest_growth'] > 0.2
    restarted = {**steady, 'version 2, restarted': [300 * mb] * 100}
    assert soak_run.growth(restarted)['largest_growth'] == 0.0


@pytest.mark.parametrize(('arguments', 'message'), [
    (['nonsense'], "unknown command 'nonsense'. Expected one of: engines, "),
    (['serving', '--batches=0'], '--batches expects whole numbers from 1 on'),
    (['soak', '--requests=0'], '--requests, --versions and --clients must be at least 1'),
    (['serving', '--server=localhost:1', '--model='], '--server expects grpc://host:port or http://host:port')])
def test_what_cannot_be_done_is_one_line(arguments, message):
    done = run(*arguments)
    assert done.returncode == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_small_soak_loses_nothing(tmp_path):
    done = run('soak', '--requests=300', '--versions=2', '--nocheck_memory', f'--output={tmp_path}/soak.json')
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / 'soak.json').read_text())
    assert sum(kind['requests'] for kind in report['kinds'].values()) == 300 and len(report['kinds']) == 12
    assert report['lost'] == report['wrong'] == [] and report['exit_code'] == 0
    assert list(report['memory']['versions']) == ['version 1', 'version 2', 'version 2, restarted']
