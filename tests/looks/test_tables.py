"""Tables, splines and .cube files: what is looked up, what stays monotone, what comes back from a file."""

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from stylegan_tf import looks
from stylegan_tf.looks import splines, tables


def bent_table(size=9, seed=0):
    rng = np.random.default_rng(seed)
    table = tables.identity_table(size) ** np.float32([0.7, 1.2, 1.6])
    return np.clip(table + rng.normal(size=table.shape) * 0.02, 0, 1).astype(np.float32)


def test_look_up_agrees_with_scipy():
    table = bent_table()
    colors = np.random.default_rng(1).random((200, 3)).astype(np.float32)
    axis = np.linspace(0, 1, table.shape[0])
    expected = RegularGridInterpolator((axis, axis, axis), table)(colors)
    np.testing.assert_allclose(tables.look_up(table, colors), expected, atol=1e-6)


def test_corners_and_colours_outside():
    table = bent_table()
    np.testing.assert_allclose(tables.look_up(table, np.float32([[1, 0, 1], [2, -1, 9]])), [table[-1, 0, -1]] * 2)


def test_the_layer_agrees_with_numpy():
    from stylegan_tf.layers.color_table import apply_table
    table = bent_table()
    image = np.random.default_rng(2).random((2, 5, 7, 3)).astype(np.float32) * 1.2 - 0.1
    np.testing.assert_allclose(np.asarray(apply_table(image, table)), tables.look_up(table, image), atol=1e-6)
    with pytest.raises(ValueError, match='Expected a colour table'):
        apply_table(image, table[:5])


def test_steepness_and_roughness():
    assert tables.steepness(tables.identity_table(9)) == pytest.approx(1)
    assert tables.roughness(tables.identity_table(9)) == pytest.approx(0, abs=1e-5)
    falling = tables.identity_table(9)
    falling[4, :, :, 0] = 0
    assert tables.steepness(falling) < 0 and tables.roughness(falling) > 1


def test_monotone_changes_only_what_falls():
    table = tables.identity_table(7).astype(np.float64)
    np.testing.assert_array_equal(tables.monotone(table), table)
    table[3, 2, 2, 0] = 0
    mended = tables.monotone(table)
    assert tables.steepness(mended) >= 0
    assert (mended != table).any(-1).sum() <= 4


def test_splines_reproduce_smooth_tables():
    np.testing.assert_allclose(splines.table(splines.identity(), 9), tables.identity_table(9), atol=1e-6)
    bent = tables.identity_table(15).astype(np.float64) ** 1.5
    points = splines.control_points(bent)
    np.testing.assert_allclose(splines.table(points, 15), bent, atol=5e-3)
    colors = np.random.default_rng(3).random((50, 3))
    np.testing.assert_allclose(splines.color_weights(colors) @ points.reshape(-1, 3), colors ** 1.5, atol=5e-3)


def test_monotone_control_points_make_monotone_tables():
    points = tables.monotone(splines.identity() + np.random.default_rng(4).normal(size=splines.identity().shape) * 0.3)
    assert tables.steepness(splines.table(points, 33)) >= -1e-9


def test_cube_comes_back_to_the_bit(tmp_path):
    table = bent_table(5)
    looks.write_cube(tmp_path / 'a.cube', table, title='a look')
    np.testing.assert_array_equal(looks.read_cube(tmp_path / 'a.cube'), table)


def test_cube_is_read_by_others(tmp_path):
    """Pillow's own 3D table, filled from the file as its specification says: red runs fastest."""
    from PIL import Image, ImageFilter
    table = bent_table(17, seed=5)
    looks.write_cube(tmp_path / 'a.cube', table)
    lines = (tmp_path / 'a.cube').read_text().splitlines()
    size = next(int(line.split()[1]) for line in lines if line.startswith('LUT_3D_SIZE'))
    values = [float(word) for line in lines if line[0].isdigit() for word in line.split()]
    pixels = np.random.default_rng(6).integers(0, 256, (24, 24, 3), np.uint8)
    theirs = np.asarray(Image.fromarray(pixels).filter(ImageFilter.Color3DLUT(size, values)))
    assert np.abs(theirs.astype(int) - looks.Look(table).apply(pixels)).max() <= 1


@pytest.mark.parametrize('text, said', [
    ('LUT_1D_SIZE 4\n', '1D one'), ('LUT_3D_SIZE 2\n0 0 0\n', '8 lines'), ('0 0 0\n', 'LUT_3D_SIZE'),
    ('LUT_3D_SIZE 2\nDOMAIN_MAX 2 2 2\n', 'from 0 to 1'), ('LUT_3D_SIZE 2\nfoo bar baz\n', 'line 2'),
    ('LUT_3D_SIZE 2\n' + '0 0 nan\n' * 8, 'finite'), ('LUT_3D_SIZE 9999\n', '9999')])
def test_bad_cubes_are_named(tmp_path, text, said):
    (tmp_path / 'bad.cube').write_text(text)
    with pytest.raises(looks.CubeError, match=said) as error:
        looks.read_cube(tmp_path / 'bad.cube')
    assert 'bad.cube' in str(error.value)


def test_a_title_of_two_lines_is_refused(tmp_path):
    with pytest.raises(ValueError, match='one line'):
        looks.write_cube(tmp_path / 'a.cube', bent_table(3), title='a\nb')
