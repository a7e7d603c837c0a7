"""Planted defects: the table's amounts are what a measurement finds, masks cover the damage, seeds decide."""

import cv2
import numpy as np
import pytest
from skimage import data as pictures

from stylegan_tf.data import defects
from stylegan_tf.data.damage import optics, shapes, tones

IMAGE = cv2.resize(pictures.astronaut(), (128, 128), interpolation=cv2.INTER_AREA)
CONTENT = cv2.resize(pictures.chelsea()[:300, :300], (128, 128), interpolation=cv2.INTER_AREA)
GREY = np.full((128, 128, 3), 128, np.uint8)

# Levels 1, 2 and 3 of the eight published types.
PUBLISHED = {'blur': (1.2, 2.0, 3.2), 'noise': (0.04, 0.08, 0.15), 'jpeg': (40, 20, 10),
             'geometric_distortion': (2, 4, 7), 'color_cast': (16, 32, 60), 'checkerboard': (0.02, 0.04, 0.08),
             'missing_region': (0.1, 0.16, 0.25), 'contrast': (0.8, 0.65, 0.45)}


def planted(name, severity, seed=0, image=IMAGE):
    return defects.plant(image, name, severity, seed=seed, content=CONTENT)


def change(name, severity, seed=0):
    damaged, _ = planted(name, severity, seed)
    return np.abs(damaged.astype(float) - IMAGE).mean()


@pytest.mark.parametrize('name', PUBLISHED)
def test_the_published_levels(name):
    defect = defects.DEFECTS[name]
    assert tuple(defect.amount(severity) for severity in (0.25, 0.5, 1.0)) == PUBLISHED[name]
    assert defect.amount(0) == defect.none


@pytest.mark.parametrize('name', defects.DEFECTS)
def test_a_seed_decides_and_severity_adds(name):
    damaged, mask = planted(name, 0.5, seed=(3, 1))
    again, same_mask = planted(name, 0.5, seed=(3, 1))
    assert damaged.dtype == np.uint8 and mask.dtype == np.float32 and set(np.unique(mask)) <= {0.0, 1.0}
    np.testing.assert_array_equal(damaged, again)
    np.testing.assert_array_equal(mask, same_mask)
    assert mask.any() and not np.array_equal(damaged, IMAGE)
    mean = [np.mean([change(name, severity, seed) for seed in range(6)]) for severity in (0.25, 0.5, 1.0)]
    assert mean[0] < mean[1] < mean[2]
    untouched, empty = planted(name, 0)
    np.testing.assert_array_equal(untouched, IMAGE)
    assert not empty.any()


@pytest.mark.parametrize('name', [name for name, defect in defects.DEFECTS.items()
                                  # Tiles differ as a whole; their mask marks where they meet.
                                  if defect.is_local and name != 'tile_seam'])
def test_the_mask_covers_the_damage_and_little_else(name):
    for seed in range(4):
        damaged, mask = planted(name, 1.0, seed)
        changed = np.abs(damaged.astype(int) - IMAGE).max(axis=-1) > 12
        near = cv2.dilate(mask, np.ones((13, 13)))
        assert changed[near == 0].sum() == 0
        assert 0.005 < mask.mean() < 0.75


@pytest.mark.parametrize('name', ['color_inversion', 'missing_region', 'content_loss', 'unstyled_region'])
def test_shares_of_the_area(name):
    for severity in defects.SEVERITIES:
        shares = [planted(name, severity, seed)[1].mean() for seed in range(20)]
        wanted = defects.DEFECTS[name].amount(severity)
        # Two rectangles may overlap.
        assert 0.7 * wanted < np.mean(shares) <= 1.05 * wanted


def test_noise_and_checkerboard_have_the_amplitude():
    noisy, _ = planted('noise', 0.25, image=GREY)
    assert (noisy.astype(float) - 128).std() / 255 == pytest.approx(0.04, rel=0.05)
    checked, _ = planted('checkerboard', 1.0, image=GREY)
    assert np.abs(checked.astype(float) - 128).max() / 255 == pytest.approx(0.08, abs=0.003)
    assert checked.astype(float).mean() == pytest.approx(128, abs=0.6)


def test_a_turn_of_hue_keeps_grey_and_the_distance_from_it():
    image = np.float32(np.random.default_rng(0).uniform(0.3, 0.7, (8, 8, 3)))
    turned, _ = tones.color_cast(image, 32, np.random.default_rng(1))
    np.testing.assert_allclose(turned.mean(axis=-1), image.mean(axis=-1), atol=1e-6)

    def chroma(x):
        return x - x.mean(axis=-1, keepdims=True)
    cosine = (chroma(turned) * chroma(image)).sum(-1) / (np.linalg.norm(chroma(turned), axis=-1)
                                                         * np.linalg.norm(chroma(image), axis=-1))
    np.testing.assert_allclose(np.rad2deg(np.arccos(cosine)), 32, atol=0.1)


def test_a_warp_moves_by_the_amount():
    field = shapes.displacement((96, 128), np.random.default_rng(0)) * 4
    assert field.shape == (96, 128, 2)
    assert np.linalg.norm(field, axis=-1).max() == pytest.approx(4, rel=1e-5)


def test_motion_blur_keeps_the_light_and_has_the_length():
    point = np.zeros((41, 41, 3), np.float32)
    point[20, 20] = 1
    spread, _ = optics.motion_blur(point, 9, np.random.default_rng(2))
    light = np.maximum(spread[..., 0], 0)
    assert light.sum() == pytest.approx(1, abs=1e-5)
    moments = np.cov(np.indices(light.shape).reshape(2, -1), aweights=light.ravel(), ddof=0)
    # A line of length L has the variance L^2 / 12; bilinear weights add about 1/6.
    assert np.sqrt(12 * (np.linalg.eigvalsh(moments)[-1] - 1 / 6)) == pytest.approx(9, abs=0.4)


def test_clean_pictures_are_resampled_as_often_as_damaged_ones():
    kinds = [np.array_equal(defects.recapture(IMAGE, seed=seed), IMAGE) for seed in range(60)]
    assert 15 < sum(kinds) < 45
    for seed in range(60):
        moved = defects.recapture(IMAGE, seed=seed)
        shift, _ = cv2.phaseCorrelate(IMAGE.mean(-1), moved.mean(-1).astype(float))
        assert np.hypot(*shift) < 1


@pytest.mark.parametrize('arguments, message', [
    ({'name': 'dust'}, 'Expected a defect of'),
    ({'severity': 1.5}, 'in \\[0, 1\\]'),
    ({'image': IMAGE.astype(np.float32)}, 'must be uint8'),
    ({'name': 'unstyled_region', 'content': None}, 'needs the photograph'),
    ({'name': 'unstyled_region', 'content': CONTENT[:64]}, 'needs the photograph'),
])
def test_what_cannot_be_damaged_is_refused(arguments, message):
    given = {'image': IMAGE, 'name': 'blur', 'severity': 0.5, 'seed': 0, **arguments}
    with pytest.raises(ValueError, match=message):
        defects.plant(given.pop('image'), given.pop('name'), given.pop('severity'), **given)


def test_without_the_photograph_some_defects_are_left_out():
    assert set(defects.names()) - set(defects.names(with_content=False)) == {'unstyled_region'}
