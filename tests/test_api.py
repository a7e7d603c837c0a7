"""The Python API: loading by every door, and what `stylize` promises about its result."""

import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

import stylegan_tf as sg
from stylegan_tf import api, colors, configs, images, loaded_models
from tests import tiny_models

PHOTO = tiny_models.picture(45, 62, seed=1)
STYLES = [tiny_models.picture(40, 50, seed=2), tiny_models.picture(64, 33, seed=3)]


def largest_difference(a, b):
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def test_importing_is_light():
    code = ("import sys, stylegan_tf as sg; sg.config('style_transfer_64'); sg.__version__; "
            "from stylegan_tf import api; api.shipped_models(); "
            "assert not {'tensorflow', 'keras'} & set(sys.modules)")
    subprocess.run([sys.executable, '-c', code], check=True, timeout=60)


def test_config():
    config = sg.config('style_transfer_128', batch_size=4)
    assert config == configs.get('style_transfer_128', batch_size=4)
    with pytest.raises(configs.ConfigError, match=r"Did you mean 'batch_size'"):
        sg.config('style_transfer_128', batchsize=4)


@pytest.mark.slow
def test_every_door_gives_the_same_picture(tmp_path):
    base = tiny_models.exported()
    expected = tiny_models.model().stylize(PHOTO, STYLES[0])
    assert expected.shape == PHOTO.shape and expected.dtype == np.uint8
    assert largest_difference(expected, PHOTO) > 8
    shutil.copytree(base / '1', tmp_path / 'copies' / '12')
    shutil.copytree(base / '1', tmp_path / 'copies' / '9')
    for folder in (base / '1', str(tmp_path / 'copies'), tiny_models.run_folder()):
        model = sg.load(folder)
        assert model.hash == tiny_models.card()['weights_hash']
        assert model.name == tiny_models.PRESET
        assert largest_difference(model.stylize(PHOTO, STYLES[0]), expected) <= 1
    assert api._newest(tmp_path / 'copies').name == '12'


def test_shipped_models_load_by_name(tmp_path, monkeypatch):
    shutil.copytree(tiny_models.exported(), tmp_path / 'small_style')
    monkeypatch.setattr(api, 'PRETRAINED', tmp_path)
    assert api.shipped_models()['small_style'].startswith('Repaints photographs')
    assert sg.load('small_style').name == 'small_style'


def test_inputs_may_be_paths_arrays_or_files(tmp_path):
    model = tiny_models.model()
    expected = model.stylize(PHOTO, STYLES[0])
    images.save(tmp_path / 'photo.png', PHOTO)
    images.save(tmp_path / 'style.png', STYLES[0])
    received = model.stylize(str(tmp_path / 'photo.png'), tmp_path / 'style.png')
    np.testing.assert_array_equal(received, expected)
    received = model.stylize((tmp_path / 'photo.png').read_bytes(), [STYLES[0]])
    np.testing.assert_array_equal(received, expected)
    grey = model.stylize(PHOTO[..., 0], STYLES[0])
    assert grey.shape == PHOTO.shape


@pytest.mark.parametrize('size', [(5, 50), (17, 31), (64, 64)])
def test_any_size_comes_back_at_its_size(size):
    picture = tiny_models.picture(*size)
    assert tiny_models.model().stylize(picture, STYLES[0]).shape == (*size, 3)


def test_strength():
    model = tiny_models.model()
    np.testing.assert_array_equal(model.stylize(PHOTO, STYLES[0], strength=0), PHOTO)
    changes = [np.abs(model.stylize(PHOTO, STYLES[0], strength=s).astype(int) - PHOTO).mean()
               for s in (0.1, 0.2)]
    assert 0 < changes[0] < changes[1]
    for strength in (-0.1, 1.5, float('nan')):
        with pytest.raises(api.ModelError, match=r'between 0 and 1'):
            model.stylize(PHOTO, STYLES[0], strength=strength)


def test_styles_are_blended_by_weight():
    model = tiny_models.model()
    codes = [model.prepare_style(style).code for style in STYLES]
    assert not np.allclose(*codes)
    np.testing.assert_allclose(model.prepare_style(STYLES).code, (codes[0] + codes[1]) / 2,
                               rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.prepare_style(STYLES, [3, 1]).code,
                               0.75 * codes[0] + 0.25 * codes[1], rtol=1e-5, atol=1e-6)
    only_second = model.stylize(PHOTO, STYLES, style_weights=[0, 2])
    assert largest_difference(only_second, model.stylize(PHOTO, STYLES[1])) <= 1


@pytest.mark.parametrize('weights, message', [
    ([1], 'Expected one weight for each style, 2'), ([1, -1], '0 or more'), ([0, 0], 'above 0'),
    ([1, float('nan')], '0 or more')])
def test_bad_weights(weights, message):
    with pytest.raises(api.ModelError, match=message):
        tiny_models.model().stylize(PHOTO, STYLES, style_weights=weights)


def test_a_prepared_style_equals_its_pictures():
    model = tiny_models.model()
    prepared = model.prepare_style(STYLES, [1, 3])
    np.testing.assert_array_equal(model.stylize(PHOTO, prepared),
                                  model.stylize(PHOTO, STYLES, style_weights=[1, 3]))
    with pytest.raises(api.ModelError, match=r'has its weights already'):
        model.stylize(PHOTO, prepared, style_weights=[1, 1])
    with pytest.raises(api.ModelError, match=r'At least one style'):
        model.stylize(PHOTO, [])


def test_large_styles_are_reduced():
    large = tiny_models.picture(40, 3000, seed=5)
    assert tiny_models.model().prepare_style(large).pictures[0].shape == (14, 1024, 3)


def test_luminance_keeps_the_colours():
    result = tiny_models.model().stylize(PHOTO, STYLES[0], keep_colors='luminance')
    plain = tiny_models.model().stylize(PHOTO, STYLES[0])
    np.testing.assert_array_equal(result, colors.keep_luminance(plain, PHOTO))
    assert largest_difference(result, plain) > 8


def test_palette_recolours_the_style():
    model = tiny_models.model()
    result = model.stylize(PHOTO, STYLES, keep_colors='palette')
    recoloured = [colors.match_palette(style, PHOTO) for style in STYLES]
    np.testing.assert_array_equal(result, model.stylize(PHOTO, recoloured))
    with pytest.raises(api.ModelError, match=r'none, luminance, palette'):
        model.stylize(PHOTO, STYLES, keep_colors='all')


def test_mask_limits_the_change():
    model = tiny_models.model()
    mask = np.zeros((90, 124), np.uint8)  # twice the content's size
    mask[:, 62:] = 255
    mask[:, 100:] = 128
    result = model.stylize(PHOTO, STYLES[0], mask=mask)
    full = model.stylize(PHOTO, STYLES[0])
    np.testing.assert_array_equal(result[:, :30], PHOTO[:, :30])
    np.testing.assert_array_equal(result[:, 32:49], full[:, 32:49])
    half = np.rint(PHOTO + (full.astype(float) - PHOTO) * 128 / 255)
    assert np.abs(result - half)[:, 52:].max() <= 1


def test_styles_from_noise():
    model = tiny_models.model()
    first, again, second = (model.style_from_noise(seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.code, again.code)
    assert not np.allclose(first.code, second.code)
    assert model.stylize(PHOTO, first).shape == PHOTO.shape
    with pytest.raises(api.ModelError, match=r"does not know the class 'baroque'"):
        model.style_from_noise(label='baroque')
    with pytest.raises(api.ModelError, match=r"Use 'luminance'"):
        model.stylize(PHOTO, first, keep_colors='palette')


def test_styles_of_a_class():
    from stylegan_tf import exporter, serving_graph

    system = sg.config(tiny_models.PRESET, label_names=('etching', 'mosaic')).build()
    functions = serving_graph.build(system)
    model = loaded_models.NetworkModel(functions, exporter.make_card(system, functions))
    by_name = {label: model.style_from_noise(5, label=label).code
               for label in (None, 'etching', 'mosaic')}
    latent = np.random.default_rng(5).standard_normal((1, system.config.latent_size))
    for index, code in zip((-1, 0, 1), by_name.values()):
        expected = system.average('mapping')(latent.astype(np.float32), np.array([index]))
        np.testing.assert_allclose(code, expected, atol=1e-5)
    assert not np.allclose(by_name['etching'], by_name['mosaic'])
    with pytest.raises(api.ModelError, match=r"class 'oil'. It knows: etching, mosaic"):
        model.style_from_noise(label='oil')


@pytest.mark.parametrize('verb', ['score', 'correct', 'generate'])
def test_what_a_model_lacks_is_said_with_what_it_offers(verb):
    with pytest.raises(api.ModelError, match=f'cannot {verb}. It offers: stylize, '):
        getattr(tiny_models.model(), verb)()


def test_a_foreign_savedmodel_with_one_style(tmp_path):
    import tensorflow as tf

    class Halves(tf.Module):
        @tf.function(input_signature=[
            tf.TensorSpec([None, None, None, 3], name='content'),
            tf.TensorSpec([None, None, None, 3], name='style'),
            tf.TensorSpec([None], name='strength')])
        def stylize(self, content, style, strength):
            return {'stylized': content * 0.5 + 0.0 * tf.reduce_mean(style) * strength[0]}

    module = Halves()
    tf.saved_model.save(module, str(tmp_path), signatures={'stylize': module.stylize})
    model = sg.load(tmp_path)
    assert len(model.hash) == 12
    assert largest_difference(model.stylize(PHOTO, STYLES[0]), PHOTO // 2) <= 1
    with pytest.raises(api.ModelError, match=r'takes one style picture. Received: 2'):
        model.stylize(PHOTO, STYLES)
    with pytest.raises(api.ModelError, match=r'cannot make styles from noise'):
        model.style_from_noise(3)


def test_what_is_no_model_is_said(tmp_path):
    with pytest.raises(api.ModelError, match=r'neither a folder nor the name.*one of: gatys'):
        sg.load('no_such_model')
    with pytest.raises(api.ModelError, match=r'holds no model'):
        sg.load(tmp_path)
    (tmp_path / 'saved_model.pb').write_bytes(b'damaged')
    with pytest.raises(api.ModelError, match=r'cannot be loaded'):
        sg.load(tmp_path)
    with pytest.raises(api.ModelError, match=r'Options are those of the model gatys'):
        sg.load(tiny_models.exported(), size=3)


def test_a_damaged_run_folder_is_said(tmp_path):
    shutil.copytree(tiny_models.run_folder(), tmp_path / 'run')
    shutil.rmtree(tmp_path / 'run' / 'checkpoints')
    with pytest.raises(api.ModelError, match=r'No whole checkpoint'):
        sg.load(tmp_path / 'run')


def test_bad_pictures_are_named(tmp_path):
    path = tmp_path / 'broken.jpg'
    path.write_bytes(b'\xff\xd8\xff nothing')
    for content, style in ((path, STYLES[0]), (PHOTO, path)):
        with pytest.raises(images.ImageError, match=r'broken.jpg'):
            tiny_models.model().stylize(content, style)


def test_too_large_for_the_memory_is_said(monkeypatch):
    monkeypatch.setattr(loaded_models, '_memory_bytes', lambda: 1_000_000)
    with pytest.raises(api.ModelError, match=r'62x45 pixels needs .* GB'):
        tiny_models.model().stylize(PHOTO, STYLES[0])


def test_gatys(tmp_path):
    model = sg.load('gatys', size='48', iterations=4, style_layers='relu1_1,relu2_1')
    evaluations = []
    model.progress = lambda progress: evaluations.append(progress.evaluation)
    mask = np.zeros(PHOTO.shape[:2], np.uint8)
    mask[:, 31:] = 255
    result = model.stylize(PHOTO, STYLES, style_weights=[1, 2], mask=mask)
    assert result.shape == (35, 48, 3)
    small = images.fit_within(PHOTO, 48)
    np.testing.assert_array_equal(result[:, :20], small[:, :20])
    assert largest_difference(result, small) > 3
    assert evaluations == [1, 2, 3, 4]
    assert model.hash != sg.load('gatys').hash
    with pytest.raises(api.ModelError, match=r'masks are empty'):
        model.stylize(PHOTO, STYLES, mask=np.zeros((9, 9), np.uint8))
    for options, message in (({'sise': 3}, "no option 'sise'. It has: size"),
                             ({'size': 'big'}, "'size' of gatys must be of type int"),
                             ({'size': 3}, 'at least 32')):
        with pytest.raises(api.ModelError, match=message):
            sg.load('gatys', **options)


def test_real_photographs_and_paintings(shared_data):
    photos = sorted(pathlib.Path(shared_data, 'photos').iterdir())
    paintings = images.find_images(shared_data / 'paintings')
    content = images.read(photos[0])
    result = tiny_models.model().stylize(photos[0], paintings[:2])
    assert result.shape == content.shape
