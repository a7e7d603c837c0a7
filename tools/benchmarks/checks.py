"""What was typed is checked before anything is measured. All raise `commands.UsageError` with one line."""

import importlib.util
import os
import pathlib

from stylegan_tf import commands
from stylegan_tf.cores import available as available_cores


def cores(flag, count):
    """Refuses more cores than this process may use: what was measured would not be what the table says."""
    present = available_cores()
    if not 1 <= count <= present:
        raise commands.UsageError(f'--{flag} expects from 1 to {present}, the CPU cores that this process may use. '
                                  f'Received: {count}.')


def choices(flag, given, known):
    """Refuses a list flag that is empty, or names what is not known."""
    unknown = [name for name in given if name not in known]
    if unknown or not given:
        raise commands.UsageError(f'--{flag} expects some of {", ".join(known)}. '
                                  f'Received: {", ".join(unknown) or "none"}.')


def whole_numbers(flag, texts, least=1):
    """The values of a list flag as list of int, each at least `least`, at least one."""
    if not texts or not all(text.isdecimal() and int(text) >= least for text in texts):
        raise commands.UsageError(f'--{flag} expects whole numbers from {least} on, such as 8 or 8,32. '
                                  f'Received: {",".join(texts) or "none"}.')
    return [int(text) for text in texts]


def packages(names, extra):
    """Refuses to begin where a package is missing, and says which extra brings it."""
    missing = [name for name in names if not _is_installed(name)]
    if missing:
        raise commands.UsageError(f'Expected the packages of the extra [{extra}]. Not installed: {", ".join(missing)}. '
                                  f"Run: pip install -e '.[{extra}]'.")


def _is_installed(name):
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def output_folder(path):
    """Makes the folder of --output, if one was given, so that hours of measuring cannot end without a place."""
    if path:
        _make(pathlib.Path(path), path)


def output_file(path):
    """Makes the folder of the file of --output, if one was given."""
    if path:
        if os.path.isdir(path):
            raise commands.UsageError(f'--output expects a JSON file. Received the folder {path}.')
        _make(pathlib.Path(path).parent, path)


def _make(folder, given):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise commands.UsageError(f'--output={given}: the folder {folder} cannot be made ({error.strerror}). Give one '
                                  'that can.') from error
    if not os.access(folder, os.W_OK):
        raise commands.UsageError(f'--output={given}: the folder {folder} may not be written. Give another one.')


def picture_folder(flag, spec):
    """Refuses what is neither a folder with pictures nor sample:NAME."""
    from stylegan_tf import images
    from stylegan_tf.data import samples

    kind, _, name = spec.partition(':')
    try:
        found = images.find_images(samples.sample_folder(name) if kind == 'sample' else spec)
    except (images.ImageError, samples.SampleError) as error:
        raise commands.UsageError(f'--{flag} expects a folder of pictures or sample:NAME. {error}') from error
    if not found:
        raise commands.UsageError(f'--{flag} expects a folder of pictures or sample:NAME. {spec} holds none.')


def eight_bit_model(name):
    """Refuses a model that does not ship with the graph that the engines of `stylize` and its peers run."""
    from stylegan_tf import configs, litert_models

    known = sorted(folder.name for folder in configs.PRETRAINED.iterdir() if litert_models.is_packed(folder))
    if name not in known:
        raise commands.UsageError(f'--model expects a shipped model with a LiteRT graph: {", ".join(known)}. '
                                  f'Received: {name}.')
