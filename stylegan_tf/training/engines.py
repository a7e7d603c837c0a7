"""What a training asks of the Keras backend in use: its engine, its device, how its errors read."""

import contextlib
import random

import numpy as np

from stylegan_tf.training import loop, strategy, workers


def backend():
    """Name of the Keras backend: 'tensorflow' or 'jax'."""
    import keras

    return keras.config.backend()


def is_jax():
    """Whether Keras runs on JAX."""
    return backend() == 'jax'


def device_name():
    """The device in use, in words for config.json."""
    if is_jax():
        from stylegan_tf.training import jax_engine
        return jax_engine.device_name()
    from stylegan_tf.training import tensorflow_engine
    return tensorflow_engine.device_name()


def has_accelerator():
    """Whether steps run on something else than the CPU."""
    if is_jax():
        from stylegan_tf.training import jax_engine
        return jax_engine.has_accelerator()
    import tensorflow as tf

    return bool(tf.config.list_physical_devices('GPU'))


def make_repeatable():
    """Makes a step on a CPU give the same bits each time; call before a step is traced.

    TensorFlow's sum of three or more tensors (AddN) begins with whichever input may be overwritten,
    which depends on what runs beside it. `layers.gradient` sums gradients in pairs; here the graph
    optimizer is kept from joining the pairs again. Measured at 128 pixels: different bits without
    this, the same bits and 2% more work with it. `tf.config.experimental.enable_op_determinism`
    and a single thread between operations do not help.
    """
    if is_jax():
        return  # XLA's CPU code does so by itself
    import tensorflow as tf

    if not has_accelerator():
        tf.config.optimizer.set_experimental_options({'arithmetic_optimization': False})


def build_system(config, seed):
    """Builds the System of a Config; its weights depend on the seed alone."""
    if is_jax():
        # keras.utils.set_random_seed would import TensorFlow where it is installed.
        random.seed(seed)
        np.random.seed(seed)
    else:
        import keras
        keras.utils.set_random_seed(seed)
    return config.build()


def make_engine(options, config, system, stream, placement, company):
    """The engine that trains a system.

    Args:
        options: `launcher.Options`.
        config: The resolved Config.
        system: A built System, made in the placement's scope.
        stream: SampleStream of the training pictures.
        placement: `strategy.Placement`; one device under JAX.
        company: `workers.Company`, or None where there is one worker.
    """
    if is_jax():
        from stylegan_tf.training import jax_engine
        return jax_engine.Engine(system, stream, batch_size=config.batch_size, seed=options.seed)
    settings = {'batch_size': config.batch_size, 'seed': options.seed, 'use_xla': _use_xla(options.xla)}
    if placement.strategy is None:
        from stylegan_tf.training import tensorflow_engine
        return tensorflow_engine.Engine(system, stream, **settings)
    from stylegan_tf.training import replicas
    engine = replicas.ReplicatedEngine(system, stream, placement, company=company, **settings)
    if company is not None:
        company.join(engine)
    return engine


def compiled_step(system, options):
    """What a dry run measures: a callable from the due phases to a callable from a batch to logs."""
    if is_jax():
        from stylegan_tf.training import jax_engine
        return jax_engine.CompiledSteps(system).of
    system.use_xla = _use_xla(options.xla)
    return system.compiled_step


@contextlib.contextmanager
def exact_products():
    """Inside, accelerators multiply float32 numbers in full: TF32, their default, keeps three digits of them."""
    if is_jax():
        import jax
        with jax.default_matmul_precision('highest'):
            yield
        return
    import tensorflow as tf

    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


@contextlib.contextmanager
def errors_explained(config, placement=strategy.ONE_DEVICE):
    """Inside, errors of the backend that have a remedy become a TrainingError of one line that names it."""
    if is_jax():
        with _jax_errors_explained(config):
            yield
        return
    import tensorflow as tf

    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise _memory_is_full(config) from error
    except tf.errors.OpError as error:
        if placement.workers > 1 and isinstance(error, workers.lost_errors()):
            raise workers.LostWorkerError(workers.lost_text(error)) from error
        raise


@contextlib.contextmanager
def _jax_errors_explained(config):
    import jax

    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if 'RESOURCE_EXHAUSTED' not in str(error):
            raise
        raise _memory_is_full(config) from error


def _memory_is_full(config):
    return loop.TrainingError(
        f'The memory of the device is full at batch_size={config.batch_size} and '
        f'{config.height}x{config.width} pixels. Run the same command again with '
        f'--set=accumulation_steps={2 * config.accumulation_steps}, or begin anew with a smaller one, such as '
        f'--set=batch_size={max(1, config.batch_size // 2)}.')


def _use_xla(choice):
    # On a CPU compiling costs more than it saves, and the two modes differ in the last bits.
    return has_accelerator() if choice == 'auto' else choice == 'on'
