"""Stylising video clips: steady frames, progress, and going on after a kill.

Finished frames wait beside the output in a hidden folder, `.OUTPUT.frames`, with the state of the painting every few
frames; the same command run again continues there, and makes the same clip as if it had never been stopped.
"""

import dataclasses
import io
import json
import pathlib
import shutil
import sys
import time

import numpy as np
import tqdm

from stylegan_tf import clips, files, images, stylizer
from stylegan_tf.loaded_models import ModelError
from stylegan_tf.steady_frames import SteadyFrames

FRAME_QUALITY = 98  # of the JPEGs that wait
STATE_FRAMES = 8  # frames between states: at most so many are painted again after a kill


def plan(content, output, *, is_sweep=False):
    """The one Job of a clip; arguments and errors as `stylizer.plan`."""
    content, output = pathlib.Path(content), pathlib.Path(output)
    if is_sweep:
        raise stylizer.StylizerError('--sweep makes sheets of pictures; for a clip leave it away.')
    if not content.is_file():
        raise stylizer.StylizerError(f'--content: {content} is not a file.')
    if output.is_dir() or not output.suffix:
        suffix = content.suffix.lower() if content.suffix.lower() in clips.writable_suffixes() else '.mp4'
        output = output / content.with_suffix(suffix).name
    elif output.suffix.lower() not in clips.writable_suffixes():
        raise stylizer.StylizerError(f'--output: clips cannot be written as {output.suffix!r}. Use one of '
                                     f'{", ".join(clips.writable_suffixes())}, or give a folder.')
    if output.exists() and output.samefile(content):
        raise stylizer.StylizerError(f'--output: {output} is the content itself, which is never overwritten.')
    return stylizer.Job(content, output)


class ClipStylizer(stylizer.Stylizer):
    """Stylises clips in one style; arguments and errors as `stylizer.Stylizer`.

    Args:
        steadiness: As of `SteadyFrames`.
        show_progress: Whether to draw a bar of the frames on stderr.
    """

    def __init__(self, model, styles, settings, *, steadiness=0.85, show_progress=True):
        if not 0 <= steadiness < 1:
            raise ModelError(f'The steadiness must be at least 0 and below 1. Received: {steadiness}.')
        if settings.keep_colors == 'palette':
            raise ModelError("keep_colors='palette' would follow the palette of every frame by itself. Use 'luminance' "
                             'for clips.')
        self.steadiness, self._show_progress = steadiness, show_progress
        # Blending faces back frame by frame would flicker.
        super().__init__(model, styles, dataclasses.replace(settings, identity_floor=0.0))

    def _describe_inputs(self):
        entries = super()._describe_inputs()
        return {**entries, 'settings': {**entries['settings'], 'steadiness': self.steadiness}}

    def run_one(self, job):
        try:
            was_done = super().run_one(job)
        except clips.ClipError as error:
            raise images.ImageError(str(error)) from error
        shutil.rmtree(_folder_of(job), ignore_errors=True)
        return was_done

    def _produce(self, job, wanted):
        start = time.perf_counter()
        reader = clips.Reader(job.content)
        try:
            frames = _Frames(_folder_of(job), wanted)
            steady = SteadyFrames(self.model, lambda frame: self._stylize(frame, self.settings.strength),
                                  self.steadiness)
            self._paint(reader, frames, steady)
            encoded = self._assembled(job, frames, reader.rate)
        finally:
            self.model.statistics_filter = None
            reader.close()
        size = frames.read(0).shape[:2]
        return encoded, size, {
            'frames': frames.count, 'rate': reader.rate, 'has_sound_of_content': clips.has_ffmpeg(),
            'flicker': steady.flicker, 'seconds': round(time.perf_counter() - start, 3)}

    def _paint(self, reader, frames, steady):
        bar = tqdm.tqdm(total=reader.expected, unit='frame', disable=not self._show_progress,
                        mininterval=0.1 if sys.stderr.isatty() else 30)
        done = frames.resume()
        with bar:
            for index, content in enumerate(reader.frames()):
                if index < done:
                    if index == done - 1:
                        steady.restore(frames.state, content)
                else:
                    frames.add(index, steady.next(content), steady)
                bar.update()

    def _assembled(self, job, frames, rate):
        """The clip as bytes, with the content's sound where ffmpeg is installed."""
        silent, whole = (frames.folder / f'{name}{job.output.suffix}' for name in ('silent', 'whole'))
        clips.write(silent, map(frames.read, range(frames.count)), rate)
        if not clips.has_ffmpeg():
            print('Note: ffmpeg was not found, so the clip has no sound.', file=sys.stderr)
            return silent.read_bytes()
        clips.with_sound(silent, job.content, whole)
        return whole.read_bytes()


class _Frames:
    """Painted frames of a clip that is not finished, in a folder."""

    def __init__(self, folder, wanted):
        self.folder, self.count, self.state = folder, 0, None
        self._wanted = json.dumps(stylizer.identity(wanted))

    def resume(self):
        """How many frames need not be painted again; begins anew where those there were made otherwise."""
        try:
            with np.load(self.folder / 'state.npz') as archive:
                state = dict(archive)
            if str(state.pop('wanted')) == self._wanted:
                self.count, self.state = int(state.pop('count')), state
                return self.count
        except (OSError, ValueError, KeyError):
            pass  # none, or a damaged one
        shutil.rmtree(self.folder, ignore_errors=True)
        return 0

    def add(self, index, pixels, steady):
        self._write(self._path(index), images.encode(pixels, 'jpg', quality=FRAME_QUALITY))
        self.count = index + 1
        if self.count % STATE_FRAMES == 0:
            buffer = io.BytesIO()
            np.savez(buffer, count=self.count, wanted=self._wanted, **steady.state())
            self._write(self.folder / 'state.npz', buffer.getvalue())

    def read(self, index):
        return images.read(self._path(index))

    def _path(self, index):
        return self.folder / f'frame-{index:06d}.jpg'

    def _write(self, path, data):
        try:
            files.write_whole(path, data)
        except OSError as error:
            raise stylizer.StylizerError(f'Cannot write {path}: {error.strerror or error}. Check that the disk has '
                                         'space; then run the same command again.') from error


def _folder_of(job):
    return job.output.with_name(f'.{job.output.name}.frames')
