"""Cuts faces out upright, puts changed ones back without a seam, and masks them.

Works on anything that has the attributes of `faces.Face`.
"""

import dataclasses

import cv2
import numpy as np

from stylegan_tf.data.face_models import Square, centered

# The mesh's outline of the face, around the eyes, and around the lips, by number.
OUTLINE = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176,
           149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
EYES = ((33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
        (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466))
BROWS = ((46, 53, 52, 65, 55, 107, 66, 105, 63, 70), (276, 283, 282, 295, 285, 336, 296, 334, 293, 300))
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)

# Middles of the eyes and corners of the mouth in dlib's mean face, from its points 36 to 48 and 54.
_CHIP_POINTS = np.array([[0.225492, 0.215990], [0.754761, 0.215990], [0.254149, 0.780233], [0.726104, 0.780233]])
_CHIP_PADDING = 0.25

_FEATHER = 0.12  # of a crop's side, over which a pasted face fades into the picture
_MASK_SOFTNESS = 0.04  # of a face's size
_FOREHEAD = 0.15  # of a face's size that a mask reaches above the mesh, which ends under the hair


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where a crop lies in the picture that it was cut from."""

    square: Square
    size: int  # of the crop, in pixels


def align_face(pixels, face, size, *, scale=1.0):
    """Cuts a face out upright, framed as the pictures of FFHQ are.

    Args:
        pixels: uint8 [H, W, 3].
        face: A Face of this picture.
        size: Side of the crop in pixels.
        scale: Side of the frame in sides of FFHQ's frame.
    Returns:
        (crop uint8 [size, size, 3], Placement). What lies outside the picture is mirrored.
    Source: Karras et al. 2019, A Style-Based Generator Architecture, appendix A; their script recreates the frame
    from the middles of the eyes and the corners of the mouth.
    """
    placement = Placement(_frame(face, scale), size)
    interpolation = cv2.INTER_LINEAR if placement.square.side >= size else cv2.INTER_CUBIC
    return placement.square.cut(pixels, size, border=cv2.BORDER_REFLECT_101, interpolation=interpolation), placement


def _frame(face, scale):
    left, right, mouth = (np.asarray(point, np.float64) for point in (face.left_eye, face.right_eye, face.mouth))
    eyes = (left + right) / 2
    across, down = right - left, mouth - eyes
    # Across the face, by the eyes and by a quarter turn of the line to the mouth, whichever is sharper.
    direction = across + np.array([down[1], -down[0]])
    length = max(np.hypot(*across) * 2.0, np.hypot(*down) * 1.8)
    angle = np.degrees(np.arctan2(direction[1], direction[0]))
    return Square(tuple(eyes + 0.1 * down), 2.0 * float(length) * scale, float(angle))


def identity_chip(pixels, face, size=150):
    """Cuts a face out as dlib does for its recognition network: the mean face's box and a quarter of it around.

    Args:
        pixels: uint8 [H, W, 3].
        face: A Face of this picture.
        size: Side of the chip in pixels.
    Returns:
        uint8 [size, size, 3].
    Source: dlib, get_face_chip_details with padding 0.25; here with four points of its mean face in place of 51.
    """
    ours = np.stack([face.left_eye, face.right_eye, *face.landmarks[[61, 291]]]).astype(np.float64)
    share = (_CHIP_POINTS + _CHIP_PADDING) / (1 + 2 * _CHIP_PADDING)
    # Turn and size that bring the mean face's points nearest to ours, as one complex factor.
    centers = share.mean(axis=0), ours.mean(axis=0)
    theirs, ours = ((points - center) @ [1, 1j] for points, center in zip((share, ours), centers))
    factor = (np.conj(theirs) @ ours) / (np.conj(theirs) @ theirs).real
    middle = factor * ((0.5 - centers[0]) @ [1, 1j])
    square = Square((centers[1][0] + middle.real, centers[1][1] + middle.imag), float(abs(factor)),
                    float(np.degrees(np.angle(factor))))
    interpolation = cv2.INTER_LINEAR if square.side >= size else cv2.INTER_CUBIC
    return square.cut(pixels, size, border=cv2.BORDER_REFLECT_101, interpolation=interpolation)


def paste_face(pixels, crop, placement, mask=None, *, detail=1.0):
    """Puts a changed crop back where it came from.

    What the change was is enlarged and added, not the crop itself: the picture keeps the detail that is finer
    than the crop's pixels, and a crop that was not changed changes nothing, to the bit. The change fades out towards
    the crop's border, so that there is no seam.

    Args:
        pixels: uint8 [H, W, 3], the picture that the crop was cut from.
        crop: uint8 [size, size, 3]; any size, if the whole crop was enlarged or reduced.
        placement: What `align_face` returned with the crop.
        mask: float32 [H, W, 1] in [0, 1] of the picture, such as `face_mask`; None for the whole crop.
        detail: Share in [0, 1] of the finer detail that is kept. Less for crops whose shapes were changed: where an
            edge has moved, its detail stays behind as a ghost.
    Returns:
        uint8 [H, W, 3].
    Raises:
        ValueError: If a shape does not fit.
    """
    if crop.dtype != np.uint8 or crop.ndim != 3 or crop.shape[0] != crop.shape[1] or crop.shape[2] != 3:
        raise ValueError(f'Expected a crop as uint8 [size, size, 3]. Received: {crop.dtype} {list(crop.shape)}.')
    if mask is not None and mask.shape != (*pixels.shape[:2], 1):
        raise ValueError(f'Expected a mask [{pixels.shape[0]}, {pixels.shape[1]}, 1], as the picture is. '
                         f'Received: {list(mask.shape)}.')
    square, size = placement.square, crop.shape[0]
    rows, columns = square.bounds(*pixels.shape[:2])
    interpolation = cv2.INTER_LINEAR if square.side >= size else cv2.INTER_CUBIC
    before = square.cut(pixels, size, border=cv2.BORDER_REFLECT_101, interpolation=interpolation).astype(np.float32)
    weight = _fading(size)
    change = _placed((crop - before) * weight, square, rows, columns)
    part = pixels[rows, columns].astype(np.float32)
    if detail < 1:
        fine = part - _placed(before, square, rows, columns, border=cv2.BORDER_REPLICATE)
        change -= (1 - detail) * fine * _placed(weight, square, rows, columns)[:, :, None]
    if mask is not None:
        change = change * mask[rows, columns]
    result = pixels.copy()
    result[rows, columns] = np.clip(np.rint(part + change), 0, 255).astype(np.uint8)
    return result


def _fading(size):
    """float32 [size, size, 1]: one inside, falling smoothly to zero at the border."""
    distance = (np.minimum(np.arange(size), np.arange(size)[::-1]) + 0.5) / (size * _FEATHER)
    ramp = np.clip(distance, 0, 1)
    ramp = (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
    return (ramp[:, None] * ramp)[:, :, None]


def _placed(values, square, rows, columns, *, border=cv2.BORDER_CONSTANT):
    """Values float32 [size, size, C] of a crop in a part of the picture; smoothed where they get smaller."""
    size = values.shape[0]
    if square.side < size / 1.5:
        small = max(1, round(square.side))
        values, size = cv2.resize(values, (small, small), interpolation=cv2.INTER_AREA), small
    matrix = centered(square.to_picture(size) - np.array([[0, 0, columns.start], [0, 0, rows.start]]))
    shape = (columns.stop - columns.start, rows.stop - rows.start)
    return cv2.warpAffine(values, matrix, shape, flags=cv2.INTER_LINEAR, borderMode=border)


def face_mask(shape, face, *, softness=_MASK_SOFTNESS):
    """Mask of a face: the mesh's outline and the forehead above it.

    Args:
        shape: (H, W, ...) of the picture.
        face: A Face of it.
        softness: Width of the soft edge in sizes of the face.
    Returns:
        float32 [H, W, 1] in [0, 1].
    """
    outline = face.landmarks[list(OUTLINE)].astype(np.float64)
    eyes, mouth = (face.left_eye + face.right_eye) / 2, face.mouth
    up = (eyes - mouth) / max(float(np.hypot(*(eyes - mouth))), 1e-6)
    height = (outline - eyes) @ up
    top = height.max() if height.max() > 0 else 1.0
    outline += np.clip(height / top, 0, 1)[:, None] * up * _FOREHEAD * face.size
    return _soft(_filled(shape, [cv2.convexHull(outline.astype(np.float32))[:, 0]]), face.size * softness)


def skin_mask(pixels, face):
    """Mask of a person's skin: the face without eyes, brows and lips, and what around it has the colours of its cheeks.

    Args:
        pixels: uint8 [H, W, 3].
        face: A Face of this picture.
    Returns:
        float32 [H, W, 1] in [0, 1], zero further than 1.3 sizes of the face from its middle.
    """
    shape = pixels.shape
    inside = face_mask(shape, face)
    features = [face.landmarks[list(points)] for points in (*EYES, *BROWS, LIPS)]
    features = _soft(_filled(shape, features), face.size * _MASK_SOFTNESS / 2)
    left, top, right, bottom = face.box
    reach = Square(((left + right) / 2, (top + bottom) / 2), 2.6 * face.size)
    rows, columns = reach.bounds(*shape[:2])
    lab = cv2.cvtColor(np.ascontiguousarray(pixels[rows, columns]), cv2.COLOR_RGB2LAB).astype(np.float32)
    core = (inside - features)[rows, columns, 0] > 0.9
    if core.sum() < 16:
        return np.clip(inside - features, 0, 1)
    center = np.median(lab[core], axis=0)
    # Bounded: half-lit faces would let hair in, evenly painted ones their own shadows out.
    spread = np.clip(1.4826 * np.median(np.abs(lab[core] - center), axis=0), (12, 3, 3), (25, 6, 6))
    # Light differs over a person's skin more than its hue does.
    distance = (((lab - center) / spread / (1.5, 1.0, 1.0)) ** 2).sum(axis=2)
    likely = np.zeros((*shape[:2], 1), np.float32)
    likely[rows, columns, 0] = cv2.GaussianBlur(np.exp(-distance / 9), (0, 0), max(0.5, face.size * 0.01))
    likely = np.clip((likely - 0.2) / 0.4, 0, 1)
    around = _soft(_filled(shape, [_circle(face)]), face.size * 0.15)
    return np.clip(np.maximum(likely * around, inside * np.sqrt(likely)) * (1 - features), 0, 1)


def _circle(face):
    """Around head and neck."""
    middle = (face.box[:2] + face.box[2:]) / 2
    turns = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    return (middle + 0.9 * face.size * np.column_stack([np.cos(turns), np.sin(turns)])).astype(np.float32)


def _filled(shape, outlines):
    mask = np.zeros(shape[:2], np.uint8)
    for outline in outlines:
        cv2.fillPoly(mask, [np.rint(outline * 16).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
    return mask


def _soft(mask, width):
    """float32 [H, W, 1] in [0, 1] of a uint8 mask with an edge of about this many pixels."""
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(0.5, width / 2))[:, :, None]
