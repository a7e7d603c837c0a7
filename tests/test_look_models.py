"""Photographic looks as models: learned from pictures, saved, loaded, and the table that they are."""

import numpy as np
import pytest
import skimage.data

import stylegan_tf as sg
from stylegan_tf import api, images, looks, portrait_models


@pytest.fixture(scope='module')
def warm():
    """A look that takes blue away, and a picture."""
    table = looks.tables.identity_table().copy()
    table[..., 2] *= 0.5
    picture = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    return looks.Look(table), picture


def test_a_saved_look_is_a_model_without_a_style(tmp_path, warm):
    look, picture = warm
    look.save(tmp_path / 'warm.npz')
    model = sg.load(tmp_path / 'warm.npz')
    assert (model.name, model.takes_style, api.takes_style(tmp_path / 'warm.npz')) == ('warm', False, False)
    assert api.stylizes(tmp_path / 'warm.npz') and api.engine_for(tmp_path / 'warm.npz') == 'litert'
    result = model.stylize(picture)
    expected = picture * [1, 1, 0.5]
    assert np.abs(result - expected).max() <= 1
    assert np.array_equal(model.stylize(picture, strength=0.0), picture)
    mask = np.zeros((40, 48), np.uint8)
    mask[:, :24] = 255
    half = model.stylize(picture, mask=np.repeat(mask[..., None], 3, axis=2))
    assert np.array_equal(half[:, 30:], picture[:, 30:]) and np.array_equal(half[:, :18], result[:, :18])
    np.testing.assert_allclose(model.color_table(), look.table)
    for wrong in ({'style': picture}, {'tile': 64}, {'direction': 'back'}):
        with pytest.raises(api.ModelError):
            model.stylize(picture, **wrong)
    (tmp_path / 'bad.npz').write_bytes(b'no look')
    with pytest.raises(api.ModelError, match=r'bad\.npz'):
        sg.load(tmp_path / 'bad.npz')


def test_the_table_of_a_portrait_look_is_what_it_does_without_texture():
    def painted(factor):
        def run(signature, **inputs):
            if signature == 'code_from_noise':
                return {'code': inputs['latent']}
            assert inputs['texture'] == 0 and inputs['strength'] == 1
            return {'stylized': inputs['content'] * np.float32(factor)}
        model = portrait_models.PortraitModel({}, {})
        model._run, model._latent_size = run, 4
        return model.color_table()

    np.testing.assert_allclose(painted([1, 1, 0.5])[-1, 8, 4], [1, 0.25, 0.0625])
    assert painted([1, 1, 1]) is None


def test_a_look_is_learned_from_the_pictures_that_are_given(warm):
    look, picture = warm
    rng = np.random.default_rng(1)
    graded = [look.apply(images.resize(rng.integers(60, 220, (6, 8, 3), np.uint8), (64, 80))) for _ in range(3)]
    model = sg.load('photographic_look')
    assert model.takes_style and 'photographic_look' in api.shipped_models()
    style = model.prepare_style(graded)
    result = model.stylize(picture, style)
    assert result[..., 2].mean() < picture[..., 2].mean() - 10  # blue went
    assert model.color_table(style).shape == (33, 33, 33, 3)
    assert np.array_equal(model.stylize(picture, graded), result)
    for wrong in ({'style': None}, {'style': graded, 'style_weights': [1, 2, 3]},
                  {'style': graded, 'keep_colors': 'palette'}):
        with pytest.raises(api.ModelError):
            model.stylize(picture, **wrong)


def test_portraits_without_the_look_tell_its_local_tone(tmp_path):
    portrait = images.resize(skimage.data.astronaut()[:280, 90:370], (560, 560))
    for name in 'abcde':
        images.save(tmp_path / 'plain' / f'{name}.png', portrait)
    clear = looks.Look(looks.tables.identity_table(), looks.Texture(1.7))
    model = sg.load('photographic_look', ungraded=tmp_path / 'plain')
    learned = model.prepare_style([clear.apply(portrait)] * 5).look
    # Five faces are few: it is believed in part.
    assert 1.1 < learned.texture.detail_gain < 1.7 and learned.notes['content_pictures'] == 5
    assert sg.load('photographic_look').prepare_style([portrait] * 5).look.texture == looks.Texture()
    (tmp_path / 'empty').mkdir()
    with pytest.raises(api.ModelError, match='empty, which holds none'):
        sg.load('photographic_look', ungraded=tmp_path / 'empty')
