"""The train command through its door: help, errors, dry run, kill, signal and resume."""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import write_pictures

SETTINGS = ('--set=batch_size=2', '--set=total_images=240', '--set=warmup_images=40',
            '--set=snapshot_images=40', '--set=evaluation_images=2', '--set=tick_seconds=0.3')


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp('pictures'))


def arguments(pictures, workdir, *more):
    return [sys.executable, '-m', 'stylegan_tf.train', '--preset=style_transfer_28',
            f'--workdir={workdir}', f'--data={pictures / "photos"}',
            f'--style_data={pictures / "paintings"}', *SETTINGS, *more]


def run(*argv):
    return subprocess.run([sys.executable, '-m', 'stylegan_tf.train', *map(str, argv)],
                          capture_output=True, text=True)


def test_help_answers_without_tensorflow():
    done = subprocess.run([sys.executable, '-X', 'importtime', '-m', 'stylegan_tf.train', '--help'],
                          capture_output=True, text=True)
    assert done.returncode == 0
    imported = {line.rsplit('|', 1)[-1].strip() for line in done.stderr.splitlines()}
    assert 'absl.flags' in imported and not imported & {'tensorflow', 'keras', 'cv2', 'numpy'}
    for flag in ('--preset', '--workdir', '--style_data', '--init', '--holdout', '--dry_run'):
        assert flag in done.stdout


@pytest.mark.parametrize('argv, told', [
    (['--preset=style_transfer_28'], '--workdir is required'),
    (['--preset=style_transfer_28', '--workdir=w', '--data=nowhere', 'stray'], 'stray'),
    (['--preset=style_transfer_82', '--workdir=w', '--data=nowhere'], 'style_transfer_28'),
    (['--preset=style_transfer_28', '--workdir=w', '--data=nowhere', '--set=batch=4'],
     'batch_size'),
    (['--preset=style_transfer_28', '--workdir=w', '--data=nowhere', '--strategy=mirrored'],
     'needs several GPUs on this machine. Found: 1 CPU'),
    (['--colour=red'], 'colour')])
def test_what_is_typed_wrong_gets_one_clear_line(argv, told, tmp_path):
    done = subprocess.run([sys.executable, '-m', 'stylegan_tf.train', *argv], cwd=tmp_path,
                          capture_output=True, text=True,
                          env={**os.environ, 'PYTHONPATH': str(package_root())})
    assert done.returncode == 2
    assert told in done.stderr and 'Traceback' not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def package_root():
    return pathlib.Path(__file__).resolve().parent.parent


def wait_for(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None and time.monotonic() < end, 'the training ended too early'
        time.sleep(0.02)


def newest_step(workdir):
    return max((int(path.name[5:]) for path in (workdir / 'checkpoints').glob('step-*')), default=0)


def digest(workdir, step):
    record = json.loads((workdir / 'checkpoints' / f'step-{step:09d}' / 'checkpoint.json').read_text())
    return record['files']['state.safetensors']['sha256']


@pytest.mark.slow
def test_killed_and_stopped_runs_end_in_the_bits_of_an_uninterrupted_one(pictures, tmp_path):
    whole, broken = tmp_path / 'whole', tmp_path / 'broken'
    done = subprocess.run(arguments(pictures, whole), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 'Finished at step 120' in done.stdout and 'newest sample: ' in done.stdout
    for name in ('config.json', 'metrics.jsonl', 'report.html', 'samples/step-000000120.png'):
        assert (whole / name).stat().st_size > 0
    assert list((whole / 'tensorboard').iterdir())

    process = subprocess.Popen(arguments(pictures, broken), stdout=subprocess.DEVNULL)
    wait_for(lambda: newest_step(broken) >= 20, process)
    time.sleep(random.uniform(0, 1))
    process.kill()
    assert process.wait() == -signal.SIGKILL
    killed_at = newest_step(broken)

    process = subprocess.Popen(arguments(pictures, broken), stdout=subprocess.PIPE, text=True)
    wait_for(lambda: newest_step(broken) > killed_at, process)
    process.send_signal(signal.SIGTERM)
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert f'resuming at step {killed_at}' in told and 'Stopped by SIGTERM' in told
    stopped_at = newest_step(broken)
    assert killed_at < stopped_at < 120

    done = subprocess.run(arguments(pictures, broken), capture_output=True, text=True)
    assert done.returncode == 0 and f'resuming at step {stopped_at}' in done.stdout
    assert digest(broken, 120) == digest(whole, 120)
    steps = [json.loads(line)['step'] for line in (broken / 'metrics.jsonl').open()]
    assert steps == sorted(set(steps)) and steps[-1] == 120

    other = subprocess.run(arguments(pictures, broken, '--set=batch_size=4'), capture_output=True,
                           text=True)
    assert other.returncode == 2 and 'batch_size was 2 and is now 4' in other.stderr
    assert 'Traceback' not in other.stderr


@pytest.mark.slow
def test_an_absurd_learning_rate_is_lowered_or_given_up_with_one_clear_line(pictures, tmp_path):
    absurd = ('--set=generator_optimizer.learning_rate=1e30', '--set=generator_optimizer.warmup_steps=0',
              '--set=total_images=40')
    saved = subprocess.run(arguments(pictures, tmp_path / 'saved', *absurd, '--set=rollback_learning_rate=1e-33'),
                           capture_output=True, text=True)
    assert saved.returncode == 0, saved.stderr
    assert 'back to step 0, learning rates at 1e-33 of what was set' in saved.stdout
    assert 'Finished at step 20' in saved.stdout
    page = (tmp_path / 'saved' / 'report.html').read_text()
    assert 'back to step 0' in page

    lost = subprocess.run(arguments(pictures, tmp_path / 'lost', *absurd), capture_output=True, text=True)
    assert lost.returncode == 1 and 'Traceback' not in lost.stderr
    assert 'after 3 of 3 rollbacks' in lost.stderr and 'Begin anew with --resume=never and lower' in lost.stderr
    assert newest_step(tmp_path / 'lost') == 0


@pytest.mark.slow
def test_half_precision_in_micro_batches(pictures, tmp_path):
    done = subprocess.run(
        arguments(pictures, tmp_path, '--precision=mixed_float16', '--set=accumulation_steps=2',
                  '--set=warmup_images=2', '--set=total_images=8'), capture_output=True, text=True)
    assert done.returncode == 0 and 'Finished at step 4' in done.stdout, done.stderr
    record = json.loads((tmp_path / 'config.json').read_text())
    assert (record['config']['precision'], record['config']['accumulation_steps']) == ('mixed_float16', 2)
    rows = [json.loads(line) for line in (tmp_path / 'metrics.jsonl').open()]
    assert any(row.get('generator/total') for row in rows) and any(row.get('discriminator/total') for row in rows)


@pytest.mark.slow
def test_a_dry_run_tells_settings_parameters_memory_and_time(pictures):
    done = run('--preset=style_transfer_28', f'--data={pictures / "photos"}', *SETTINGS, '--dry_run')
    assert done.returncode == 0, done.stderr
    for part in ('batch_size = 2   (preset: 8)', 'generator ', 'discriminator ', 'parameters',
                 'memory: about', 's a step', 'in total', 'measured: '):
        assert part in done.stdout, part
