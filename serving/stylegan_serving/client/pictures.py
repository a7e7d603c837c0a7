"""Pictures on their way to a server and back: whole, upright, in a form that every model decodes alike."""

import dataclasses
import functools
import io
import os
import pathlib
import struct

import numpy as np
from PIL import ExifTags, Image

from stylegan_tf import images

_SENT_AS_THEY_ARE = ('JPEG', 'PNG', 'WEBP')
_PLAIN_MODES = ('RGB', 'L')
_EXIF_ERRORS = (OSError, SyntaxError, ValueError, KeyError, IndexError, TypeError, OverflowError, struct.error)


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """A picture that has been decoded once and can be sent."""

    name: str  # its file, for messages
    encoded: bytes  # JPEG, PNG or WebP without EXIF rotation, transparency, palettes or more than 8 bits
    picture: images.Picture  # what a result should keep

    @property
    def size(self):
        """(height, width) in pixels, upright."""
        return self.picture.pixels.shape[:2]


def prepare(source):
    """Decodes a picture to see that it is whole, and makes the bytes to send.

    A file goes as it is where a model's decoder shows the same as this package: a plain upright JPEG, PNG or WebP.
    Others are turned upright, laid over white and sent as PNG, without loss.

    Args:
        source: Path, encoded file, uint8 array [H, W, 3], or what this function returned.
    Returns:
        Prepared.
    Raises:
        images.ImageError: If the picture is damaged, missing, too large or of an unknown kind; names it.
    """
    if isinstance(source, Prepared):
        return source
    if isinstance(source, np.ndarray):
        picture = images.open_picture(source)
        return Prepared(picture.name, _png(picture.pixels), picture)
    name, encoded = _read(source)
    try:
        picture = images.open_picture(encoded)
    except images.ImageError as error:
        raise images.ImageError(str(error).replace('<bytes>', name, 1)) from error
    if not _is_plain(encoded):
        encoded = _png(picture.pixels)
    return Prepared(name, encoded, dataclasses.replace(picture, name=name))


@dataclasses.dataclass(frozen=True, eq=False)
class EncodedPicture:
    """A picture as a model returned it: an encoded file."""

    encoded: bytes

    @functools.cached_property
    def pixels(self):
        """uint8 [H, W, 3]."""
        return images.read(self.encoded)

    def save(self, path, *, like=None, metadata=None, quality=95):
        """Writes the picture, whole or not at all; the suffix decides the format.

        Args:
            path: File; missing folders are made.
            like: `Prepared` whose transparency, colour profile and EXIF the file keeps.
            metadata: Dict of str to str, kept in the file.
            quality: 1..100, of JPEG and WebP.
        Raises:
            images.ImageError: If the suffix is unknown or the file cannot be written.
        """
        images.save(path, self.pixels, picture=like and like.picture, metadata=metadata, quality=quality)


def from_floats(pixels):
    """EncodedPicture of float32 [H, W, 3] in [0, 1]."""
    return from_levels(to_levels(pixels))


def from_levels(pixels):
    """EncodedPicture of uint8 [H, W, 3]."""
    return EncodedPicture(_png(pixels))


def to_levels(pixels):
    """uint8 of floats in [0, 1], rounded as exported graphs round."""
    return np.rint(np.clip(np.nan_to_num(pixels), 0, 1) * np.float32(255)).astype(np.uint8)


def to_floats(pixels):
    """float32 in [0, 1] of uint8."""
    return pixels.astype(np.float32) / np.float32(255)


def _read(source):
    """(name, encoded bytes)."""
    if isinstance(source, bytes | bytearray | memoryview):
        return '<bytes>', bytes(source)
    if not isinstance(source, str | os.PathLike):
        raise images.ImageError(f'<{type(source).__name__}>: a picture must be a path, an encoded file or a uint8 '
                                'array [H, W, 3].')
    try:
        return os.fspath(source), pathlib.Path(source).read_bytes()
    except FileNotFoundError:
        raise images.ImageError(f'{source}: no such file.') from None
    except OSError as error:
        raise images.ImageError(f'{source}: cannot be read: {error.strerror or error}.') from error


def _is_plain(encoded):
    with Image.open(io.BytesIO(encoded)) as image:
        if image.format not in _SENT_AS_THEY_ARE or image.mode not in _PLAIN_MODES or 'transparency' in image.info:
            return False
        if getattr(image, 'is_animated', False):
            return False
        try:
            return image.getexif().get(ExifTags.Base.Orientation, 1) == 1
        except _EXIF_ERRORS:  # then open_picture leaves the pixels as they are, and so do models
            return True


def _png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, 'PNG', compress_level=1)  # higher levels take seconds for a photo
    return file.getvalue()
