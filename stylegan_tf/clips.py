"""Video files by OpenCV: frames in, frames out, and the sound of another file by ffmpeg where it is installed."""

import pathlib
import shutil
import subprocess

import cv2
import numpy as np

VIDEO_SUFFIXES = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm', '.wmv')
_CODECS = {'.avi': 'MJPG', '.m4v': 'mp4v', '.mkv': 'mp4v', '.mov': 'mp4v', '.mp4': 'mp4v'}  # that can be written
MOTION_JPEG_QUALITY = 95
USUAL_RATE = 25.0  # frames a second, where a file does not tell
LARGEST_RATE = 1000.0


class ClipError(ValueError):
    """A video file that cannot be read or written; the message names it."""


def is_clip(path):
    """Whether a file name is that of a video."""
    return pathlib.Path(path).suffix.lower() in VIDEO_SUFFIXES


class Reader:
    """The frames of a file, upright, one after another.

    Attributes:
        rate: Frames a second.
        expected: How many frames the file says it has; it may err.
        size: (H, W) of the frames.

    Raises:
        ClipError: If it cannot be opened, or has no picture.
    """

    def __init__(self, path):
        self._path = pathlib.Path(path)
        self._capture = cv2.VideoCapture(str(path))
        is_read, self._first = self._capture.read() if self._capture.isOpened() else (False, None)
        if not is_read:
            raise ClipError(f'{path}: cannot be read as a video. Expected a file that OpenCV reads '
                            f'({", ".join(VIDEO_SUFFIXES)}).')
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate < LARGEST_RATE else USUAL_RATE
        self.expected = max(1, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        self.size = self._first.shape[:2]

    def frames(self):
        """Yields uint8 [H, W, 3] RGB, each frame once."""
        frame = self._first
        while frame is not None:
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            is_read, frame = self._capture.read()
            frame = frame if is_read else None

    def close(self):
        self._capture.release()


def write(path, frames, rate):
    """Writes a file.

    Args:
        path: Its name; the ending decides the kind: `writable_suffixes()`.
        frames: Iterable of uint8 [H, W, 3] RGB of one size. A last odd row or column is repeated, because the common
            codecs need even sides.
        rate: Frames a second.
    Returns:
        How many frames it has.
    Raises:
        ClipError: If it cannot be written, or there is no frame.
    """
    path, writer, count = pathlib.Path(path), None, 0
    try:
        for frame in frames:
            frame = np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), mode='edge')
            if writer is None:
                writer = _writer(path, rate, frame.shape[1::-1])
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
            count += 1
    finally:
        if writer is not None:
            writer.release()
    if not count:
        raise ClipError(f'{path}: there was no frame to write.')
    return count


def _writer(path, rate, size):
    codec = _CODECS[path.suffix.lower()]
    # OpenCV's own writer, because that of FFmpeg knows no quality for this codec and takes a poor one.
    backend = cv2.CAP_OPENCV_MJPEG if codec == 'MJPG' else cv2.CAP_ANY
    writer = cv2.VideoWriter(str(path), backend, cv2.VideoWriter_fourcc(*codec), rate, size)
    if not writer.isOpened():
        raise ClipError(f'{path}: cannot be written. Check that its folder is writable.')
    writer.set(cv2.VIDEOWRITER_PROP_QUALITY, MOTION_JPEG_QUALITY)
    return writer


def writable_suffixes():
    """Endings that `write` knows."""
    return tuple(_CODECS)


def has_ffmpeg():
    """Whether sound can be kept."""
    return shutil.which('ffmpeg') is not None


def with_sound(picture_file, sound_file, output):
    """Joins the picture of one file and the sound of another, where it has any, without coding either anew.

    Raises:
        ClipError: If ffmpeg fails; says what it said.
    """
    done = subprocess.run(
        ['ffmpeg', '-nostdin', '-y', '-loglevel', 'error', '-i', str(picture_file), '-i', str(sound_file),
         '-map', '0:v:0', '-map', '1:a?', '-c', 'copy', str(output)],
        capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClipError(f'{output}: ffmpeg could not add the sound of {sound_file}: '
                        f'{" ".join(done.stderr.split())[-300:]}')
