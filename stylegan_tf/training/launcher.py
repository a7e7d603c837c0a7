"""From what was typed to a running loop: data, system, resume, engine.

`train` is what the command calls; it returns an Outcome or raises an error meant for the user.
"""

import dataclasses
import pathlib
import shlex
import sys

from stylegan_tf import configs, images
from stylegan_tf.training import checkpoints, loop, progress, run_folder, snapshots

STRATEGIES = ('auto', 'one_device')
XLA_CHOICES = ('auto', 'on', 'off')
RESUME_CHOICES = ('auto', 'never')


class OptionError(ValueError):
    """An option cannot be used; the message is one line that says what can."""


USER_ERRORS = (OptionError, configs.ConfigError, run_folder.RunFolderError,
               checkpoints.CheckpointError, loop.TrainingError, images.ImageError)


@dataclasses.dataclass(frozen=True)
class Options:
    """What a training was asked to do; one field a flag."""

    preset: str
    workdir: str
    data: str  # SPEC of the content images, or of the only images
    style_data: str | None = None  # SPEC of the style images
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
        for name, value, known in (('strategy', self.strategy, STRATEGIES),
                                   ('xla', self.xla, XLA_CHOICES),
                                   ('resume', self.resume, RESUME_CHOICES)):
            if value not in known:
                raise OptionError(f'--{name} must be one of {", ".join(known)}. '
                                  f'Received: {value!r}.')
        config = configs.override(configs.get(self.preset), self.settings)
        if self.precision:
            config = configs.override(config, [f'precision={self.precision}'])
        config.check()
        return config


def train(options):
    """Trains a preset in a run folder, resuming where there is a checkpoint.

    Args:
        options: Options.

    Returns:
        `loop.Outcome`.

    Raises:
        ConfigError, OptionError, RunFolderError, CheckpointError, TrainingError, and the data's
        own errors; every message is meant for the user.
    """
    config = options.config()
    with run_folder.RunFolder(options.workdir) as folder:
        if options.resume == 'never' and (aside := folder.set_aside()):
            print(f'the earlier run was moved to {aside}')
        data = load_data(options, config)
        config = with_label_names(config, data)
        history = _resume_check(options, config, folder, data)
        system = build_system(config, options.seed)
        checkpoint = _restore(system, folder)
        if checkpoint is None and options.init:
            initialise(system, options.init)
        if checkpoint is not None:
            history = loop.History(**checkpoint.record.get('history', {}))
        return _run(options, config, folder, data, system, history)


@dataclasses.dataclass(frozen=True)
class Data:
    """The sources of a run: dict role -> Source for training and held out."""

    training: dict
    held_out: dict

    def fingerprint(self):
        """Returns dict role -> stable hash of the files trained on and held out."""
        return {role: [source.fingerprint, self.held_out[role].fingerprint]
                for role, source in self.training.items()}


def load_data(options, config):
    """Opens the sources and splits off what is held out; returns Data."""
    from stylegan_tf import data

    specs = {'content': options.data, 'style': options.style_data or options.data}
    training, held_out = {}, {}
    for role, spec in specs.items():
        source = data.load(spec, max_bad_share=options.max_bad_share)
        for name, reason in source.bad:
            print(f'skipped {name}: {reason}')
        training[role], held_out[role] = source.split(read_holdout(options.holdout, config))
        print(f'{role}: {len(training[role])} pictures to train on, '
              f'{len(held_out[role])} held out, from {spec}')
    return Data(training, held_out)


def read_holdout(holdout, config):
    """Returns what --holdout means: a share 0..1, or the list of names in a text file.

    Raises:
        OptionError: If it is neither.
    """
    if holdout is None:
        return config.holdout
    try:
        share = float(holdout)
    except ValueError:
        path = pathlib.Path(holdout)
        if not path.is_file():
            raise OptionError('--holdout must be a share such as 0.05 or a text file with one '
                              f'name a line. Received: {holdout!r}.') from None
        lines = path.read_text(encoding='utf-8').splitlines()
        return [line.strip() for line in lines if line.strip() and not line.startswith('#')]
    if not 0 < share < 1:
        raise OptionError(f'--holdout must lie between 0 and 1. Received: {holdout}.')
    return share


def with_label_names(config, data):
    """Fills `label_names` from the style source's classes where the config leaves them empty."""
    names = tuple(data.training['style'].label_names)
    if config.label_names or len(names) < 2:
        return config
    return dataclasses.replace(config, label_names=names)


def build_system(config, seed):
    """Builds the System of a Config with weights that depend on the seed alone."""
    import keras

    keras.utils.set_random_seed(seed)
    return config.build()


def initialise(system, path):
    """Starts the networks from another run's weights, by name; prints every mismatch.

    Raises:
        CheckpointError: If `path` holds no whole checkpoint, or not one weight matches.
    """
    checkpoint = checkpoints.find(path)
    prefixes = tuple(f'{name}/' for name in system.networks)
    prefixes += tuple(f'{name}_ema/' for name in system.twins)
    wanted = {name: v for name, v in system.state().items() if name.startswith(prefixes)}
    offered = dataclasses.replace(checkpoint, arrays={
        name: a for name, a in checkpoint.arrays.items() if name.startswith(prefixes)})
    count, found = checkpoints.initialise_from(wanted, offered)
    for line in found:
        print(f'--init mismatch: {line}')
    print(f'started from {checkpoint.path}: {count} of {len(wanted)} variables matched')
    if not count:
        raise checkpoints.CheckpointError(f'No weight in {checkpoint.path} matches this model by '
                                          'name and shape.')


def _resume_check(options, config, folder, data):
    record = {
        'preset': config.preset, 'seed': options.seed, 'config': config.as_dict(),
        'config_hash': config.hash(), 'dataset': data.fingerprint(),
        'versions': run_folder.package_versions(), 'command': shlex.join(options.command),
        'xla': options.xla,
        'data': options.data, 'style_data': options.style_data,
    }
    old = folder.read_config()
    if old is not None:
        for note in run_folder.check_same_run(old, record, folder.path):
            print(f'continuing with another setting: {note}')
    folder.write_config(record)
    return loop.History()


def _restore(system, folder):
    checkpoint, skipped = checkpoints.latest(folder.checkpoints)
    for message in skipped:
        print(f'skipped a broken checkpoint: {message}')
    if checkpoint is None:
        if skipped:
            raise checkpoints.CheckpointError(
                f'No whole checkpoint is left in {folder.path}. Begin anew with --resume=never.')
        return None
    checkpoints.restore(system.state(), checkpoint)
    print(f'resuming at step {checkpoint.step:,} from {checkpoint.path}')
    return checkpoint


def _run(options, config, folder, data, system, history):
    from stylegan_tf.data import stream as streams
    from stylegan_tf.training import tensorflow_engine

    size = (config.height, config.width)
    training = streams.SampleStream(
        {role: data.training[role] for role in system.roles}, size,
        {role: config.augmentation(role) for role in system.roles}, options.seed)
    # One order for every seed, so that numbers and pictures compare between runs.
    held_out = streams.SampleStream(
        {role: data.held_out[role] for role in system.roles}, size,
        dict.fromkeys(system.roles), 0)
    engine = tensorflow_engine.Engine(system, training, batch_size=config.batch_size,
                                      seed=options.seed, use_xla=_use_xla(options.xla))
    line = progress.ProgressLine(config.total_steps, config.batch_size)
    return loop.Loop(
        engine, system, config, folder, history=history, line=line,
        held_out=snapshots.HeldOut(held_out, config.batch_size, config.evaluation_images),
        files_of=engine.batch_names,
        record={'preset': config.preset, 'seed': options.seed, 'config': config.as_dict(),
                'dataset': data.fingerprint()}).run()


def _use_xla(choice):
    # On a CPU compiling costs more than it saves in a short run, and bits differ between modes.
    if choice != 'auto':
        return choice == 'on'
    import tensorflow as tf

    return bool(tf.config.list_physical_devices('GPU'))
