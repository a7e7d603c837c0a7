"""From what was typed to a running loop: data, system, resume, engine.

`train` is what the command calls; it returns an Outcome or raises one of `user_errors()`.
"""

import dataclasses
import shlex
import sys

from stylegan_tf import configs, images
from stylegan_tf.training import (
    checkpoints,
    engines,
    health,
    loop,
    machine,
    measurements,
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
        if engines.is_jax():
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

    def open_data(self, config, cache=None):
        """Returns (Splits, Config with the classes of the pictures filled in).

        Args:
            config: The resolved Config.
            cache: Folder for what is made of the pictures before training; None keeps it in memory.
        """
        if config.needs_style_data and not self.style_data:
            raise OptionError(f'--preset={self.preset} translates between two sets of pictures: give the second one as '
                              '--style_data.')
        data = splits.load(self.data, self.style_data, holdout=self.holdout,
                           default_share=config.holdout, max_bad_share=self.max_bad_share)
        if getattr(config, 'align_faces', False):
            data = splits.aligned(data, config, cache)
        # A source's single class tells nothing apart.
        if not config.label_names and len(data.label_names) > 1:
            config = dataclasses.replace(config, label_names=data.label_names)
        return data, config


def user_errors():
    """Returns the exception types whose message is meant for the person who typed the command."""
    from stylegan_tf.data import DataError
    from stylegan_tf.networks.feature_weights import FeatureWeightsError

    return (OptionError, configs.ConfigError, run_folder.RunFolderError, splits.HoldoutError,
            checkpoints.CheckpointError, loop.TrainingError, images.ImageError, DataError, strategy.StrategyError,
            workers.WorkersError, FeatureWeightsError)


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
    with engines.errors_explained(config, placement):
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
        data, config = options.open_data(config, folder.faces)
        record = describe(options, config, data)
        checkpoint = _find_checkpoint(folder, record)
        system = _build_placed(options, config, placement, company, record)
        if checkpoint is not None:
            checkpoints.restore(system.state(), checkpoint)
            print(f'resuming at step {checkpoint.step:,} from {checkpoint.path}')
        else:
            if options.init:
                initialise(system, options.init)
            system.begin(data.of_roles(system.roles)[0], print)
        stream = _training_stream(options, config, data, system)
        engine = engines.make_engine(options, config, system, stream, placement, company)
        measured = _measurements(config, data, engine)
        folder.write_config({**record, 'measurements': measured.conditions} if measured else record)
        outcome = _make_loop(options, config, folder, data, engine, checkpoint, company, measured).run()
        if company is not None:
            company.end()
        return outcome


def _follow(options, config, placement, company):
    """Trains along with the chief, which alone touches the run folder and gives its state to all."""
    data, config = options.open_data(config)
    system = _build_placed(options, config, placement, company, describe(options, config, data))
    stream = _training_stream(options, config, data, system)
    engine = engines.make_engine(options, config, system, stream, placement, company)
    outcome = workers.Follower(engine, company).run()
    print(outcome.message)
    return outcome


def _build_placed(options, config, placement, company, record):
    if company is not None:
        company.agree({key: record[key] for key in ('seed', 'config', 'dataset', 'xla', 'versions')})
    engines.make_repeatable()
    with placement.scope():
        return engines.build_system(config, options.seed)


def _placement(options, config):
    placement = strategy.ONE_DEVICE if engines.is_jax() else strategy.choose(options.strategy)
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
    gpus = 1 if engines.is_jax() else strategy.gpus_of(options.strategy)
    strategy.Placement('mirrored', replicas=gpus).images_at_once(config)
    asked, config = config, dataclasses.replace(config, batch_size=config.batch_size // gpus,
                                                total_images=config.total_images // gpus)
    system = engines.build_system(config, options.seed)
    if data is None:
        feed = budget.synthetic_feed(system, config)
    else:
        stream = _training_stream(options, config, data, system)
        picture_bytes = budget.decoded_bytes(stream)
        feed = budget.stream_feed(stream)
    with engines.errors_explained(config):
        needs = budget.measure(system, config, feed, picture_bytes=picture_bytes, has_gpu=engines.has_accelerator(),
                               compiled_step=engines.compiled_step(system, options))
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
        'config_hash': config.hash(), 'dataset': _fingerprints(config, data), 'pictures': data.counts(),
        'data': options.data, 'style_data': options.style_data, 'holdout': options.holdout,
        'init': options.init, 'xla': options.xla, 'backend': engines.backend(),
        'versions': run_folder.package_versions(),
        'machine': machine.describe(engines.device_name()), 'command': shlex.join(options.command),
    }


def _fingerprints(config, data):
    """What a run's samples depend on: the files, and what the report of its hard examples flags."""
    report = getattr(config, 'hard_examples', '')
    if not report:
        return data.fingerprints()
    from stylegan_tf.data import hard_examples
    return {**data.fingerprints(), 'hard_examples': hard_examples.read(report).fingerprint}


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
    for network in system.networks:
        for name, array in checkpoint.arrays.items():
            if name.startswith(f'{network}_ema/'):
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
    training, _ = data.of_roles(system.roles)
    return system.training_stream(training, (config.height, config.width), options.seed)


def _fixed_streams(data, engine):
    """(training, held-out) pictures without augmentation, in one order for every seed: numbers compare between runs."""
    system, size = engine.system, engine.stream.size
    return tuple(system.held_out_stream(sources, size, seed=0) for sources in data.of_roles(system.roles))


def _measurements(config, data, engine):
    """What measures the metrics that are asked for, or None."""
    if not config.metrics:
        return None
    return measurements.Measurements(config, engine.system, *_fixed_streams(data, engine),
                                     batch_size=_images_at_once(engine, config),
                                     compiled=getattr(engine, 'compiled', lambda function: function))


def _make_loop(options, config, folder, data, engine, checkpoint, company, measured):
    system, stream = engine.system, engine.stream
    training, held_out = _fixed_streams(data, engine)
    fixed = snapshots.HeldOut(
        held_out, _images_at_once(engine, config), config.evaluation_images,
        getattr(engine, 'evaluate_batch', None), varied=training)
    history = loop.History(**checkpoint.record['history']) if checkpoint else None
    line = progress.ProgressLine(config.total_steps, config.batch_size)
    return loop.Loop(
        engine, system, config, folder, history=history, held_out=fixed, measurements=measured,
        files_of=engine.batch_names, skip=stream.skip,
        observers=_observers(folder, system, line),
        record={'preset': config.preset, 'seed': options.seed, 'config': config.as_dict(),
                'dataset': _fingerprints(config, data)},
        line=line, all_stop=company.all_stop if company else bool)


def _observers(folder, system, line):
    page = report.Report(folder, system.parameter_counts())
    signs = health.Announcer(folder, line.note)
    if engines.is_jax():
        print('no TensorBoard files are written under KERAS_BACKEND=jax; report.html shows the same numbers')
        return page, signs
    return page, signs, summaries.TensorBoard(folder.tensorboard)
