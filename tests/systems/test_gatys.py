"""Optimisation-based transfer on small real pictures: the style comes, the content stays."""

import functools
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import skimage

from stylegan_tf import images
from stylegan_tf.metrics import similarity
from stylegan_tf.networks import features
from stylegan_tf.systems import gatys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(skimage.__file__).parent / 'data'
# Only the shallow layers: at 64 px that is all of the network there is.
SMALL = {'size': 64, 'style_layers': ('relu1_1', 'relu2_1', 'relu3_1'), 'content_layers': ('relu3_1',)}


@functools.cache
def photograph(name, side=64):
    return images.fit_within(images.read(DATA / name), side)


def run(**changes):
    return gatys.transfer(photograph('chelsea.png'), photograph('retina.jpg', 96), **{**SMALL, **changes})


@pytest.fixture(scope='module')
def lbfgs():
    return run(iterations=24)


def test_lbfgs_brings_the_style_and_keeps_the_content(lbfgs):
    assert lbfgs.pixels.shape == photograph('chelsea.png').shape
    assert lbfgs.pixels.dtype == np.uint8
    assert lbfgs.evaluations == 24
    assert not lbfgs.was_interrupted
    assert lbfgs.losses['style'] < 0.2 * lbfgs.start_losses['style']
    assert keeps_content(lbfgs.pixels)


def keeps_content(pixels):
    """Whether edges lie where the content's are, far more than in another photograph."""
    content = photograph('chelsea.png')
    other = images.resize(photograph('coffee.png'), content.shape[:2])
    kept, chance = (similarity.structure_retention(picture, content) for picture in (pixels, other))
    return kept > 0.4 + max(chance, 0.0)


def test_adam_gets_there_too():
    result = run(iterations=30, optimizer='adam')
    assert result.losses['style'] < 0.3 * result.start_losses['style']
    assert keeps_content(result.pixels)


def test_the_same_seed_gives_the_same_picture(lbfgs):
    np.testing.assert_array_equal(run(iterations=24).pixels, lbfgs.pixels)


def test_strength_goes_from_the_content_to_the_style(lbfgs):
    content = photograph('chelsea.png').astype(float)
    none, half = run(iterations=12, strength=0.0).pixels, run(iterations=24, strength=0.5).pixels
    changes = [np.abs(pixels - content).mean() for pixels in (none, half, lbfgs.pixels)]
    assert changes[0] < 5 < changes[1] < changes[2]


def test_weighted_styles_lie_between_them():
    styles = [photograph('retina.jpg', 96), photograph('coffee.png', 96)]
    means = [gatys.stylize(photograph('chelsea.png'), styles, style_weights=weights, iterations=16,
                           **SMALL).mean(axis=(0, 1))
             for weights in ((1, 0), (1, 1), (0, 3))]
    # The channel in which the two styles differ most.
    channel = np.argmax(np.abs(means[0] - means[2]))
    low, high = sorted((means[0][channel], means[2][channel]))
    assert low + 1 < means[1][channel] < high - 1


def test_a_mask_confines_the_style():
    content = photograph('chelsea.png')
    mask = np.zeros(content.shape[:2], bool)
    mask[:, :content.shape[1] // 2] = True
    pixels = run(iterations=10, masks=mask).pixels
    np.testing.assert_array_equal(pixels[~mask], content[~mask])
    assert np.abs(pixels[mask].astype(int) - content[mask]).mean() > 8


def test_two_masks_give_each_half_its_own_style():
    content = photograph('chelsea.png')
    left = np.zeros(content.shape[:2], np.float32)
    left[:, :content.shape[1] // 2] = 1.0
    red, blue = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8)
    red[..., 0], blue[..., 2] = 200, 200
    pixels = gatys.stylize(content, [red, blue], masks=[left, 1.0 - left], iterations=40, **SMALL).astype(int)
    excess = pixels[..., 0] - pixels[..., 2]
    assert excess[:, :content.shape[1] // 2].mean() > 40
    assert excess[:, content.shape[1] // 2:].mean() < -40


def test_keeping_colours():
    from stylegan_tf import colors

    content = photograph('chelsea.png')
    lab = colors.to_lab(run(iterations=8, keep_colors='luminance').pixels)
    assert np.abs(lab[..., 1:] - colors.to_lab(content)[..., 1:]).mean() < 3
    plain, palette = run(iterations=12), run(iterations=12, keep_colors='palette')
    wanted, *means = (colors.to_lab(pixels).mean(axis=(0, 1)) for pixels in (content, plain.pixels, palette.pixels))
    assert np.linalg.norm(means[1] - wanted) < 0.5 * np.linalg.norm(means[0] - wanted)


def test_interruption_returns_the_best_so_far_at_full_size():
    def interrupt(progress):
        if progress.evaluation == 6:
            raise KeyboardInterrupt

    content = photograph('chelsea.png', 200)
    result = gatys.transfer(content, photograph('retina.jpg', 96), **{**SMALL, 'size': 200}, iterations=40,
                            progress=interrupt)
    assert result.was_interrupted
    assert result.evaluations == 6
    assert result.pixels.shape == content.shape
    assert result.losses['total'] < result.start_losses['total']


def test_levels_go_coarse_to_fine_and_report():
    seen, previews = [], []
    gatys.transfer(photograph('chelsea.png', 192), photograph('retina.jpg', 192), **{**SMALL, 'size': 192},
                   iterations=10, progress=seen.append, preview=previews.append, preview_every=2)
    assert [progress.evaluation for progress in seen] == list(range(1, 11))
    assert [progress.level for progress in seen] == [1] * 6 + [2] * 4
    assert seen[0].levels == 2
    assert set(seen[0].losses) == {'total', 'content', 'style', 'structure', 'total_variation'}
    assert [max(preview.shape) for preview in previews] == [96, 96, 96, 192, 192]
    assert all(preview.dtype == np.uint8 for preview in previews)


@pytest.mark.parametrize(('shape', 'levels', 'expected'), [
    ((256, 170, 3), 0, [128, 256]), ((512, 512, 3), 0, [128, 256, 512]), ((512, 512, 3), 1, [512]),
    ((100, 100, 3), 4, [100]), ((400, 40, 3), 0, [400])])
def test_level_sides(shape, levels, expected):
    assert gatys.level_sides(shape, gatys.Settings(levels=levels)) == expected


@pytest.mark.parametrize('changes', [
    {'optimizer': 'sgd'}, {'keep_colors': 'hue'}, {'strength': 1.5}, {'size': 8}, {'iterations': 0}])
def test_settings_that_do_not_fit_are_named(changes):
    with pytest.raises(ValueError, match=f"'{next(iter(changes))}'.*Received"):
        gatys.transfer(photograph('chelsea.png'), photograph('coffee.png'), **changes)


def test_styles_weights_and_masks_must_fit_together():
    content = photograph('chelsea.png')
    with pytest.raises(ValueError, match='at least one style'):
        gatys.transfer(content, [])
    with pytest.raises(ValueError, match='Expected 2 style weights'):
        gatys.transfer(content, [content, content], style_weights=[1.0])
    with pytest.raises(ValueError, match='one for each of the 3 styles'):
        gatys.transfer(content, [content] * 3, masks=[np.ones((4, 4))] * 2)
    with pytest.raises(ValueError, match='masks are empty'):
        gatys.transfer(content, content, masks=np.zeros((4, 4)))


@pytest.mark.slow
def test_jax_computes_the_same_losses():
    pytest.importorskip('jax', reason='needs jax')
    code = ('import json, sys; from tests.systems import test_gatys as t; r = t.run(iterations=6);'
            'print(json.dumps([r.losses, "tensorflow" in sys.modules]))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT,
                          env={**os.environ, 'KERAS_BACKEND': 'jax', 'PYTHONPATH': str(ROOT)})
    assert done.returncode == 0, done.stderr
    losses, has_tensorflow = json.loads(done.stdout.splitlines()[-1])
    assert losses == pytest.approx(run(iterations=6).losses, rel=1e-3)
    assert not has_tensorflow


def test_the_network_can_be_a_converted_file(tmp_path):
    from stylegan_tf.networks import feature_weights

    feature_weights.write_converted(tmp_path / 'copy.safetensors', features.read_weights('vgg16_hed'))
    by_name, by_path = run(iterations=3), run(iterations=3, extractor=str(tmp_path / 'copy'))
    np.testing.assert_array_equal(by_name.pixels, by_path.pixels)
