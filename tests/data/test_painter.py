"""The painter paints the same picture again, and no two styles look alike."""

import cv2
import numpy as np
import pytest

from stylegan_tf import images
from stylegan_tf.data import painter
from stylegan_tf.data.paintbox import brushes, subjects

SIZE = 128  # strokes keep their size, so that this is a detail, not a thumbnail


@pytest.fixture(scope='module')
def pictures():
    return {name: painter.paint(name, size=SIZE) for name in painter.STYLES}


def fingerprint(picture):
    """Palette (mean and spread in Lab) and texture (contrast between octaves), float [9]."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    palette = np.concatenate([lab.mean((0, 1)), lab.std((0, 1))])
    grey, texture = lab[..., 0], []
    for _ in range(3):
        soft = cv2.GaussianBlur(grey, (0, 0), 1.5)
        texture.append((grey - soft).std())
        grey = cv2.resize(soft, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.concatenate([palette, texture])


def test_there_are_enough_styles_and_each_is_a_picture(pictures):
    assert len(pictures) >= 14
    for name, picture in pictures.items():
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3, name
        assert min(picture.shape[:2]) == SIZE, name
        assert picture.std() > 12, name
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 200, name


def test_no_two_styles_look_alike(pictures):
    names = list(pictures)
    prints = np.stack([fingerprint(pictures[name]) for name in names])
    distance = np.linalg.norm(prints[:, None] - prints[None], axis=-1)
    distance[np.eye(len(names), dtype=bool)] = np.inf
    row, column = np.unravel_index(distance.argmin(), distance.shape)
    again = fingerprint(painter.paint(names[row], size=SIZE, seed=1))
    own = np.linalg.norm(again - prints[row])
    assert distance.min() > 12, (names[row], names[column], distance.min())
    assert own < distance.min(), 'another seed must stay nearer to its style than any other style'


@pytest.mark.parametrize('name', ['impressionist_meadow', 'mosaic_cat', 'thrown_paint'])
def test_the_same_seed_paints_the_same_picture(name, pictures):
    np.testing.assert_array_equal(painter.paint(name, size=SIZE), pictures[name])
    assert (painter.paint(name, size=SIZE, seed=1) != pictures[name]).mean() > 0.2


def test_an_unknown_style_lists_the_known_ones():
    with pytest.raises(KeyError, match=r"'nonsense'.*swirling_night"):
        painter.paint('nonsense')


def test_a_style_changes_its_motif_but_keeps_it_recognisable():
    style = painter.STYLES['palette_knife_flower']
    motif = brushes.to_canvas(style.motif((SIZE, 160), np.random.default_rng(0)))
    painted = painter.paint('palette_knife_flower', size=SIZE)
    assert np.abs(motif.astype(int) - painted).mean() > 8
    small = [images.resize(picture, (8, 10)).astype(float).ravel() for picture in (motif, painted)]
    assert np.corrcoef(small)[0, 1] > 0.7


def test_a_missing_packaged_file_says_what_to_install():
    with pytest.raises(FileNotFoundError, match='pip install --force-reinstall scikit-image'):
        subjects.packaged_file('skimage/data/no_such_picture.png')
    with pytest.raises(FileNotFoundError, match='no_such_package'):
        subjects.packaged_file('no_such_package/picture.png')


def test_stroke_field_runs_along_edges():
    picture = np.zeros((40, 40, 3), np.float32)
    picture[:, 20:] = 1  # a vertical edge: strokes run down it
    along = brushes.stroke_field(picture, 3)[20, 20]
    assert abs(along[1]) > 0.99


def test_trace_follows_a_circular_field():
    rows, columns = np.mgrid[:101, :101].astype(np.float32) - 50
    radius = np.hypot(rows, columns)[..., None] + 1e-6
    field = np.stack([-rows, columns], -1) / radius
    path = brushes.trace(field, np.array([[80.0, 50.0]]), steps=40, stride=1.0)[0] - 50
    np.testing.assert_allclose(np.hypot(*path.T), 30, atol=2)
    assert np.linalg.norm(path[-1] - path[0]) > 30


def test_snap_takes_the_nearest_pigment():
    pigments = brushes.colors('ff0000', '0000ff')
    seen = np.array([[0.8, 0.1, 0.1], [0.2, 0.1, 0.7]], np.float32)
    np.testing.assert_allclose(brushes.snap(seen, pigments, 1.0), pigments, atol=1e-6)
    np.testing.assert_allclose(brushes.snap(seen, pigments, 0.5), (seen + pigments) / 2, atol=1e-6)
