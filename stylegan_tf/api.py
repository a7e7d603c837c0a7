"""Loads models by name or folder.

    model = load('models/first')                     # an export, its base, a run folder, a style pack, 'gatys'
    picture = model.stylize('photo.jpg', ['waves.jpg', 'night.jpg'], style_weights=[0.7, 0.3])

Importing this module imports no TensorFlow; loading does, unless the model runs by LiteRT.
"""

import hashlib
import json
import os
import pathlib
import warnings

from stylegan_tf import (
    anomaly_models,
    configs,
    litert_models,
    look_models,
    looks,
    portrait_models,
    restoration_models,
    style_packs,
    stylegan_models,
    translation_models,
)
from stylegan_tf.gatys_models import GatysModel
from stylegan_tf.litert import runtime
from stylegan_tf.loaded_models import Model, ModelError, NetworkModel, Style

__all__ = ['Model', 'ModelError', 'Style', 'load', 'shipped_models', 'stylizes', 'takes_style']

PRETRAINED = configs.PRETRAINED
WITHOUT_WEIGHTS = ('gatys', look_models.NAME)  # names that are methods, not networks: they are not exported or served
ENGINES = ('auto', 'tensorflow', 'litert', 'litert_int8')
_LITERT = ('litert', 'litert_int8')


def load(name_or_folder, *, engine='auto', **options):
    """Loads a model.

    Args:
        name_or_folder: A name that `stylegan-tf models` lists, the folder of an export (SavedModel or LiteRT), the base
            folder of its versions (the newest is taken), the run folder of a training (its newest checkpoint,
            averaged weights), a style pack (PACK.zip), or a photographic look (LOOK.npz).
        engine: 'tensorflow'; 'litert': CPU only, starts without TensorFlow, for LiteRT exports and shipped models, the
            same pictures within one of 255 levels; 'litert_int8': the same in 8-bit integers, twice as fast and not
            quite the same picture (docs/performance.md); 'auto': 'litert' where the model has it, its runtime is
            installed and no GPU is visible, else TensorFlow.
        **options: Settings of 'gatys', such as `size=256`; `ungraded=FOLDER` of 'photographic_look'; other models take
            none.
    Returns:
        A `loaded_models.Model`; its `engine` says what runs it.
    Raises:
        ModelError: If there is no such model, lists what there is; or if the engine cannot run it.
    """
    chosen = engine_for(name_or_folder, engine)
    text = os.fspath(name_or_folder)
    if text == 'gatys':
        return GatysModel(**options)
    if text == look_models.NAME and set(options) <= {'ungraded'}:
        return look_models.LookModel(**options)
    if options:
        raise ModelError(f'Options are those of the model gatys, and ungraded of {look_models.NAME}. '
                         f'Received for {text}: {", ".join(options)}.')
    if _is_look(text):
        return _load_look(text)
    folder, name = _find(text)
    if chosen in _LITERT:
        try:
            return _load_litert(folder, name, chosen)
        except ModelError as error:
            if engine in _LITERT or not _has_tensorflow_form(folder):
                raise
            warnings.warn(f'{error} Using TensorFlow instead.', stacklevel=2)
    if (folder / 'saved_model.pb').is_file():
        return _load_saved_model(folder, name)
    return _load_run(folder, name)


def engine_for(name_or_folder, engine='auto'):
    """The engine that `load` would take, one of ENGINES but 'auto'; loads nothing. Arguments and errors as `load`."""
    if engine not in ENGINES:
        raise ModelError(f'An engine is one of {", ".join(ENGINES)}. Received: {engine!r}.')
    text = os.fspath(name_or_folder)
    if text == 'gatys':
        if engine in _LITERT:
            raise ModelError('The model gatys differentiates, which LiteRT cannot: use --engine=tensorflow.')
        return 'tensorflow'
    if _is_look(text):
        return 'litert'
    folder, _ = _find(text)
    if not litert_models.is_export(folder) and not litert_models.is_packed(folder):
        if engine in _LITERT:
            raise ModelError(f'{folder} has no LiteRT form. Make one from its run folder: stylegan-tf export '
                             '--workdir=RUN --output=FOLDER --format=litert; or use --engine=tensorflow.')
        return 'tensorflow'
    if not _has_tensorflow_form(folder):
        if engine == 'tensorflow':
            raise ModelError(f'{folder} holds a LiteRT export, which TensorFlow does not run: use --engine=litert, or '
                             'export with --format=savedmodel.')
        return 'litert_int8' if engine == 'litert_int8' else 'litert'
    if engine != 'auto':
        return engine
    return 'litert' if runtime.is_available() and not runtime.has_gpu() else 'tensorflow'


def takes_style(name_or_folder):
    """Whether a model paints in a style that must be given. Loads nothing; raises ModelError if there is no model."""
    return _told(name_or_folder, lambda signatures: 'style' in signatures['stylize'].get('inputs', {'style': None}),
                 'takes_style')


def stylizes(name_or_folder):
    """Whether a model changes pictures that it is given. Loads nothing; raises ModelError if there is no model."""
    return _told(name_or_folder, lambda signatures: True, 'stylizes')


def _told(name_or_folder, of_stylize, of_config):
    """A fact about `stylize`, from the signatures on the card of an export or an attribute of a run's Config."""
    text = os.fspath(name_or_folder)
    if text == 'gatys':
        return True
    if _is_look(text):
        return of_config == 'stylizes' or text == look_models.NAME
    folder, _ = _find(text)
    if _is_export(folder):
        signatures = _read_card(folder).get('signatures', {'stylize': {}})
        return 'stylize' in signatures and of_stylize(signatures)
    try:
        preset = json.loads((folder / 'config.json').read_text(encoding='utf-8'))['preset']
        return getattr(configs.get(preset), of_config)
    except (ValueError, KeyError, configs.ConfigError):
        return True  # `load` tells what is wrong with it


def _is_look(text):
    return text == look_models.NAME or (text.lower().endswith('.npz') and os.path.isfile(text))


def _load_look(text):
    try:
        return look_models.LookModel(looks.load_look(text), name=pathlib.PurePath(text).stem)
    except looks.LookError as error:
        raise ModelError(str(error)) from error


def _find(text):
    """(folder, name or None) of a model; raises ModelError if there is none."""
    if style_packs.is_pack(text):
        try:
            folder, card = style_packs.unpack(text)
        except style_packs.StylePackError as error:
            raise ModelError(str(error)) from error
        return folder / style_packs.MODEL_FOLDER, card['name']
    is_shipped = text in _shipped_folders()
    folder = _newest(_shipped_folders()[text] if is_shipped else pathlib.Path(text))
    if not _has_tensorflow_form(folder) and not litert_models.is_export(folder):
        raise ModelError(_not_a_model(folder))
    return folder, text if is_shipped else None


def _has_tensorflow_form(folder):
    return (folder / 'saved_model.pb').is_file() or (folder / 'config.json').is_file()


def shipped_models():
    """Names that `load` knows: dict name -> one line."""
    models = {'gatys': 'optimises each picture anew (Gatys et al. 2016); slow, needs no training',
              look_models.NAME: look_models.PURPOSE}
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
            if _is_export(_newest(folder)) or (folder / 'config.json').is_file()}


def _is_export(folder):
    return (folder / 'saved_model.pb').is_file() or litert_models.is_export(folder)


def _newest(folder):
    """The folder of the newest version below a base folder, or `folder` itself."""
    if folder.is_dir() and not _is_export(folder):
        versions = [entry for entry in folder.iterdir() if entry.name.isdecimal() and _is_export(entry)]
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
    return _network_model(dict(loaded.signatures), card, name=name, owner=loaded)


def _network_model(functions, card, **options):
    if 'score' in functions:
        kind = anomaly_models.AnomalyModel
    elif 'generate' in functions:
        kind = stylegan_models.GeneratorModel
    elif portrait_models.is_portrait(functions):
        kind = portrait_models.PortraitModel
    elif translation_models.is_translation(functions):
        kind = translation_models.TranslationModel
    else:
        kind = restoration_models.RestorationModel if restoration_models.is_restoration(functions) else NetworkModel
    return kind(functions, card, **options)


def _load_litert(folder, name, engine):
    from stylegan_tf.training import checkpoints

    try:
        load_model = litert_models.load_export if litert_models.is_export(folder) else litert_models.load_packed
        return load_model(folder, name=name, engine=engine)
    except (runtime.LiteRTError, checkpoints.CheckpointError) as error:
        raise ModelError(str(error)) from error


def _read_card(folder):
    path = (folder / litert_models.CARD_FILE if litert_models.is_export(folder)
            else folder / 'assets' / 'model_card.json')
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        return {}  # a SavedModel of other origin
    except ValueError as error:
        raise ModelError(f'{path} is damaged ({error}). Export or copy the model again.') from error


def _load_run(folder, name):
    from stylegan_tf import exporter, serving_graph
    from stylegan_tf.training import checkpoints, run_folder

    try:
        system, functions, card = exporter.load_run(folder, has_twins=False)
    except (exporter.ExportError, serving_graph.SignatureError, run_folder.RunFolderError,
            checkpoints.CheckpointError, configs.ConfigError) as error:
        raise ModelError(str(error)) from error
    card = {**exporter.make_card(system, functions), **card, **({'name': name} if name else {})}
    return _network_model(functions, card, owner=system)


def _folder_hash(folder):
    digest = hashlib.sha256()
    for path in [folder / 'saved_model.pb', *sorted((folder / 'variables').glob('*.data-*'))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _not_a_model(folder):
    names = ', '.join(shipped_models())
    what = 'holds no model' if folder.is_dir() else 'is neither a folder nor the name of a model'
    return (f'{folder} {what}. Expected the folder of an export (saved_model.pb or model.tflite), the base of its '
            f'versions (BASE/1/saved_model.pb), a run folder (config.json), a style pack (.zip), or one of: {names}.')
