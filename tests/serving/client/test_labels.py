"""Labels moved on a running server, and what is refused before a server could suffer from it."""

import fcntl
import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from stylegan_serving import client, server_configs
from stylegan_serving.client import labels
from tests.serving import server_process

CONFIG = '''# Our models: ask before you change this.
model_config_list {{
  config {{
    name: "pair" base_path: "{models}/pair" model_platform: "tensorflow"
    model_version_policy {{ specific {{ versions: 1 }} }}
    version_labels {{ key: "stable" value: 1 }}
  }}
  config {{ name: "image" base_path: "{models}/image" model_platform: "tensorflow" }}
}}
'''


def run(*arguments):
    return subprocess.run([sys.executable, '-m', 'stylegan_serving.client', *map(str, arguments)], text=True,
                          capture_output=True, timeout=120, env=server_process.environment())


@pytest.fixture
def config(golden_models, tmp_path):
    """Path of a models.config: pair 1 as stable, and image."""
    shutil.copytree(golden_models / 'pair', tmp_path / 'models' / 'pair')
    shutil.copytree(golden_models / 'image', tmp_path / 'models' / 'image')
    path = tmp_path / 'models.config'
    path.write_text(CONFIG.format(models=tmp_path / 'models'))
    return path


@pytest.fixture
def served(config, local_server):
    """A client of a server that runs with that file."""
    flags = f'--model_config_file={config}', '--allow_version_labels_for_unavailable_models=true'
    with (local_server(*flags) as process,
          client.connect(f'grpc://{process.grpc}', model='pair') as connected):
        yield connected


def y(served, label):
    return served.of('pair', label=label).predict('single', {'x': [[1, 2, 3]]})['y'][0, 0]


def move(served, path, label='stable', version=None, **options):
    labelled = labels.LabelledConfig(path)
    chosen = labelled.promotion('pair', label, version, source_label='canary')
    labelled.apply(chosen, [served], action='promote', deadline_seconds=options.pop('deadline_seconds', 30))


@pytest.mark.slow
def test_a_version_goes_from_canary_to_stable_and_back(served, config):
    assert y(served, 'stable') == 1
    move(served, config, 'canary', 2)  # loads version 2, which was not loaded
    assert (y(served, 'stable'), y(served, 'canary')) == (1, 101)
    move(served, config)
    assert (y(served, 'stable'), y(served, 'canary')) == (101, 101)
    assert config.read_text().startswith('# Our models: ask before you change this.\n')
    model = server_configs.read(config).model_config_list.config[0]
    assert dict(model.version_labels) == {'stable': 2, 'canary': 2}
    assert list(model.model_version_policy.specific.versions) == [1, 2]
    assert served.of('image').status()[0].state == 'AVAILABLE'  # other models stay
    labelled = labels.LabelledConfig(config)
    labelled.apply(labelled.way_back('pair', 'stable'), [served], action='rollback', deadline_seconds=30)
    assert y(served, 'stable') == 1
    with pytest.raises(labels.LabelError, match='knows no earlier version of stable of pair'):
        labels.LabelledConfig(config).way_back('pair', 'stable')

    # What would hang or fail on a real server is refused, and leaves file and server as they are.
    before = config.read_text()
    with pytest.raises(labels.LabelError, match=r'pair has no version 7. It has: 1, 2'):
        move(served, config, version=7)
    shutil.copytree(config.parent / 'models' / 'pair' / '2', config.parent / 'models' / 'pair' / '3')
    (config.parent / 'models' / 'pair' / '3' / 'saved_model.pb').write_bytes(b'broken')
    with pytest.raises((labels.LabelError, client.ServerError)):
        move(served, config, version=3, deadline_seconds=4)
    assert config.read_text() == before and y(served, 'stable') == 1
    absent = before.replace('name: "image"', 'name: "new"').replace('models/image"', 'models/absent"')
    config.write_text(absent)
    with pytest.raises(labels.LabelError, match=r'does not have the model new of .*absent holds no version'):
        move(served, config, version=2)
    assert config.read_text() == absent and y(served, 'stable') == 1


@pytest.mark.slow
def test_the_commands_move_labels(served, config):
    shared = f'--server={served.server}', f'--config={config}', '--model=pair'
    before = config.read_text()
    dry = run('promote', *shared, '--version=2', '--dry_run')
    assert dry.returncode == 0 and '+      value: 2' in dry.stdout and config.read_text() == before
    done = run('promote', *shared, '--version=2')
    assert (done.returncode, done.stdout) == (0, 'pair: stable 1 -> 2\n'), done.stderr
    assert y(served, 'stable') == 101
    table = run('status', f'--server={served.server}', '--model=pair,nope')
    assert table.returncode == 1
    assert [line.split() for line in table.stdout.splitlines()][:3] == [
        ['MODEL', 'VERSION', 'STATE', 'LABELS', 'ERROR'], ['pair', '2', 'AVAILABLE', 'stable'],
        ['pair', '1', 'AVAILABLE']]
    again = run('promote', *shared, '--version=2')
    assert again.returncode == 2 and 'stable is on version 2 already' in again.stderr
    back = run('rollback', *shared)
    assert (back.returncode, back.stdout) == (0, 'pair: stable 2 -> 1\n'), back.stderr
    assert y(served, 'stable') == 1
    noted = [json.loads(line) for line in pathlib.Path(f'{config}.labels.jsonl').read_text().splitlines()]
    assert [(entry['action'], entry['from'], entry['to']) for entry in noted] == [('promote', 1, 2), ('rollback', 2, 1)]


class Recorder:
    """A server that takes every reload, or refuses all with labels on some version."""

    server = 'grpc://there:1'

    def __init__(self, *, refused_version=None):
        self.refused_version = refused_version
        self.sent = []

    def of(self, name, *, label=None):
        return Named(self, name, label)

    def reload(self, config, *, deadline_seconds):
        assert deadline_seconds > 0
        model = config.model_config_list.config[0]
        self.sent.append((list(model.model_version_policy.specific.versions), dict(model.version_labels)))
        if self.refused_version in model.version_labels.values():
            raise client.ServerError('FAILED_PRECONDITION', 'Request to assign label to version 2 of model pair')


class Named:
    def __init__(self, recorder, name, label):
        self.recorder, self.name, self.label = recorder, name, label

    def status(self, **_):
        from stylegan_serving.client.exchanges import VersionStatus
        versions = self.recorder.sent[-1][0] if self.recorder.sent else [1]
        return [VersionStatus(version, 'AVAILABLE') for version in versions]

    def metadata(self, **_):
        from stylegan_serving.client.signatures import ModelMetadata
        return ModelMetadata(self.name, self.recorder.sent[-1][1][self.label], {})


def test_versions_go_first_and_labels_in_a_later_call(config):
    first, second = Recorder(), Recorder()
    labelled = labels.LabelledConfig(config)
    labelled.apply(labelled.promotion('pair', 'stable', 2), [first, second], action='promote', deadline_seconds=5)
    assert first.sent == second.sent == [([1, 2], {'stable': 1}), ([1, 2], {'stable': 2})]


def test_a_refused_move_is_undone_everywhere(config):
    before = server_configs.read(config)
    takes, refuses = Recorder(), Recorder(refused_version=2)
    labelled = labels.LabelledConfig(config)
    with pytest.raises(labels.LabelError, match=r'there:1 refused: FAILED_PRECONDITION.*models.config is as before'):
        labelled.apply(labelled.promotion('pair', 'stable', 2), [takes, refuses], action='promote', deadline_seconds=5)
    assert takes.sent[-1] == ([1], {'stable': 1}) and server_configs.read(config) == before
    with pytest.raises(labels.LabelError, match='knows no earlier version'):
        labels.LabelledConfig(config).way_back('pair', 'stable')


def test_a_history_that_cannot_be_written_or_is_locked_ends_it(config):
    labelled = labels.LabelledConfig(config)
    history = pathlib.Path(f'{config}.labels.jsonl')
    with open(history, 'w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(labels.LabelError, match='Another process is changing the labels'):
            labelled.apply(labelled.promotion('pair', 'stable', 2), [Recorder()], action='promote', deadline_seconds=5)
    history.unlink()
    history.mkdir()
    with pytest.raises(labels.LabelError, match='cannot be written'):
        labelled.apply(labelled.promotion('pair', 'stable', 2), [Recorder()], action='promote', deadline_seconds=5)


def test_moves_that_make_no_sense_are_refused(config):
    labelled = labels.LabelledConfig(config)
    for arguments, message in ((('pair', 'stable', 1), 'stable is on version 1 already'),
                               (('nope', 'stable', 2), "has no model 'nope'. It has: pair, image"),
                               (('pair', 'stable', None), "no label 'canary' to take the version from")):
        with pytest.raises(labels.LabelError, match=message):
            labelled.promotion(*arguments, source_label='canary')
    changed = server_configs.with_label(labelled.config, 'pair', 'canary', 2)
    server_configs.write(config, changed)
    with pytest.raises(labels.LabelError, match='has just been changed'):
        labelled.apply(labelled.promotion('pair', 'stable', 2), [Recorder()], action='promote', deadline_seconds=5)
    text = config.read_text().replace('specific', 'all')
    config.write_text(text.replace('versions: 1', '').replace('versions: 2', ''))
    labelled = labels.LabelledConfig(config)
    with pytest.raises(labels.LabelError, match='does not name versions'):
        labelled.apply(labelled.promotion('pair', 'stable', 2), [Recorder()], action='promote', deadline_seconds=5)


def test_commands_refuse_bad_usage(config):
    for arguments, message in ((['promote'], '--server is required'),
                               (['rollback', '--server=grpc://a:1'], '--config is'),
                               (['promote', '--server=http://a:1', f'--config={config}', '--model=pair'], 'over gRPC')):
        done = run(*arguments)
        assert done.returncode == 2 and message in done.stderr and done.stderr.count('\n') == 1
