"""The load benchmark through the door, on the smallest model there is."""

import json
import subprocess
import sys

import pytest

from tests.serving import server_process


@pytest.mark.slow
@pytest.mark.parametrize('loop', [(), ('--requests_per_second=50',)], ids=['closed', 'open'])
def test_a_server_is_compared_with_the_model_in_process(golden_models, tmp_path, loop):
    command = [sys.executable, str(server_process.ROOT / 'tools' / 'benchmark.py'), 'serving',
               f'--model={golden_models}/image', '--images=8', '--size=32', '--rounds=2', '--batches=2',
               f'--output={tmp_path}/serving.json', *loop]
    done = subprocess.run(command, env=server_process.environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / 'serving.json').read_text())
    rows = {row['target']: row for row in report['rows']}
    assert list(rows) == ['in process', 'gRPC', 'REST'] and rows['in process']['ratio']['median'] == 1.0
    for row in rows.values():
        assert row['requests'] == 8 and row['images'] == 16 and row['errors'] == {} and row['images_per_second'] > 0
        assert row['p50_ms'] <= row['p95_ms'] <= row['p99_ms']
    assert len(done.stdout.splitlines()) == 5 and done.stdout.count('| 2 |') == 3


@pytest.mark.slow
def test_a_model_that_the_server_does_not_have_is_told(golden_models, local_server):
    with local_server('--model_name=model', f'--model_base_path={golden_models}/image') as server:
        done = subprocess.run(
            [sys.executable, str(server_process.ROOT / 'tools' / 'benchmark.py'), 'serving', '--model_name=other',
             '--model=', f'--server=http://127.0.0.1:{server.rest_port}'], env=server_process.environment(),
            capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and 'HTTP Error 404' in done.stderr and len(done.stderr.splitlines()) == 1
