"""Plain JPEG and PNG files decoded by OpenCV: the pixels that Pillow gives, without its copies.

NumPy, OpenCV and Pillow only.
"""

import cv2
import numpy as np
from PIL import ExifTags

_ENDS = {'JPEG': b'\xff\xd9', 'PNG': b'IEND\xaeB`\x82'}
_RGB = getattr(cv2, 'IMREAD_COLOR_RGB', None)  # since OpenCV 4.11, at the full size only
_FLAGS = {1: cv2.IMREAD_COLOR if _RGB is None else _RGB, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4,
          8: cv2.IMREAD_REDUCED_COLOR_8}


def is_plain(image):
    """Whether nothing special is about a file, so that `decode` may try it.

    Pillow stays the judge of everything else: of files that are transparent, deep or coloured otherwise, and of those
    that must be turned.

    Args:
        image: PIL.Image.Image with an open file, not yet decoded.
    """
    return (image.format in _ENDS and image.mode in ('RGB', 'L') and 'transparency' not in image.info
            and (image.format == 'PNG' or image.getexif().get(ExifTags.Base.Orientation, 1) == 1))


def decode(content, file_format, size, factor=1):
    """The pixels of a plain file, if it is whole.

    Args:
        content: bytes-like, the file.
        file_format: 'JPEG' or 'PNG'.
        size: (height, width), as its header says.
        factor: 1, 2, 4 or 8, by which the sides of a JPEG are divided, rounded up; 1 for a PNG.
    Returns:
        uint8 [H, W, 3] RGB, or None: the file lacks its end or is not what was said, or OpenCV cannot decode it;
        Pillow may know why.
    """
    end = _ENDS[file_format]
    if bytes(content[-len(end):]) != end or (file_format == 'PNG' and _may_be_turned(content)):
        return None
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), _FLAGS[factor] | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    if pixels is None or pixels.shape[:2] != tuple(-(-side // factor) for side in size):
        return None
    return pixels if _FLAGS[factor] == _RGB else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, pixels)


def _may_be_turned(content):
    """Whether a chunk of a PNG file may say that the picture must be turned; they stand before or behind the pixels."""
    place = 8  # behind the signature
    while place + 8 <= len(content):
        length, kind = int.from_bytes(content[place:place + 4], 'big'), content[place + 4:place + 8]
        if kind == b'eXIf' or content[place + 8:place + 24] == b'Raw profile type':
            return True
        place += length + 12  # with length, kind and checksum
    return False


def draft_factor(size, wanted):
    """The largest of 1, 2, 4 and 8 by which a JPEG can be made smaller in decoding and still be as large as wanted.

    Args:
        size, wanted: (height, width), pixels.
    """
    share = min(side // least for side, least in zip(size, wanted, strict=True))
    return max(factor for factor in _FLAGS if factor <= max(share, 1))
