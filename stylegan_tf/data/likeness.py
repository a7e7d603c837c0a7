"""Which pictures are copies of each other, though not byte by byte.

Two steps. A perceptual hash (64 signs: the lowest 8 x 8 cosine coefficients of a 32 x 32 grey copy
against their median) proposes pairs that differ in at most 12 bits; a pair counts when the correlation
of their 16 x 16 colour copies is at least 0.95. Mirrored copies are found the same way.

Measured on 1255 photographs, paintings, portraits and product pictures, none of them known copies: of
786 885 pairs the hash proposed 60 straight and 28 mirrored ones, and none passed the correlation (highest:
0.915), so no false alarm. Altered copies of 314 of them were found: 100% with JPEG quality 10, half
size, changed proportions, mirrored, blur of 2 px, noise of 12 levels, 20% more light, 1% cut off every
side; 97% with 2% cut off, 64% with 3%, 10% with 5%; 77% with large white lettering, 32% made grey.
"""

import dataclasses

import cv2
import numpy as np

from stylegan_tf import images

HASH_DISTANCE = 12  # bits of 64
LEAST_CORRELATION = 0.95
LEAST_SIDE = 64  # pixels; below, unrelated pictures are as alike as copies
_BITS_OF_BYTE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1, dtype=np.uint8)


@dataclasses.dataclass(frozen=True, eq=False)
class Signature:
    """What copies are told by."""

    straight: np.uint64  # hash
    mirrored: np.uint64  # hash of the mirror image
    colors: np.ndarray  # uint8 [16, 16, 3]


def signature(pixels):
    """Returns the Signature of uint8 [H, W, 3]."""
    grey = images.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (32, 32)).astype(np.float32)
    return Signature(_perceptual_hash(grey), _perceptual_hash(np.ascontiguousarray(grey[:, ::-1])),
                     images.resize(pixels, (16, 16)))


def correlation(one, two, *, mirrored=False):
    """Correlation of two signatures' colours in [-1, 1]; `mirrored` turns the second round first."""
    first, second = one.colors.astype(np.float32), two.colors.astype(np.float32)
    if mirrored:
        second = second[:, ::-1]
    first, second = first - first.mean(), second - second.mean()
    return float((first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum() + 1e-6))


def pairs_within(signatures):
    """Yields (index, index of its first copy before it, is mirrored) for all that have one."""
    return _pairs(signatures, signatures, earlier_only=True)


def pairs_between(signatures, others):
    """Yields (index, index of its first copy among `others`, is mirrored) for all that have one."""
    return _pairs(signatures, others, earlier_only=False)


def _pairs(signatures, others, earlier_only):
    straight = np.array([other.straight for other in others], np.uint64)
    mirrored = np.array([other.mirrored for other in others], np.uint64)
    for index, own in enumerate(signatures):
        until = index if earlier_only else len(others)
        for hashes, is_mirrored in ((straight[:until], False), (mirrored[:until], True)):
            near = np.flatnonzero(_bit_count(hashes ^ own.straight) <= HASH_DISTANCE)
            match = next((int(place) for place in near if correlation(
                own, others[place], mirrored=is_mirrored) >= LEAST_CORRELATION), None)
            if match is not None:
                yield index, match, is_mirrored
                break


def _perceptual_hash(grey):
    # The first coefficient is the mean lightness, which a copy may change.
    low = cv2.dct(grey)[:8, :8].ravel()
    return np.packbits(low > np.median(low[1:])).view(np.uint64)[0]


def _bit_count(values):
    # numpy.bitwise_count exists from NumPy 2 on only.
    return _BITS_OF_BYTE[values.view(np.uint8).reshape(-1, 8)].sum(axis=1, dtype=np.uint8)
