"""The table of commands, and the one way in which a command starts and ends.

Exit codes: 0 all done; 1 some inputs failed; 2 bad usage or configuration; 130 Ctrl-C.
Imports no TensorFlow, so that `--help` answers at once.
"""

import contextlib
import importlib.util
import os
import sys
import textwrap

from absl import flags

COMMANDS = {
    'train': 'train a preset on folders of pictures; the same command again resumes it',
    'export': 'turn a run into a versioned SavedModel that a model server loads',
    'stylize': 'stylise a picture or a folder of pictures',
    'generate': 'draw pictures from noise',
    'score': 'score pictures for anomalies',
    'correct': 'repair pictures that score badly',
    'evaluate': 'measure a folder of results',
}
LISTS = {
    'models': 'list the models that `load` and `--model` know by name',
    'presets': 'list the presets that `train` knows',
}
# What `import tensorflow` would load for wrappers and converters that no command uses: over a second of CPU.
_LEFT_OUT = ('jax', 'sklearn')
DONE, SOME_FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130


class UsageError(ValueError):
    """What was typed cannot be done; the message is one line that says what can."""


def available():
    """Names of the commands whose modules exist, in the table's order."""
    return [name for name in COMMANDS if importlib.util.find_spec(f'stylegan_tf.{name}')]


def run(main, *, errors=()):
    """Parses the flags, runs a command and exits the process; what a CLI module calls last.

    Prints the module's help for --help. Bad flags, stray arguments, `UsageError` and the
    exceptions in `errors` become one line on stderr and exit code 2.

    Args:
        main: Function without arguments that reads flags and returns the exit code (None is 0).
        errors: Function without arguments that returns a tuple of further exception types whose
            message is meant for the user (a function, so that nothing is imported for --help), or
            the tuple itself.
    """
    module = sys.modules[main.__module__]
    if any(argument in ('--help', '-help', '-h', '--helpfull') for argument in _options(sys.argv)):
        print(help_text(module))
        sys.exit(DONE)
    try:
        stray = flags.FLAGS(sys.argv)[1:]
        if stray:
            raise UsageError(f'Expected only flags (--name=value). Received: {" ".join(stray)}.')
    except (flags.Error, UsageError) as error:
        _refuse(error)
    try:
        code = main()
    except KeyboardInterrupt:
        print('Interrupted.', file=sys.stderr)
        sys.exit(INTERRUPTED)
    except UsageError as error:
        _refuse(error)
    except Exception as error:
        if not isinstance(error, errors() if callable(errors) else errors):
            raise
        _refuse(error)
    sys.exit(code or DONE)


def import_backend():
    """Imports the backend that Keras is set to: JAX with KERAS_BACKEND=jax, else as `import_tensorflow`.

    Raises:
        UsageError: It is another one, or not installed.
    """
    wanted = os.environ.get('KERAS_BACKEND', 'tensorflow')
    if wanted == 'tensorflow':
        import_tensorflow()
    try:
        if wanted in ('tensorflow', 'jax'):
            import keras
            wanted = keras.config.backend()
    except ImportError as error:
        raise UsageError(f'KERAS_BACKEND={wanted}: {error}. Install that backend first.') from error
    if wanted not in ('tensorflow', 'jax'):
        raise UsageError(f'Training needs KERAS_BACKEND=tensorflow or jax. Received: {wanted}.')


def import_tensorflow():
    """Imports TensorFlow without its start-up talk of CPU features and absent GPUs on stderr.

    For a command's main, once its flags are known to be good. What matters arrives as an exception.

    Raises:
        UsageError: KERAS_BACKEND names another backend.
    """
    if os.environ.get('KERAS_BACKEND', 'tensorflow') != 'tensorflow':
        raise UsageError('This command works under TensorFlow only. Run it without '
                         f"KERAS_BACKEND={os.environ['KERAS_BACKEND']}.")
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    # Some lines are written before the level is read.
    with without_native_talk(), _absent(_LEFT_OUT):
        import tensorflow as tf
        tf.config.list_physical_devices('GPU')


@contextlib.contextmanager
def _absent(names):
    """In the block `import NAME` fails as if NAME were not installed, unless it is loaded already."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextlib.contextmanager
def without_native_talk():
    """Turns the descriptor of stderr away, for libraries that greet there whatever their settings say."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, 'wb') as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def paths(text):
    """The files of a flag such as --style=FILE[,FILE...]: list of str; a name with a comma in it is one file."""
    if os.path.isfile(text or ''):
        return [text]
    return [part for part in (text or '').split(',') if part]


def numbers(texts, flag):
    """The values of a list flag as tuple of float; None for None or none.

    Raises:
        UsageError: One is no number.
    """
    try:
        return tuple(float(text) for text in texts or ()) or None
    except ValueError:
        raise UsageError(f'--{flag} must be numbers such as 0.7,0.3. Received: {",".join(texts)}.') from None


def named_numbers(texts, flag):
    """The values of a list flag of NAME=NUMBER as dict name -> float; raises UsageError where one is not."""
    try:
        return {name.strip(): float(number) for name, number in (text.split('=') for text in texts)}
    except ValueError:
        raise UsageError(f'--{flag} must be such as texture=0.5,background=0.3. Received: {",".join(texts)}.') from None


def help_text(module):
    """The help of a command's module: its docstring and its own flags."""
    lines = [module.__doc__.strip(), '', 'Flags:']
    for flag in flags.FLAGS.get_flags_for_module(_flag_owner(module)):
        default = '' if flag.default in (None, '', []) else f' (default: {flag.default})'
        described = f'{" ".join(flag.help.split())}{default}'
        lines += [f'  --{flag.name}', *textwrap.wrap(described, 92, initial_indent=' ' * 6,
                                                    subsequent_indent=' ' * 6)]
    return '\n'.join(lines)


def _flag_owner(module):
    # absl files the flags of a module run as a script under the script's path
    return sys.argv[0] if module.__name__ == '__main__' else module.__name__


def _options(argv):
    arguments = argv[1:]
    return arguments[:arguments.index('--')] if '--' in arguments else arguments


def _refuse(error):
    print(f'Error: {" ".join(str(error).split())}', file=sys.stderr)
    sys.exit(BAD_USAGE)
