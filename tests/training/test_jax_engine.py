"""The JAX engine, in processes of their own: Keras chooses its backend once a process."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import pytest

from . import jax_checks

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*argv, cache, **options):
    """Runs Python under JAX; what one process compiles is kept for the next."""
    if importlib.util.find_spec('jax') is None:
        pytest.skip('JAX is not installed: pip install jax')
    environment = {
        **os.environ, 'KERAS_BACKEND': 'jax', 'JAX_PLATFORMS': 'cpu', 'PYTHONPATH': str(ROOT),
        'XLA_FLAGS': '--xla_backend_optimization_level=0',  # compiling is most of the work
        'JAX_COMPILATION_CACHE_DIR': str(cache), 'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0',
        'JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES': '-1'}
    return subprocess.run([sys.executable, *map(str, argv)], cwd=ROOT, env=environment, text=True,
                          capture_output=True, timeout=600, check=False, **options)


@pytest.fixture(scope='session')
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp('jax_cache')


@pytest.fixture(scope='module')
def results(cache):
    done = run('-m', 'tests.training.jax_checks', cache=cache)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize('name', list(jax_checks.CHECKS))
def test_without_tensorflow(results, name):
    assert results[name] == 'passed', results[name]
