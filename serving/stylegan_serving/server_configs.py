"""models.config, the list of models that a TensorFlow Serving reads: built from exports, checked, changed, written.

The client moves labels with it, and `python -m stylegan_serving.model_config` writes the file.
"""

import itertools
import os
import pathlib
import secrets

from google.protobuf import text_format

STABLE, CANARY = 'stable', 'canary'
PLATFORM = 'tensorflow'


class ModelConfigError(ValueError):
    """A models.config or a folder of exports that cannot be used; the message says what to do."""


def find_models(folder):
    """Exports below a folder.

    Args:
        folder: Holds NAME/VERSION/saved_model.pb; anything else in it is passed over.
    Returns:
        Dict model name -> ascending list of its versions; models without a whole version are left out.
    Raises:
        ModelConfigError: If there is no such folder.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise ModelConfigError(f'{folder} is not a folder. Expected one that holds NAME/VERSION/saved_model.pb.')
    found = {}
    for base in sorted(folder.iterdir()):
        versions = sorted(int(path.parent.name) for path in base.glob('*/saved_model.pb')
                          if path.parent.name.isdecimal())
        if versions:
            found[base.name] = versions
    return found


def read(path):
    """Reads a models.config, a text proto ModelServerConfig.

    Raises:
        ModelConfigError: If it cannot be read or parsed, or `check` refuses it.
    """
    from tensorflow_serving.config import model_server_config_pb2

    try:
        text = pathlib.Path(path).read_text(encoding='utf-8')
        config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    except OSError as error:
        raise ModelConfigError(f'{path} cannot be read: {error.strerror}.') from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ModelConfigError(f'{path} is no text proto ModelServerConfig: {error}.') from error
    check(config, path)
    return config


def check(config, name='The config'):
    """Refuses a ModelServerConfig that a real server takes and then suffers from.

    A model without `model_platform` makes every later reload fail until a restart, an empty list unloads everything,
    and a label on a version that the policy does not load leads nowhere.

    Raises:
        ModelConfigError: Names the model.
    """
    models = config.model_config_list.config
    if not models:
        raise ModelConfigError(f'{name} lists no models: a server that gets it unloads all of them.')
    seen = set()
    for model in models:
        if not model.name or model.name in seen:
            raise ModelConfigError(f'{name}: each model needs a name of its own. Received: {model.name!r}.')
        seen.add(model.name)
        if not model.base_path or not model.model_platform:
            raise ModelConfigError(f'{name}: the model {model.name} needs base_path and model_platform: '
                                   f'"{PLATFORM}"; without, later reloads fail until the server restarts.')
        loaded = model.model_version_policy.specific.versions
        for label, version in model.version_labels.items():
            if model.model_version_policy.HasField('specific') and version not in loaded:
                raise ModelConfigError(f'{name}: the label {label} of {model.name} is on version {version}, which '
                                       f'its policy does not load ({", ".join(map(str, loaded))}).')


def build(models, base_path, *, previous=None, labels=None):
    """The ModelServerConfig of some exports.

    Args:
        models: Dict name -> ascending versions, as of `find_models`.
        base_path: Where the server sees the folder of the models: an absolute path or an URI.
        previous: ModelServerConfig whose labels stay where they are, but for `canary`, which goes to the newest
            version; None for the first time, when both labels go to the newest.
        labels: Dict (model, label) -> version, which go before all.
    Returns:
        ModelServerConfig that loads the labelled versions and no others.
    Raises:
        ModelConfigError: If there are no models, or a label is on a version that there is not.
    """
    from tensorflow_serving.config import model_server_config_pb2

    kept = {} if previous is None else {
        model.name: dict(model.version_labels) for model in previous.model_config_list.config}
    wanted = {}
    for (name, label), version in (labels or {}).items():
        wanted.setdefault(name, {})[label] = version
    unknown = sorted(set(wanted) - set(models))
    if unknown:
        raise ModelConfigError(f'There is no model {unknown[0]!r} to label. Models: {", ".join(models) or "none"}.')
    config = model_server_config_pb2.ModelServerConfig()
    for name, versions in models.items():
        placed = {STABLE: versions[-1], **kept.get(name, {}), CANARY: versions[-1], **wanted.get(name, {})}
        _check_versions(name, placed, versions)
        model = config.model_config_list.config.add(
            name=name, base_path=f'{str(base_path).rstrip("/")}/{name}', model_platform=PLATFORM)
        model.version_labels.update(placed)
        model.model_version_policy.specific.versions.extend(sorted(set(placed.values())))
    check(config)
    return config


def _check_versions(name, placed, versions):
    for label, version in placed.items():
        if version not in versions:
            raise ModelConfigError(
                f'The label {label} of {name} is on version {version}, and there are only '
                f'{", ".join(map(str, versions))}. Put that version back, or move the label: '
                f'--label={name}:{label}={versions[-1]}.')


def with_label(config, name, label, version):
    """A copy of a ModelServerConfig in which a label is on another version, which its policy loads.

    Versions that were loaded stay loaded, so that the way back is open.

    Args:
        config: ModelServerConfig.
        name: Model.
        label: Such as STABLE; need not exist yet.
        version: Whole number.
    Raises:
        ModelConfigError: If there is no such model.
    """
    changed = type(config)()
    changed.CopyFrom(config)
    for model in changed.model_config_list.config:
        if model.name == name:
            model.version_labels[label] = version
            policy = model.model_version_policy
            if policy.HasField('specific') and version not in policy.specific.versions:
                policy.specific.versions.append(version)
            return changed
    known = ', '.join(model.name for model in config.model_config_list.config)
    raise ModelConfigError(f'The config has no model {name!r}. It has: {known or "none"}.')


def to_text(config):
    """A ModelServerConfig as the text of a models.config, one field a line."""
    return text_format.MessageToString(config)


def write(path, config):
    """Writes a models.config, whole or not at all: a server may be polling it. Comments at its head stay.

    Raises:
        ModelConfigError: If `check` refuses it, or the file cannot be written.
    """
    check(config, path)
    path = pathlib.Path(path)
    temporary = path.with_name(f'.{path.name}.{secrets.token_hex(4)}.partial')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(_head_of(path) + to_text(config), encoding='utf-8')
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ModelConfigError(f'{path} cannot be written: {error.strerror}.') from error


def _head_of(path):
    try:
        lines = path.read_text(encoding='utf-8').splitlines(keepends=True)
    except OSError:
        return '# Written by `python -m stylegan_serving.model_config`; edits of labels are kept.\n'
    return ''.join(itertools.takewhile(lambda line: line.startswith('#'), lines))
