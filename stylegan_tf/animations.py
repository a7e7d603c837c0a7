"""Pictures in a row as a film: GIF by Pillow, MP4 and AVI by OpenCV."""

import os
import pathlib
import secrets

import numpy as np
from PIL import Image

from stylegan_tf.images import ImageError

_CODECS = {'.mp4': 'mp4v', '.avi': 'MJPG'}
SUFFIXES = ('.gif', *_CODECS)


def check_suffix(path):
    """Raises ImageError unless films can be written under this name."""
    suffix = pathlib.Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ImageError(f'{path}: a film ends in one of {", ".join(SUFFIXES)}. Received: {suffix or "no suffix"}.')


def write(path, frames, frames_per_second=24):
    """Writes a film, whole or not at all; missing folders are made.

    Args:
        path: Ends in one of SUFFIXES, which decides the format.
        frames: Iterable of uint8 [H, W, 3], all of one size.
        frames_per_second: A number above 0; GIF rounds the time of a frame to 10 ms.
    Returns:
        Number of frames.
    Raises:
        ImageError: Another suffix, no frame, frames of several sizes, or a file that cannot be written.
    """
    check_suffix(path)
    path = pathlib.Path(path)
    temporary = path.with_name(f'.{path.stem}.{os.getpid()}.{secrets.token_hex(4)}{path.suffix}')
    writer = _write_gif if path.suffix.lower() == '.gif' else _write_video
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        count = writer(temporary, _checked(path, frames), float(frames_per_second))
        os.replace(temporary, path)
    except OSError as error:
        raise ImageError(f'{path}: cannot be written ({error.strerror or error}).') from error
    finally:
        temporary.unlink(missing_ok=True)
    return count


def _checked(path, frames):
    """The frames, once there is one; raises where they differ in size."""
    size, empty = None, True
    for frame in frames:
        frame, empty = np.ascontiguousarray(frame), False
        size = size or frame.shape
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.shape != size:
            raise ImageError(f'{path}: frames must be uint8 [H, W, 3] of one size. Received: {frame.dtype} '
                             f'{list(frame.shape)} after {list(size)}.')
        yield frame
    if empty:
        raise ImageError(f'{path}: a film needs at least one frame. Received none.')


def _write_gif(path, frames, frames_per_second):
    pictures = [Image.fromarray(frame) for frame in frames]
    pictures[0].save(path, 'GIF', save_all=True, append_images=pictures[1:], loop=0,
                     duration=max(20, round(100 / frames_per_second) * 10))
    return len(pictures)


def _write_video(path, frames, frames_per_second):
    import cv2

    writer, count = None, 0
    try:
        for frame in frames:
            # Codecs want even sides.
            frame = np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), 'edge')
            if writer is None:
                codec = cv2.VideoWriter_fourcc(*_CODECS[path.suffix.lower()])
                writer = cv2.VideoWriter(str(path), codec, frames_per_second, (frame.shape[1], frame.shape[0]))
                if not writer.isOpened():
                    raise OSError('OpenCV has no encoder for it; use .gif')
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
            count += 1
    finally:
        if writer is not None:
            writer.release()
    return count
