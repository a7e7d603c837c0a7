"""Keeps people who they are: faces of a result that are too far from those of the photograph are blended back.

    floor = IdentityFloor(0.45)
    pixels, outcomes = floor.hold(photograph, result)

How far two faces are is what one network says (`networks.face_identity`): a distance below 0.6 is taken for the same
person. It sees frontal faces best, and some groups of people worse than others; it is no proof of who somebody is.
"""

import dataclasses

import numpy as np

from stylegan_tf import images
from stylegan_tf.data import faces
from stylegan_tf.data.face_alignment import identity_chip

FLOOR = 0.45  # largest distance that passes; pictures of one person are about this far apart
LEAST_FACE = 40.0  # pixels of a face's longer side; what is smaller the network cannot tell
STEPS = 6  # of the bisection: the share that stays is found to 1/64
_WIDE = 1.0  # radius of the wide mask in sizes of the face
_FADING = 0.35  # width of its edge in them


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a face.

    Attributes:
        box: Left, top, right, bottom in pixels of the result.
        before: Distance between photograph and result.
        after: The same at the end; at most the floor.
        kept: Share of the change that stays in the face: 1 where nothing was blended back.
    """

    box: tuple[int, int, int, int]
    before: float
    after: float
    kept: float

    def as_dict(self):
        """For a receipt."""
        return {'box': list(self.box), 'distance_before': round(self.before, 4), 'distance': round(self.after, 4),
                'kept': round(self.kept, 4)}


class IdentityFloor:
    """Blends faces back until they pass.

    Args:
        floor: Largest distance that passes, above 0.
        find: Function from uint8 [H, W, 3] to a list of `faces.Face`; None is `faces.detect_faces`.
        embed: Function from chips uint8 [N, 150, 150, 3] to float32 [N, D]; None is the network that ships, which is
            loaded when the first face comes.
    Raises:
        ValueError: The floor is not above 0.
    """

    def __init__(self, floor=FLOOR, *, find=None, embed=None):
        if not floor > 0:
            raise ValueError(f'An identity floor is a distance above 0, such as {FLOOR}. Received: {floor}.')
        self.floor = float(floor)
        self._find, self._embed = find or faces.detect_faces, embed

    def hold(self, content, result):
        """Blends the faces of a result back as far as it takes.

        Args:
            content: The photograph, uint8 [H, W, 3].
            result: uint8 [h, w, 3] of the same view.
        Returns:
            (uint8 [h, w, 3], list of Outcome, the largest face first). Without a face the result itself.
        """
        content = images.resize(content, result.shape[:2])
        outcomes = []
        for face in self._find(content):
            if face.size >= LEAST_FACE:
                result, outcome = self._held(content, result, face)
                outcomes.append(outcome)
        return result, outcomes

    def _held(self, content, result, face):
        goal = self._embedding(content, face)

        def distance(pixels):
            return float(np.linalg.norm(self._embedding(pixels, face) - goal))

        box = tuple(round(float(value)) for value in face.box)
        before = after = distance(result)
        if before <= self.floor:
            return result, Outcome(box, before, after, 1.0)
        # Inside the face alone if that is enough; else also around it, as far as the network looks.
        for mask in (faces.face_mask(result.shape, face), _wide_mask(result.shape, face)):
            held = _blended(content, result, mask, 0.0)
            after = distance(held)
            if after <= self.floor:
                break
        kept, refused = 0.0, 1.0
        for _ in range(STEPS):
            share = (kept + refused) / 2
            pixels = _blended(content, result, mask, share)
            reached = distance(pixels)
            if reached <= self.floor:
                kept, held, after = share, pixels, reached
            else:
                refused = share
        return held, Outcome(box, before, after, kept)

    def _embedding(self, pixels, face):
        if self._embed is None:
            self._embed = _network()
        return np.asarray(self._embed(identity_chip(pixels, face)[None]), np.float32)[0]


def _network():
    from stylegan_tf.networks.face_identity import FaceIdentity

    network = FaceIdentity()
    return lambda chips: np.asarray(network(images.to_float(chips)))


def _blended(content, result, mask, share):
    """`result`, of whose change `share` stays where `mask` is 1."""
    back = (1.0 - share) * mask
    return np.rint(result + back * (content.astype(np.float32) - result)).astype(np.uint8)


def _wide_mask(shape, face):
    """float32 [H, W, 1]: one around the face as far as the network looks, falling softly to zero."""
    center = (face.box[:2] + face.box[2:]) / 2
    rows, columns = np.ogrid[:shape[0], :shape[1]]
    away = np.hypot(columns - center[0], rows - center[1]) / face.size
    ramp = np.clip((_WIDE + _FADING - away) / _FADING, 0.0, 1.0)
    return (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)[:, :, None]
