"""Blur, motion, ghosts and seams are found in the picture itself and undone."""

import cv2
import numpy as np
import pytest
from keras import ops

from stylegan_tf.data.damage import optics, shapes
from stylegan_tf.systems import spectral_repairs

SIZE = 96


@pytest.fixture(scope='module')
def picture():
    """Shapes with edges and grain, of any scale, float32 [H, W, 3] in [0, 1]."""
    rng = np.random.default_rng(0)
    mixed = np.zeros((SIZE, SIZE, 3), np.float32)
    for step, weight in ((2, 0.02), (4, 0.03), (8, 0.1), (16, 0.15), (32, 0.2)):
        coarse = rng.normal(0, 1, (SIZE // step + 2, SIZE // step + 2, 3)).astype(np.float32)
        field = cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        mixed += weight * (field if step < 8 else np.tanh(8 * field))
    return np.clip(mixed * 0.7 + 0.5, 0.05, 0.95)


def error_left(repair, picture, damaged):
    """Mean error after the repair over that before it."""
    levels = np.rint(np.clip(damaged, 0, 1) * 255).astype(np.float32) / 255
    repaired = ops.convert_to_numpy(repair(levels[None] * 2 - 1))[0] * 0.5 + 0.5
    return np.abs(repaired - picture).mean() / np.abs(levels - picture).mean()


def test_blur(picture):
    blurry, _ = optics.blur(picture, 2.0, None)
    assert error_left(lambda image: spectral_repairs.deblurred(image, 2.0), picture, blurry) < 0.85
    # What was not blurred is not improved: whether a repair fits is for others to say.
    assert error_left(lambda image: spectral_repairs.deblurred(image, 2.0), picture, picture + 0.01) > 2


@pytest.mark.parametrize('seed', [0, 1])
def test_motion(picture, seed):
    moved, _ = optics.motion_blur(picture, 9, np.random.default_rng(seed))
    assert error_left(spectral_repairs.without_motion, picture, moved) < 0.85


@pytest.mark.parametrize(('seed', 'weight'), [(0, 0.25), (1, 0.45), (2, 0.25)])
def test_ghosts(picture, seed, weight):
    doubled, _ = shapes.ghosting(picture, weight, np.random.default_rng(seed))
    assert error_left(spectral_repairs.without_ghost, picture, doubled) < 0.5


def test_what_is_not_there_is_not_taken_out(picture):
    for repair in (spectral_repairs.without_ghost, spectral_repairs.without_motion, spectral_repairs.without_seams):
        np.testing.assert_allclose(ops.convert_to_numpy(repair(picture[None] * 2 - 1))[0], picture * 2 - 1, atol=1e-5)


@pytest.mark.parametrize('seed', [0, 1])
def test_seams(picture, seed):
    cut, _ = shapes.tile_seam(picture, 0.16, np.random.default_rng(seed))
    assert error_left(spectral_repairs.without_seams, picture, cut) < 0.5
