"""Tiles: where they lie, that they reach far enough, and that nobody sees them in the result."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf import gatys_models, images, loaded_models, stylizer, tiles
from stylegan_tf.loaded_models import ModelError
from stylegan_tf.networks.stylization import StylizationGenerator
from stylegan_tf.systems.stylization_signatures import content_reach
from tests import tiny_models
from tests.systems.shrinking import shrunk

STYLES = [tiny_models.picture(40, 50, seed=2), tiny_models.picture(64, 33, seed=3)]


def detailed(height, width, seed=0):
    """A picture with detail down to the pixel, uint8 [H, W, 3]."""
    noise = np.random.default_rng(seed).integers(0, 80, (height, width, 3))
    return np.clip(tiny_models.picture(height, width, seed) * 0.7 + noise, 0, 255).astype(np.uint8)


def largest_difference(a, b):
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def smallest_tile():
    return tiles.smallest_side(**tiny_models.model()._tiling)


def floats_in_tiles(run, content, inputs, tiling, side):
    """float32 [H, W, 3] joined of tiles by `run(signature, inputs)`."""
    told = run('encode_content', {'content': content[None]})
    given = {**inputs, 'statistics': told['statistics']}
    joined = np.full_like(content, np.nan)
    for tile in tiles.plan(content.shape[:2], side, **tiling):
        painted = run('stylize_tile', {**given, 'content': content[tile.source][None]})
        joined[tile.target] = painted['stylized'][0].numpy()[tile.kept]
    return joined


@pytest.mark.parametrize('size', [(1, 1), (64, 65), (63, 200), (300, 127)])
@pytest.mark.parametrize('side, margin, multiple', [(64, 16, 8), (65, 3, 2), (74, 24, 8),
                                                    (500, 1, 1)])
def test_plan_covers_each_pixel_once_and_reaches_far_enough(size, side, margin, multiple):
    covered = np.zeros(size, int)
    for tile in tiles.plan(size, side, margin=margin, multiple=multiple):
        covered[tile.target] += 1
        assert covered[tile.source][tile.kept].shape == covered[tile.target].shape
        for span, length in ((tile.rows, size[0]), (tile.columns, size[1])):
            assert span.start % multiple == 0 and 0 < span.stop - span.start <= side
            assert span.stop == length or span.stop % multiple == 0
            assert span.start == span.first == 0 or span.first - span.start >= margin
            assert span.stop == span.last == length or span.stop - span.last >= margin
    assert (covered == 1).all()


def test_plan_spreads_the_work_and_refuses_what_is_too_small():
    spans = [tile.columns for tile in tiles.plan((10, 130), 64, margin=8, multiple=4)]
    assert [span.stop - span.start for span in spans] == [56, 56, 50]
    assert tiles.smallest_side(margin=9, multiple=4) == 36
    with pytest.raises(ValueError, match=r'at least 36 pixels.*Received: 35'):
        tiles.plan((100, 100), 35, margin=9, multiple=4)
    assert len(tiles.plan((37, 100), 36, margin=9, multiple=4)) == 2 * 7


def test_automatic_side():
    assert tiles.automatic_side((100, 100), 10_000, margin=8, multiple=4) is None
    assert tiles.automatic_side((100, 101), 10_000, margin=8, multiple=4) == 100
    assert tiles.automatic_side((100, 101), 100, margin=8, multiple=4) == 24


@pytest.mark.parametrize('levels, blocks, size', [(1, 0, 48), (2, 1, 80), (3, 3, 216)])
def test_reach_is_what_the_network_looks_at(levels, blocks, size):
    """The gradient of one output pixel is not zero exactly within the reach."""
    generator = StylizationGenerator(4, 4, levels=levels, residual_blocks=blocks)
    random = np.random.default_rng(0)
    content = tf.constant(random.uniform(-1, 1, (1, size, size, 3)), tf.float32)
    code = tf.constant(random.normal(size=(1, 4)), tf.float32)
    statistics = generator.statistics(generator.encoder(content))
    reach = 0
    for pixel in range(size // 2, size // 2 + 2 ** levels):
        with tf.GradientTape() as tape:
            tape.watch(content)
            value = tf.reduce_sum(generator(content, code, statistics)[0, pixel, pixel])
        seen = np.abs(tape.gradient(value, content)[0].numpy()).sum(-1)
        for axis in (0, 1):
            places = np.flatnonzero(seen.sum(axis))
            assert places[0] > 0 and places[-1] < size - 1, 'the picture is too small to tell'
            reach = max(reach, pixel - places[0], places[-1] - pixel)
    assert reach == content_reach(levels, blocks)


@pytest.mark.parametrize('size, side', [((97, 150), 84), ((61, 301), 103), ((270, 290), 160)])
def test_tiles_equal_the_whole_picture(size, side):
    model = tiny_models.model()
    content = detailed(*size, seed=size[0]).astype(np.float32) / 255
    inputs = {'code': model.prepare_style(STYLES[0]).code, 'strength': np.array([0.9], np.float32)}

    def run(name, inputs):
        return model._functions[name](**{k: tf.constant(v) for k, v in inputs.items()})

    whole = run('stylize_from_code', {**inputs, 'content': content[None]})['stylized'][0].numpy()
    assert np.abs(whole - content).max() > 0.05
    joined = floats_in_tiles(run, content, inputs, model._tiling, side)
    assert np.abs(joined - whole).max() < 1e-4
    careless = floats_in_tiles(run, content, inputs, {**model._tiling, 'margin': 4}, side)
    assert np.abs(careless - whole).max() > 1e-4, 'a smaller margin must show'


def test_tiles_of_the_default_width():
    system = shrunk('style_transfer_64', 'width_channels=24', 'max_channels=96', 'levels=3',
                    'residual_blocks=3', 'style_encoder=learned').build()
    signatures = system.signatures()
    content = detailed(330, 203).astype(np.float32) / 255
    code = np.random.default_rng(1).normal(size=(1, system.config.code_size)).astype(np.float32)
    inputs = {'code': tf.constant(code), 'strength': tf.constant([1.0])}

    def run(name, inputs):
        return signatures[name].function(**{k: tf.constant(v) for k, v in inputs.items()})

    told = run('encode_content', {'content': content[None, :16, :16]})
    tiling = {'margin': int(told['tile_margin'][0]), 'multiple': int(told['tile_multiple'][0])}
    assert tiling == {'margin': content_reach(3, 3), 'multiple': 8}
    whole = run('stylize_from_code', {**inputs, 'content': content[None]})['stylized'][0].numpy()
    joined = floats_in_tiles(run, content, inputs, tiling, 288)
    assert np.abs(joined - whole).max() < 1e-4


@pytest.mark.parametrize('options', [
    {}, {'strength': 0.15}, {'keep_colors': 'luminance'}, {'keep_colors': 'palette'},
    {'mask': tiny_models.picture(20, 20, seed=8), 'keep_colors': 'luminance'}])
def test_the_result_does_not_depend_on_tiles(options):
    model, photo = tiny_models.model(), detailed(80, 190, seed=4)
    whole = model.stylize(photo, STYLES, style_weights=[1, 3], **options)
    cut = model.stylize(photo, STYLES, style_weights=[1, 3], tile=smallest_tile(), **options)
    # Putting luminance under other colours clips, so that one level may become two.
    assert largest_difference(whole, cut) <= (2 if options.get('keep_colors') == 'luminance' else 1)
    assert largest_difference(whole, photo) > 8


def test_large_pictures_are_cut_by_themselves(monkeypatch):
    model, photo = tiny_models.model(), detailed(110, 160, seed=5)
    whole, told = model.stylize(photo, STYLES[0]), []
    monkeypatch.setattr(model, 'progress', told.append)
    assert largest_difference(whole, model.stylize(photo, STYLES[0])) == 0 and not told
    monkeypatch.setattr(loaded_models, 'MEMORY_BUDGET', 100 ** 2 * loaded_models.BYTES_PER_PIXEL)
    assert largest_difference(whole, model.stylize(photo, STYLES[0])) <= 1
    assert [progress.tile for progress in told] == list(range(told[0].tiles + 1))
    assert told[0].tiles > 1


def test_an_export_without_signatures_for_tiles(monkeypatch):
    model = tiny_models.model()
    older = loaded_models.NetworkModel(
        {name: function for name, function in model._functions.items()
         if name not in ('encode_content', 'stylize_tile')}, model.card)
    photo = detailed(130, 160, seed=5)
    monkeypatch.setattr(loaded_models, 'MEMORY_BUDGET', 1)
    np.testing.assert_array_equal(older.stylize(photo, STYLES[0]),
                                  model.stylize(photo, STYLES[0], tile=200))
    with pytest.raises(ModelError, match=r'exported without the signatures for tiles'):
        older.stylize(photo, STYLES[0], tile=100)


def test_bad_tiles_are_said():
    model = tiny_models.model()
    for tile in (0, -5, 1.5, 'big'):
        with pytest.raises(ModelError, match=r'`tile` must be a number of pixels'):
            model.stylize(STYLES[0], STYLES[1], tile=tile)
    with pytest.raises(ModelError, match=rf'at least {smallest_tile()} for .*Received: 8'):
        model.stylize(STYLES[0], STYLES[1], tile=8)
    with pytest.raises(ModelError, match=r'gatys does not work in tiles'):
        gatys_models.GatysModel().stylize(STYLES[0], STYLES[1], tile=300)
    with pytest.raises(ModelError, match=r'at least'):
        stylizer.Stylizer(model, [], stylizer.Settings(tile=8, style_seed=1))


@pytest.mark.slow
def test_command_in_tiles(tmp_path):
    photo = detailed(90, 150, seed=6)
    alpha = np.linspace(0, 255, 150).astype(np.uint8)[None].repeat(90, 0)
    images.save(tmp_path / 'photo.png', photo,
                picture=images.Picture(photo, alpha=alpha, name='photo.png'))
    images.save(tmp_path / 'style.png', STYLES[0])
    output = tmp_path / 'out.png'
    result = subprocess.run(
        [sys.executable, '-m', 'stylegan_tf.stylize', f'--model={tiny_models.exported()}',
         f'--content={tmp_path / "photo.png"}', f'--style={tmp_path / "style.png"}',
         f'--output={output}', f'--tile={smallest_tile()}'],
        capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert 'tile' in result.stderr and '| 0/' in result.stderr
    expected = tiny_models.model().stylize(tmp_path / 'photo.png', STYLES[0])
    made = images.open_picture(output)
    seen = np.where(alpha[..., None] > 0, 1, 0)  # where clear, the file keeps its colours too
    assert largest_difference(made.alpha, alpha) == 0
    with images.Image.open(output) as file:
        pixels = np.asarray(file)[..., :3]
    assert largest_difference(pixels * seen, expected * seen) <= 1
    assert json.loads((tmp_path / 'out.png.json').read_text())['settings']['strength'] == 1.0
