"""Folders, config files and reloads: what is picked, refused and applied."""

import logging
import time

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from stylegan_serving.local_server import errors, reloads, watcher


class FakeCatalog:
    """Takes what is wanted for loaded, but for the models in `failing`."""

    def __init__(self):
        self.wanted, self.label_map, self.failing = {}, {}, set()

    def want(self, name, versions):
        self.wanted[name] = sorted(versions)

    def labels(self):
        return self.label_map

    def set_labels(self, labels):
        self.label_map = labels

    def is_available(self, name, version):
        return version in self.wanted.get(name, ())

    def wait_until_settled(self, names, is_first_failure_enough=False):
        return {(name, self.wanted[name][-1]): errors.ServingError('INVALID_ARGUMENT', 'bad')
                for name in names if name in self.failing}


@pytest.fixture
def folder(tmp_path):
    """Base paths `pair` with versions 1, 2 and 10, `image` with version 1, and `empty`."""
    for path in ('pair/1', 'pair/2', 'pair/0010', 'pair/not_a_number', 'pair/-3', 'image/1', 'empty'):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / 'pair' / '77').touch()
    return tmp_path


@pytest.fixture
def models(folder):
    """(FakeCatalog, function that makes a ModelList of its options, function config text -> ModelServerConfig)."""
    fake = FakeCatalog()

    def make(**options):
        return reloads.ModelList(fake, watcher.VersionWatcher(fake, 0), **options)
    return fake, make, lambda *texts: config_of(folder, *texts)


def config_of(folder, *texts):
    """A ModelServerConfig of model texts; {base} is the folder."""
    listed = ' '.join(f'config {{ {text} }}' for text in texts).replace('{base}', str(folder))
    return text_format.Parse(f'model_config_list {{ {listed} }}', model_server_config_pb2.ModelServerConfig())


def model(name, extra='', path=None):
    """Text of one model."""
    return f'name: "{name}" base_path: "{{base}}/{path or name}" model_platform: "tensorflow" {extra}'


BOTH = 'model_version_policy { specific { versions: 1 versions: 2 } }'


@pytest.mark.parametrize('policy, expected', [
    ({}, [10]), ({'count': 2}, [2, 10]), ({'policy': 'all'}, [1, 2, 10]),
    ({'policy': 'specific', 'versions': (1, 9)}, [1])], ids=str)
def test_policies_pick_numbered_folders(folder, policy, expected):
    found = watcher.find_versions('pair', watcher.WatchedModel(str(folder / 'pair'), **policy))
    assert sorted(found) == expected
    assert 10 not in found or found[10] == str(folder / 'pair' / '0010')


@pytest.mark.parametrize('path, policy, text', [
    ('absent', {}, 'Could not find base path .*/absent for servable m'),
    ('empty', {}, 'No versions of servable m found under base path .*/empty. Did you forget'),
    ('pair', {'policy': 'specific', 'versions': (8, 9)}, 'None of the versions 8, 9 .* It has 1, 2, 10')])
def test_nothing_to_pick_is_said(folder, path, policy, text):
    with pytest.raises(errors.ServingError, match=f'NOT_FOUND: {text}'):
        watcher.find_versions('m', watcher.WatchedModel(str(folder / path), **policy))


def test_versions_come_and_go_by_polling(folder, models, caplog):
    fake, _, _ = models
    watching = watcher.VersionWatcher(fake, 0.01)
    watching.set_models({'image': watcher.WatchedModel(str(folder / 'image'))})
    assert fake.wanted == {'image': [1]}
    watching.start()
    try:
        (folder / 'image' / '2').mkdir()
        wait_for(lambda: fake.wanted['image'] == [2])
        (folder / 'image').rename(folder / 'gone')
        with caplog.at_level(logging.WARNING):
            wait_for(lambda: fake.wanted['image'] == [])
        watching.set_models({})
        assert fake.wanted['image'] == []
    finally:
        watching.stop()
    assert sum('Could not find base path' in line for line in caplog.messages) == 1


def wait_for(is_met):
    """Waits up to 20 s."""
    end = time.monotonic() + 20
    while not is_met():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_reload_adds_and_removes_models(models):
    fake, make, config = models
    listed = make()
    listed.start(config(model('pair')))
    listed.reload(config(model('pair', BOTH), model('image')))
    assert fake.wanted == {'pair': [1, 2], 'image': [1]}
    listed.reload(config(model('image')))
    assert fake.wanted == {'pair': [], 'image': [1]}
    listed.reload(config())
    assert fake.wanted == {'pair': [], 'image': []}


@pytest.mark.parametrize('text, refusal', [
    (['name: "z" model_platform: "tensorflow"'],
     'Expected model z to have an absolute path or URI; got base_path()='),
    (['name: "z" base_path: "models/z" model_platform: "tensorflow"'],
     'Expected model z to have an absolute path or URI; got base_path()=models/z'),
    ([model('pair'), model('pair')], 'Illegal to list model pair multiple times in config list'),
    ([model('', path='pair')], 'Expected each model of the config list to have a name'),
    (['name: "z" base_path: "{base}/pair"'], 'Illegal setting neither ModelServerConfig::model_type (deprecated) nor '
     'ModelServerConfig::model_platform, model name is z'),
    (['name: "z" base_path: "{base}/pair" model_platform: "pytorch"'],
     'Model z requests unsupported platform pytorch'),
    (['name: "pair" base_path: "{base}/pair" model_platform: "pytorch"'],
     "Illegal to change a model's platform. For model pair platform was tensorflow and new platform requested is "
     'pytorch'),
    ([model('pair'), model('z', path='absent')], 'Could not find base path'),
    ([model('pair'), model('empty')], 'No versions of servable empty'),
], ids=lambda value: value[:60] if isinstance(value, str) else '')
def test_a_refused_reload_changes_nothing(models, text, refusal):
    fake, make, config = models
    listed = make()
    listed.start(config(model('pair')))
    with pytest.raises(errors.ServingError) as caught:
        listed.reload(config(*text))
    assert caught.value.message.startswith(refusal)
    assert fake.wanted == {'pair': [10]}
    listed.reload(config(model('pair'), model('image')))
    assert fake.wanted == {'pair': [10], 'image': [1]}


def test_a_config_that_lists_no_models_is_refused(models):
    _, make, _ = models
    for text in ('', 'custom_model_config { }'):
        with pytest.raises(errors.ServingError, match='Only ModelConfigList is currently supported'):
            make().reload(text_format.Parse(text, model_server_config_pb2.ModelServerConfig()))


def test_a_new_model_that_does_not_load_is_named(models):
    fake, make, config = models
    listed = make()
    listed.start(config(model('pair')))
    fake.failing.add('image')
    with pytest.raises(errors.ServingError) as caught:
        listed.reload(config(model('pair'), model('image')))
    assert (caught.value.code, caught.value.message) == (
        'UNKNOWN', '1 model(s) did not become available: '
        '{{{name: image version: 1} due to error: INVALID_ARGUMENT: bad}, }')
    with pytest.raises(errors.ServingError, match='1 servable'):
        make().start(config(model('image')))


def labelled(stable):
    """`pair` with versions 1 and 2 and a label."""
    return model('pair', f'{BOTH} version_labels {{ key: "stable" value: {stable} }}')


def test_labels_need_their_version(models):
    fake, make, config = models
    refusal = 'FAILED_PRECONDITION: Request to assign label to version 7 of model pair, which is not currently'
    listed = make()
    with pytest.raises(errors.ServingError, match='version 1 of model pair'):
        listed.start(config(labelled(1)))
    listed.start(config(model('pair')))
    listed.reload(config(labelled(1)))
    assert fake.label_map == {'pair': {'stable': 1}}
    with pytest.raises(errors.ServingError, match=refusal):
        listed.reload(config(labelled(7)))
    assert fake.label_map == {'pair': {'stable': 1}}
    listed.reload(config(labelled(2)))
    listed.reload(config(model('pair', BOTH)))
    assert fake.label_map == {}


def test_a_new_label_may_be_early_by_flag_and_a_moved_one_only_by_force(models):
    fake, make, config = models
    listed = make(allows_unavailable_labels=True)
    listed.start(config(labelled(7)))
    assert fake.label_map == {'pair': {'stable': 7}}
    with pytest.raises(errors.ServingError, match='version 8 of model pair'):
        listed.reload(config(labelled(8)))
    forced = make(forces_unavailable_labels=True)
    forced.start(config(labelled(8)))
    assert fake.label_map == {'pair': {'stable': 8}}


def test_a_config_file_is_applied_when_it_has_changed(tmp_path, caplog):
    path = tmp_path / 'models.config'
    applied, refused = [], set()

    def apply(text):
        if text in refused:
            raise errors.ServingError('FAILED_PRECONDITION', 'not yet')
        applied.append(text)

    def read(path):
        if not path.exists():
            raise errors.ServingError('NOT_FOUND', 'gone')
        return path.read_text(), path.read_text()
    path.write_text('one')
    watching = watcher.ConfigWatcher(path, 'one', read, apply, 1)
    watching.look()
    assert applied == []
    path.write_text('two')
    refused.add('two')
    for _ in range(3):
        watching.look()
    assert applied == [] and caplog.text.count('not yet') == 1
    refused.clear()
    watching.look()
    watching.look()
    assert applied == ['two']
    path.unlink()
    watching.look()
    assert applied == ['two'] and 'gone' in caplog.text
