"""Models that draw: what `generate`, `codes` and `draw` promise, and what is refused."""

import numpy as np
import pytest

import stylegan_tf as sg
from stylegan_tf import exporter, images
from stylegan_tf.loaded_models import ModelError
from stylegan_tf.stylegan_models import GeneratorModel
from tests import tiny_models


def model():
    return tiny_models.generator_model()


def test_a_picture_depends_on_seed_and_place_alone():
    assert isinstance(model(), GeneratorModel) and model().label_names == ('cat', 'dog')
    several = model().generate(3, seed=5)
    assert [picture.shape for picture in several] == [(32, 48, 3)] * 3 and several[0].dtype == np.uint8
    for one, other in zip(model().generate(2, seed=5), several):
        np.testing.assert_array_equal(one, other)
    assert np.abs(several[0].astype(int) - several[1]).max() > 3
    assert np.abs(several[0].astype(int) - model().generate(1, seed=6)[0]).max() > 3


def test_pictures_are_those_of_the_system():
    system = tiny_models.generator_system()
    latent = model().noise(2, seed=1)
    expected = images.to_uint8(system.generate(latent, np.array([1, 0]), np.float32([0.3, 1.0])).numpy())
    found = model().generate(2, seed=1, label=['dog', 0], truncation=[0.3, 1.0])
    assert max(np.abs(one.astype(int) - other).max() for one, other in zip(found, expected)) <= 1


def test_codes_draw_the_same_picture_and_can_be_changed():
    codes = model().codes(2, seed=4, label='cat', truncation=0.8)
    assert codes.shape == (2, model().card['style_layers'], 8)
    drawn = model().draw(codes)
    for one, other in zip(model().generate(2, seed=4, label='cat', truncation=0.8), drawn):
        assert np.abs(one.astype(int) - other).max() <= 1
    one_for_all = model().draw(codes[:, 0])
    np.testing.assert_array_equal(one_for_all[0], drawn[0])
    assert np.abs(model().draw(codes[::-1])[0].astype(int) - drawn[1]).max() == 0
    assert np.abs(model().draw(codes.mean(axis=0, keepdims=True))[0].astype(int) - drawn[0]).max() > 3


@pytest.mark.parametrize('options, message', [
    ({'count': 0}, 'from 1 on. Received: 0'), ({'count': 2.5}, 'from 1 on'),
    ({'label': 'bird'}, "class 'bird'. It knows: cat, dog"), ({'label': 2}, 'class 2'),
    ({'count': 2, 'label': ['cat']}, 'one for each of 2. Received: 1'),
    ({'truncation': 1.5}, 'between 0 and 1. Received: 1.5'),
    ({'latent': np.zeros((2, 5))}, r'\[B, 6\]. Received: \[2, 5\]')])
def test_bad_values_are_refused(options, message):
    with pytest.raises(ModelError, match=message):
        model().generate(**options)


def test_other_verbs_and_codes_of_another_shape_are_refused():
    with pytest.raises(ModelError, match=r'cannot stylize. It offers: generate'):
        model().stylize(tiny_models.picture(20, 20), tiny_models.picture(20, 20))
    with pytest.raises(ModelError, match=r'\[B, 8\] or \[B, 8, 8\]. Received: \[1, 3, 8\]'):
        model().draw(np.zeros((1, 3, 8)))


@pytest.mark.slow
def test_the_digits_that_ship_are_drawn_by_class():
    digits = sg.load('digits')
    assert digits.label_names == tuple('0123456789') and 'MNIST' in digits.card['training']['data']['content']
    assert any('4 like 9' in note for note in digits.card['notes']) and 'digits' in digits.card['purpose']
    ones, eights = (np.array(digits.generate(8, seed=1, label=label, truncation=0.7)) for label in ('1', '8'))
    assert ones.shape == (8, 28, 28, 3) and np.abs(ones - np.roll(ones, 1, axis=0).astype(int)).mean() > 5
    assert 0.02 < (ones > 127).mean() < (eights > 127).mean() < 0.4  # ink of a stroke, and of two rings


@pytest.mark.slow
def test_an_export_draws_the_same_and_serves_files(tmp_path):
    folder = exporter.export(tiny_models.generator_run_folder(), tmp_path / 'tiny')
    loaded = sg.load(folder)
    for one, other in zip(loaded.generate(3, seed=2, label='dog'), model().generate(3, seed=2, label='dog')):
        assert np.abs(one.astype(int) - other).max() <= 1
    told = loaded.run_signature('generate_bytes', latent=loaded.noise(1, 2), label=np.array([1], np.int32),
                                truncation=np.ones(1, np.float32))
    assert np.abs(images.read(told['image_bytes'][0]).astype(int) - loaded.generate(1, seed=2, label=1)[0]).max() <= 1
