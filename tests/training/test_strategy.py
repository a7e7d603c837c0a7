"""Where a training runs: what is chosen, what is refused, and that N replicas train what one does."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import safetensors.numpy

from stylegan_tf import configs
from stylegan_tf.training import strategy, workers
from tests.conftest import write_pictures

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECKS = ('two_replicas_train_what_one_does', 'with_micro_batches_too', 'xla_on_two_replicas_agrees',
          'replicas_draw_different_noise_and_stay_alike', 'an_overflow_on_one_replica_skips_the_step_on_all')
CLUSTER = {'cluster': {'worker': ['a:1', 'b:2']}, 'task': {'type': 'worker', 'index': 1}}


def environment(**more):
    return {**os.environ, 'PYTHONPATH': f'{ROOT}:{ROOT / "serving"}', 'TF_CPP_MIN_LOG_LEVEL': '3', **more}


@pytest.fixture(scope='module')
def results():
    done = subprocess.run([sys.executable, '-m', 'tests.training.replica_checks'], cwd=ROOT, env=environment(),
                          capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize('name', CHECKS)
def test_on_two_replicas(results, name):
    assert results[name] == 'passed', results[name]


def test_every_check_is_reported(results):
    assert set(results) == set(CHECKS)


# What is chosen, and what is refused.

def test_auto_takes_what_is_there(monkeypatch):
    import tensorflow as tf

    found = {'GPU': 0, 'TPU': 0}
    monkeypatch.setattr(tf.config, 'list_physical_devices', lambda kind: ['device'] * found.get(kind, 0))
    monkeypatch.delenv('TF_CONFIG', raising=False)
    assert strategy._recognised()[0] == 'one_device'
    assert strategy.choose('auto').line() == 'strategy one_device (no GPU was found)'
    found['GPU'] = 4
    assert strategy._recognised() == ('mirrored', '4 GPUs were found')
    found['TPU'] = 1
    assert strategy._recognised()[0] == 'tpu'
    monkeypatch.setenv('TF_CONFIG', json.dumps(CLUSTER))
    assert strategy._recognised()[0] == 'multi_worker'
    monkeypatch.setenv('TF_CONFIG', json.dumps({'cluster': {'worker': ['a:1']}}))
    assert strategy._recognised()[0] == 'tpu'


@pytest.mark.parametrize(('text', 'told'), [
    ('', 'no TF_CONFIG'), ('{', 'not JSON'), ('[]', 'must be a JSON object'),
    (json.dumps({**CLUSTER, 'task': {'type': 'worker', 'index': 2}}), 'this one among them'),
    (json.dumps({'cluster': {'worker': ['a:1']}, 'task': {'type': 'worker', 'index': 0}}), 'at least two workers')])
def test_a_wrong_cluster_is_told(monkeypatch, text, told):
    monkeypatch.setenv('TF_CONFIG', text)
    with pytest.raises(strategy.StrategyError, match=told):
        strategy.choose('multi_worker')


def test_one_cpu_is_no_mirror():
    with pytest.raises(strategy.StrategyError, match='needs several GPUs on this machine'):
        strategy.choose('mirrored')


def test_the_batch_must_divide_among_replicas_and_micro_batches():
    placement = strategy.Placement('mirrored', object(), replicas=4)
    assert placement.images_at_once(configs.get('style_transfer_28', batch_size=8)) == 2
    with pytest.raises(strategy.StrategyError,
                       match=r'multiple of 4 \(4 replicas\)\. Received: 6\. Try --set=batch_size=8'):
        placement.images_at_once(configs.get('style_transfer_28', batch_size=6))
    with pytest.raises(strategy.StrategyError, match='4 replicas x 3 accumulation_steps'):
        placement.images_at_once(configs.get('style_transfer_28', batch_size=8, accumulation_steps=3))


def test_a_worker_hears_what_all_said():
    class Told(workers.Company):
        def __init__(self, *rounds):
            super().__init__(strategy.Placement('multi_worker', worker=1, workers=2))
            self.rounds, self.exchanged = list(rounds), 0

        def _sum(self, values):
            others = np.zeros(4)
            others[list(self.rounds.pop(0))] = 1
            return values + others

        def _exchange(self):
            self.exchanged += 1

    company = Told([], [workers.STOP], [], [workers.SHARE], [workers.END], [workers.FAIL])
    assert company.hear(wish=False) == 'step'
    assert company.hear(wish=False) == 'wait'  # another worker would stop
    assert company.hear(wish=True) == 'wait'  # this one would
    assert company.hear(wish=True) == 'wait' and company.exchanged == 1
    assert company.hear(wish=True) == 'end'
    with pytest.raises(workers.LostWorkerError, match='Worker 0'):
        company.hear(wish=False)


def test_workers_started_differently_are_refused():
    class Differing(workers.Company):
        def _sum(self, values):
            return values + np.array([0.0, 7.0])

    company = Differing(strategy.Placement('multi_worker', worker=0, workers=2))
    with pytest.raises(workers.WorkersError, match='Worker 1 was started with other settings'):
        company.agree({'seed': 0})


# Through the command.

SETTINGS = ('--preset=style_transfer_28', '--set=batch_size=4', '--set=warmup_images=4', '--set=evaluation_images=2',
            '--set=mapping_weight=0', '--set=identity_share=0.5', '--set=tick_seconds=0.3',
            *(f'--set={name}_optimizer.{setting}' for name in ('generator', 'discriminator')
              for setting in ('name=sgd', 'beta_1=0', 'learning_rate=0.01', 'schedule=constant', 'warmup_steps=0')))
TWO_CPUS = '''
import runpy, sys
import tensorflow as tf
cpu = tf.config.list_physical_devices('CPU')[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
runpy.run_module('stylegan_tf.train', run_name='__main__', alter_sys=True)
'''


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp('pictures'))


def arguments(pictures, workdir, *more):
    return [f'--workdir={workdir}', f'--data={pictures / "photos"}', f'--style_data={pictures / "paintings"}',
            *SETTINGS, *more]


def start_workers(argv, count=2):
    ports = []
    for _ in range(count):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            ports.append(free.getsockname()[1])
    cluster = {'cluster': {'worker': [f'127.0.0.1:{port}' for port in ports]}}
    return [subprocess.Popen(
        [sys.executable, '-m', 'stylegan_tf.train', *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=ROOT, env=environment(TF_CONFIG=json.dumps({**cluster, 'task': {'type': 'worker', 'index': index}})))
        for index in range(count)]


def weights(workdir, step):
    return safetensors.numpy.load_file(workdir / 'checkpoints' / f'step-{step:09d}' / 'state.safetensors')


@pytest.mark.slow
def test_replicas_and_workers_train_the_weights_of_one_device(pictures, tmp_path):
    short = '--set=total_images=12'
    whole, mirrored, shared = (tmp_path / name for name in ('whole', 'mirrored', 'shared'))
    for command in ([sys.executable, '-m', 'stylegan_tf.train', *arguments(pictures, whole, short)],
                    [sys.executable, '-c', TWO_CPUS, *arguments(pictures, mirrored, short, '--strategy=mirrored')]):
        done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=600,
                              check=False)
        assert done.returncode == 0 and 'Finished at step 3' in done.stdout, done.stderr[-3000:]
    assert 'strategy mirrored: 2 replicas' in done.stdout
    told = [process.communicate(timeout=600) for process in start_workers(arguments(pictures, shared, short))]
    assert 'Finished at step 3' in told[0][0] and 'Ended at step 3' in told[1][0], told
    assert 'strategy multi_worker: 2 replicas in 2 workers, this is worker 1' in told[1][0]
    expected = weights(whole, 3)
    for other in (weights(mirrored, 3), weights(shared, 3)):
        assert set(other) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(other[name], value, rtol=0, err_msg=name,
                                       atol=1e-5 * max(1, np.abs(value).max(initial=0)))


@pytest.mark.slow
def test_a_killed_worker_ends_all_and_the_same_commands_go_on(pictures, tmp_path):
    argv = arguments(pictures, tmp_path, '--set=total_images=240', '--set=snapshot_images=40',
                     '--set=warmup_images=9000')
    started = start_workers(argv)
    wait_for(lambda: newest_step(tmp_path) >= 10, started)
    started[1].kill()
    _, told = started[0].communicate(timeout=300)
    assert started[0].returncode == 1 and started[1].wait() == -signal.SIGKILL
    assert 'Error: Another worker ended or cannot be reached' in told and 'Traceback' not in told
    assert told.strip().splitlines()[-1].startswith('Error: ')
    started[1].communicate()

    killed_at = newest_step(tmp_path)
    started = start_workers(argv)
    wait_for(lambda: newest_step(tmp_path) > killed_at, started)
    started[1].send_signal(signal.SIGTERM)
    told = [process.communicate(timeout=300) for process in started]
    assert [process.returncode for process in started] == [0, 0], told
    assert f'resuming at step {killed_at}' in told[0][0]
    stopped_at = newest_step(tmp_path)
    assert f'Stopped by a signal at another worker at step {stopped_at}' in told[0][0]
    assert f'Ended at step {stopped_at}' in told[1][0] and killed_at < stopped_at < 60

    told = [process.communicate(timeout=600) for process in start_workers(argv)]
    assert f'resuming at step {stopped_at}' in told[0][0] and 'Finished at step 60' in told[0][0], told


def newest_step(workdir):
    return max((int(path.name[5:]) for path in (workdir / 'checkpoints').glob('step-*')), default=0)


def wait_for(condition, processes, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert all(process.poll() is None for process in processes), [p.communicate() for p in processes if p.poll()]
        assert time.monotonic() < end
        time.sleep(0.05)
