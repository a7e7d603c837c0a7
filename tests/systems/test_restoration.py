"""Restoration: what each task leaves alone, tiles that equal the whole, and models that take no style."""

import functools
import io

import keras
import numpy as np
import pytest
from PIL import Image
from skimage import color

from stylegan_tf import api, configs, exporter, images, serving_graph
from stylegan_tf.loaded_models import ModelError
from stylegan_tf.systems import restoration_tasks
from tests import tiny_models
from tests.systems.shrinking import shrunk

RANDOM = np.random.default_rng(0)


@functools.cache
def system(preset):
    """A tiny system whose averaged U-Net answers at random, not 0."""
    keras.utils.set_random_seed(1)
    built = shrunk(preset).build()
    kernel = built.generator_ema.out.kernel
    kernel.assign(np.random.default_rng(1).normal(size=kernel.shape))
    return built


@functools.cache
def model(preset):
    """The system as a loaded model."""
    functions = serving_graph.build(system(preset))
    return api._network_model(functions, exporter.make_card(system(preset), functions), owner=system(preset))


def restored(preset, **batch):
    return system(preset).restore(batch, average=True).numpy()


def noise(*shape):
    return RANDOM.uniform(-1, 1, shape).astype(np.float32)


@pytest.mark.parametrize('factor', [2, 4])
def test_enlarging_starts_from_pillows_bicubic(factor):
    small = noise(12, 15)
    expected = np.asarray(Image.fromarray(small).resize((15 * factor, 12 * factor), Image.BICUBIC))
    batch = {'image': np.repeat(small[None, :, :, None], 3, axis=-1)}
    start = restoration_tasks.SuperResolution(factor).start(batch)[0, ..., 1].numpy()
    inner = slice(2 * factor, -2 * factor)  # at the border the kernels differ in what they repeat
    np.testing.assert_allclose(start[inner, inner], expected[inner, inner], atol=1e-4)


def test_answers_become_pixels_in_their_order():
    task = restoration_tasks.SuperResolution(2)
    batch = {'image': np.zeros((1, 8, 9, 3), np.float32)}
    change = np.zeros((1, 8, 9, 2, 2, 3), np.float32)
    change[0, 3, 5, 1, 0, 2] = 0.01
    made = task.finish(change.reshape(1, 8, 9, 12), batch).numpy()
    assert np.argwhere(made).tolist() == [[0, 7, 10, 2]]
    assert made.max() == pytest.approx(0.01 * restoration_tasks.GAIN)


def test_only_holes_are_filled():
    image, mask = noise(1, 32, 40, 3), np.zeros((1, 32, 40, 1), np.float32)
    mask[:, 10:20, 5:30] = 1
    result = restored('inpaint', image=image, mask=mask)
    np.testing.assert_array_equal(result[mask[..., 0] == 0], image[mask[..., 0] == 0])
    assert np.abs(result[mask[..., 0] > 0]).mean() > 0.01
    other = np.where(mask > 0, noise(1, 32, 40, 3), image)
    np.testing.assert_array_equal(restored('inpaint', image=other, mask=mask), result)  # holes are not looked into


def colored(grey, hints=None, code=None):
    hints = np.full((1, *grey.shape[1:3], 4), -1, np.float32) if hints is None else hints
    code = np.zeros((1, restoration_tasks.PALETTE_SIZE), np.float32) if code is None else code
    return restored('colorize', image=grey, hints=hints, palette_code=code)


def test_colours_change_and_lightness_stays():
    grey = np.repeat(np.linspace(-0.6, 0.6, 32 * 40, dtype=np.float32).reshape(1, 32, 40, 1), 3, axis=-1)
    lab = color.rgb2lab(colored(grey)[0] / 2 + 0.5)
    inside = np.abs(colored(grey)[0]).max(axis=-1) < 1
    assert np.abs(lab[..., 0] - color.rgb2lab(grey[0] / 2 + 0.5)[..., 0])[inside].max() < 0.5
    assert np.abs(lab[..., 1:]).mean() > 0.5


def test_hints_matter_nearby_and_palettes_everywhere():
    grey = np.zeros((1, 64, 96, 3), np.float32)
    hints = np.full((1, 64, 96, 4), -1, np.float32)
    hints[0, 30:33, 10:13] = [1, -1, -1, 1]
    plain, hinted = colored(grey), colored(grey, hints)
    reach = system('colorize').generator_ema.reach
    assert np.abs(hinted - plain)[:, 25:38, 5:18].max() > 1e-3
    assert not np.abs(hinted - plain)[:, :, 13 + reach:].any()
    code = restoration_tasks.palette_code(noise(1, 20, 20, 3) * 0.2 + np.float32([0.7, 0, -0.7]))
    assert (np.abs(colored(grey, code=code) - plain).max(axis=-1) > 1e-4).mean() > 0.9


def test_a_palette_is_means_and_deviations_of_lab():
    picture = noise(2, 9, 7, 3)
    ab = color.rgb2lab(picture / 2 + 0.5)[..., 1:] / restoration_tasks.COLOR_SCALE
    expected = np.concatenate([ab.mean(axis=(1, 2)), ab.std(axis=(1, 2)), np.ones((2, 1))], axis=-1)
    np.testing.assert_allclose(restoration_tasks.palette_code(picture), expected, atol=2e-3)


def test_training_starts_from_the_picture_as_it_came():
    fresh = shrunk('denoise').build()
    image = noise(1, 32, 48, 3)
    for average in (False, True):
        np.testing.assert_array_equal(fresh.restore({'image': image}, average=average), image)


HINTS = np.zeros((150, 200, 4), np.uint8)
HINTS[20:26, 30:40] = [200, 40, 10, 255]
HINTS[120:130, 150:152] = [20, 40, 210, 255]
OPTIONS = {'inpaint': {'mask': np.uint8(255) * (tiny_models.picture(150, 200, seed=5)[..., 0] > 140)},
           'colorize': {'hints': HINTS, 'palette': tiny_models.picture(40, 30, seed=6)}}


@pytest.mark.parametrize('preset', ['inpaint', 'colorize', 'super_resolution_2'])
def test_tiles_equal_the_whole(preset):
    restorer, content = model(preset), tiny_models.picture(150, 200, seed=3)
    whole = restorer.stylize(content, **OPTIONS.get(preset, {}))
    assert whole.shape == tuple(side * (2 if 'super' in preset else 1) for side in (150, 200)) + (3,)
    smallest = 3 * (-(-system(preset).generator_ema.reach // 2) * 2)
    counted = []
    restorer.progress = counted.append
    tiled = restorer.stylize(content, tile=smallest, **OPTIONS.get(preset, {}))
    restorer.progress = None
    assert counted[-1].tile == counted[-1].tiles > 3
    assert np.abs(tiled.astype(int) - whole).max() <= 1
    with pytest.raises(ModelError, match=f'at least {smallest}'):
        restorer.stylize(content, tile=smallest - 1, **OPTIONS.get(preset, {}))


def test_strength_mixes_with_the_content():
    content = tiny_models.picture(37, 50, seed=4)
    none, half, full = (model('inpaint').stylize(content, mask=np.full((8, 8), 255, np.uint8), strength=strength)
                        for strength in (0, 0.5, 1))
    np.testing.assert_array_equal(none, content)
    np.testing.assert_allclose(half, content / 2 + full / 2, atol=1.01)


@pytest.mark.parametrize('size', [(1, 1), (3, 40), (17, 5)])
def test_pictures_of_a_few_pixels(size):
    content = tiny_models.picture(*size, seed=1)
    assert model('super_resolution_2').stylize(content).shape == (2 * size[0], 2 * size[1], 3)


def test_masks_and_hints_of_other_sizes_are_stretched():
    content = tiny_models.picture(60, 80)
    half = np.zeros((2, 2), np.uint8)
    half[:, 1] = 255
    filled = model('inpaint').stylize(content, mask=half)
    changed = (filled != content).any(axis=-1)
    assert not changed[:, :30].any() and changed[:, 50:].mean() > 0.9
    large = np.repeat(np.repeat(HINTS, 2, axis=0), 2, axis=1)
    content = tiny_models.picture(150, 200)
    np.testing.assert_array_equal(model('colorize').stylize(content, hints=large),
                                  model('colorize').stylize(content, hints=HINTS))


@pytest.mark.parametrize('preset, options, message', [
    ('colorize', {'style': 'painting.jpg'}, 'takes no style'),
    ('colorize', {'style_weights': [1.0]}, 'takes no style'),
    ('colorize', {'keep_colors': 'palette'}, "Use 'luminance'"),
    ('colorize', {'hints': tiny_models.picture(9, 9)}, 'must be a picture with transparency'),
    ('inpaint', {}, 'give `mask`'),
    ('inpaint', {'mask': np.zeros((4, 4), np.uint8), 'hints': HINTS}, 'takes neither hints nor a palette')])
def test_what_a_model_does_not_take_is_refused(preset, options, message):
    with pytest.raises(ModelError, match=message):
        model(preset).stylize(tiny_models.picture(20, 20), **options)


def test_exports_hold_what_python_computes(tmp_path):
    folder = exporter.export_system(system('colorize'), tmp_path / 'colors')
    loaded = api.load(folder)
    assert not api.takes_style(folder) and not loaded.takes_style
    content = tiny_models.picture(50, 70)
    difference = loaded.stylize(content, hints=HINTS).astype(int) - model('colorize').stylize(content, hints=HINTS)
    assert np.abs(difference).max() <= 1
    file = [images.encode(content)]
    told = loaded.run_signature('serving_default', content_bytes=np.array(file, object),
                                strength=np.ones(1, np.float32))
    assert np.abs(images.read(told['stylized_bytes'][0]).astype(int) - loaded.stylize(content)).max() <= 1
    code = loaded.run_signature('encode_palette_bytes', palette_bytes=np.array(file, object))['palette_code']
    buffer = io.BytesIO()
    Image.fromarray(HINTS).save(buffer, 'PNG')
    overlay = np.array([buffer.getvalue()], object)
    told = loaded.run_signature('stylize_with_hints_bytes', content_bytes=np.array(file, object), hints_bytes=overlay,
                                palette_code=code, strength=np.ones(1, np.float32))
    expected = loaded.stylize(content, hints=HINTS, palette=content)
    assert np.abs(images.read(told['stylized_bytes'][0]).astype(int) - expected).max() <= 1


def test_bad_settings_are_refused():
    for settings, message in (({'task': 'sing'}, 'one of denoise'), ({'resolution': 100, 'factor': 3}, 'be 2 or 4'),
                              ({'resolution': 24}, 'at least 32'), ({'discriminator_augmentation': 'ada'}, 'in pairs')):
        with pytest.raises(configs.ConfigError, match=message):
            configs.get('super_resolution_2', **settings).check()
