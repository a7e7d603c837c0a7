"""Loads models by name or folder.

    model = load('models/first')                     # a SavedModel, its base, a run folder, 'gatys'
    picture = model.stylize('photo.jpg', ['waves.jpg', 'night.jpg'], style_weights=[0.7, 0.3])

Importing this module imports no TensorFlow; loading does.
"""

import hashlib
import json
import os
import pathlib

from stylegan_tf import configs
from stylegan_tf.loaded_models import GatysModel, Model, ModelError, NetworkModel, Style

__all__ = ['Model', 'ModelError', 'Style', 'load', 'shipped_models']

PRETRAINED = configs.PRETRAINED


def load(name_or_folder, **options):
    """Loads a model.

    Args:
        name_or_folder: A name that `stylegan-tf models` lists, a SavedModel folder, the base folder
            of its versions (the newest is taken), or the run folder of a training (its newest
            checkpoint, averaged weights).
        **options: Settings of 'gatys', such as `size=256`; other models take none.
    Returns:
        A `loaded_models.Model`.
    Raises:
        ModelError: If there is no such model; lists what there is.
    """
    text = os.fspath(name_or_folder)
    if text == 'gatys':
        return GatysModel(**options)
    if options:
        raise ModelError(f'Only the model gatys takes options. Received: {", ".join(options)}.')
    is_shipped = text in _shipped_folders()
    folder = _newest(_shipped_folders()[text] if is_shipped else pathlib.Path(text))
    if (folder / 'saved_model.pb').is_file():
        return _load_saved_model(folder, name=text if is_shipped else None)
    if (folder / 'config.json').is_file():
        return _load_run(folder, name=text if is_shipped else None)
    raise ModelError(_not_a_model(folder))


def shipped_models():
    """Names that `load` knows: dict name -> one line."""
    models = {'gatys': 'optimises each picture anew (Gatys et al. 2016); slow, needs no training'}
    for name, base in _shipped_folders().items():
        settings = base / 'config.json'
        card = (json.loads(settings.read_text(encoding='utf-8')) if settings.is_file()
                else _read_card(_newest(base)))
        models[name] = card.get('purpose', '')
    return models


def _shipped_folders():
    if not PRETRAINED.is_dir():
        return {}
    return {folder.name: folder for folder in sorted(PRETRAINED.iterdir())
            if (_newest(folder) / 'saved_model.pb').is_file() or (folder / 'config.json').is_file()}


def _newest(folder):
    """The folder of the newest version below a base folder, or `folder` itself."""
    if folder.is_dir() and not (folder / 'saved_model.pb').is_file():
        versions = [entry for entry in folder.iterdir() if entry.name.isdecimal()
                    and (entry / 'saved_model.pb').is_file()]
        if versions:
            return max(versions, key=lambda entry: int(entry.name))
    return folder


def _load_saved_model(folder, name):
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(folder))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise ModelError(f'{folder} holds a SavedModel that cannot be loaded: '
                         f'{" ".join(str(error).split())[:200]}. Export or copy it again.'
                         ) from error
    card = {'name': folder.name, 'weights_hash': _folder_hash(folder), **_read_card(folder)}
    return NetworkModel(dict(loaded.signatures), card, name=name, owner=loaded)


def _read_card(folder):
    path = folder / 'assets' / 'model_card.json'
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        return {}  # a SavedModel of other origin
    except ValueError as error:
        raise ModelError(f'{path} is damaged ({error}). Export or copy the model again.') from error


def _load_run(folder, name=None):
    from stylegan_tf import exporter, serving_graph
    from stylegan_tf.training import checkpoints, run_folder

    try:
        system, functions, card = exporter.load_run(folder)
    except (exporter.ExportError, serving_graph.SignatureError, run_folder.RunFolderError,
            checkpoints.CheckpointError, configs.ConfigError) as error:
        raise ModelError(str(error)) from error
    card = {**exporter.make_card(system, functions), **card, **({'name': name} if name else {})}
    return NetworkModel(functions, card, owner=system)


def _folder_hash(folder):
    digest = hashlib.sha256()
    for path in [folder / 'saved_model.pb', *sorted((folder / 'variables').glob('*.data-*'))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _not_a_model(folder):
    names = ', '.join(shipped_models())
    what = 'holds no model' if folder.is_dir() else 'is neither a folder nor the name of a model'
    return (f'{folder} {what}. Expected a SavedModel folder (saved_model.pb), the base of its '
            f'versions (BASE/1/saved_model.pb), a run folder (config.json), or one of: {names}.')
