"""The same steps under either backend; test_jax_agreement.py compares what this writes.

    KERAS_BACKEND=jax python -m tests.training.jax_agreement START.npz RESULT.npz

Noise would differ, since each backend draws its own: here `keras.random` gives both the same numbers.
"""

import sys

import numpy as np

from tests.systems.shrinking import random_batch, shrunk

STEPS = 3
# Weights as large as in training would let float32 rounding grow within a step.
SETTINGS = ('batch_size=2', 'r1_weight=1', 'noise_share=0.5', 'label_names=a,b', 'style_weight=1',
            'mean_variance_weight=1', 'generator_optimizer.warmup_steps=0')
SGD = tuple(f'{name}_optimizer.{setting}' for name in ('generator', 'discriminator')
            for setting in ('name=sgd', 'beta_1=0', 'learning_rate=0.01'))
KINDS = {'sgd': (SGD, ('generator', 'discriminator', 'r1')), 'adam': ((), ('generator',))}  # settings, due phases


def give_both_backends_the_same_noise():
    import keras

    def drawn(kind):
        def numbers(shape, *unused, **also_unused):
            shape = tuple(int(side) for side in shape)
            generator = np.random.default_rng(len(shape) + 7 * sum(shape))
            return keras.ops.convert_to_tensor(getattr(generator, kind)(size=shape).astype(np.float32))
        return numbers

    keras.random.normal, keras.random.uniform = drawn('normal'), drawn('uniform')


def system_with(*settings):
    return shrunk('style_transfer_64', *SETTINGS, *settings).build()


def steps(system, run):
    """Runs STEPS steps; returns {'weights/NAME': array, 'losses/STEP/NAME': number}."""
    from stylegan_tf.training import checkpoints
    results = {}
    for number in range(STEPS):
        logs = run(random_batch(system.config, seed=number))
        results.update({f'losses/{number}/{name}': np.asarray(value) for name, value in logs.items()})
    results.update({f'weights/{name}': value for name, value in checkpoints.to_arrays(system.state()).items()})
    return results


def stylized(system):
    import keras
    batch = random_batch(system.config, seed=9)
    code = system.encode_style(batch['style'], average=True)
    return keras.ops.convert_to_numpy(system.stylize(batch['content'], code))


def run_under_jax(start):
    """Results of SGD and Adam from the given state, with 'sgd/' and 'adam/' before their names."""
    from stylegan_tf.training import checkpoints, jax_engine
    results = {}
    for kind, (settings, due) in KINDS.items():
        system = system_with(*settings)
        arrays = {name: value for name, value in start.items() if name in system.state()}
        checkpoints.initialise_from(system.state(), arrays)
        if kind == 'sgd':
            results['stylized'] = stylized(system)
        step = jax_engine.CompiledSteps(system).of(due)
        results.update({f'{kind}/{name}': value for name, value in steps(system, step).items()})
    return results


if __name__ == '__main__':
    give_both_backends_the_same_noise()
    with np.load(sys.argv[1]) as archive:
        found = run_under_jax(dict(archive))
    np.savez(sys.argv[2], **found)
