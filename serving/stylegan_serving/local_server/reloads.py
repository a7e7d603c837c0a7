"""The list of models a server is given, at the start and by reloads: checked whole, then applied."""

import logging
import threading

from tensorflow_serving.config import model_server_config_pb2

from stylegan_serving.local_server import errors, watcher

PLATFORM = 'tensorflow'

_log = logging.getLogger(__name__)


class ModelList:
    """The present ModelServerConfig, and how it is replaced. Methods block; reloads queue."""

    def __init__(self, catalog, versions, *, allows_unavailable_labels=False, forces_unavailable_labels=False):
        """Args:
            catalog: `catalog.Catalog`.
            versions: `watcher.VersionWatcher`.
            allows_unavailable_labels: Whether a new label may be put on a version that is not available.
            forces_unavailable_labels: Whether an existing label may be moved to such a version, too.
        """
        self._catalog = catalog
        self._versions = versions
        self._allows = allows_unavailable_labels
        self._forces = forces_unavailable_labels
        self._names = set()
        self._lock = threading.Lock()

    def start(self, config):
        """Applies the first config and waits until all its models are loaded, for as long as that takes.

        Raises:
            ServingError: If the config is refused, or a model does not load.
        """
        with self._lock:
            models = self._checked(config)
            labels = self._checked_labels(models)
            self._catalog.set_labels(labels)
            self._versions.set_models({name: _watched(model) for name, model in models.items()})
            self._names = set(models)
            self._refuse(self._catalog.wait_until_settled(models), 'servable')

    def reload(self, config):
        """Replaces the config: models left out are unloaded, new ones are loaded before this returns.

        New versions of models that are there already are not waited for. Nothing changes if the config is refused,
        except that labels are looked at last, when the models are there.

        Args:
            config: ModelServerConfig.
        Raises:
            ServingError: INVALID_ARGUMENT or NOT_FOUND for a config that is refused; UNKNOWN if a new model does
                not load; FAILED_PRECONDITION for a label on a version that is not available.
        """
        with self._lock:
            models = self._checked(config)
            new = [name for name in models if name not in self._names]
            watched = {name: _watched(model) for name, model in models.items()}
            for name in new:
                watcher.find_versions(name, watched[name])
            self._versions.set_models(watched)
            self._names = set(models)
            self._refuse(self._catalog.wait_until_settled(new, is_first_failure_enough=True), 'model')
            labels = self._checked_labels(models)
            self._catalog.set_labels(labels)
            _log.info('Reloaded the list of models: %s', ', '.join(_line(name, labels) for name in models) or 'none')

    def _checked(self, config):
        """Dict name -> ModelConfig of a config that can be applied."""
        if config.WhichOneof('config') != 'model_config_list':
            raise errors.ServingError(
                'INVALID_ARGUMENT', 'ServerModelConfig type not supported by HandleReloadConfigRequest. Only '
                'ModelConfigList is currently supported')
        models = {}
        for model in config.model_config_list.config:
            if model.name in models:
                raise _invalid(f'Illegal to list model {model.name} multiple times in config list')
            if not model.name:
                raise _invalid('Expected each model of the config list to have a name. Received one without.')
            if not (model.base_path.startswith('/') or '://' in model.base_path):
                raise _invalid(f'Expected model {model.name} to have an absolute path or URI; got '
                               f'base_path()={model.base_path}')
            models[model.name] = model
        for model in models.values():
            self._check_platform(model)
        return models

    def _check_platform(self, model):
        platform = model.model_platform
        if model.model_type:
            if platform:
                raise _invalid('Illegal setting both ModelServerConfig::model_type (deprecated) and '
                               'ModelServerConfig::model_platform.')
            kind = model_server_config_pb2.ModelType.Name(model.model_type)
            platform = PLATFORM if kind == 'TENSORFLOW' else kind.lower()
        if not platform:
            raise _invalid('Illegal setting neither ModelServerConfig::model_type (deprecated) nor '
                           f'ModelServerConfig::model_platform, model name is {model.name}')
        if platform == PLATFORM:
            return
        if model.name in self._names:
            raise _invalid(f"Illegal to change a model's platform. For model {model.name} platform was {PLATFORM} and "
                           f'new platform requested is {platform}')
        raise _invalid(f'Model {model.name} requests unsupported platform {platform}')

    def _checked_labels(self, models):
        present = self._catalog.labels()
        labels = {}
        for name, model in models.items():
            for label, version in model.version_labels.items():
                is_moved = present.get(name, {}).get(label, version) != version
                may_be_absent = self._forces or (self._allows and not is_moved)
                if not may_be_absent and not self._catalog.is_available(name, version):
                    raise errors.ServingError(
                        'FAILED_PRECONDITION', f'Request to assign label to version {version} of model {name}, which '
                        'is not currently available for inference')
                labels.setdefault(name, {})[label] = version
        return labels

    def _refuse(self, failed, noun):
        if failed:
            listed = ''.join(f'{{{{name: {name} version: {version}}} due to error: {error.code}: {error.message}}}, '
                             for (name, version), error in sorted(failed.items()))
            raise errors.ServingError(
                'UNKNOWN', f'{len(failed)} {noun}(s) did not become available: {{{listed}}}')


def _watched(model):
    policy = model.model_version_policy
    kind = policy.WhichOneof('policy_choice') or 'latest'
    return watcher.WatchedModel(
        model.base_path.rstrip('/') or '/', kind, max(1, policy.latest.num_versions), tuple(policy.specific.versions))


def _line(name, labels):
    shown = ', '.join(f'{label}: {version}' for label, version in sorted(labels.get(name, {}).items()))
    return f'{name} ({shown})' if shown else name


def _invalid(text):
    return errors.ServingError('INVALID_ARGUMENT', text)
