"""Settings: presets, overrides, what is refused and how it is said."""

import dataclasses
import json
import subprocess
import sys

import pytest

from stylegan_tf import configs


def test_presets_import_no_tensorflow():
    code = ('import sys; from stylegan_tf import configs; configs.get("style_transfer_128"); '
            'sys.exit(bool({"tensorflow", "keras", "cv2"} & set(sys.modules)))')
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0


@pytest.mark.parametrize(('setting', 'field', 'expected'), [
    ('batch_size=4', 'batch_size', 4),
    ('total_images=1_000', 'total_images', 1000),
    ('resolution=64', 'resolution', 64),
    ('resolution=64x96', 'resolution', (64, 96)),
    ('style_weight=1e1', 'style_weight', 10.0),
    ('discriminator_condition=off', 'discriminator_condition', False),
    ('style_layers=relu1_1, relu2_1', 'style_layers', ('relu1_1', 'relu2_1')),
    ('label_names=', 'label_names', ()),
])
def test_override(setting, field, expected):
    assert getattr(configs.override(configs.get('style_transfer_128'), [setting]), field) == expected


def test_override_reaches_into_groups():
    config = configs.override(configs.get('style_transfer_128'),
                              ['generator_optimizer.learning_rate=1e-4', 'style_augmentation.crop_scale=0.1,0.2'])
    assert config.generator_optimizer.learning_rate == 1e-4
    assert config.generator_optimizer.beta_1 == configs.get('style_transfer_128').generator_optimizer.beta_1
    assert config.style_augmentation.crop_scale == (0.1, 0.2)


@pytest.mark.parametrize(('setting', 'message'), [
    ('batchsize=4', "Unknown setting 'batchsize'. Did you mean 'batch_size'?"),
    ('batch_size=four', "'batch_size' must be of type int. Received: 'four'"),
    ('style_weight', 'Expected --set=name=value'),
    ('discriminator_condition=maybe', 'must be of type bool'),
    ('generator_optimizer=adam', 'is a group: write generator_optimizer.FIELD=value'),
    ('batch_size.x=1', 'has no fields of its own'),
    ('style_augmentation.crop_scale=1', 'crop_scale'),
])
def test_override_refuses(setting, message):
    with pytest.raises(configs.ConfigError) as error:
        configs.override(configs.get('style_transfer_128'), [setting])
    assert message in str(error.value)


def test_unknown_preset_lists_the_known():
    with pytest.raises(configs.ConfigError, match='style_transfer_256'):
        configs.get('style_transfer_257')


def test_resolution_must_be_a_multiple():
    config = configs.get('style_transfer_128', resolution=100)
    with pytest.raises(configs.ConfigError, match=r'multiple of 8.*100x100.*Try 104x104'):
        config.check()


@pytest.mark.parametrize('name', configs.PRESETS)
def test_json_and_back(name):
    config = configs.get(name)
    assert configs.from_dict(json.loads(json.dumps(config.as_dict()))) == config
    assert config.preset == name


def test_hash_changes_with_any_setting():
    config = configs.get('style_transfer_128')
    changed = configs.override(config, ['generator_optimizer.beta_1=0.25'])
    assert config.hash() == configs.get('style_transfer_128').hash() != changed.hash()


def test_configs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        configs.get('style_transfer_128').batch_size = 1
