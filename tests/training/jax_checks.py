"""What the JAX engine must do, run by test_jax_engine.py in a process of its own that has no TensorFlow."""

import dataclasses
import json
import sys
import traceback

CHECKS = {}
BLOCKED = ('tensorflow', 'tensorflow_datasets', 'tensorboard', 'etils')  # etils would look for TensorFlow


class Blocker:
    """Makes packages as absent as they are on the machines this engine is for."""

    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in BLOCKED:
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)


def check(function):
    CHECKS[function.__name__] = function
    return function


def engine(seed=0, **settings):
    """An engine on a fresh tiny system, whose weights are always the same."""
    from stylegan_tf.training import engines, jax_engine
    from tests.training import tiny

    system = engines.build_system(dataclasses.replace(tiny.TinyConfig(), **settings), 7)
    return jax_engine.Engine(system, tiny.TinyStream(), batch_size=2, seed=seed)


def state_of(made):
    from stylegan_tf.training import checkpoints
    return checkpoints.to_arrays(made.system.state())


@check
def a_step_changes_weights_averages_optimizer_and_step_count():
    made = engine()
    before = state_of(made)
    logs = made.run_step()
    assert set(logs) >= {'generator/error', 'generator/total'} and float(logs['generator/total']) > 0
    after = state_of(made)
    same = [name for name in before if before[name].tobytes() == after[name].tobytes()]
    assert same == ['extra/learning_rate_factor'], same
    assert made.step == int(after['step']) == 1


@check
def a_restored_run_ends_in_the_same_bits():
    from stylegan_tf.training import checkpoints
    whole = engine()
    for _ in range(3):
        whole.run_step()
    kept = state_of(whole)
    for _ in range(3):
        logs = whole.run_step()
    resumed = engine()
    resumed.run_step()  # a stale feed and stale buffers
    checkpoints.restore(resumed.system.state(), checkpoints.Checkpoint('kept', {}, kept))
    resumed.restored()
    assert resumed.step == 3
    for _ in range(3):
        again = resumed.run_step()
    assert {name: float(v) for name, v in logs.items()} == {name: float(v) for name, v in again.items()}
    for name, value in state_of(whole).items():
        assert value.tobytes() == state_of(resumed)[name].tobytes(), name


@check
def the_seed_and_the_step_decide_the_noise():
    made = [engine(seed) for seed in (0, 0, 1)]
    losses = [[float(one.run_step()['generator/total']) for _ in range(2)] for one in made]
    assert losses[0] == losses[1] and losses[0] != losses[2]


@check
def micro_batches_add_up():
    made = engine(accumulation_steps=2)
    for _ in range(2):
        logs = made.run_step()
    assert float(logs['generator/total']) > 0 and made.step == 2


@check
def data_that_needs_tensorflow_says_so():
    from stylegan_tf import data
    for spec in ('tfds:mnist', 'tfrecord:*.tfrecord'):
        try:
            data.load(spec)
        except data.DataError as error:
            assert '--format=pack' in str(error), error
        else:
            raise AssertionError(spec)


@check
def the_compiled_evaluation_equals_the_system():
    import numpy as np

    from stylegan_tf.training import snapshots
    made = engine()
    made.run_step()
    batch = made.stream.batch(0, 2)
    compiled = made.evaluate_batch(batch)['error']
    plain = made.system.evaluate_batch(snapshots.to_floats(batch))['error']
    np.testing.assert_allclose(np.asarray(compiled), np.asarray(plain), rtol=1e-5)


@check
def metrics_are_those_of_the_system_called_op_by_op():
    import os
    import tempfile

    import numpy as np

    from stylegan_tf.training import jax_engine, measurements
    from tests.training import test_measurements as given
    measurements.Onlooker = given.FakeOnlooker
    settings = given.config(*(f'{base}@eye' for base in given.ALL), metric_images=8)
    made = jax_engine.Engine(given.Painter(settings), given.Stream(), batch_size=2, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        os.environ['STYLEGAN_TF_CACHE'] = folder
        compiled, plain = (measurements.Measurements(
            settings, made.system, given.Stream(), given.Stream(), batch_size=4, note=lambda text: None,
            **options).measure() for options in ({'compiled': made.compiled}, {}))
    assert list(compiled) == [f'{base}@eye' for base in given.ALL]
    for name, found in compiled.items():
        np.testing.assert_allclose(found.value, plain[name].value, rtol=1e-2 if 'path' in name else 1e-4, err_msg=name)


@check
def a_frozen_network_looks_at_pictures():
    import numpy as np

    from stylegan_tf.networks import onlooker
    seen = onlooker.Onlooker('vgg16_hed', ('style',))
    seen.layers['style'] = ('relu1_1',)
    pictures = np.random.default_rng(0).integers(0, 256, (1, 20, 30, 3)).astype(np.uint8)
    maps = seen.maps(pictures, 'style')
    assert maps['relu1_1'].shape == (1, 128, 128, 64) and np.isfinite(maps['relu1_1']).all()


@check
def a_derivative_keeps_what_is_assigned_inside_it():
    import keras
    import numpy as np
    from keras import ops

    from stylegan_tf.layers.gradient import input_gradient, value_and_gradients
    weight, unused = keras.Variable(3.0), keras.Variable(np.ones(2, np.float32))
    count = keras.Variable(0.0, trainable=False)

    def cubes(x):
        count.assign_add(1.0)
        return weight * x ** 3

    def total():
        slope = input_gradient(cubes, ops.convert_to_tensor([1.0, 2.0]))  # 3 w x^2
        return ops.sum(ops.square(slope)), {'slope': slope, 'none': None}

    value, extras, gradients = value_and_gradients(total, [weight, unused])
    np.testing.assert_allclose(extras['slope'], [9.0, 36.0])
    np.testing.assert_allclose(value, 81 + 1296)
    np.testing.assert_allclose(gradients[0], 2 * 9 * 3 * (1 + 16))  # d/dw of 9 w^2 (x1^4 + x2^4)
    np.testing.assert_array_equal(gradients[1], [0, 0])
    assert float(count.numpy()) == 1.0 and float(weight.numpy()) == 3.0


@check
def a_variable_that_nothing_holds_is_named():
    import keras

    from stylegan_tf.training import jax_engine
    made = engine()
    held_by_nothing = (keras.Variable(0.0, name='lost'),)
    made.system.after_step = lambda logs: held_by_nothing[0].assign(1.0)
    steps = jax_engine.CompiledSteps(made.system)
    try:
        steps.of(('generator',))(made.stream.batch(0, 2))
    except ValueError as error:
        assert 'lost' in str(error) and 'extra_state' in str(error), error
    else:
        raise AssertionError('nothing was said')


@check
def options_that_need_tensorflow_say_so():
    from stylegan_tf.training import launcher
    for changes, told in (({'strategy': 'mirrored'}, 'one_device'), ({'xla': 'off'}, '--xla'),
                          ({'precision': 'mixed_float16'}, 'mixed_bfloat16')):
        try:
            launcher.Options(preset='style_transfer_28', workdir='w', data='d', **changes).config()
        except launcher.OptionError as error:
            assert told in str(error), error
        else:
            raise AssertionError(changes)


def main():
    sys.meta_path.insert(0, Blocker())
    results = {}
    for name, function in CHECKS.items():
        try:
            function()
            results[name] = 'passed'
        except Exception:
            results[name] = traceback.format_exc()
    assert 'tensorflow' not in sys.modules
    print(json.dumps(results))


if __name__ == '__main__':
    main()
