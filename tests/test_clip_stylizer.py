"""Clips: steadier than frame by frame at the same look, continued after a kill, sound kept where ffmpeg is there."""

import itertools
import json
import os
import shutil
import stat
import subprocess
import sys

import cv2
import numpy as np
import pytest

from stylegan_tf import api, clip_stylizer, clips, images, motion, stylizer
from stylegan_tf.loaded_models import ModelError
from stylegan_tf.metrics import flicker
from stylegan_tf.steady_frames import SteadyFrames
from tests import tiny_models

SIZE, FRAMES, SHIFT = (64, 80), 13, (1, 2)  # rows and columns a frame


def scene(count, seed=0):
    """Frames of a window that moves over a picture, with the grain of a camera."""
    random = np.random.default_rng(seed)
    picture = tiny_models.picture(SIZE[0] + 3 * count, SIZE[1] + 3 * count, seed=seed).astype(int)
    fine = cv2.resize(random.integers(-60, 60, (SIZE[0], SIZE[1], 3)).astype(np.float32), picture.shape[1::-1])
    for index in range(count):
        rows, columns = (slice(start * index, start * index + length) for start, length in zip(SHIFT, SIZE))
        window = (picture + fine)[rows, columns] + random.normal(0, 4, (*SIZE, 3))
        yield np.clip(window, 0, 255).astype(np.uint8)


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """(clip, style)."""
    folder = tmp_path_factory.mktemp('clips')
    clip, style = folder / 'clip.avi', folder / 'style.png'
    clips.write(clip, scene(FRAMES), 12.0)
    images.save(style, tiny_models.picture(60, 60, seed=7))
    return clip, style


@pytest.fixture(scope='module')
def model():
    pytest.importorskip('ai_edge_litert')
    return api.load('arbitrary_style', engine='litert')


def painted(model, files, output, **options):
    """Runs; returns (Report, receipt)."""
    job = clip_stylizer.plan(files[0], output)
    settings = stylizer.Settings(**options.pop('settings', {}))
    report = clip_stylizer.ClipStylizer(model, [files[1]], settings, show_progress=False, **options).run(
        [job], show_progress=False)
    receipt = job.receipt.read_text(encoding='utf-8') if job.receipt.exists() else '{}'
    return report, json.loads(receipt)


def frames_of(path):
    reader = clips.Reader(path)
    found = list(reader.frames())
    reader.close()
    return found


def detail(frames):
    """Mean strength of the finest detail."""
    return np.mean([np.abs(frame.astype(float) - cv2.GaussianBlur(frame, (0, 0), 1.0)).mean() for frame in frames])


def errors(frames):
    """Mean warped-frame error along the true motion, away from the borders."""
    flow = np.empty((*SIZE, 2), np.float32)
    flow[:] = np.float32(SHIFT[::-1])
    inner = np.zeros(SIZE, np.float32)
    inner[4:-4, 4:-4] = 1
    return np.mean([flicker.warped_frame_error(motion.carried(before, flow), after, inner)
                    for before, after in itertools.pairwise(frames)])


def test_a_clip_is_painted_whole_and_only_once(model, files, tmp_path):
    report, receipt = painted(model, files, tmp_path / 'steady.avi')
    assert not report.failures and receipt['frames'] == FRAMES and receipt['rate'] == 12.0
    assert not list(tmp_path.glob('.*.frames'))
    assert len(frames_of(tmp_path / 'steady.avi')) == FRAMES
    assert receipt['flicker']['warped_frame_error'] <= 0.5 * receipt['flicker']['frame_by_frame']
    assert model.statistics_filter is None
    again, _ = painted(model, files, tmp_path / 'steady.avi')
    assert again.skipped and not again.done


def test_half_the_flicker_at_the_same_look(model, files):
    frames, style = frames_of(files[0]), model.prepare_style(files[1])
    alone = [model.stylize(frame, style) for frame in frames]
    painter = SteadyFrames(model, lambda frame: model.stylize(frame, style), 0.85)
    steady = [painter.next(frame) for frame in frames]
    model.statistics_filter = None
    assert errors(steady) <= 0.5 * errors(alone)
    assert detail(steady) > 0.85 * detail(alone)
    assert np.abs(np.mean(steady, (0, 1, 2)) - np.mean(alone, (0, 1, 2))).max() < 6


def test_a_killed_clip_goes_on_as_if_nothing_had_happened(model, files, tmp_path, monkeypatch):
    painted(model, files, tmp_path / 'whole.avi')
    stylize, calls = model.stylize, []

    def dies(*arguments, **options):
        calls.append(1)
        if len(calls) == 11:
            raise KeyboardInterrupt
        return stylize(*arguments, **options)

    monkeypatch.setattr(model, 'stylize', dies)
    with pytest.raises(KeyboardInterrupt):
        painted(model, files, tmp_path / 'broken.avi')
    assert not (tmp_path / 'broken.avi').exists()
    report, receipt = painted(model, files, tmp_path / 'broken.avi')
    assert report.done and len(calls) == 11 + FRAMES - clip_stylizer.STATE_FRAMES
    assert (tmp_path / 'broken.avi').read_bytes() == (tmp_path / 'whole.avi').read_bytes()
    assert receipt['flicker'] == json.loads((tmp_path / 'whole.avi.json').read_text())['flicker']


def test_frames_of_another_making_are_not_taken_over(model, files, tmp_path):
    folder = tmp_path / '.clip.avi.frames'
    images.save(folder / 'frame-000000.jpg', tiny_models.picture(*SIZE))
    np.savez(folder / 'state.npz', count=1, wanted='another', painted=np.zeros((*SIZE, 3), np.float32))
    report, _ = painted(model, files, tmp_path / 'clip.avi', steadiness=0.0)
    assert report.done
    prepared = model.prepare_style(files[1])
    for found, frame in zip(frames_of(tmp_path / 'clip.avi'), frames_of(files[0])):
        assert np.abs(found.astype(int) - model.stylize(frame, prepared)).mean() < 8  # two lossy codecs


def test_a_cut_begins_anew():
    class Nothing:
        statistics_filter = None

    first, second = tiny_models.picture(*SIZE, seed=1), 255 - tiny_models.picture(*SIZE, seed=1)
    steady = SteadyFrames(Nothing(), lambda frame: frame, 0.9)
    for frame in (first, first, second):
        np.testing.assert_allclose(steady.next(frame).astype(int), frame, atol=1)


def test_motion_is_found_and_not_believed_where_there_is_none():
    before, after = list(scene(2, seed=4))
    flow, returning = motion.backward_flow(before, after), motion.backward_flow(after, before)
    inner = flow[8:-8, 8:-8]
    np.testing.assert_allclose(np.median(inner, axis=(0, 1)), SHIFT[::-1], atol=0.2)
    believed = motion.belief(before, after, flow, returning)
    assert believed[8:-8, 8:-8].mean() > 0.6
    covered = after.copy()
    covered[20:40, 20:40] = 255 - covered[20:40, 20:40]
    assert motion.belief(before, covered, flow, returning)[24:36, 24:36].mean() < 0.2


def test_warped_frame_error_counts_what_is_believed():
    before, after = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 10, np.uint8)
    after[0, 0] = 250
    assert flicker.warped_frame_error(before, after, np.array([[0, 1], [1, 2.0]])) == 10
    assert np.isnan(flicker.warped_frame_error(before, after, np.zeros((2, 2))))
    with pytest.raises(ValueError, match='one size'):
        flicker.warped_frame_error(before, after[:1], np.zeros((2, 2)))


def test_sound_is_copied_by_ffmpeg(model, files, tmp_path, monkeypatch):
    tool = tmp_path / 'bin' / 'ffmpeg'
    tool.parent.mkdir()
    tool.write_text(f'#!{sys.executable}\nimport shutil, sys\nopen({str(tmp_path / "told")!r}, "w").write(" ".join('
                    'sys.argv))\nshutil.copy(sys.argv[sys.argv.index("-i") + 1], sys.argv[-1])\n')
    tool.chmod(tool.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv('PATH', f'{tool.parent}{os.pathsep}{os.environ["PATH"]}')
    assert shutil.which('ffmpeg') == str(tool)
    report, receipt = painted(model, files, tmp_path / 'loud.avi', steadiness=0.0)
    assert report.done and receipt['has_sound_of_content']
    told = (tmp_path / 'told').read_text()
    assert f'-i {files[0]} ' in told and '-map 1:a?' in told and '-c copy' in told


def test_what_cannot_be_done_is_refused(model, files, tmp_path):
    for output, options, error in (
            ('a.gif', {}, stylizer.StylizerError), ('a.mp4', {'steadiness': 1.0}, ModelError),
            ('a.mp4', {'settings': {'keep_colors': 'palette'}}, ModelError)):
        with pytest.raises(error):
            painted(model, files, tmp_path / output, **options)
    broken = tmp_path / 'broken.mp4'
    broken.write_bytes(b'no video')
    report, _ = painted(model, (broken, files[1]), tmp_path / 'out.mp4')
    assert 'cannot be read as a video' in report.failures[0][1]


@pytest.mark.slow
def test_the_command_takes_a_clip(files, tmp_path):
    pytest.importorskip('ai_edge_litert')
    done = subprocess.run(
        [sys.executable, '-m', 'stylegan_tf.stylize', f'--content={files[0]}', f'--style={files[1]}', '--engine=litert',
         '--steadiness=0.5', f'--output={tmp_path}'], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert len(frames_of(tmp_path / 'clip.avi')) == FRAMES
    assert json.loads((tmp_path / 'clip.avi.json').read_text())['settings']['steadiness'] == 0.5
