"""models.config from a folder of exports: which versions it loads, where its labels stay, what it refuses."""

import pathlib
import subprocess
import sys

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from stylegan_serving import server_configs
from stylegan_serving.server_configs import ModelConfigError


def exports(folder, **versions):
    """Empty exports: exports(folder, first=[1, 2]) makes first/1 and first/2."""
    for name, numbers in versions.items():
        for number in numbers:
            path = folder / name / str(number) / 'saved_model.pb'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return folder


def facts(config):
    """Dict model -> (labels, loaded versions)."""
    return {model.name: (dict(model.version_labels), list(model.model_version_policy.specific.versions))
            for model in config.model_config_list.config}


def run(*arguments):
    return subprocess.run([sys.executable, '-m', 'stylegan_serving.model_config', *arguments],
                          capture_output=True, text=True, timeout=120)


def test_exports_are_found_and_nothing_else(tmp_path):
    exports(tmp_path, first=[2, 10], second=[1])
    (tmp_path / 'first' / '.tmp-11-ab').mkdir()
    (tmp_path / 'first' / '11').mkdir()  # being copied: no saved_model.pb yet
    (tmp_path / 'lean' / '1').mkdir(parents=True)
    (tmp_path / 'notes.txt').touch()
    assert server_configs.find_models(tmp_path) == {'first': [2, 10], 'second': [1]}
    with pytest.raises(ModelConfigError, match='absent is not a folder'):
        server_configs.find_models(tmp_path / 'absent')


def test_labels_stay_and_canary_goes_to_the_newest():
    first = server_configs.build({'style': [1, 2]}, '/models/')
    assert facts(first) == {'style': ({'stable': 2, 'canary': 2}, [2])}
    assert first.model_config_list.config[0].base_path == '/models/style'
    assert first.model_config_list.config[0].model_platform == 'tensorflow'
    second = server_configs.build({'style': [1, 2, 3], 'faces': [7]}, '/models', previous=first)
    assert facts(second) == {'style': ({'stable': 2, 'canary': 3}, [2, 3]),
                             'faces': ({'stable': 7, 'canary': 7}, [7])}
    third = server_configs.build({'style': [1, 2, 3]}, '/models', previous=second,
                                 labels={('style', 'stable'): 3, ('style', 'canary'): 1, ('style', 'old'): 1})
    assert facts(third) == {'style': ({'stable': 3, 'canary': 1, 'old': 1}, [1, 3])}


def test_labels_without_their_version_are_refused():
    first = server_configs.build({'style': [1]}, '/models')
    with pytest.raises(ModelConfigError, match=r'label stable of style is on version 1, and there are only 2, 3'):
        server_configs.build({'style': [2, 3]}, '/models', previous=first)
    with pytest.raises(ModelConfigError, match=r"no model 'stile' to label. Models: style"):
        server_configs.build({'style': [2]}, '/models', labels={('stile', 'stable'): 2})


def test_moving_a_label_keeps_the_other_versions_loaded():
    config = server_configs.build({'style': [1]}, '/models')
    moved = server_configs.with_label(config, 'style', 'canary', 2)
    assert facts(moved) == {'style': ({'stable': 1, 'canary': 2}, [1, 2])}
    assert facts(config) == {'style': ({'stable': 1, 'canary': 1}, [1])}
    with pytest.raises(ModelConfigError, match=r"no model 'stile'. It has: style"):
        server_configs.with_label(config, 'stile', 'canary', 2)


@pytest.mark.parametrize(('text', 'message'), [
    ('model_config_list {}', 'lists no models'),
    ('model_config_list { config { base_path: "/m" model_platform: "tensorflow" } }', 'a name of its own'),
    ('model_config_list { config { name: "a" base_path: "/m" } }', 'later reloads fail until the server restarts'),
    ('model_config_list { config { name: "a" base_path: "/m" model_platform: "tensorflow" '
     'model_version_policy { specific { versions: 2 } } version_labels { key: "stable" value: 1 } } }',
     'the label stable of a is on version 1, which its policy does not load'),
    ('model_config_list { config { nme: "a" } }', 'no text proto ModelServerConfig'),
])
def test_what_a_real_server_suffers_from_is_refused(tmp_path, text, message):
    path = tmp_path / 'models.config'
    path.write_text(text)
    with pytest.raises(ModelConfigError, match=message):
        server_configs.read(path)


def test_command_writes_and_keeps(tmp_path):
    exports(tmp_path / 'models', style=[1])
    output = tmp_path / 'models.config'
    flags = [f'--models={tmp_path / "models"}', f'--output={output}', '--base_path=/models']
    done = run(*flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout == 'style: canary 1, stable 1\n'
    exports(tmp_path / 'models', style=[2])
    assert run(*flags).stdout == 'style: canary 2, stable 1\n'
    assert run(*flags, '--label=style:stable=2').stdout == 'style: canary 2, stable 2\n'
    read = text_format.Parse(output.read_text(), model_server_config_pb2.ModelServerConfig())
    assert facts(read) == {'style': ({'stable': 2, 'canary': 2}, [2])}
    assert [path.name for path in tmp_path.iterdir() if 'partial' in path.name] == []


def test_command_refuses(tmp_path):
    (tmp_path / 'empty').mkdir()
    output = f'--output={tmp_path / "models.config"}'
    for arguments, message in (
            ([output], '--models is required'),
            ([output, f'--models={tmp_path / "empty"}'], 'holds no exports. Make one: stylegan-tf export'),
            ([output, f'--models={exports(tmp_path / "some", a=[1])}', '--label=a:1'], 'NAME:LABEL=VERSION')):
        refused = run(*arguments)
        assert refused.returncode == 2 and message in refused.stderr, refused.stderr
        assert len(refused.stderr.splitlines()) == 1


def test_help_imports_no_tensorflow():
    code = ('import sys; sys.argv = ["x", "--help"]\nfrom stylegan_serving import model_config\n'
            'from stylegan_tf import commands\n'
            'try:\n    commands.run(model_config.main)\nexcept SystemExit:\n    pass\n'
            'assert not {"tensorflow", "tensorflow_serving"} & set(sys.modules)')
    shown = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0 and '--base_path' in shown.stdout, shown.stderr


def test_shipped_models_are_in_the_file_of_the_repository():
    from stylegan_tf import api

    path = pathlib.Path(__file__).parents[3] / 'serving' / 'model_server' / 'models.config'
    config = server_configs.read(path)
    listed = {model.name: model.base_path for model in config.model_config_list.config}
    assert listed == {name: f'/models/{name}' for name in api.shipped_models()
                      if name not in api.WITHOUT_WEIGHTS}
