"""Portraits cut out of pictures, and whether there are enough of them; the finding of faces has its own tests."""

import types

import numpy as np
import pytest

from stylegan_tf import configs, data, images
from stylegan_tf.data import aligned_faces, faces, sufficiency
from stylegan_tf.training import health, splits


@pytest.fixture
def folder(tmp_path):
    """Six pictures of noise; the last has no face."""
    random = np.random.default_rng(0)
    for index in range(6):
        picture = random.integers(20, 256, (60 + 10 * index, 80, 3)).astype(np.uint8)
        picture[0, 0] = 0 if index < 5 else 255
        images.save(tmp_path / 'pictures' / f'{index}.png', picture)
    return tmp_path / 'pictures'


@pytest.fixture
def searches(monkeypatch):
    """Every picture whose first pixel is black has a face of 30 pixels; the list notes each search."""
    searched = []

    def detect(pixels):
        searched.append(pixels.shape)
        return [types.SimpleNamespace(size=30.0)] if pixels[0, 0, 0] == 0 else []

    def align(pixels, face, size, *, scale=1.0):
        placement = types.SimpleNamespace(square=types.SimpleNamespace(side=50.0))
        return images.resize(pixels[:round(50 * scale), :round(50 * scale)], (size, size)), placement

    monkeypatch.setattr(faces, 'detect_faces', detect)
    monkeypatch.setattr(faces, 'align_face', align)
    monkeypatch.setattr(faces, 'face_mask', lambda shape, face: np.tile(np.linspace(0, 1, shape[1], dtype=np.float32)[
        None, :, None], (shape[0], 1, 1)))
    return searched


@pytest.mark.parametrize('kept', [True, False])
def test_faces_are_cut_out_once_and_pictures_without_one_stay_whole(folder, searches, tmp_path, kept):
    parent, notes = data.load(str(folder)), []
    cache = tmp_path / 'cache' if kept else None
    source = aligned_faces.AlignedFaces(parent, 64, cache=cache, note=notes.append)
    assert [portrait.face for portrait in source.portraits] == [30] * 5 + [0] and len(searches) == 6
    assert notes == ['5.png: no face was found; it is used whole']
    record = source.read(2)
    np.testing.assert_array_equal(record.image, images.resize(parent.read(2).image[:50, :50], (64, 64)))
    assert record.mask.shape == (64, 64) and record.mask[0, 0] < 5 < 100 < record.mask[0, -1]
    assert source.read(5).mask is None and source.read(5).image.shape == (110, 80, 3)
    again = aligned_faces.AlignedFaces(parent, 64, cache=cache, note=notes.append)
    assert again.portraits == source.portraits and again.fingerprint == source.fingerprint != parent.fingerprint
    for index in range(6):
        np.testing.assert_array_equal(again.read(index).image, source.read(index).image)
    assert len(searches) == (6 if kept else 12)
    assert aligned_faces.AlignedFaces(parent, 32, note=str).fingerprint != source.fingerprint


def test_more_of_a_picture_is_taken_where_its_face_is_small(folder, searches):
    parent = data.load(str(folder))
    wide = aligned_faces.AlignedFaces(parent, 64, widest=2.0, note=str)
    np.testing.assert_array_equal(wide.read(4).image, images.resize(parent.read(4).image[:64, :64], (64, 64)))


class Part(list):
    """What `sufficiency` asks of a source."""

    def __init__(self, pictures, faces_of=None):
        super().__init__(pictures)
        self.names = [f'{index}.png' for index in range(len(pictures))]
        self.portraits = [aligned_faces.Portrait(name, (200, 200), face, 1)
                          for name, face in zip(self.names, faces_of or [100] * len(pictures))]

    def read(self, index):
        return types.SimpleNamespace(image=self[index])


def noise(count, seed=0):
    random = np.random.default_rng(seed)
    return [images.resize(random.integers(0, 256, (5, 5, 3)).astype(np.uint8), (96, 96)) for _ in range(count)]


def told(look, portraits=None):
    return [finding.sign for finding in sufficiency.examine([look], [portraits or Part(noise(30, 1))], 128)]


def test_enough_pictures_get_no_word_and_each_lack_its_own():
    assert told(Part(noise(12))) == []
    few, = told(Part(noise(4)))
    assert 'has 4 pictures' in few
    many, = told(Part(noise(51)))
    assert 'more than it needs' in many
    assert 'portraits to learn from' in told(Part(noise(12)), Part(noise(5, 1)))[0]
    pictures = noise(12)
    copies, = told(Part([*pictures, pictures[3][:, ::-1]]))
    assert '12.png of 3.png' in copies
    faceless, = told(Part(noise(12), [100] * 9 + [0] * 3))
    assert '3 of 12' in faceless and '9.png' in faceless
    small, = told(Part(noise(12), [100] * 11 + [31]))
    assert 'smaller than 32 pixels (11.png)' in small
    small, = told(Part(noise(12)), Part(noise(30, 1), [100] * 29 + [60]))
    assert 'pictures of --data the face is smaller than 64 pixels (29.png)' in small
    base = noise(1)[0].astype(int)
    alike = told(Part([np.clip(base + step, 0, 255).astype(np.uint8) for step in range(0, 24, 2)]))
    assert any('nearly alike' in sign for sign in alike)


def test_what_is_lacking_reaches_the_console_and_the_report(folder, searches):
    notes, config = [], configs.get('portrait_64')
    parts = data.load(str(folder)).split(0.3)
    both = splits.Splits(*({'data': part, 'style_data': part} for part in parts))
    spread = splits.aligned(both, config, note=notes.append)
    assert spread.training['data'][0].image.shape == (128, 128, 3)
    assert any(line.startswith('pictures: There are 6 portraits') for line in notes)
    advice = health.advise_run({'picture_advice': [list(pair) for pair in spread.advice]}, [])
    assert any('There are 6 portraits' in item.sign and item.remedy for item in advice)
