"""From what was typed to a running loop: data, system, resume, engine.

`train` is what the command calls; it returns an Outcome or raises one of `user_errors()`.
"""

import contextlib
import dataclasses
import random
import re
import shlex
import sys

import numpy as np

from stylegan_tf import configs, images
from stylegan_tf.training import (
    checkpoints,
    health,
    loop,
    machine,
    progress,
    report,
    run_folder,
    snapshots,
    splits,
    strategy,
    summaries,
    workers,
)

XLA_CHOICES = ('auto', 'on', 'off')
RESUME_CHOICES = ('auto', 'never')


class OptionError(ValueError):
    """An option cannot be used; the message is one line that says what can."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What a training was asked to do; one field a flag."""

    preset: str
    workdir: str
    data: str | None  # SPEC of the content pictures, or of the only ones; None in a dry run only
    style_data: str | None = None  # SPEC of the style pictures
    settings: tuple[str, ...] = ()  # 'name=value'
    seed: int = 0
    resume: str = 'auto'
    init: str | None = None  # run folder or checkpoint whose weights to start from
    strategy: str = 'auto'
    precision: str | None = None
    xla: str = 'auto'
    holdout: str | None = None  # file of names, or a share; the config's share when None
    max_bad_share: float = 0.05
    command: tuple[str, ...] = dataclasses.field(default_factory=lambda: tuple(sys.argv))

    def config(self):
        """Returns the resolved Config.

        Raises:
            ConfigError, OptionError: A setting or option does not exist or does not fit.
        """
        for name, value, known in (('strategy', self.strategy, strategy.STRATEGIES),
                                   ('xla', self.xla, XLA_CHOICES),
                                   ('resume', self.resume, RESUME_CHOICES)):
            if value not in known:
                raise OptionError(f'--{name} must be one of {", ".join(known)}. '
                                  f'Received: {value!r}.')
        config = configs.override(configs.get(self.preset), self.settings)
        if self.precision:
            config = configs.override(config, [f'precision={self.precision}'])
        config.check()
        if _is_jax():
            self._check_jax(config)
        return config

    def _check_jax(self, config):
        if self.strategy not in ('auto', 'one_device'):
            raise OptionError(f'--strategy={self.strategy} needs TensorFlow: under KERAS_BACKEND=jax training runs '
                              'on one device. Use --strategy=one_device.')
        if self.xla == 'off':
            raise OptionError('--xla=off needs TensorFlow: JAX compiles every step. Leave --xla out.')
        if config.precision == 'mixed_float16':
            raise OptionError('mixed_float16 needs TensorFlow, which scales its losses. Under KERAS_BACKEND=jax use '
                              '--precision=mixed_bfloat16, which needs no scaling.')

    def open_data(self, config):
        """Returns (Splits, Config with the classes of the pictures filled in)."""
        data = splits.load(self.data, self.style_data, holdout=self.holdout,
                           default_share=config.holdout, max_bad_share=self.max_bad_share)
        # A source's single class tells nothing apart.
        if not config.label_names and len(data.label_names) > 1:
            config = dataclasses.replace(config, label_names=data.label_names)
        return data, config


def user_errors():
    """Returns the exception types whose message is meant for the person who typed the command."""
    from stylegan_tf.data import DataError

    return (OptionError, configs.ConfigError, run_folder.RunFolderError, splits.HoldoutError,
            checkpoints.CheckpointError, loop.TrainingError, images.ImageError, DataError, strategy.StrategyError,
            workers.WorkersError)


def train(options):
    """Trains a preset in a run folder, resuming where there is a checkpoint.

    Args:
        options: Options.

    Returns:
        `loop.Outcome`.

    Raises:
        One of `user_errors()`.
    """
    config = options.config()
    placement = _placement(options, config)
    print(placement.line())
    with _engine_errors_explained(config, placement):
        company = workers.Company(placement) if placement.workers > 1 else None
        if not placement.is_chief:
            return _follow(options, config, placement, company)
        try:
            return _lead(options, config, placement, company)
        except user_errors():
            if company is not None:
                company.end(failed=True)
            raise


def _lead(options, config, placement, company):
    """Trains in the run folder: alone, or as the chief of several workers."""
    with run_folder.RunFolder(options.workdir) as folder:
        if options.resume == 'never' and (aside := folder.set_aside()):
            print(f'the earlier run was moved to {aside}')
        data, config = options.open_data(config)
        record = describe(options, config, data)
        checkpoint = _find_checkpoint(folder, record)
        system = _build_placed(options, config, placement, company, record)
        if checkpoint is not None:
            checkpoints.restore(system.state(), checkpoint)
            print(f'resuming at step {checkpoint.step:,} from {checkpoint.path}')
        elif options.init:
            initialise(system, options.init)
        folder.write_config(record)
        engine = _make_engine(options, config, system, _training_stream(options, config, data, system), placement,
                              company)
        outcome = _make_loop(options, config, folder, data, engine, checkpoint, company).run()
        if company is not None:
            company.end()
        return outcome


def _follow(options, config, placement, company):
    """Trains along with the chief, which alone touches the run folder and gives its state to all."""
    data, config = options.open_data(config)
    system = _build_placed(options, config, placement, company, describe(options, config, data))
    engine = _make_engine(options, config, system, _training_stream(options, config, data, system), placement, company)
    outcome = workers.Follower(engine, company).run()
    print(outcome.message)
    return outcome


def _build_placed(options, config, placement, company, record):
    if company is not None:
        company.agree({key: record[key] for key in ('seed', 'config', 'dataset', 'xla', 'versions')})
    make_repeatable()
    with placement.scope():
        return build_system(config, options.seed)


def _placement(options, config):
    placement = strategy.ONE_DEVICE if _is_jax() else strategy.choose(options.strategy)
    placement.images_at_once(config)
    return placement


def dry_run(options):
    """Measures what the training would need, and trains nothing.

    Args:
        options: Options; without `data`, noise stands for pictures.

    Returns:
        str: the resolved settings, parameters, memory and time.

    Raises:
        One of `user_errors()`.
    """
    from stylegan_tf.training import budget

    config = options.config()
    data, picture_bytes = None, 0
    if options.data:
        data, config = options.open_data(config)
    gpus = 1 if _is_jax() else strategy.gpus_of(options.strategy)
    strategy.Placement('mirrored', replicas=gpus).images_at_once(config)
    asked, config = config, dataclasses.replace(config, batch_size=config.batch_size // gpus,
                                                total_images=config.total_images // gpus)
    system = build_system(config, options.seed)
    if data is None:
        feed = budget.synthetic_feed(system.roles, config)
    else:
        stream = _training_stream(options, config, data, system)
        picture_bytes = budget.decoded_bytes(stream)
        feed = budget.stream_feed(stream)
    with _engine_errors_explained(config):
        needs = budget.measure(system, config, feed, picture_bytes=picture_bytes, has_gpu=_has_gpu(),
                               compiled_step=_compiled_step(system, options))
    notes = [] if data else ['without --data: noise stood for pictures, decoding is not counted']
    if gpus > 1:
        notes.append(f'measured on one of {gpus} GPUs with its share of the batch')
    return '\n'.join([*setting_lines(asked), *needs.lines(), *notes])


def setting_lines(config):
    """Returns the resolved settings as lines; those that differ from the preset say so."""
    preset = configs.get(config.preset).as_dict()
    changed = {name: before for name, before, _ in run_folder.differences(
        preset, config.as_dict())}
    return [f'  {name} = {value}' + (f'   (preset: {changed[name]})' if name in changed else '')
            for name, value in run_folder.flatten(config.as_dict())]


def describe(options, config, data):
    """Returns the dict that config.json holds."""
    return {
        'preset': config.preset, 'seed': options.seed, 'config': config.as_dict(),
        'config_hash': config.hash(), 'dataset': data.fingerprints(), 'pictures': data.counts(),
        'data': options.data, 'style_data': options.style_data, 'holdout': options.holdout,
        'init': options.init, 'xla': options.xla, 'backend': _backend(), 'versions': run_folder.package_versions(),
        'machine': machine.describe(_device_name()), 'command': shlex.join(options.command),
    }


def make_repeatable():
    """Makes a step on a CPU give the same bits each time; call before a step is traced.

    TensorFlow's sum of three or more tensors (AddN) begins with whichever input may be overwritten,
    which depends on what runs beside it. `layers.gradient` sums gradients in pairs; here the graph
    optimizer is kept from joining the pairs again. Measured at 128 pixels: different bits without
    this, the same bits and 2% more work with it. `tf.config.experimental.enable_op_determinism`
    and a single thread between operations do not help.
    """
    if _is_jax():
        return  # XLA's CPU code does so by itself
    import tensorflow as tf

    if not _has_gpu():
        tf.config.optimizer.set_experimental_options({'arithmetic_optimization': False})


def build_system(config, seed):
    """Builds the System of a Config; its weights depend on the seed alone."""
    if _is_jax():
        # keras.utils.set_random_seed would import TensorFlow where it is installed.
        random.seed(seed)
        np.random.seed(seed)
    else:
        import keras
        keras.utils.set_random_seed(seed)
    return config.build()


def initialise(system, path, note=print):
    """Starts the networks from another run's weights, by name, listing every mismatch.

    A network of which only the average is there (as in what ships) starts from the average.

    Args:
        system: The System.
        path: Run folder, checkpoint folder, or name of a model that ships.
        note: Callable that prints one line.
    Raises:
        CheckpointError: If `path` holds no whole checkpoint, or not one weight matches.
    """
    shipped = configs.PRETRAINED / path
    checkpoint = checkpoints.find(shipped if shipped.is_dir() else path)
    prefixes = (*(f'{name}/' for name in system.networks),
                *(f'{name}_ema/' for name in system.twins))
    wanted = {name: v for name, v in system.state().items() if name.startswith(prefixes)}
    offered = {name: a for name, a in checkpoint.arrays.items() if name.startswith(prefixes)}
    for twin in system.twins:
        for name, array in list(offered.items()):
            if name.startswith(f'{twin}_ema/'):
                offered.setdefault(name.replace('_ema/', '/', 1), array)
    count, found = checkpoints.initialise_from(wanted, offered)
    for line in found:
        note(f'--init mismatch: {line}')
    if not count:
        raise checkpoints.CheckpointError(f'No weight in {checkpoint.path} matches this model by '
                                          'name and shape. Use --init with a run of a like preset.')
    note(f'started from {checkpoint.path}: {count} of {len(wanted)} variables matched')


def _find_checkpoint(folder, record):
    """The newest whole checkpoint, once the run is known to be the same; None in a new folder."""
    old = folder.read_config()
    if old is not None and checkpoints.list_folders(folder.checkpoints):
        for text in run_folder.check_same_run(old, record, folder.path):
            print(f'continuing with another setting: {text}')
        for text in machine.changes(old, record):
            print(f'continuing on another machine: {text}; the last bits of its numbers may differ')
    checkpoint, skipped = checkpoints.latest(folder.checkpoints)
    for message in skipped:
        print(f'skipped a broken checkpoint: {message}')
    if checkpoint is None and skipped:
        raise checkpoints.CheckpointError(
            f'No whole checkpoint is left in {folder.path}. Begin anew with --resume=never.')
    return checkpoint


def _images_at_once(engine, config):
    placement = getattr(engine, 'placement', strategy.ONE_DEVICE)
    return placement.images_at_once(config)


def _training_stream(options, config, data, system):
    from stylegan_tf.data import SampleStream

    training, _ = data.of_roles(system.roles)
    return SampleStream(training, (config.height, config.width),
                        {role: config.augmentation(role) for role in training}, options.seed)


def _make_loop(options, config, folder, data, engine, checkpoint, company):
    from stylegan_tf.data import SampleStream

    system, stream = engine.system, engine.stream
    training, held_out = data.of_roles(system.roles)
    # One order of held-out pictures for every seed, so that numbers compare between runs.
    fixed = snapshots.HeldOut(
        SampleStream(held_out, stream.size, seed=0), _images_at_once(engine, config),
        config.evaluation_images, getattr(engine, 'evaluate_batch', None),
        varied=SampleStream(training, stream.size, seed=0))
    history = loop.History(**checkpoint.record['history']) if checkpoint else None
    line = progress.ProgressLine(config.total_steps, config.batch_size)
    return loop.Loop(
        engine, system, config, folder, history=history, held_out=fixed,
        files_of=engine.batch_names, skip=stream.skip,
        observers=_observers(folder, system, line),
        record={'preset': config.preset, 'seed': options.seed, 'config': config.as_dict(),
                'dataset': data.fingerprints()},
        line=line, all_stop=company.all_stop if company else bool)


def _make_engine(options, config, system, stream, placement, company):
    if _is_jax():
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


def _compiled_step(system, options):
    """What a dry run measures: a callable from the due phases to a callable from a batch to logs."""
    if _is_jax():
        from stylegan_tf.training import jax_engine
        return jax_engine.CompiledSteps(system).of
    system.use_xla = _use_xla(options.xla)
    return system.compiled_step


def _observers(folder, system, line):
    page = report.Report(folder, system.parameter_counts())
    signs = health.Announcer(folder, line.note)
    if _is_jax():
        print('no TensorBoard files are written under KERAS_BACKEND=jax; report.html shows the same numbers')
        return page, signs
    return page, signs, summaries.TensorBoard(folder.tensorboard)


@contextlib.contextmanager
def _engine_errors_explained(config, placement=strategy.ONE_DEVICE):
    if _is_jax():
        with _jax_errors_explained(config):
            yield
        return
    import tensorflow as tf

    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise _memory_is_full(config) from error
    except tf.errors.OpError as error:
        # Errors of the pictures cross tf.data as text: 'DataError: message, Traceback ...'.
        found = re.search(r'(?:DataError|ImageError): (.*?)(?:\n\s*Traceback|\Z)', str(error), re.S)
        if found is None and placement.workers > 1 and isinstance(error, workers.lost_errors()):
            raise workers.LostWorkerError(workers.lost_text(error)) from error
        if found is None:
            raise
        raise loop.TrainingError(' '.join(found[1].split())) from error


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


def _is_jax():
    return _backend() == 'jax'


def _backend():
    import keras

    return keras.config.backend()


def _use_xla(choice):
    # On a CPU compiling costs more than it saves, and the two modes differ in the last bits.
    return _has_gpu() if choice == 'auto' else choice == 'on'


def _device_name():
    if _is_jax():
        from stylegan_tf.training import jax_engine
        return jax_engine.device_name()
    from stylegan_tf.training import tensorflow_engine
    return tensorflow_engine.device_name()


def _has_gpu():
    if _is_jax():
        from stylegan_tf.training import jax_engine
        return jax_engine.has_accelerator()
    import tensorflow as tf

    return bool(tf.config.list_physical_devices('GPU'))
