"""Folders, grids, films, sweeps and matrices; the command is run in test_generate.py."""

import dataclasses
import json

import numpy as np
import pytest

from stylegan_tf import data, drawings, images
from stylegan_tf.loaded_models import ModelError
from tests import tiny_models

SETTINGS = drawings.Settings(count=3, seed=2, label='cat', truncation=0.9, enlarge=1)


def model():
    return tiny_models.generator_model()


def test_class_folders_are_data_to_train_on(tmp_path):
    folder = tmp_path / 'drawn'
    assert drawings.write_classes(model(), folder, dataclasses.replace(SETTINGS, label=None)) == 6
    source = data.load(folder)
    assert source.label_names == ('cat', 'dog') and np.bincount(source.labels).tolist() == [3, 3]
    latent = model().noise(6, SETTINGS.seed)
    expected = model().generate(latent=latent[4:5], label='dog', truncation=0.9)[0]
    np.testing.assert_array_equal(images.read(folder / 'dog' / '00001.png'), expected)
    assert images.read_metadata(folder / 'dog' / '00001.png')['Label'] == 'dog'


def test_a_folder_is_continued_and_never_mixed(tmp_path):
    assert drawings.write_folder(model(), tmp_path, SETTINGS) == 3
    first = (tmp_path / '00000.png').read_bytes()
    (tmp_path / '00001.png').unlink()
    assert drawings.write_folder(model(), tmp_path, dataclasses.replace(SETTINGS, count=4)) == 2
    assert (tmp_path / '00000.png').read_bytes() == first
    assert json.loads((tmp_path / drawings.RECORD_FILE).read_text())['hash'] == model().hash
    other = dataclasses.replace(SETTINGS, seed=3)
    with pytest.raises(drawings.DrawingError, match=r'made otherwise .another seed'):
        drawings.write_folder(model(), tmp_path, other)
    assert drawings.write_folder(model(), tmp_path, other, overwrite=True) == 3
    assert (tmp_path / '00000.png').read_bytes() != first
    images.save(tmp_path / 'mine' / 'photo.png', tiny_models.picture(8, 8))
    with pytest.raises(drawings.DrawingError, match='of another origin'):
        drawings.write_folder(model(), tmp_path / 'mine', SETTINGS)


def cells(sheet, rows, columns, top=None):
    """The pictures of a sheet [rows][columns], from its lower right corner, where no label stands."""
    gap, (height, width) = 4, (32, 48)
    lefts = [sheet.shape[1] - (columns - c) * (width + gap) for c in range(columns)]
    tops = [sheet.shape[0] - (rows - r) * (height + gap) for r in range(rows)]
    return [[sheet[y:y + height, x:x + width] for x in lefts] for y in tops]


def test_a_mixing_matrix_takes_some_layers_from_the_left():
    codes = model().codes(6, seed=2, label='cat', truncation=0.9)
    sheet = cells(drawings.mixing_matrix(model(), SETTINGS, (1, 2)), 4, 4)
    np.testing.assert_array_equal(sheet[0][3], model().draw(codes[2:3])[0])
    np.testing.assert_array_equal(sheet[2][0], model().draw(codes[4:5])[0])
    mixed = codes[2:3].copy()
    mixed[:, 1:3] = codes[4, 1:3]
    np.testing.assert_array_equal(sheet[2][3], model().draw(mixed)[0])
    with pytest.raises(ModelError, match=r'are 0 to 7, first and last. Received: 3 and 8'):
        drawings.mixing_matrix(model(), SETTINGS, (3, 8))


def test_a_sweep_goes_from_the_mean_to_the_picture():
    sheet = cells(drawings.truncation_sweep(model(), SETTINGS), 3, 5)
    for row in sheet:
        np.testing.assert_array_equal(row[0], sheet[0][0])
    np.testing.assert_array_equal(sheet[1][4], model().generate(2, seed=2, label='cat')[1])


def test_a_grid_has_a_row_for_each_class():
    sheet = cells(drawings.grid(model(), dataclasses.replace(SETTINGS, label=None, count=6, truncation=1.0)), 2, 3)
    np.testing.assert_array_equal(sheet[1][2], model().generate(3, seed=2, label='dog')[2])
    one = cells(drawings.grid(model(), SETTINGS), 2, 2)  # three pictures of one class in two rows
    np.testing.assert_array_equal(one[1][0], model().generate(3, seed=2, label='cat', truncation=0.9)[2])


def test_a_film_passes_each_picture_and_ends_where_it_began():
    frames = list(drawings.interpolation(model(), SETTINGS, frames=4))
    assert len(frames) == 12
    codes = model().codes(3, seed=2, label='cat', truncation=0.9)
    np.testing.assert_array_equal(frames[4], model().draw(codes[1:2])[0])
    np.testing.assert_array_equal(frames[10], model().draw((codes[2:3] + codes[:1]) / 2)[0])
    classes = list(drawings.interpolation(model(), dataclasses.replace(SETTINGS, label=None), frames=1))
    dog = model().codes(3, seed=2, label='dog', truncation=0.9)
    np.testing.assert_array_equal(classes[1], model().draw(dog[1:2])[0])


def test_great_circles_keep_the_length():
    random = np.random.default_rng(0)
    start, end = random.normal(size=(2, 50))
    end *= np.linalg.norm(start) / np.linalg.norm(end)
    path = drawings.great_circle(start, end, np.linspace(0, 1, 5)[:, None])
    np.testing.assert_allclose(path[[0, 4]], [start, end], atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), np.linalg.norm(start))
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps[0])
    np.testing.assert_allclose(drawings.great_circle(start, start, np.array([[0.5]])), [start])


def test_models_without_classes_have_no_class_folders(monkeypatch, tmp_path):
    monkeypatch.setitem(model().card, 'label_names', [])
    with pytest.raises(ModelError, match='knows no classes'):
        drawings.write_classes(model(), tmp_path, SETTINGS)
