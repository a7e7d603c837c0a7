"""Finds faces in photographs and paintings, of any size and turn, and places 468 points on each.

    for face in faces.detect_faces(pixels):
        crop, placement = faces.align_face(pixels, face, 256)
        pixels = faces.paste_face(pixels, change(crop), placement)

Three steps: BlazeFace proposes boxes in the whole picture and in overlapping tiles; each box is looked at again
in six squares around it, turned as the face is; the face mesh is fitted and says how sure it is. Both answers together
decide, so that neither a painted profile, which the mesh doubts, nor a cat, which the proposer takes for a
face now and then, goes wrong. Turned copies are searched only where nothing sure was found upright.
"""

import dataclasses
import math

import numpy as np

from stylegan_tf.data import face_models
from stylegan_tf.data.face_alignment import Placement, align_face, face_mask, identity_chip, paste_face, skin_mask
from stylegan_tf.data.face_models import Square

__all__ = ['Face', 'Placement', 'align_face', 'detect_faces', 'face_mask', 'identity_chip', 'paste_face',
           'skin_mask']

TURNS = (30, -30, 60, -60, 90, -90, 180)  # degrees
LEAST_SCORE = 0.5
TURNED_SCORE = 0.7  # least score of what only turned copies show
SURE_SCORE = 0.8  # turned copies are searched unless a face is as sure as this; a face upside down reaches 0.7
LEAST_SIDE = 16  # pixels of a picture's short side

# Landmarks of the mesh by number; left and right are the picture's. The eyes' six points and the mouth's corners
# are those that dlib's 68 points have, which FFHQ is aligned by.
LEFT_EYE = (33, 160, 158, 133, 153, 144)
RIGHT_EYE = (362, 385, 387, 263, 373, 380)
MOUTH_CORNERS = (61, 291)
_LEFT_CORNER, _RIGHT_CORNER = 33, 263  # outer corners of the eyes
_LEFT_SIDE, _RIGHT_SIDE = 234, 454  # of the head, before the ears

_PROPOSAL_SCORE = 0.3
_LARGEST_COUNT = 200  # proposals looked at again
_LARGEST_ROLL = 45.0  # degrees that a proposal may be turned in the copy that shows it
_LOOKS = (2.6, 1.8, 3.8)  # squares around a proposal, in its sizes
_PRESENCE_WEIGHT = 0.2  # of the mesh's answer in a score, beside the mean of the looks
_SAME_FACE = 0.3  # overlap of boxes
_MESH_MARGIN = 1.5  # square of the mesh, in sizes of the box or of the mesh itself
_LEAST_TILE = 160  # pixels; smaller tiles would be enlarged and show nothing new


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """A face in a picture. Places are x, y in pixels from the picture's top left corner; left is the picture's left
    when the face is upright.

    Attributes:
        box: float32 [4]: left, top, right, bottom around the landmarks.
        score: How sure the finding is, in [0, 1].
        landmarks: float32 [468, 2], the points of MediaPipe's face mesh.
        roll: Clockwise turn in degrees, in (-180, 180].
        yaw: Turn to the side in degrees, positive when the face looks to the picture's right. Rough: from the mesh's
            depths.
    """

    box: np.ndarray
    score: float
    landmarks: np.ndarray
    roll: float
    yaw: float

    @property
    def left_eye(self):
        """Middle of the eye at the left, float32 [2]."""
        return self.landmarks[list(LEFT_EYE)].mean(axis=0)

    @property
    def right_eye(self):
        """Middle of the eye at the right, float32 [2]."""
        return self.landmarks[list(RIGHT_EYE)].mean(axis=0)

    @property
    def mouth(self):
        """Middle between the mouth's corners, float32 [2]."""
        return self.landmarks[list(MOUTH_CORNERS)].mean(axis=0)

    @property
    def size(self):
        """Longer side of the box in pixels."""
        return float(max(self.box[2:] - self.box[:2]))


def detect_faces(pixels, *, least_score=LEAST_SCORE, turned=True, small=True):
    """Finds faces.

    Args:
        pixels: uint8 [H, W, 3] RGB.
        least_score: Faces below are left out; in [0, 1].
        turned: Whether turned copies are searched if nothing sure is found upright.
        small: Whether tiles are searched too, for faces from about a sixtieth of the picture's long side.
    Returns:
        List of Face, the largest first.
    Raises:
        ValueError: If `pixels` is no such picture.
        LiteRTError: If the package with the networks is missing; says what to install.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f'Expected a picture as uint8 [H, W, 3]. Received: {pixels.dtype} {list(pixels.shape)}. '
                         'Read files with images.read.')
    if min(pixels.shape[:2]) < LEAST_SIDE:
        return []
    found = _search(pixels, 0, small, least_score)
    if turned and not any(face.score >= SURE_SCORE for face in found):
        # Something is seen in the clouds sooner or later: turned copies must show it better.
        found += [face for turn in TURNS for face in _search(pixels, turn, small, max(least_score, TURNED_SCORE))]
    return sorted(_without_doubles(found), key=lambda face: -face.size)


def _search(pixels, turn, small, least_score):
    proposals = np.concatenate([
        face_models.propose(pixels, square, name, least_score=_PROPOSAL_SCORE)
        for square in _squares(*pixels.shape[:2], turn, small) for name in face_models.DETECTORS])
    kept = []
    for row in proposals[np.argsort(-proposals[:, 0])]:
        center, size, roll = _measures(row)
        if all(not _is_same(center, size, *other[:2]) for other in kept):
            # A proposal's eyes tell its turn, unless there are no eyes.
            off = (roll - turn + 180) % 360 - 180
            kept.append((center, size, turn + float(np.clip(off, -_LARGEST_ROLL, _LARGEST_ROLL))))
    return [face for center, size, angle in kept[:_LARGEST_COUNT]
            if (face := _look_again(pixels, center, size, angle, least_score)) is not None]


def _squares(height, width, turn, small):
    """Yields what is searched: the whole picture, also from afar for faces that fill it, and tiles."""
    long_side = max(height, width)
    middle = (width / 2, height / 2)
    yield Square(middle, long_side, turn)
    yield Square(middle, 1.7 * long_side, turn)
    # Turned copies serve pictures that lie on their side, whose faces are large.
    for side in (long_side / 2, long_side / 4) if small and turn == 0 else ():
        if side >= _LEAST_TILE:
            yield from (Square((x, y), side) for y in _tile_centers(height, side)
                        for x in _tile_centers(width, side))


def _tile_centers(length, side):
    """Centres of tiles along an axis; they overlap by a third or more."""
    if length <= side:
        return [length / 2]
    return np.linspace(side / 2, length - side / 2, math.ceil((length - side) / (side * 2 / 3)) + 1)


def _measures(row):
    """(centre float64 [2], size, roll in degrees) of a proposal."""
    points = row[1:].reshape(8, 2)
    # A turned square's box keeps its diagonal, not its width.
    size = np.linalg.norm(points[1] - points[0]) / math.sqrt(2)
    eyes = points[3] - points[2]
    return (points[0] + points[1]) / 2, size, math.degrees(math.atan2(eyes[1], eyes[0]))


def _is_same(center, size, other_center, other_size):
    return (np.linalg.norm(center - other_center) < 0.4 * max(size, other_size)
            and 0.5 < size / other_size < 2)


def _look_again(pixels, center, size, angle, least_score):
    """The Face of a proposal, or None where its score is less than `least_score` at second sight."""
    looks = [(Square(tuple(center), look * size, angle), name) for look in _LOOKS for name in face_models.DETECTORS]
    scores, boxes = np.zeros(len(looks)), []
    for index, (square, name) in enumerate(looks):
        rows = face_models.propose(pixels, square, name, least_score=0.1)
        same = [row for row in rows if _is_same(*_measures(row)[:2], center, size)][:1]
        boxes += same
        scores[index] = same[0][0] if same else 0.0
        could_be = (scores.sum() + len(looks) - 1 - index) / len(looks) + _PRESENCE_WEIGHT
        if could_be < least_score:
            return None
    if not boxes:  # no look saw it again; a low `least_score` does not stop before
        return None
    center, size, roll = _measures(np.average(boxes, axis=0, weights=[row[0] for row in boxes]))
    square, presences = Square(tuple(center), _MESH_MARGIN * size, roll), []
    for _ in range(3):  # each fit gives a better square to the next
        points, presence = face_models.fit_mesh(pixels, square)
        presences.append(presence)
        square = _square_of(points)
    score = scores.mean() + _PRESENCE_WEIGHT * np.mean(presences[1:])
    return _face(points, min(1.0, float(score))) if score >= least_score else None


def _square_of(points):
    across = points[_RIGHT_CORNER, :2] - points[_LEFT_CORNER, :2]
    angle = math.degrees(math.atan2(across[1], across[0]))
    turned = Square((0, 0), 1, -angle).place(points[:, :2])
    low, high = turned.min(axis=0), turned.max(axis=0)
    center = Square((0, 0), 1, angle).place((low + high) / 2)
    return Square(tuple(center), _MESH_MARGIN * float(max(high - low)), angle)


def _face(points, score):
    across = (points[_RIGHT_SIDE] - points[_LEFT_SIDE]).astype(np.float64)
    yaw = math.degrees(math.atan2(across[2], math.hypot(across[0], across[1])))
    box = np.concatenate([points[:, :2].min(axis=0), points[:, :2].max(axis=0)])
    roll = _square_of(points).angle
    return Face(box=box, score=score, landmarks=points[:, :2].copy(), roll=roll, yaw=yaw)


def _without_doubles(found):
    """The surest of faces that overlap: copies turned differently may show one face twice."""
    kept = []
    for face in sorted(found, key=lambda face: -face.score):
        boxes = np.array([other.box for other in kept]).reshape(-1, 4)
        if not np.any(face_models.box_overlap(face.box, boxes) > _SAME_FACE):
            kept.append(face)
    return kept
