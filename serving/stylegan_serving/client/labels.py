"""Moves a label, such as stable, to another version on running servers, and in the models.config they start with.

A server does not tell its configuration, and a reload replaces all of it, so the file is what is changed and sent.
First the version is loaded where it is not, then, in a second reload, the label is moved: a server refuses labels on
versions that are not available yet. What would hang or poison a server is refused before anything is sent. Moves are
noted in CONFIG.labels.jsonl, from which `rollback` knows the way back.
"""

import contextlib
import dataclasses
import datetime
import fcntl
import json
import pathlib
import time

from stylegan_serving import server_configs
from stylegan_serving.client.errors import ServerError

_POLL_SECONDS = 0.25


class LabelError(Exception):
    """A label that cannot be moved; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Move:
    """A label's way from one version to another."""

    model: str
    label: str
    previous: int | None  # None: the label is new
    version: int

    def __str__(self):
        return f'{self.model}: {self.label} {"(new)" if self.previous is None else self.previous} -> {self.version}'


class LabelledConfig:
    """A models.config whose labels are moved.

    Args:
        path: Of the file; it must be the configuration that the servers run with.
    Raises:
        server_configs.ModelConfigError: If it cannot be read, or is one that servers suffer from.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.config = server_configs.read(self.path)
        self._history = self.path.with_name(f'{self.path.name}.labels.jsonl')

    def promotion(self, model, label, version=None, *, source_label=None):
        """The Move of a label to a version, or to the version that another label is on.

        Raises:
            LabelError: If there is no such model or label, or the label is there already.
        """
        labels = self._model(model).version_labels
        if version is None:
            if source_label not in labels:
                raise LabelError(f'{model} has no label {source_label!r} to take the version from. Give --version.')
            version = labels[source_label]
        previous = dict(labels).get(label)
        if previous == version:
            raise LabelError(f'{model}: {label} is on version {version} already.')
        return Move(model, label, previous, version)

    def way_back(self, model, label):
        """The Move that undoes the last promotion of a label that was not undone yet.

        Raises:
            LabelError: If there is none, or the label was moved otherwise since.
        """
        labels = self._model(model).version_labels
        stack = []
        for entry in self._entries():
            if (entry['model'], entry['label']) == (model, label):
                if entry['action'] == 'promote':
                    stack.append(entry)
                elif stack:
                    stack.pop()
        if not stack or stack[-1]['from'] is None:
            raise LabelError(f'{self._history} knows no earlier version of {label} of {model}. Give one: promote '
                             '--version=N.')
        current = dict(labels).get(label)
        if current != stack[-1]['to']:
            raise LabelError(f'{model}: {label} is on version {current}, not on {stack[-1]["to"]} where it was put '
                             'last. Give the version: promote --version=N.')
        return Move(model, label, current, stack[-1]['from'])

    def changed(self, move):
        """(config that loads the version, config that has the label there too)."""
        labelled = server_configs.with_label(self.config, move.model, move.label, move.version)
        loaded = type(labelled)()
        loaded.CopyFrom(labelled)
        model = _find(loaded, move.model)
        model.version_labels.clear()
        model.version_labels.update(self._model(move.model).version_labels)
        return loaded, labelled

    def apply(self, move, clients, *, action, deadline_seconds):
        """Moves the label on all servers and in the file; undoes what it did where a server refuses.

        Args:
            move: `Move`.
            clients: List of `clients.Client` over gRPC, one for each server that runs with this file.
            action: 'promote' or 'rollback', for the history.
            deadline_seconds: For all of it.
        Raises:
            LabelError, ServerError: If it was not done; file and servers are then as before, as far as they answer.
        """
        until = time.monotonic() + deadline_seconds
        with self._locked():
            missing = [client for client in clients if not self._is_ready(client, move)]
            loaded, labelled = self.changed(move)
            if missing:
                self._check_can_load(move)
                self._send(loaded, clients, until)
                try:
                    for client in missing:
                        _wait_until_available(client, move, until)
                except (LabelError, ServerError):
                    self._send(self.config, clients, time.monotonic() + deadline_seconds)
                    raise
            self._send(labelled, clients, until, undo_seconds=deadline_seconds)
            for client in clients:
                _verify(client, move, until)
            self.config = labelled
            self._note(move, action)

    def _is_ready(self, client, move):
        """Whether a server has the version; refuses what would hang it."""
        for model in self.config.model_config_list.config:
            versions = _versions(client, model.name)
            if not versions and not _holds_model(model.base_path):
                # A reload with a new model whose base path is missing never returns, and blocks all later ones.
                raise LabelError(f'{client.server} does not have the model {model.name} of {self.path}, and '
                                 f'{model.base_path} holds no version of it here: sending that could hang the server. '
                                 'Correct base_path, or take the model out of the file.')
        entry = _versions(client, move.model).get(move.version)
        if entry is not None and entry.state == 'END' and entry.error_code != 'OK':
            raise LabelError(f'{client.server} could not load version {move.version} of {move.model} '
                             f'({entry.error_code}: {entry.error_message}) and does not try a version twice. Export it '
                             'under a higher number.')
        return entry is not None and entry.state == 'AVAILABLE'

    def _check_can_load(self, move):
        model = self._model(move.model)
        if not model.model_version_policy.HasField('specific'):
            raise LabelError(f'Version {move.version} of {move.model} is not loaded, and the policy in {self.path} '
                             'does not name versions. Name those to load: model_version_policy { specific { versions: '
                             f'{move.previous or 1} versions: {move.version} }} }}.')
        base = pathlib.Path(model.base_path)
        if base.is_dir() and not (base / str(move.version) / 'saved_model.pb').is_file():
            there = ', '.join(sorted(path.parent.name for path in base.glob('*/saved_model.pb')))
            raise LabelError(f'{base} has no version {move.version}. It has: {there or "none"}.')

    def _send(self, config, clients, until, *, undo_seconds=None):
        """Writes the file, for servers that poll it or start anew, and reloads the servers."""
        server_configs.write(self.path, config)
        done = []
        try:
            for client in clients:
                client.reload(config, deadline_seconds=max(0.001, until - time.monotonic()))
                done.append(client)
        except ServerError as error:
            server_configs.write(self.path, self.config)
            for earlier in done:
                with contextlib.suppress(ServerError):
                    earlier.reload(self.config, deadline_seconds=undo_seconds or 10)
            raise LabelError(f'{clients[len(done)].server} refused: {error}. {self.path} is as before.') from error

    def _model(self, name):
        model = _find(self.config, name)
        if model is None:
            known = ', '.join(model.name for model in self.config.model_config_list.config)
            raise LabelError(f'{self.path} has no model {name!r}. It has: {known}.')
        return model

    def _entries(self):
        try:
            lines = self._history.read_text(encoding='utf-8').splitlines()
            return [json.loads(line) for line in lines if line]
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise LabelError(f'{self._history} is damaged: {error}. Give the version: promote --version=N.') from error

    def _note(self, move, action):
        entry = {'time': datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds'), 'action': action,
                 'model': move.model, 'label': move.label, 'from': move.previous, 'to': move.version}
        with open(self._history, 'a', encoding='utf-8') as file:
            file.write(json.dumps(entry) + '\n')

    @contextlib.contextmanager
    def _locked(self):
        try:
            file = open(self._history, 'a', encoding='utf-8')  # noqa: SIM115
        except OSError as error:
            raise LabelError(f'{self._history} cannot be written ({error.strerror}), and without it nothing knows the '
                             'way back.') from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise LabelError(f'Another process is changing the labels of {self.path}. Try again later.') from None
            if server_configs.read(self.path) != self.config:
                raise LabelError(f'{self.path} has just been changed. Run the command again.')
            yield


def _find(config, name):
    return next((model for model in config.model_config_list.config if model.name == name), None)


def _versions(client, name):
    """Dict version -> `exchanges.VersionStatus`, empty for a model that the server does not have."""
    try:
        return {entry.version: entry for entry in client.of(name).status()}
    except ServerError as error:
        if error.code == 'NOT_FOUND':
            return {}
        raise


def _holds_model(base_path):
    return any(pathlib.Path(base_path).glob('*/saved_model.pb'))


def _wait_until_available(client, move, until):
    entry = None
    while time.monotonic() < until:
        entry = _versions(client, move.model).get(move.version)
        if entry is not None and entry.state == 'AVAILABLE':
            return
        if entry is not None and entry.error_code != 'OK':
            raise LabelError(f'{client.server} could not load version {move.version} of {move.model}: '
                             f'{entry.error_code}: {entry.error_message}.')
        time.sleep(_POLL_SECONDS)
    raise LabelError(f'{client.server} did not load version {move.version} of {move.model} in time (state: '
                     f'{entry.state if entry else "not seen"}). If it takes longer, raise --deadline_seconds.')


def _verify(client, move, until):
    remaining = max(0.001, until - time.monotonic())
    version = client.of(move.model, label=move.label).metadata(deadline_seconds=remaining).version
    if version != move.version:
        raise LabelError(f'{client.server} answers with version {version} of {move.model} under the label {move.label} '
                         f'instead of {move.version}. Does something else write its configuration?')
