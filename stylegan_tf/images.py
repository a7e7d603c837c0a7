"""Pictures between files and arrays: decode, encode, resize, sheets. NumPy, OpenCV and Pillow only.

Everywhere in the package a picture is uint8 [H, W, 3] RGB in [0, 255]; networks see float32 in
[-1, 1]. `open_picture` turns whatever a file holds into the first form and keeps beside it what a
result should carry on: transparency, colour profile and EXIF.
"""

import dataclasses
import io
import os
import pathlib
import struct
import zlib

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageOps

from stylegan_tf import color_modes, files, picture_metadata, plain_files
from stylegan_tf.sheets import grid

__all__ = [
    'IMAGE_SUFFIXES', 'MAX_PIXELS', 'Header', 'ImageError', 'ImageTooLargeError', 'Picture', 'check_header',
    'cover_crop', 'encode', 'find_images', 'fit_within', 'grid', 'open_picture', 'read', 'read_header',
    'read_metadata', 'read_reduced', 'resize', 'save', 'to_float', 'to_uint8']

IMAGE_SUFFIXES = ('.bmp', '.gif', '.jfif', '.jpe', '.jpeg', '.jpg', '.pgm', '.png', '.ppm', '.tif',
                  '.tiff', '.webp')
MAX_PIXELS = 120_000_000

# No others: Pillow hands some kinds, such as EPS, to external programs.
_READERS = ('JPEG', 'PNG', 'WEBP', 'TIFF', 'BMP', 'GIF', 'PPM')
_WRITERS = {'png': 'PNG', 'jpg': 'JPEG', 'jpeg': 'JPEG', 'jpe': 'JPEG', 'jfif': 'JPEG',
            'webp': 'WEBP', 'bmp': 'BMP', 'tif': 'TIFF', 'tiff': 'TIFF'}
# Pillow's plugins raise all of these on damaged files; nothing else may be called a bad picture.
_DECODING_ERRORS = (OSError, EOFError, SyntaxError, ValueError, KeyError, IndexError, TypeError,
                    OverflowError, struct.error, zlib.error, Image.DecompressionBombError)
_TIFF_TAGS_TO_KEEP = (ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model,
                      ExifTags.Base.Software, ExifTags.Base.DateTime, ExifTags.Base.Artist,
                      ExifTags.Base.Copyright)


class ImageError(ValueError):
    """A picture that cannot be read or written. The message starts with the file's name."""


class ImageTooLargeError(ImageError):
    """A picture of more pixels than are decoded."""


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture, upright, and what a picture made from it should keep."""

    pixels: np.ndarray  # uint8 [H, W, 3] RGB; transparent parts over white
    alpha: np.ndarray | None = None  # uint8 [H, W], where the file has transparency
    icc_profile: bytes | None = None  # an RGB profile that describes `pixels`
    exif: bytes | None = None  # without the orientation, which is applied
    name: str = '<array>'


def open_picture(source, *, max_pixels=MAX_PIXELS, min_short_side=None):
    """Decodes any picture to upright RGB.

    EXIF orientation is applied; grey, palette, 16-bit, CMYK, LAB and 0..1 floating-point files
    are converted; of animations and multi-page files the first frame is taken.

    Args:
        source: Path, encoded bytes, or uint8 array [H, W], [H, W, 1], [H, W, 3] or [H, W, 4].
        max_pixels: Larger pictures are refused before they are decoded.
        min_short_side: Where given, larger pictures come back smaller, their short side at
            least this many pixels: large JPEG files then decode several times faster.
    Returns:
        A Picture.
    Raises:
        ImageError: If there is no such file, or it is damaged, too large or of an unknown kind.
    """
    if isinstance(source, np.ndarray):
        return _reduced(_from_array(source), min_short_side)

    def factor(size):
        share = min_short_side / min(size) if min_short_side else 1.0
        return plain_files.draft_factor(size, [int(np.ceil(side * share)) for side in size]) if share < 1 else 1

    return _reduced(_decoded(source, max_pixels, factor)[0], min_short_side)


@dataclasses.dataclass(frozen=True)
class Header:
    """What the beginning of a picture's file says: enough for `read_reduced` not to look again.

    Attributes:
        height, width: Pixels as stored, before the EXIF orientation is applied.
        plain: 'JPEG' or 'PNG' where nothing special is about the file, else ''.
    """

    height: int
    width: int
    plain: str

    @property
    def short_side(self):
        return min(self.height, self.width)


def read_header(source, *, max_pixels=MAX_PIXELS):
    """The `Header` of a path or of encoded bytes; raises ImageError, but does not notice damage behind the header."""
    _, image = _open(source, max_pixels)
    with image:
        return Header(image.height, image.width, image.format if plain_files.is_plain(image) else '')


def read_reduced(source, factor, header=None, *, max_pixels=MAX_PIXELS):
    """The pixels of a picture made smaller by a whole factor, which JPEG files are while they are decoded.

    Args:
        source, max_pixels: As of `open_picture`.
        factor: 1, 2, 4 or 8.
        header: `read_header` of it, if that is known.
    Returns:
        uint8 [h, w, 3] with sides of about 1 / factor of the picture's; a rest of less than a block may be missing.
    Raises:
        ImageError: As `open_picture`.
    """
    pixels, done = None, 1
    if header is not None and header.plain:
        done = factor if header.plain == 'JPEG' else 1
        try:
            if isinstance(source, (str, os.PathLike)):
                with open(source, 'rb') as file:
                    content = file.read()
            else:
                content = source
        except OSError:
            content = b''  # told below
        pixels = plain_files.decode(content, header.plain, (header.height, header.width), done)
    if pixels is None and isinstance(source, np.ndarray):
        pixels, done = _from_array(source).pixels, 1
    elif pixels is None:
        picture, done = _decoded(source, max_pixels, lambda size: factor)
        pixels = picture.pixels
    if done == factor:
        return pixels
    height, width = (max(1, side * done // factor) for side in pixels.shape[:2])
    return resize(pixels[:height * factor // done, :width * factor // done], (height, width))


def _decoded(source, max_pixels, factor):
    """(Picture, by what it is smaller than the file's) of `factor(size)`, which only JPEG files heed."""
    name, image = _open(source, max_pixels)
    try:
        with image:
            size = image.height, image.width
            done = factor(size) if image.format == 'JPEG' else 1
            if plain_files.is_plain(image):
                position = image.fp.tell()
                image.fp.seek(0)
                pixels = plain_files.decode(image.fp.read(), image.format, size, done)
                image.fp.seek(position)
                if pixels is not None:
                    exif = None if image.format == 'PNG' else _orient(image)[0]  # a plain PNG has none
                    return Picture(pixels, None, color_modes.rgb_profile(image), exif, name), done
            if done > 1:
                image.draft(None, (image.width // done, image.height // done))
            image.load()
            file_format = image.format  # turned copies do not know it
            exif, image = _orient(image)
            pixels, alpha, icc_profile = color_modes.to_rgb(image, file_format)
    except _DECODING_ERRORS as error:
        raise ImageError(f'{name}: cannot be decoded ({_reason(error)}). The file is damaged or '
                         'incomplete; fetch it again or leave it out.') from error
    return Picture(pixels, alpha, icc_profile, exif, name), done


def read(source, *, max_pixels=MAX_PIXELS, min_short_side=None):
    """The pixels of `open_picture`, uint8 [H, W, 3]; same arguments and errors."""
    return open_picture(source, max_pixels=max_pixels, min_short_side=min_short_side).pixels


def check_header(source, *, max_pixels=MAX_PIXELS):
    """Reads only a file's header.

    Returns:
        (height, width), as stored: before the EXIF orientation is applied.
    Raises:
        ImageError: As `open_picture`; damage behind the header is not noticed.
    """
    _, image = _open(source, max_pixels)
    with image:
        return image.height, image.width


def _reason(error):
    return ' '.join(str(error).split()) or type(error).__name__


def _open(source, max_pixels):
    """(name, undecoded Pillow image); refuses what is no picture or too large."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        name, file = '<bytes>', io.BytesIO(source)
    elif isinstance(source, (str, os.PathLike)):
        name = file = os.fspath(source)
    else:
        raise ImageError(f'<{type(source).__name__}>: a picture must be a path, encoded bytes or '
                         'a uint8 array [H, W, 3].')
    try:
        image = Image.open(file, formats=_READERS)
    except FileNotFoundError:
        raise ImageError(f'{name}: no such file.') from None
    except IsADirectoryError:
        raise ImageError(f'{name}: is a folder, expected a picture.') from None
    except PermissionError:
        raise ImageError(f'{name}: may not be read; check its permissions.') from None
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(f'{name}: refused, it would decode to far too many pixels '
                                 f'({_reason(error)}). Make it smaller first.') from error
    except Image.UnidentifiedImageError as error:
        empty = ((isinstance(source, (str, os.PathLike)) and os.path.getsize(source) == 0)
                 or (isinstance(source, (bytes, bytearray)) and not source))
        what = 'is empty' if empty else 'is not a picture of a known kind'
        raise ImageError(f'{name}: {what}. Expected JPEG, PNG, WebP, TIFF, BMP or GIF.') from error
    except _DECODING_ERRORS as error:
        raise ImageError(f'{name}: its header cannot be read ({_reason(error)}).') from error
    if image.width * image.height > max_pixels:
        size = f'{image.width}x{image.height}'
        image.close()
        raise ImageTooLargeError(f'{name}: refused, it would decode to {size} pixels; at most '
                                 f'{max_pixels / 1e6:g} million are allowed. Make it smaller first.')
    return name, image


def _from_array(array):
    has_shape = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))
    if array.dtype != np.uint8 or not has_shape or not array.size:
        raise ImageError(f'<array>: expected uint8 [H, W, 3], [H, W] or [H, W, 4]. Received: '
                         f'{array.dtype} {list(array.shape)}. Floats in [-1, 1] go through '
                         'images.to_uint8 first.')
    if array.ndim == 2:
        array = array[:, :, None]
    if array.shape[2] == 4:
        return Picture(color_modes.over_white(array), np.ascontiguousarray(array[:, :, 3]))
    return Picture(np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3))))


def _reduced(picture, min_short_side):
    short_side = min(picture.pixels.shape[:2])
    if not min_short_side or short_side <= min_short_side:
        return picture
    size = tuple(max(min_short_side, round(side * min_short_side / short_side))
                 for side in picture.pixels.shape[:2])
    alpha = None if picture.alpha is None else resize(picture.alpha, size)
    return dataclasses.replace(picture, pixels=resize(picture.pixels, size), alpha=alpha)


def _orient(image):
    """(EXIF bytes without the orientation or None, upright image)."""
    try:
        exif = image.getexif()
        upright = ImageOps.exif_transpose(image) if exif.get(ExifTags.Base.Orientation, 1) != 1 \
            else image
        if image.format == 'TIFF':  # there the tags describe the file's own layout
            kept = Image.Exif()
            kept.update({tag: exif[tag] for tag in _TIFF_TAGS_TO_KEEP if tag in exif})
            exif = kept
        exif.pop(ExifTags.Base.Orientation, None)
        return (exif.tobytes() if len(exif) else None), upright
    except _DECODING_ERRORS:  # EXIF that cannot be parsed is no reason to refuse the pixels
        return None, image


def encode(pixels, format='png', *, picture=None, quality=95, metadata=None):
    """Encodes a picture.

    Args:
        pixels: uint8 [H, W, 3].
        format: 'png', 'jpeg', 'webp', 'bmp' or 'tiff'.
        picture: Picture whose transparency, colour profile and EXIF the result keeps, as far as
            the format can hold them. The transparency is resized to `pixels`.
        quality: 1..100, of JPEG and WebP.
        metadata: dict of str to str, kept as PNG text or XMP (JPEG, WebP, TIFF); the keys must
            be words. `read_metadata` reads it back.
    Returns:
        The bytes of the file.
    Raises:
        ImageError: If the array, the format or a metadata key is not as described.
    """
    writer = _WRITERS.get(format.lower().lstrip('.'))
    if writer is None:
        raise ImageError(f'<{format}>: pictures cannot be written in this format. Use one of: '
                         f'{", ".join(sorted(_WRITERS))}.')
    pixels = np.asarray(pixels)
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ImageError(f'<array>: expected uint8 [H, W, 3]. Received: {pixels.dtype} '
                         f'{list(pixels.shape)}.')
    pixels = _from_array(pixels).pixels
    options = _quality_options(writer, quality)
    if picture is not None:
        if picture.alpha is not None and writer in ('PNG', 'WEBP', 'TIFF'):
            alpha = resize(picture.alpha, pixels.shape[:2])
            pixels = np.concatenate([pixels, alpha[:, :, None]], axis=2)
        if picture.icc_profile and writer != 'BMP':
            options['icc_profile'] = picture.icc_profile
        # A JPEG segment holds 64 KiB; other formats allow longer EXIF.
        if picture.exif and writer != 'BMP' and (writer != 'JPEG' or len(picture.exif) < 65_000):
            options['exif'] = picture.exif
    try:
        options.update(picture_metadata.options(writer, metadata or {}, options.get('exif')))
    except ValueError as error:
        raise ImageError(f'<metadata>: {error}') from error
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, writer, **options)
    return buffer.getvalue()


def _quality_options(writer, quality):
    if writer == 'JPEG':
        return {'quality': quality, 'subsampling': 0 if quality >= 90 else 2}
    if writer == 'TIFF':
        return {'compression': 'tiff_lzw'}
    return {'quality': quality} if writer == 'WEBP' else {}


def read_metadata(source):
    """The `metadata` that `encode` or `save` stored in a file, dict of str to str (maybe empty).

    Raises:
        ImageError: If the file cannot be read.
    """
    name, image = _open(source, MAX_PIXELS)
    try:
        with image:
            image.load()  # PNG text may stand behind the pixels
            return picture_metadata.read(image)
    except _DECODING_ERRORS as error:
        raise ImageError(f'{name}: cannot be decoded ({_reason(error)}).') from error


def save(path, pixels, *, picture=None, quality=95, metadata=None):
    """Writes a picture; the suffix of `path` decides the format. Arguments as `encode`.

    The file appears complete or not at all: an older one of that name is replaced at the end.
    Missing parent folders are made.

    Raises:
        ImageError: If the suffix is unknown, the array is not as described, or the file cannot
            be written (folder not writable, disk full).
    """
    path = pathlib.Path(path)
    if path.suffix.lower().lstrip('.') not in _WRITERS:
        raise ImageError(f'{path}: the suffix {path.suffix!r} names no format that can be '
                         f'written. Use one of: {", ".join("." + w for w in sorted(_WRITERS))}.')
    encoded = encode(pixels, path.suffix, picture=picture, quality=quality, metadata=metadata)
    try:
        files.write_whole(path, encoded)
    except OSError as error:
        raise ImageError(f'{path}: cannot be written: {error.strerror or error}. Check that the '
                         'folder is writable and the disk has space.') from error


def to_float(pixels):
    """uint8 [0, 255] to float32 [-1, 1], any shape."""
    pixels = np.asarray(pixels)
    if pixels.dtype != np.uint8:
        raise ImageError(f'<array>: to_float expects uint8. Received: {pixels.dtype}.')
    return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)


def to_uint8(floats):
    """Floats [-1, 1] to uint8 [0, 255], any shape: rounded and clipped; NaN becomes 0."""
    floats = np.asarray(floats)
    if floats.dtype.kind in 'iub':
        raise ImageError(f'<array>: to_uint8 expects floats in [-1, 1]. Received: {floats.dtype}.')
    levels = np.multiply(floats, np.float32(127.5), dtype=np.float32)
    levels += np.float32(127.5)
    np.fmax(levels, np.float32(0), out=levels)  # of NaN and 0 it takes 0
    np.minimum(levels, np.float32(255), out=levels)
    return np.rint(levels, out=levels).astype(np.uint8)


def resize(pixels, size):
    """Resizes to `size` = (height, width): area averages down, cubic up, each axis by its own.

    Args:
        pixels: uint8 or float32 [H, W] or [H, W, C].
    Returns:
        Same dtype and rank; floats may overshoot their range a little where enlarged.
    """
    height, width = (int(side) for side in size)
    if height < 1 or width < 1:
        raise ImageError(f'<array>: cannot be resized to {height}x{width}.')
    result = pixels
    smaller = min(height, pixels.shape[0]), min(width, pixels.shape[1])
    if smaller != result.shape[:2]:
        result = cv2.resize(result, smaller[::-1], interpolation=cv2.INTER_AREA)
    if (height, width) != result.shape[:2]:
        result = cv2.resize(result, (width, height), interpolation=cv2.INTER_CUBIC)
    return result.reshape(height, width, *pixels.shape[2:])


def cover_crop(pixels, size):
    """The largest centred part of the wanted shape, resized to `size` = (height, width)."""
    height, width = size
    rows, columns = pixels.shape[:2]
    scale = min(rows / height, columns / width)
    part = (min(rows, max(1, round(height * scale))), min(columns, max(1, round(width * scale))))
    top, left = (rows - part[0]) // 2, (columns - part[1]) // 2
    return resize(pixels[top:top + part[0], left:left + part[1]], size)


def fit_within(pixels, long_side):
    """Shrinks so that the longer side is at most `long_side` pixels; never enlarges."""
    scale = long_side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    return resize(pixels, tuple(max(1, round(side * scale)) for side in pixels.shape[:2]))


def find_images(folder):
    """All picture files below a folder, by suffix.

    Folders reached through links are followed, each once; hidden files and folders are skipped.

    Returns:
        list of pathlib.Path, sorted by their path below `folder`.
    Raises:
        ImageError: If there is no such folder.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise ImageError(f'{folder}: no such folder.')
    found, visited = [], set()
    for parent, subfolders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in visited:
            subfolders.clear()
            continue
        visited.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith('.'))
        found += [pathlib.Path(parent, name) for name in names
                  if not name.startswith('.') and name.lower().endswith(IMAGE_SUFFIXES)]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())
