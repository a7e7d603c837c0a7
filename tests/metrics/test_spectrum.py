"""Grids are found, pictures are not mistaken for them."""

import numpy as np
import pytest

from stylegan_tf.data import samples
from stylegan_tf.metrics.spectrum import grid_peaks


@pytest.fixture(scope='module')
def photographs():
    from stylegan_tf import images
    paths = sorted(samples.sample_folder('photos').rglob('*.png'))[:6]
    return [images.cover_crop(images.read(path), (256, 256)) for path in paths]


def _with_grid(image, period, amplitude):
    rows, columns = np.indices(image.shape[:2])
    if period == 2:
        pattern = (-1.0) ** (rows + columns)
    else:
        pattern = np.cos(2 * np.pi * rows / period) * np.cos(2 * np.pi * columns / period)
    return np.clip(np.rint(image + 255 * amplitude * pattern[..., None]), 0, 255).astype(np.uint8)


@pytest.mark.parametrize('period', [2, 4, 8])
def test_peaks_grow_with_the_planted_grid(photographs, period):
    for image in photographs:
        excess = [grid_peaks(_with_grid(image, period, amplitude), image) for amplitude in (0.0, 0.02, 0.05)]
        assert excess[0] == 0.0
        assert excess[0] < excess[1] < excess[2]
        assert excess[2] > 6.0


def test_photographs_have_no_grid(photographs):
    # One of them was coded as JPEG with visible blocks of 8 pixels, which is a grid.
    assert np.median([grid_peaks(image) for image in photographs]) < 4.0


def test_one_wave_is_measured_as_computed_by_hand():
    # White noise of deviation 4 and a wave of amplitude 20 at (1/4, 1/4): the power at the wave's bin is
    # 16 + (20 / 2)^2 (sum w)^2 / sum w^2, with (sum w)^2 / sum w^2 = (64 / 1.5)^2 for a two-dimensional Hann window;
    # cos a cos b has half its amplitude in each of (f, f) and (f, -f).
    rng = np.random.default_rng(0)
    rows, columns = np.indices((256, 256))
    grey = 128 + 4 * rng.standard_normal((256, 256)) + 20 * np.cos(np.pi * rows / 2) * np.cos(np.pi * columns / 2)
    image = np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    expected = 10 * np.log10((16 + 25 * (64 / 1.5) ** 2) / 16)
    assert grid_peaks(image) == pytest.approx(expected, abs=1.0)


def test_small_pictures_are_refused():
    with pytest.raises(ValueError, match=r'at least 64x64.*Received: \(32, 64, 3'):
        grid_peaks(np.zeros((32, 64, 3), np.uint8))
