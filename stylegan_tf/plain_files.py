"""Plain JPEG and PNG files decoded by OpenCV: the pixels that Pillow gives, without its copies.

NumPy, OpenCV and Pillow only.
"""

import cv2
import numpy as np
from PIL import ExifTags

_ENDS = {'JPEG': b'\xff\xd9', 'PNG': b'IEND\xaeB`\x82'}
_TURNED = {'JPEG': (), 'PNG': (b'eXIf', b'Raw profile type')}  # where a PNG may say that it must be turned
_FLAGS = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4,
          8: cv2.IMREAD_REDUCED_COLOR_8}


def decode(image, factor=1):
    """The pixels of a file that Pillow has opened and not yet decoded, where nothing special is about it.

    Pillow stays the judge of everything else: of files that lack their end, deep and transparent ones, those that
    must be turned, and those that OpenCV cannot decode.

    Args:
        image: PIL.Image.Image with an open file.
        factor: 1, 2, 4 or 8, by which the sides of a JPEG are divided, rounded up; 1 for a PNG.
    Returns:
        uint8 [H, W, 3] RGB, or None: Pillow must decode it; then the file is as it was.
    """
    if image.format not in _ENDS or image.mode not in ('RGB', 'L') or 'transparency' in image.info:
        return None
    if image.format == 'JPEG' and image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        return None
    position = image.fp.tell()
    image.fp.seek(0)
    content = image.fp.read()
    image.fp.seek(position)
    if not content.endswith(_ENDS[image.format]) or any(mark in content for mark in _TURNED[image.format]):
        return None
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), _FLAGS[factor] | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    if pixels is None or pixels.shape[:2] != (-(-image.height // factor), -(-image.width // factor)):
        return None
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, pixels)


def draft_factor(size, wanted):
    """The largest of 1, 2, 4 and 8 by which a JPEG can be made smaller in decoding and still be as large as wanted.

    Args:
        size, wanted: (height, width), pixels.
    """
    share = min(side // least for side, least in zip(size, wanted, strict=True))
    return max(factor for factor in _FLAGS if factor <= max(share, 1))
