"""The train command under JAX on a machine without TensorFlow: kill, signal, resume, and over to TensorFlow."""

import importlib.util
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest

from stylegan_tf import images
from tests.test_train import digest, newest_step, wait_for

ROOT = pathlib.Path(__file__).resolve().parent.parent
SETTINGS = ('batch_size=2', 'warmup_images=0', 'snapshot_images=40', 'evaluation_images=2', 'tick_seconds=0.3',
            'levels=2', 'width_channels=4', 'max_channels=8', 'residual_blocks=1')
BLOCK = 'import sys; from tests.training import jax_checks; sys.meta_path.insert(0, jax_checks.Blocker())\n'


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    from stylegan_tf import data
    from stylegan_tf.data import packs
    base = tmp_path_factory.mktemp('pictures')
    rng = np.random.default_rng(0)
    for index in range(8):
        images.save(base / 'files' / f'{index}.png', rng.integers(0, 256, (40, 44, 3), np.uint8))
    packs.write(data.load(base / 'files'), base / 'pack')
    return f'pack:{base / "pack"}'


@pytest.fixture(scope='module')
def environment(tmp_path_factory):
    """JAX without TensorFlow; what one process compiles is kept for the next."""
    if importlib.util.find_spec('jax') is None:
        pytest.skip('JAX is not installed: pip install jax')
    folder = tmp_path_factory.mktemp('jax')
    (folder / 'sitecustomize.py').write_text(BLOCK)
    return {**os.environ, 'KERAS_BACKEND': 'jax', 'JAX_PLATFORMS': 'cpu', 'PYTHONPATH': f'{folder}:{ROOT}',
            'XLA_FLAGS': '--xla_backend_optimization_level=0', 'JAX_COMPILATION_CACHE_DIR': str(folder / 'cache'),
            'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0', 'JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES': '-1'}


def arguments(pictures, workdir, images=240):
    return [sys.executable, '-m', 'stylegan_tf.train', '--preset=style_transfer_28', f'--workdir={workdir}',
            f'--data={pictures}', f'--set=total_images={images}', *(f'--set={setting}' for setting in SETTINGS)]


def finished(argv, environment):
    done = subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_runs_end_in_the_same_bits_and_cross_to_tensorflow_and_back(pictures, environment, tmp_path):
    whole, broken = tmp_path / 'whole', tmp_path / 'broken'
    told = finished(arguments(pictures, whole), environment)
    assert 'Finished at step 120' in told and 'newest sample: ' in told and 'held out: ' in told
    for name in ('config.json', 'metrics.jsonl', 'report.html', 'samples/step-000000120.png'):
        assert (whole / name).stat().st_size > 0

    process = subprocess.Popen(arguments(pictures, broken), env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    wait_for(lambda: newest_step(broken) >= 20, process, seconds=300)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    killed_at = newest_step(broken)
    process = subprocess.Popen(arguments(pictures, broken), env=environment, cwd=ROOT, stdout=subprocess.PIPE,
                               text=True)
    wait_for(lambda: newest_step(broken) > killed_at, process, seconds=300)
    process.send_signal(signal.SIGTERM)
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert f'resuming at step {killed_at}' in told and 'Stopped by SIGTERM' in told
    finished(arguments(pictures, broken), environment)
    assert digest(broken, 120) == digest(whole, 120)

    tensorflow = {**os.environ, 'PYTHONPATH': str(ROOT)}
    told = finished(arguments(pictures, whole, images=244), tensorflow)
    assert 'resuming at step 120' in told and 'Finished at step 122' in told
    finished([sys.executable, '-m', 'stylegan_tf.export', f'--workdir={whole}', f'--output={tmp_path / "model"}'],
             tensorflow)
    assert (tmp_path / 'model' / '1' / 'saved_model.pb').exists()
    told = finished(arguments(pictures, whole, images=248), environment)
    assert 'resuming at step 122' in told and 'Finished at step 124' in told


@pytest.mark.slow
def test_a_dry_run_measures_and_export_names_what_it_needs(environment, tmp_path):
    settings = [f'--set={setting}' for setting in SETTINGS]
    told = finished([sys.executable, '-m', 'stylegan_tf.train', '--preset=style_transfer_28', '--dry_run',
                     '--precision=mixed_bfloat16', '--set=total_images=240', *settings], environment)
    for part in ('generator ', 'parameters', 'memory: about', 's a step', 'measured: '):
        assert part in told, part
    done = subprocess.run([sys.executable, '-m', 'stylegan_tf.export', f'--workdir={tmp_path}', f'--output={tmp_path}'],
                          env=environment, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 2 and 'KERAS_BACKEND=jax' in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize('backend', ['numpy', 'nonsense'])
def test_another_backend_gets_one_clear_line(backend, tmp_path):
    done = subprocess.run(
        [sys.executable, '-m', 'stylegan_tf.train', '--preset=style_transfer_28', f'--workdir={tmp_path}', '--data=d'],
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'KERAS_BACKEND': backend}, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert 'tensorflow or jax' in done.stderr and len(done.stderr.strip().splitlines()) == 1
