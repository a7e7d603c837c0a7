"""Facts of the portrait system: what the look is made of, what each term sees, what the dials do."""

import functools

import keras
import numpy as np
import pytest
import skimage.data
import tensorflow as tf

from stylegan_tf import api, commands, configs, exporter, images, portrait_models, serving_graph, stylizer
from stylegan_tf.data import SampleStream, faces
from stylegan_tf.data.portrait_stream import PortraitStream
from stylegan_tf.data.sources import Health, Source
from stylegan_tf.loaded_models import ModelError
from stylegan_tf.losses import perceptual, reconstruction
from stylegan_tf.networks.look_memory import LookMemory, identity_table
from stylegan_tf.systems import portrait_look
from stylegan_tf.training import checkpoints, launcher
from tests import tiny_models
from tests.systems.shrinking import random_batch, shrunk


class Pictures(Source):
    """Pictures in memory; those of an even index have a face in their left half."""

    def __init__(self, count, size=(48, 64), seed=0):
        super().__init__('pictures', [f'{index}.png' for index in range(count)], [-1] * count, label_names=(),
                         fingerprint='x', health=Health('pictures', count, 0.0))
        self.pixels = np.random.default_rng(seed).integers(0, 256, (count, *size, 3)).astype(np.uint8)

    def _decode(self, index, min_short_side):
        mask = np.zeros(self.pixels.shape[1:3], np.uint8)
        mask[:, :self.pixels.shape[2] // 2] = 255
        return self.pixels[index], mask if index % 2 == 0 else None


@functools.cache
def system(*settings):
    keras.utils.set_random_seed(2)
    built = shrunk('portrait_64', *settings).build()
    random = np.random.default_rng(4)
    built.look.remember(codes=random.normal(size=(9, 16)), table=identity_table(5)[..., ::-1])  # red and blue swapped
    return built


def model(*settings):
    built = system(*settings)
    functions = serving_graph.build(built, has_twins=False)
    return api._network_model(functions, exporter.make_card(built, functions), owner=built)


@functools.cache
def painter():
    return model()


def batch_of(built, seed=0):
    return {name: tf.constant(value) for name, value in random_batch(built.config, seed).items()}


# The look.

def test_codes_of_variations_are_spread_like_the_codes_of_the_look():
    codes = np.random.default_rng(0).normal(size=(40, 6)) @ np.diag([3, 2, 1, 0, 0, 0]) + 5
    memory = LookMemory(6, directions=4, table_size=3)
    np.testing.assert_array_equal(memory(np.ones((1, 4))), 0)  # it knows no look yet
    memory.remember(codes=codes)
    np.testing.assert_allclose(memory(np.zeros((1, 4)))[0], codes.mean(axis=0), rtol=1e-5)
    drawn = np.asarray(memory(np.random.default_rng(1).normal(size=(20_000, 4))))
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(codes.T), atol=0.3)
    memory.remember(codes=codes[:1])  # a single picture: no spread
    np.testing.assert_allclose(memory(np.ones((1, 4)))[0], codes[0], rtol=1e-5)


def test_the_table_of_a_new_look_changes_nothing_and_a_remembered_one_does():
    memory = LookMemory(4, table_size=5)
    image = np.random.default_rng(0).uniform(-1, 1, (2, 7, 9, 3)).astype(np.float32)
    np.testing.assert_allclose(memory.graded(image), image, atol=1e-5)
    memory.remember(table=1 - identity_table(5))
    np.testing.assert_allclose(memory.graded(image), -image, atol=1e-5)


def test_a_new_run_learns_the_codes_of_its_look():
    built = shrunk('portrait_64', 'color_path=off').build()
    sources = {'content': Pictures(4), 'style': Pictures(3, seed=1)}
    built.begin(sources, note=str)
    views = SampleStream({'style': sources['style']}, (32, 48), {'style': built.config.style_augmentation})
    expected = [built.encode_style(tf.constant(views.batch(start, 8)['style'] / 127.5 - 1, tf.float32))
                for start in range(0, 64, 8)]
    np.testing.assert_allclose(built.look_codes(1)[0], np.concatenate(expected).mean(axis=0), atol=1e-4)


# The objective.

def test_the_mask_moves_along_with_its_picture_and_is_empty_without_a_face():
    source = Pictures(6)
    for index, pixels in enumerate(source.pixels):
        pixels[:] = 0
        pixels[:, :32] = 200 if index % 2 == 0 else 0  # bright where the face is
    stream = PortraitStream({'content': source, 'style': source}, (48, 64),
                            {'content': configs.AugmentationConfig(crop_scale=(0.7, 1.0), contrast=0.1)}, seed=3)
    batch = stream.batch(0, 32)
    assert batch['mask'].shape == (32, 48, 64, 1) and set(stream.layout) == set(batch)
    bright = batch['content'][..., :1] > 100
    has_face = bright.any(axis=(1, 2, 3))
    assert 0 < has_face.sum() < 32 and 0 < bright[has_face][:, :, 0].mean() < 1  # some are flipped
    np.testing.assert_array_equal(batch['mask'] > 0.5, bright)


def test_the_face_counts_where_the_mask_is_and_nowhere_without_one():
    built = system('adversarial_weight=0', 'structure_weight=0')
    batch = batch_of(built)
    terms = {}
    for name, mask in (('none', np.zeros((4, 32, 48, 1))), ('all', np.ones((4, 32, 48, 1)))):
        built.noise.state.assign([7, 0])  # the same codes
        terms[name] = built.generator_losses({**batch, 'mask': tf.constant(mask, tf.float32)}).terms
    assert float(terms['none']['face']) == 0
    built.noise.state.assign([7, 0])
    fake = built.generator_losses(batch).shared['fake']
    maps, content_maps = built.perceptual(fake), built.perceptual(batch['content'])
    np.testing.assert_allclose(terms['all']['face'], np.mean(built._kept(maps, content_maps, ('relu2_1',))), rtol=1e-4)


def test_the_style_term_goes_from_the_whole_look_to_the_one_picture():
    built = system()
    batch = batch_of(built)
    maps, style_maps = built.perceptual(batch['content']), built.perceptual(batch['style'])
    for share in (0.0, 0.4, 1.0):
        found = built._gram_distances(maps, style_maps, tf.fill([4], share))
        distances = []
        for layer in built.config.style_layers:
            ours, grams = (np.asarray(perceptual.gram_matrix(source[layer])) for source in (maps, style_maps))
            wanted = (1 - share) * grams.mean(axis=0) + share * grams
            distances.append(((ours - wanted) ** 2).sum(axis=(1, 2)) / (wanted ** 2).sum(axis=(1, 2)))
        np.testing.assert_allclose(found, np.mean(distances, axis=0), rtol=1e-3)


def test_weighted_losses_see_only_what_counts():
    random = np.random.default_rng(0)
    one, other = (random.normal(size=(2, 8, 10, 3)).astype(np.float32) for _ in range(2))
    weights = np.zeros((2, 8, 10, 1), np.float32)
    weights[:, :, :4] = 0.5
    expected = ((one - other)[:, :, :4] ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(perceptual.content_loss({'a': one}, {'a': other}, ('a',), weights), expected, rtol=1e-4)
    edges = np.abs(np.asarray(reconstruction.edge_strength(one)) - np.asarray(reconstruction.edge_strength(other)))
    expected = edges[:, :, :3].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(reconstruction.edge_loss(one, other, weights), expected, rtol=1e-4)


@pytest.mark.parametrize('resolution', ['32x48', '16x16'])
def test_the_critics_penalty_is_zero_for_a_slope_of_one_in_root_mean_squares(resolution, monkeypatch):
    built = shrunk('portrait_64', f'resolution={resolution}', 'discriminator_augmentation=none').build()
    count = 3 * built.config.height * built.config.width

    def judged(image, training=True):  # its gradient has the length 1 / sqrt(count)
        return tf.reduce_sum(image, axis=(1, 2, 3)) / count
    monkeypatch.setattr(built, '_judged', judged)
    batch = batch_of(built)
    result = built.discriminator_losses({**batch, 'shared': {'fake': batch['content']}})
    assert abs(float(result.terms['penalty'])) < 1e-4
    means = [float(tf.reduce_mean(batch[role])) for role in ('style', 'content')]
    np.testing.assert_allclose(result.measures['distance'], means[0] - means[1], atol=1e-5)


def test_other_losses_tell_an_accuracy_and_settings_that_contradict_are_refused():
    built = system('adversarial_loss=least_squares')
    batch = batch_of(built)
    assert {'accuracy', 'real_accuracy'} == set(built.discriminator_losses(
        {**batch, 'shared': {'fake': batch['content']}}).measures)
    for settings, told in ((('discriminator_augmentation=ada',), 'no sign'), (('adversarial_loss=minimax',), 'one of'),
                           (('resolution=33',), 'multiple of'), (('variations=0',), 'at least')):
        with pytest.raises(configs.ConfigError, match=told):
            configs.override(configs.get('portrait_128'), settings).check()


def test_the_face_prior_lies_where_aligned_faces_are():
    prior = portrait_look.face_prior(128, 128)[0, :, :, 0]
    assert prior[int(0.475 * 128), 64] == prior[int(0.73 * 128), 64] == 1
    assert prior[:20].max() == prior[:, :23].max() == 0


# Pictures.

def test_the_dials_of_a_loaded_look():
    photo = np.random.default_rng(5).integers(0, 256, (40, 52, 3)).astype(np.uint8)
    assert isinstance(painter(), portrait_models.PortraitModel) and not painter().takes_style
    assert np.abs(painter().stylize(photo, texture=0.0).astype(int) - photo[:, :, ::-1]).max() <= 1
    np.testing.assert_array_equal(painter().stylize(photo, strength=0.0), photo)
    full = painter().stylize(photo)
    half = painter().stylize(photo, texture=0.5).astype(float)
    assert np.abs(half - (full.astype(float) + photo[:, :, ::-1]) / 2).max() <= 1.5
    one, again, other = (painter().stylize(photo, variation=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one.astype(int) - other).max() > 0
    np.testing.assert_array_equal(painter().stylize(photo, variation=1, spread=0.0), full)
    for name in ('texture', 'protect_skin', 'background'):
        with pytest.raises(ModelError, match=f'dial {name}'):
            painter().stylize(photo, **{name: 1.5})


def test_dials_are_typed_by_name_and_unknown_ones_named():
    assert commands.named_numbers(['texture=0.5', 'variation=3'], 'dials') == {'texture': 0.5, 'variation': 3.0}
    with pytest.raises(commands.UsageError, match='such as texture'):
        commands.named_numbers(['texture'], 'dials')
    painter().check_dials({'texture': 0.5, 'variation': 3.0})
    with pytest.raises(ModelError, match="no dial 'texure'"):
        painter().check_dials({'texure': 0.5})
    with pytest.raises(ModelError, match='has: none'):
        tiny_models.model().check_dials({'texture': 0.5})
    photo = np.zeros((32, 32, 3), np.uint8)
    dialled = stylizer.Stylizer(painter(), [], stylizer.Settings(dials={'texture': 0.0}))
    np.testing.assert_allclose(dialled._stylize(photo, 1.0), photo, atol=1)
    assert dialled._entries['settings']['dials'] == {'texture': 0.0}


def test_skin_keeps_its_texture_and_the_background_can_stay_apart(monkeypatch):
    face, skin = np.zeros((40, 52, 1), np.float32), np.zeros((40, 52, 1), np.float32)
    face[:, :30], skin[:, :10] = 1, 1
    monkeypatch.setattr(portrait_models, '_places', lambda pixels, found: (face, skin))
    photo = np.random.default_rng(6).integers(0, 256, (40, 52, 3)).astype(np.uint8)
    full, colors = painter().stylize(photo), painter().stylize(photo, texture=0.0)
    result = painter().stylize(photo, protect_skin=1.0, background=0.0)
    np.testing.assert_array_equal(result[:, :10], colors[:, :10])
    np.testing.assert_array_equal(result[:, 10:30], full[:, 10:30])
    np.testing.assert_array_equal(result[:, 30:], photo[:, 30:])


def test_faces_are_painted_by_themselves_and_put_back_without_a_seam():
    photo = images.resize(skimage.data.astronaut(), (256, 256))
    face, = faces.detect_faces(photo)
    frame = faces.align_face(photo, face, 64)[1].square
    rows, columns = frame.bounds(256, 256)
    whole, by_itself, half = (painter().stylize(photo, aligned=share) for share in (0.0, 1.0, 0.5))
    changed = np.abs(by_itself.astype(int) - whole)
    assert changed[rows, columns].mean() > 2
    changed[rows, columns] = 0
    assert changed.max() == 0
    assert 0.4 < np.abs(half.astype(int) - whole).mean() / np.abs(by_itself.astype(int) - whole).mean() < 0.6
    masked = painter().stylize(photo, aligned=1.0, mask=np.zeros_like(photo))
    np.testing.assert_array_equal(masked, photo)

    # A face that comes out lighter by itself: the change fades out so softly that no frame is seen.
    flat = np.full_like(photo, 100)
    lighter = painter()._with_faces(flat, photo, [face], lambda crop: np.full_like(crop, 160), 1.0, None)
    change = lighter[:, :, 0].astype(int) - 100
    assert change.max() >= 58
    steps = max(np.abs(np.diff(change, axis=axis)).max() for axis in (0, 1))
    assert steps <= 60 * 3 / (0.8 * frame.side / 2)


def test_tiles_are_the_whole_picture():
    photo = np.random.default_rng(7).integers(0, 256, (150, 170, 3)).astype(np.uint8)
    whole, tiled = painter().stylize(photo, variation=3), painter().stylize(photo, variation=3, tile=88)
    assert np.abs(whole.astype(int) - tiled).max() <= 1


def test_two_looks_of_one_base_mix():
    keras.utils.set_random_seed(3)
    other = shrunk('portrait_64').build()
    functions = serving_graph.build(other, has_twins=False)
    there = api._network_model(functions, exporter.make_card(other, functions), owner=other)
    here = model('drift_weight=0')
    photo = np.random.default_rng(8).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    start, end = here.stylize(photo), there.stylize(photo)
    here.blend(there, 0.0)
    np.testing.assert_array_equal(here.stylize(photo), start)
    here.blend(there, 0.5)
    assert np.abs(here.stylize(photo).astype(int) - start).max() > 0
    here.blend(there, 1.0)
    np.testing.assert_array_equal(here.stylize(photo), end)
    with pytest.raises(ModelError, match='run folder'):
        there.blend(tiny_models.model(), 0.5)


def test_report_tells_who_changed_and_what():
    built = system()
    built.identity = lambda images: tf.reduce_mean(images, axis=1)[:, :128, 0]
    try:
        sections = built.explain([(random_batch(built.config), {'content': list('abcd'), 'style': list('efgh')})])
    finally:
        built.identity = None
    people, changes, colors = sections
    assert colors['picture'].dtype == np.uint8 and colors['lines']
    assert sorted(row[0] for row in people['table'][1:]) == list('abcd') and 'median' in people['lines'][0]
    distances = [float(row[1]) for row in people['table'][1:]]
    assert distances == sorted(distances, reverse=True)
    rows = {row[0]: row[1:] for row in changes['table'][1:]}
    warmth = [float(value) for value in rows['warmth (red over blue)']]
    assert warmth[1] == pytest.approx(-warmth[0], abs=0.002)  # the table swaps red and blue


def test_a_sample_shows_each_held_out_portrait_once():
    batch = {name: np.asarray(value) for name, value in batch_of(system()).items()}
    repeated = {name: np.concatenate([value, value]) for name, value in batch.items()}
    rows, once = (system().sample_grid(each)['rows'] for each in (repeated, batch))
    assert len(rows) == len(once) == len(batch['content'])
    np.testing.assert_array_equal(rows[0][0], batch['content'][0])


def test_a_frozen_network_starts_from_the_average_of_a_base(tmp_path):
    built, notes = shrunk('portrait_64').build(), []
    arrays = {name.replace('style_encoder/', 'style_encoder_ema/'): value + 1
              for name, value in checkpoints.to_arrays(built.state()).items() if name.startswith('style_encoder/')}
    (tmp_path / 'checkpoints').mkdir()
    checkpoints.save(tmp_path / 'checkpoints', 1, arrays, {})
    launcher.initialise(built, tmp_path, notes.append)
    for name, value in checkpoints.to_arrays(built.state()).items():
        if name.startswith('style_encoder/'):
            np.testing.assert_allclose(value, arrays[name.replace('style_encoder/', 'style_encoder_ema/')])
