"""The steps of further systems under either backend; test_jax_agreement.py compares what this writes.

    KERAS_BACKEND=jax python -m tests.training.jax_systems START.npz RESULT.npz
"""

import sys

import numpy as np

from tests.systems.shrinking import random_batch, shrunk

# What cutout blackens is exactly 0 to a critic whose biases are new, and there each backend takes another of the two
# slopes of leaky ReLU.
PRESETS = {'colorize': (), 'super_resolution_2': (),
           'portrait_64': ('discriminator_optimizer.name=sgd', 'discriminator_optimizer.beta_1=0',
                           'discriminator_augmentation=none')}
# Descent, because Adam's first steps follow the sign of a gradient, however small.
SETTINGS = ('batch_size=2', 'generator_optimizer.name=sgd', 'generator_optimizer.beta_1=0',
            'generator_optimizer.learning_rate=0.05', 'generator_optimizer.warmup_steps=0')
DUE = (('reconstruction',), ('generator', 'discriminator'))


def system_of(preset):
    return shrunk(preset, *SETTINGS, *PRESETS[preset]).build()


def steps(system, step_of):
    """Runs each of DUE once; returns {'STEP/NAME': number}."""
    results = {}
    for number, due in enumerate(DUE):
        logs = step_of(due)(random_batch(system.config, seed=number))
        results.update({f'{number}/{name}': np.asarray(value) for name, value in logs.items()})
    return results


if __name__ == '__main__':
    from stylegan_tf.training import checkpoints, jax_engine
    from tests.training.jax_agreement import give_both_backends_the_same_noise

    give_both_backends_the_same_noise()
    found = {}
    with np.load(sys.argv[1]) as archive:
        for preset in PRESETS:
            system = system_of(preset)
            start = {name.partition(':')[2]: archive[name] for name in archive if name.startswith(f'{preset}:')}
            checkpoints.initialise_from(system.state(), start)
            compiled = jax_engine.CompiledSteps(system)
            found.update({f'{preset}:{name}': value for name, value in steps(system, compiled.of).items()})
    np.savez(sys.argv[2], **found)
