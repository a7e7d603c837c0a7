"""JAX and TensorFlow compute the same steps, and runs cross between them."""

import contextlib
import functools

import numpy as np
import pytest

from stylegan_tf.training import checkpoints

from . import jax_agreement, jax_systems
from .test_jax_engine import run


@contextlib.contextmanager
def same_noise():
    """Inside, `keras.random` gives the numbers that the other backend gets."""
    with pytest.MonkeyPatch.context() as patch:
        import keras
        for name in ('normal', 'uniform'):
            patch.setattr(keras.random, name, getattr(keras.random, name))  # put back afterwards
        jax_agreement.give_both_backends_the_same_noise()
        yield


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    """({name: value under TensorFlow}, {name: value under JAX}) from the same weights and noise."""
    folder = tmp_path_factory.mktemp('agreement')
    with same_noise():
        expected = {}
        for kind, (settings, due) in jax_agreement.KINDS.items():
            system = jax_agreement.system_with(*settings)
            if kind == 'sgd':
                start = checkpoints.to_arrays(system.state())
                np.savez(folder / 'start.npz', **start)
                expected.update({f'start/{name}': value for name, value in start.items()})
                expected['stylized'] = jax_agreement.stylized(system)
            else:
                checkpoints.initialise_from(
                    system.state(), {name: value for name, value in start.items() if name in system.state()})
            step = functools.partial(system.train_step, due=due)
            expected.update({f'{kind}/{name}': value for name, value in jax_agreement.steps(system, step).items()})
    done = run('-m', 'tests.training.jax_agreement', folder / 'start.npz', folder / 'result.npz', cache=folder)
    assert done.returncode == 0, done.stderr[-4000:]
    with np.load(folder / 'result.npz') as archive:
        return expected, dict(archive)


def errors(results, prefix, tolerance):
    expected, found = results
    named = {name for name in expected if name.startswith(prefix)}
    assert named and named == {name for name in found if name.startswith(prefix)}
    apart = {name: float(np.abs(expected[name].astype(float) - found[name]).max()
                         / max(1.0, np.abs(expected[name]).max())) for name in named if expected[name].size}
    return {name: error for name, error in apart.items() if not error <= tolerance}


@pytest.mark.slow
def test_three_steps_of_descent_end_in_the_same_weights(results):
    assert errors(results, 'sgd/', 1e-4) == {}
    expected, _ = results
    for network in ('generator', 'style_encoder', 'mapping', 'discriminator'):
        moved = max(np.abs(expected[f'sgd/weights/{name.removeprefix("start/")}'] - expected[name]).max()
                    for name in expected if name.startswith(f'start/{network}/'))
        assert moved > 1e-3, (network, moved)  # ten times what would be forgiven


@pytest.mark.slow
def test_steps_of_adam_have_the_same_losses(results):
    assert errors(results, 'adam/losses/', 1e-3) == {}


@pytest.mark.slow
def test_the_same_weights_paint_the_same_picture(results):
    expected, found = results
    assert np.ptp(expected['stylized']) > 0.01
    np.testing.assert_allclose(found['stylized'], expected['stylized'], atol=1e-4)


@pytest.mark.slow
def test_other_systems_take_the_same_steps(tmp_path):
    start, expected = {}, {}
    with same_noise():
        for preset in jax_systems.PRESETS:
            system = jax_systems.system_of(preset)
            start.update({f'{preset}:{name}': value for name, value in checkpoints.to_arrays(system.state()).items()})
            found = jax_systems.steps(system, lambda due, system=system: functools.partial(system.train_step, due=due))
            expected.update({f'{preset}:{name}': value for name, value in found.items()})
    np.savez(tmp_path / 'start.npz', **start)
    done = run('-m', 'tests.training.jax_systems', tmp_path / 'start.npz', tmp_path / 'result.npz', cache=tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]
    with np.load(tmp_path / 'result.npz') as archive:
        assert set(archive) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(archive[name], value, rtol=2e-3, atol=1e-5, err_msg=name)
