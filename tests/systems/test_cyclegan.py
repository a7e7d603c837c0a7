"""Translation: what each method computes, pairs, guards, tiles that equal the whole, and both directions."""

import functools
import subprocess
import sys

import keras
import numpy as np
import pytest

from stylegan_tf import api, configs, exporter, images, serving_graph
from stylegan_tf.data import DataError
from stylegan_tf.data.paired_stream import PairedStream
from stylegan_tf.data.sources import Health, Source
from stylegan_tf.loaded_models import ModelError
from stylegan_tf.losses import perceptual, reconstruction
from stylegan_tf.training import checkpoints, health, launcher
from stylegan_tf.training.run_folder import RunFolder
from tests import tiny_models
from tests.systems.shrinking import random_batch, shrunk, values


@functools.cache
def system(preset, *settings):
    """A tiny system whose averaged generators answer at random, not 0."""
    keras.utils.set_random_seed(1)
    built = shrunk(preset, *settings).build()
    for seed, twin in enumerate(built.twins.values()):
        kernel = twin.out.kernel
        kernel.assign(np.random.default_rng(seed).normal(size=kernel.shape))
    return built


@functools.cache
def model(preset):
    """The system as a loaded model."""
    functions = serving_graph.build(system(preset), has_twins=False)
    return api._network_model(functions, exporter.make_card(system(preset), functions), owner=system(preset))


def test_training_starts_from_the_picture_as_it_came():
    fresh = shrunk('cyclegan_64').build()
    image = random_batch(fresh.config)['content']
    for direction in ('', '_back'):
        for average in (False, True):
            np.testing.assert_allclose(fresh.translate(image, direction, average=average), image, atol=1e-5)


def test_cycle_and_identity_terms_are_what_they_say():
    built = system('cyclegan_64', 'identity_share=1', 'luminance_weight=2')
    batch = random_batch(built.config)
    rough = built.networks['generator'].out.kernel
    rough.assign(np.random.default_rng(5).normal(size=rough.shape) * 0.3)
    content, style = batch['content'], batch['style']
    fake = built._painted(content)
    terms = built.generator_losses(batch).terms
    expected = {'cycle': 10 * np.abs(built._painted(fake, '_back') - content).mean(),
                'identity': 5 * np.abs(built._painted(style) - style).mean(),
                'luminance': 2 * np.maximum(0, 0.3 - reconstruction.luminance_likeness(fake, content)).mean()}
    for name, value in expected.items():
        np.testing.assert_allclose(terms[name], value, rtol=1e-4, atol=1e-6, err_msg=name)


def test_the_style_term_is_the_distance_to_the_mean_gram_matrix_of_the_domain():
    layers = ('relu1_1', 'relu2_1')
    built = system('fastcut_96', 'style_weight=2', f'style_layers={",".join(layers)}')
    batch = random_batch(built.config)
    result = built.generator_losses(batch)
    fake, domain = (built.perceptual(pictures) for pictures in (result.shared['fake'], batch['style']))
    distances = []
    for layer in layers:
        received, wanted = (np.asarray(perceptual.gram_matrix(maps[layer])) for maps in (fake, domain))
        wanted = wanted.mean(axis=0)
        distances.append(((received - wanted) ** 2).sum(axis=(1, 2)) / (wanted ** 2).sum())
    np.testing.assert_allclose(result.terms['style'], 2 * np.log1p(np.mean(distances, axis=0)).mean(), rtol=1e-4)
    assert built.config.for_inference().style_weight == 0  # the loss network is not needed to paint


def test_contrast_is_least_where_patches_stay_in_their_places():
    built = system('fastcut_96')
    content = random_batch(built.config)['content']
    maps = built._contrasted(content)
    same, moved = (float(np.mean(built._contrast(picture, maps))) for picture in (content, content[:, ::-1]))
    assert same < 0.8 * moved


def test_paired_training_compares_with_the_wanted_picture():
    built = system('paired_256')
    batch = random_batch(built.config)
    result = built.generator_losses(batch)
    np.testing.assert_allclose(result.terms['l1'], 100 * np.abs(result.shared['fake'] - batch['style']).mean(),
                               rtol=1e-5)
    assert built.discriminator.blocks[0].kernel.shape[2] == 6  # sees the pair


def test_replicas_share_one_history():
    built = shrunk('fastcut_96').build()
    batch = random_batch(built.config)['content']
    for _ in range(2):
        built.histories['fake'](batch[:, ::-1])  # fills it
    start = values(built)
    seeds = [keras.ops.convert_to_numpy(state) for state in built._seed_states]

    def restored():
        for name, variable in built.state().items():
            variable.assign(start[name])
        for state, seed in zip(built._seed_states, seeds):
            state.assign(seed)

    whole = built._shown(built.histories['fake'], batch, 0)
    kept, built.replica_count = values(built)['extra/history_pictures'], 2
    for replica in range(2):
        restored()
        # The mean over two replicas of what each lays in its place.
        built.mean_over_replicas = lambda placed: np.stack([batch[:2], batch[2:]]) / 2
        shown = built._shown(built.histories['fake'], batch[2 * replica:][:2], replica)
        np.testing.assert_allclose(shown, whole[2 * replica:][:2], atol=1e-6)
        np.testing.assert_array_equal(values(built)['extra/history_pictures'], kept)


class Pictures(Source):
    """Pictures whose red tells the column and whose green, given by name, tells the picture."""

    def __init__(self, greens, size):
        super().__init__('pictures', list(greens), [-1] * len(greens), label_names=(), fingerprint='',
                         health=Health('pictures', len(greens), 0.0))
        self._greens, self._size = list(greens.values()), size

    def _decode(self, index, min_short_side):
        picture = np.zeros((*self._size, 3), np.uint8)
        picture[..., 0] = np.linspace(0, 200, self._size[1])
        picture[..., 1] = self._greens[index]
        return picture, None


def test_pairs_keep_together_and_are_cut_alike():
    sources = {'content': Pictures({'a/x.jpg': 10, 'a/y.jpg': 20, 'lonely.jpg': 99}, (60, 80)),
               'style': Pictures({'b.png': 77, 'a/y.png': 120, 'a/x.png': 110}, (30, 40))}
    stream = PairedStream(sources, (24, 24), configs.AugmentationConfig(crop_scale=(0.4, 0.9)), seed=1)
    for position in range(8):
        sample = stream.sample(position)
        content, style = sample['content'].astype(int), sample['style'].astype(int)
        assert content[0, 0, 1] in (10, 20) and style[0, 0, 1] == content[0, 0, 1] + 100
        assert np.abs(content - style)[..., 0].max() <= 4 and np.ptp(content[..., 0]) > 40
    with pytest.raises(DataError, match='No name is in both'):
        PairedStream({'content': sources['content'], 'style': Pictures({'z.png': 1}, (30, 40))}, (24, 24))


def test_guards_see_negatives():
    picture = images.to_float(tiny_models.picture(40, 48)[None])
    assert float(reconstruction.structure_likeness(picture, -picture)[0]) > 0.999
    np.testing.assert_allclose(reconstruction.inversion_loss(-picture, picture, least=0.3), 1.3, atol=1e-3)
    assert float(reconstruction.inversion_loss(picture, picture)[0]) == 0
    noise = np.random.default_rng(0).uniform(-1, 1, picture.shape).astype(np.float32)
    assert abs(float(reconstruction.structure_likeness(picture, noise)[0])) < 0.3


def test_the_report_warns_of_negatives_in_either_direction():
    rows = [{'step': step, 'held_out/luminance_likeness': 0.9, 'held_out/luminance_likeness_back': -0.6,
             'held_out/structure_likeness': 0.02} for step in range(3)]
    kinds = {advice.kind for advice in health.advise(rows)}
    assert {'negative_back', 'lost structure'} <= kinds and 'negative' not in kinds


@pytest.mark.parametrize('preset, direction', [
    ('cyclegan_64', 'back'), ('product_128', 'back'),
    pytest.param('cyclegan_64', 'forward', marks=pytest.mark.slow)])  # the same code in the other direction
def test_tiles_equal_the_whole(preset, direction):
    content = tiny_models.picture(290, 330, seed=3)  # beyond the side up to which a picture measures itself
    translator = model(preset)
    whole = translator.stylize(content, direction=direction)
    counted = []
    translator.progress = counted.append
    tiled = translator.stylize(content, tile=200, direction=direction)
    translator.progress = None
    assert counted[-1].tiles > 1
    assert np.abs(whole.astype(int) - tiled).max() <= 1
    assert np.abs(whole.astype(int) - content).mean() > 5  # or nothing was painted at all


def test_directions_differ_and_one_may_be_missing():
    content = tiny_models.picture(50, 66)
    there, back = (model('cyclegan_64').stylize(content, direction=direction) for direction in ('forward', 'back'))
    assert (there != back).any()
    assert not model('fastcut_96').takes_style
    for translator, options, message in (
            (model('fastcut_96'), {'direction': 'back'}, 'one direction only'),
            (model('cyclegan_64'), {'direction': 'up'}, 'one of forward, back'),
            (model('cyclegan_64'), {'style': 'painting.jpg'}, 'takes no style'),
            (tiny_models.model(), {'style': content, 'direction': 'back'}, "knows one direction, 'forward'")):
        with pytest.raises(ModelError, match=message):
            translator.stylize(content, **options)


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    path, built = tmp_path_factory.mktemp('runs') / 'translation', system('cyclegan_64')
    with RunFolder(path) as folder:
        folder.write_config({'preset': 'cyclegan_64', 'seed': 1, 'config': built.config.as_dict(), 'data': 'a',
                             'style_data': 'b'})
        checkpoints.save(folder.checkpoints, 5, checkpoints.to_arrays(built.state()),
                         {'images': 20, 'metrics': {}, 'history': {'seconds': 1.0, 'best_step': None}})
    return path


@pytest.mark.slow
def test_the_command_takes_a_run_without_a_style_in_both_directions(run, tmp_path):
    content = tmp_path / 'photo.png'
    picture = tiny_models.picture(40, 52)
    content.write_bytes(images.encode(picture))
    done = subprocess.run(
        [sys.executable, '-m', 'stylegan_tf.stylize', f'--model={run}', f'--content={content}', '--direction=back',
         f'--output={tmp_path / "out.png"}'], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    expected = model('cyclegan_64').stylize(picture, direction='back')
    assert np.abs(images.read(tmp_path / 'out.png').astype(int) - expected).max() <= 1
    assert '"direction": "back"' in (tmp_path / 'out.png.json').read_text()


def test_one_set_of_pictures_is_not_enough():
    options = launcher.Options(preset='fastcut_96', workdir='', data='sample:photos')
    with pytest.raises(launcher.OptionError, match='give the second one as --style_data'):
        options.open_data(options.config())


def test_bad_settings_are_refused():
    for settings, message in (({'method': 'sing'}, 'one of cycle'), ({'resolution': 66}, 'multiple of 4'),
                              ({'history': 2}, "at least 'batch_size'"), ({'generator': 'vit'}, 'resnet, unet'),
                              ({'method': 'contrastive', 'contrastive_layers': (0, 99)}, 'numbers from 0')):
        with pytest.raises(configs.ConfigError, match=message):
            configs.get('cyclegan_64', **settings).check()
