"""From every pixel mode a file can have to 8-bit RGB. NumPy and Pillow only."""

import io

import numpy as np
from PIL import ImageChops, ImageCms


def over_white(rgba):
    """uint8 [H, W, 4] with straight alpha, laid over white: uint8 [H, W, 3]."""
    alpha = rgba[:, :, 3:].astype(np.uint16)
    return ((rgba[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def to_rgb(image, file_format):
    """Converts a decoded picture.

    Args:
        image: PIL.Image.Image, loaded.
        file_format: Pillow's name of the file's format, such as 'JPEG'.
    Returns:
        (pixels uint8 [H, W, 3], alpha uint8 [H, W] or None, RGB colour profile or None).
    Raises:
        ValueError: If there is no sensible 8-bit picture in it.
    """
    profile = image.info.get('icc_profile') or None
    if image.mode.startswith(('I', 'F')):
        grey = _deep_grey(np.asarray(image))
        return np.repeat(grey[:, :, None], 3, axis=2), None, None
    if image.mode in ('CMYK', 'LAB'):
        return _through_colour_management(image, file_format, profile), None, None
    if image.mode in ('RGBA', 'RGBa', 'LA', 'La', 'PA') or 'transparency' in image.info:
        rgba = np.asarray(image.convert('RGBA'))
        return over_white(rgba), np.ascontiguousarray(rgba[:, :, 3]), rgb_profile(image)
    return np.array(image if image.mode == 'RGB' else image.convert('RGB')), None, rgb_profile(image)


def rgb_profile(image):
    """The colour profile of a PIL.Image.Image, bytes, if it is one of RGB; else None."""
    profile = image.info.get('icc_profile') or b''
    return profile if profile[16:20] == b'RGB ' else None


def _deep_grey(values):
    """16-bit integers and floating-point numbers in [0, 1] or [0, 255] to uint8."""
    low, high = values.min(), values.max()
    if values.dtype.kind in 'iu' and low >= 0 and high <= 65535:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if values.dtype.kind == 'f' and low >= 0 and high <= 255:
        return np.rint(values * (255 if high <= 1 else 1)).astype(np.uint8)
    raise ValueError(f'its grey values run from {low} to {high}; expected 16 bit or [0, 1]; '
                     'convert it to 8 or 16 bit')


def _through_colour_management(image, file_format, profile):
    if image.mode == 'CMYK' and file_format == 'JPEG' and 'adobe' not in image.info:
        # Pillow inverts the ink of every CMYK JPEG; only Adobe's, which say so, are inverted.
        image = ImageChops.invert(image)
    if image.mode == 'LAB':
        source = ImageCms.createProfile('LAB')
    elif profile is not None and profile[16:20] == b'CMYK':
        source = io.BytesIO(profile)
    else:
        return np.array(image.convert('RGB'))
    try:
        return np.array(ImageCms.profileToProfile(
            image, source, ImageCms.createProfile('sRGB'), outputMode='RGB'))
    except ImageCms.PyCMSError as error:
        if image.mode == 'LAB':
            raise ValueError(f'colour conversion failed: {error}') from error
        return np.array(image.convert('RGB'))
