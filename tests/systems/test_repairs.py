"""Each repair undoes the damage it is for, and leaves what it should not touch."""

import numpy as np
import pytest
from keras import ops

from stylegan_tf.data.damage import marks, optics, tones
from stylegan_tf.systems import repairs

SIZE = 48


@pytest.fixture(scope='module')
def picture():
    """Smooth colours and a few edges, float32 [1, H, W, 3] in [-0.8, 0.8]."""
    rows, columns = np.indices((SIZE, SIZE)) / SIZE
    smooth = np.stack([np.sin(5 * rows + 1), np.cos(4 * columns), np.sin(3 * rows + 6 * columns)], axis=-1)
    smooth = smooth * 0.5 + 0.25 * ((rows + columns) > 0.9)[..., None]
    return np.float32(np.clip(smooth, -0.8, 0.8))[None]


def damaged(function, picture, amount, seed=0):
    image, _ = function(picture[0] * 0.5 + 0.5, amount, np.random.default_rng(seed))
    return np.float32(np.clip(image, 0, 1) * 2 - 1)[None]


def error(a, b):
    return float(np.abs(ops.convert_to_numpy(a) - b).mean())


@pytest.mark.parametrize('seed', range(4))  # periods 2 and 4, grey and tinted
def test_grids_are_taken_out(picture, seed):
    broken = damaged(optics.checkerboard, picture, 0.08, seed)
    assert error(repairs.without_grid(broken), picture) < 0.1 * error(broken, picture)
    assert error(repairs.without_grid(picture), picture) < 0.005


def test_noise_is_measured_and_lowered(picture):
    noisy = picture + np.random.default_rng(0).normal(0, 0.16, picture.shape).astype(np.float32)
    assert abs(float(repairs.noise_level(noisy)[0]) - 0.16) < 0.02
    lightly, fully = repairs.denoised(noisy, (0.5, 1.1))
    assert error(fully, picture) < 0.6 * error(noisy, picture)
    assert error(fully, picture) < error(lightly, picture) < error(noisy, picture)
    assert error(repairs.denoised(picture, (1.0,))[0], picture) < 0.01


@pytest.mark.parametrize(('degrees', 'seed'), [(32, 0), (60, 1)])
def test_a_known_cast_is_undone(picture, degrees, seed):
    cast = damaged(tones.color_cast, picture, degrees, seed)
    repaired, angle = repairs.turned_hue(cast, picture[:, ::-1])  # the same colours, elsewhere
    assert abs(float(angle[0])) == pytest.approx(degrees, abs=4)
    assert error(repaired, picture) < 0.2 * error(cast, picture)
    np.testing.assert_allclose(ops.mean(repairs.with_turned_hue(picture * 0.5, ops.convert_to_tensor([90.0])), axis=-1),
                               picture.mean(axis=-1) * 0.5, atol=1e-5)


def test_distances_of_palettes(picture):
    assert float(repairs.palette_distance(picture, picture[:, :, ::-1])[0]) < 0.01
    axis = np.float32(repairs.HUE_AXES[1]) * 0.3
    assert float(repairs.palette_distance(picture + axis, picture)[0]) == pytest.approx(0.3, abs=0.01)
    # Brightness does not count.
    assert float(repairs.palette_distance(picture + 0.3, picture)[0]) < 0.01


def test_contrast_and_gain_come_back(picture):
    flat = damaged(tones.contrast, picture, 0.65)
    assert error(repairs.stretched(flat, 1 / 0.65), picture) < 0.02
    dark_kept = np.clip((picture + 1) / 0.8 - 1, -1, 1)
    assert error(repairs.unclipped(dark_kept, 0.8), picture) < 0.1 * error(dark_kept, picture)
    # Burnt at the dark end instead.
    assert error(repairs.unclipped(-dark_kept, 0.8), -picture) < 0.1 * error(dark_kept, picture)


def test_negatives_are_their_own_inverse(picture):
    for function in (repairs.negative, repairs.brightness_negative):
        np.testing.assert_allclose(function(function(picture * 0.5)), picture * 0.5, atol=1e-5)


def test_holes_are_filled_from_around(picture):
    known = np.ones((1, SIZE, SIZE, 1), np.float32)
    known[:, 15:30, 12:33] = 0
    broken = picture * known + (known - 1)
    filled = ops.convert_to_numpy(repairs.filled(broken, known))
    assert error(filled, picture) < 0.3 * error(broken, picture)
    np.testing.assert_allclose(filled * known, picture * known, atol=1e-5)
    # The photograph tells exactly what stood there, where the picture is the photograph in other colours.
    content = np.float32(picture[..., ::-1] * 0.6 - 0.2)
    painted = repairs.painted_over(broken, content, known)
    assert error(painted, picture) < 0.02


def test_marks_are_filled_and_the_rest_stays(picture):
    scratched, where = marks.scratches(picture[0] * 0.5 + 0.5, 2, np.random.default_rng(3))
    scratched = np.float32(scratched * 2 - 1)[None]
    near = ops.max_pool(where[None, :, :, None], 9, strides=1, padding='same')
    repaired = ops.convert_to_numpy(repairs.without_marks(scratched, near))
    assert error(repaired, picture) < 0.5 * error(scratched, picture)
    far = np.broadcast_to(ops.convert_to_numpy(ops.max_pool(near, 5, strides=1, padding='same')) == 0, picture.shape)
    np.testing.assert_array_equal(repaired[far], scratched[far])
