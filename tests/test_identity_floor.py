"""Faces that are no longer the person are blended back, no further than it takes, and the receipt says so."""

import json

import numpy as np
import pytest

from stylegan_tf import identity_floor, images, stylizer
from stylegan_tf.data import faces
from stylegan_tf.loaded_models import ModelError


def made_face(center, size=60.0):
    """A `faces.Face` whose mesh is a circle with eyes and a mouth."""
    turns = np.linspace(0, 2 * np.pi, 468, endpoint=False)
    landmarks = np.stack([np.cos(turns), np.sin(turns)], axis=1) * size / 2
    for points, place in ((faces.LEFT_EYE, (-0.22, -0.15)), (faces.RIGHT_EYE, (0.22, -0.15)), ((61,), (-0.18, 0.28)),
                          ((291,), (0.18, 0.28))):
        landmarks[list(points)] = np.multiply(place, size)
    landmarks = (landmarks + center).astype(np.float32)
    box = np.concatenate([np.subtract(center, size / 2), np.add(center, size / 2)]).astype(np.float32)
    return faces.Face(box, 0.9, landmarks, 0.0, 0.0)


def embed(chips):
    """Mean colours of the middle of a chip, 1 from black to white: distances are shares of the change."""
    return chips[:, 50:100, 50:100].mean(axis=(1, 2))[:, :1] / 255


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    content = rng.integers(40, 60, (160, 240, 3), np.uint8)
    return content, content + 160


def floor_of(*found, floor=0.2):
    return identity_floor.IdentityFloor(floor, find=lambda pixels: list(found), embed=embed)


def test_a_face_beyond_the_floor_is_blended_back_just_as_far_as_it_takes(pictures):
    content, result = pictures
    held, (outcome,) = floor_of(made_face((80, 80))).hold(content, result)
    assert outcome.before == pytest.approx(160 / 255, abs=0.01)
    assert outcome.kept == pytest.approx(0.2 * 255 / 160, abs=1 / 64 + 0.01)
    assert outcome.after <= 0.2 < outcome.after + 1 / 64
    assert outcome.box == (50, 50, 110, 110)
    assert held[80, 80].astype(int) == pytest.approx(content[80, 80] + 160 * outcome.kept, abs=1)
    assert np.array_equal(held[:, 140:], result[:, 140:])  # the background keeps its look
    assert np.abs(np.diff(held[80].astype(int), axis=0)).max() < 60  # no seam: it fades


def test_what_passes_stays_to_the_bit_and_faces_are_held_each_by_itself(pictures):
    content, result = pictures
    near, far = made_face((60, 80)), made_face((180, 80))
    result = result.copy()
    result[:, :120] = content[:, :120] + 30
    held, outcomes = floor_of(far, near).hold(content, result)
    assert [outcome.kept < 1 for outcome in outcomes] == [True, False]
    assert outcomes[1].before == outcomes[1].after < 0.2
    assert np.array_equal(held[:, :120], result[:, :120]) and not np.array_equal(held[:, 120:], result[:, 120:])
    for found in ((), (made_face((80, 80), size=30.0),)):  # nobody, or too small to tell
        held, outcomes = floor_of(*found).hold(content, result)
        assert np.array_equal(held, result) and outcomes == []


def test_where_the_face_alone_is_not_enough_its_surroundings_are_blended_too(pictures):
    content, result = pictures

    def wide(chips):
        return chips.mean(axis=(1, 2))[:, :1] / 255

    face = made_face((80, 80))
    held, (outcome,) = identity_floor.IdentityFloor(0.02, find=lambda pixels: [face], embed=wide).hold(content, result)
    assert outcome.after <= 0.02 and outcome.kept < 0.1
    assert np.array_equal(held[:, 200:], result[:, 200:])


def test_a_result_of_another_size_is_compared_at_its_own(pictures):
    content, _ = pictures
    larger = images.resize(content, (320, 480)) + 160
    held, (outcome,) = floor_of(made_face((160, 160), size=120.0)).hold(content, larger)
    assert held.shape == larger.shape and outcome.after <= 0.2
    with pytest.raises(ValueError, match='above 0'):
        identity_floor.IdentityFloor(0.0)


class _Model:
    """Changes every picture; its own floor is 0.2."""

    name, hash, card, engine, offers, takes_style = 'invert', '0', {}, 'tensorflow', ('stylize',), False
    was_interrupted, progress, progress_unit, identity_floor, is_exact = False, None, 'tile', 0.2, True

    def check_tile(self, tile):
        pass

    check_direction = check_dials = check_tile

    def prepare_style(self, styles, weights):
        from stylegan_tf.loaded_models import Style
        return Style()

    def stylize(self, content, style, **settings):
        return content + 160


def test_receipts_tell_what_became_of_faces(tmp_path, pictures, monkeypatch):
    content, _ = pictures
    monkeypatch.setattr(faces, 'detect_faces', lambda pixels: [made_face((80, 80))])
    monkeypatch.setattr(identity_floor, '_network', lambda: embed)
    monkeypatch.setattr(stylizer.Stylizer, '_measure', lambda *unused: {})
    images.save(tmp_path / 'photo.png', content)

    def receipt_of(name, **settings):
        output = tmp_path / name
        job = stylizer.Job(tmp_path / 'photo.png', output)
        stylizer.Stylizer(_Model(), [], stylizer.Settings(**settings)).run_one(job)
        return json.loads(job.receipt.read_text()), images.read(output)

    receipt, held = receipt_of('own.png')
    (face,) = receipt['identity']
    assert receipt['settings']['identity_floor'] == 0.2 and face['distance'] <= 0.2 < face['distance_before']
    assert face['box'] == [50, 50, 110, 110] and 0 < face['kept'] < 0.5
    receipt, loose = receipt_of('loose.png', identity_floor=0.5)
    assert receipt['identity'][0]['kept'] > face['kept'] and loose[80, 80, 0] > held[80, 80, 0]
    receipt, off = receipt_of('off.png', identity_floor=0.0)
    assert 'identity' not in receipt and 'identity_floor' not in receipt['settings']
    assert np.array_equal(off, content + 160)
    with pytest.raises(ModelError, match='identity floor is a distance'):
        stylizer.Settings(identity_floor=-1.0).check()
