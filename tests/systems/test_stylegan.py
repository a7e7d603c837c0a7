"""Facts of StyleGAN: the running mean of w, style mixing, growth, classes, and what is exported."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf import configs
from stylegan_tf.systems import growing
from stylegan_tf.training import checkpoints
from tests.networks import stylegan_reference
from tests.systems.shrinking import random_batch, shrunk, values

LABELLED = ('label_names=a,b,c', 'classification_weight=0.5', 'style_mixing=0')
GROWING = ('growing_start=8', 'growing_images=12', 'style_mixing=0', 'path_length_weight=0')
FADE_STEPS = 3  # of GROWING, whose batches are of 4


@functools.cache
def labelled():
    return shrunk('stylegan_28', *LABELLED).build()


@functools.cache
def growth():
    built = shrunk('stylegan_64', *GROWING).build()
    for network in built.networks.values():
        stir(network)
    for name, twin in built.twins.items():
        for average, variable in zip(twin.variables, built.networks[name].variables, strict=True):
            average.assign(variable)
    return built


def stir(network):
    random = np.random.default_rng(0)
    # An average has no trainable variables, a network's random states are none to be changed.
    for variable in (variable for variable in network.variables if 'float' in str(variable.dtype)):
        variable.assign(variable + 0.3 * random.normal(size=variable.shape).astype(np.float32))


def latents(count, size, seed=0):
    return np.random.default_rng(seed).normal(size=(count, size)).astype(np.float32)


# Codes

def test_the_mean_of_each_class_follows_its_codes():
    system = labelled()
    codes, labels = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32), np.array([2, 0, 2, -1])
    start = np.random.default_rng(1).normal(size=(3, 8)).astype(np.float32)
    system.style_mean.assign(start)
    system._follow_style_mean(tf.constant(codes), tf.constant(labels))
    decay, expected = system.config.style_mean_decay, start.astype(np.float64)
    expected[0] += (1 - decay) * (codes[1] - expected[0])
    expected[2] += (1 - decay ** 2) * ((codes[0] + codes[2]) / 2 - expected[2])
    np.testing.assert_allclose(system.style_mean.numpy(), expected, rtol=1e-5)
    assert 'extra/style_mean' in system.state()


def test_truncation_leads_to_the_mean_picture_of_the_class():
    system, label = labelled(), tf.constant([1, 1, 2])
    stir(system.mapping_ema)
    system.style_mean.assign(latents(3, 8, seed=2))
    z = latents(3, 6)
    none = system.generate(z, label, 0.0)
    np.testing.assert_allclose(none[0], none[1], atol=1e-6)
    assert np.abs(none[2] - none[1]).max() > 1e-3
    w = stylegan_reference.mapping(system.mapping_ema, z, label.numpy())
    mean = system.style_mean.numpy()[label]
    half = system.encode(z, label, tf.constant([0.5, 1.0, 0.0]))
    np.testing.assert_allclose(half, mean + np.array([[0.5], [1], [0]]) * (w - mean), rtol=1e-4, atol=1e-5)


def test_mixed_codes_change_at_one_layer(monkeypatch):
    system = shrunk('stylegan_28', 'style_mixing=1').build()
    given, others = latents(32, 6), latents(32, 6, seed=1)
    monkeypatch.setattr(system, '_latents', lambda count: tf.constant(others[:count]))
    codes = system._codes(tf.constant(given), None).numpy()
    own, other = system.mapping(given).numpy(), system.mapping(others).numpy()
    layers = system.generator.num_styles
    assert codes.shape == (32, layers, 8)
    from_own = np.isclose(codes, own[:, None], atol=1e-6).all(axis=-1)
    np.testing.assert_allclose(codes[~from_own], np.repeat(other[:, None], layers, 1)[~from_own], atol=1e-6)
    crossovers = from_own.sum(axis=1)
    assert all(row[:count].all() for row, count in zip(from_own, crossovers))
    assert set(crossovers) == set(range(1, layers))  # always some of both


def test_path_length_follows_its_running_mean():
    system = shrunk('stylegan_28', 'path_length_weight=3', 'style_mixing=0').build()
    system.path_length_mean.assign(0.7)
    logs = system.train_step(random_batch(system.config), due=('path_length',))
    length, decay = float(logs['path_length/length']), system.config.path_length_decay
    mean = 0.7 + decay * (length - 0.7)
    assert float(system.path_length_mean.value) == pytest.approx(mean, rel=1e-5)
    # Of two lengths the mean square distance is at least that of their mean.
    least = 3 * system.config.path_length_every * (length - mean) ** 2
    assert float(logs['path_length/penalty']) >= least * 0.999


# Growth

def test_stages_of_a_run():
    sizes = [(4, 6), (8, 12), (16, 24), (32, 48)]
    stages = growing.plan(sizes, 8, 10)
    assert [(stage.size, stage.first_step, stage.last_step, stage.halvings) for stage in stages] == [
        ((8, 12), 0, 10, 2), ((16, 24), 10, 30, 1), ((32, 48), 30, None, 0)]
    assert stages[0].share(4) is None
    assert [round(float(stages[1].share(step)), 3) for step in (0, 10, 14, 19, 29)] == [0, 0.1, 0.5, 1, 1]
    assert [None if share is None else float(share) for share in growing.shares(stages, 4, 14)] == [None, None, 0.5, 0]
    whole, = growing.plan(sizes, 0, 10)
    assert (whole.size, whole.first_step, whole.last_step) == ((32, 48), 0, None)
    assert growing.shares((whole,), 4, 5) is None
    system = growth()
    assert [system.due(step)[0] for step in (0, 2, 3, 8, 9, 19)] == [
        'generator_8', 'generator_8', 'generator_16', 'generator_16', 'generator_32', 'generator_32']


@pytest.mark.parametrize('step', [1, 4, 7, 10])
def test_the_whole_network_draws_the_picture_of_its_stage(step):
    system = growth()
    system.step.assign(step)
    stage = next(stage for stage in reversed(system.stages) if step >= stage.first_step)
    codes = latents(2, 8)
    small = system.generator(codes, shares=system._shares(stage))
    assert tuple(small.shape[1:3]) == stage.size
    expected = np.array(small, np.float64)
    for _ in range(stage.halvings):
        expected = stylegan_reference.upsampled(expected)
    np.testing.assert_allclose(system.decode(codes), expected, rtol=1e-4, atol=1e-5)


def test_a_size_begins_where_the_one_before_ended():
    system = growth()
    before, after = system.stages[:2]
    system.step.assign(after.first_step - 1)  # the new size has no share yet
    batch = random_batch(system.config)
    np.testing.assert_allclose(
        system._reals(batch, after), stylegan_reference.upsampled(np.array(system._reals(batch, before), np.float64)),
        atol=1e-5)
    image = system._reals(batch, after)
    small = stylegan_reference.downsampled(np.array(image, np.float64)).astype(np.float32)
    logits, _ = system._judged(image, None, after)
    np.testing.assert_allclose(logits, system._judged(small, None)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_a_run_goes_on_in_the_middle_of_a_fade():
    def steps(system, first, last):
        for step in range(first, last):
            system.train_step(random_batch(system.config, seed=step), due=system.due(step))

    def fresh():
        keras.utils.set_random_seed(3)
        return shrunk('stylegan_64', *GROWING).build()

    whole, first, second = fresh(), fresh(), fresh()
    middle = FADE_STEPS + 1
    assert 0 < float(whole.stages[1].share(middle)) < 1
    steps(whole, 0, middle + 2)
    steps(first, 0, middle)
    saved = checkpoints.to_arrays(first.state())
    for name, variable in second.state().items():
        variable.assign(saved[name])
    steps(second, middle, middle + 2)
    expected = values(whole)
    for name, value in values(second).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


# Losses

def test_generated_pictures_do_not_teach_the_classifier():
    system, batch = labelled(), random_batch(labelled().config)
    fake = tf.constant(np.random.default_rng(5).uniform(-1, 1, (4, 32, 48, 3)).astype(np.float32))
    terms = [system.discriminator_losses({**batch, 'shared': {'fake': picture}}, stage=system.stages[0]).terms
             for picture in (fake, -fake)]
    assert float(terms[0]['classification']) == float(terms[1]['classification']) > 0
    assert float(terms[0]['fake']) != float(terms[1]['fake'])
    classes = np.array(system.discriminator(batch['image'], batch['label'])[1], np.float64)
    right = classes[np.arange(4), batch['label']] - np.log(np.exp(classes).sum(axis=1))
    assert float(terms[0]['classification']) == pytest.approx(-0.5 * right.mean(), rel=1e-4)


def test_diversity_is_sought_between_pictures_of_a_class():
    system = shrunk('stylegan_28', 'label_names=a,b,c', 'diversity_weight=1').build()
    fake, z, label = latents(5, 12, seed=1).reshape(5, 2, 2, 3), latents(5, 6), np.array([2, 0, 2, 1, 2])
    term = system._diversity_term(tf.constant(fake), tf.constant(z), tf.constant(label))
    expected = [np.abs(z[a] - z[b]).mean() / np.abs(fake[a] - fake[b]).mean() for a, b in ((0, 2), (2, 4))]
    assert float(term) == pytest.approx(np.mean(expected), rel=1e-4)
    alone = system._diversity_term(tf.constant(fake[:3]), tf.constant(z[:3]), tf.constant([0, 1, 2]))
    assert float(alone) == 0.0
    assert 'generator/diversity' in system.train_step(random_batch(system.config), due=('generator',))


def test_wasserstein_has_its_penalty_and_no_other():
    system = shrunk('dcgan_28', 'adversarial_loss=wasserstein', 'r1_weight=1',
                    'discriminator_optimizer.steps_per_round=3').build()
    assert [(phase.name, phase.repeats) for phase in system.phases] == [('generator', 1), ('discriminator', 3)]
    logs = system.train_step(random_batch(system.config))
    assert {'discriminator/real', 'discriminator/fake', 'discriminator/penalty', 'discriminator/distance'} <= set(logs)
    distance = -float(logs['discriminator/real']) - float(logs['discriminator/fake'])
    assert float(logs['discriminator/distance']) == pytest.approx(distance, abs=1e-5)
    # A critic that hardly reacts at first has gradients of norm near 0 where 1 is wanted.
    assert float(logs['discriminator/penalty']) == pytest.approx(system.config.gradient_penalty_weight, rel=0.3)


# What is exported

def test_signatures_agree_with_each_other_and_with_the_label():
    system = labelled()
    signatures = system.signatures()
    z, label, truncation = tf.constant(latents(3, 6)), tf.constant([0, 1, 7]), tf.constant([1.0, 0.5, 0.7])
    image = signatures['generate'].function(latent=z, label=label, truncation=truncation)['image']
    assert image.shape == (3, 32, 48, 3) and np.min(image) >= 0 and np.max(image) <= 1
    code = signatures['code_from_noise'].function(latent=z, label=label, truncation=truncation)['code']
    np.testing.assert_allclose(signatures['generate_from_code'].function(code=code)['image'], image, atol=1e-5)
    last = signatures['generate'].function(latent=z, label=tf.constant([2, 2, 2]), truncation=truncation)['image']
    np.testing.assert_allclose(image[2], last[2], atol=1e-6)  # beyond the classes: the last one
    assert np.abs(image[0] - last[0]).max() > 1e-4


def test_without_a_label_each_class_comes_as_often():
    from stylegan_tf.systems import generation_signatures

    functions = generation_signatures._Functions(labelled())
    z = tf.constant(latents(3000, 6))
    counts = np.bincount(functions._classes(z, tf.fill([3000], -1)), minlength=3)
    assert counts.sum() == 3000 and np.abs(counts - 1000).max() < 100


def test_without_classes_there_is_no_label():
    system = shrunk('stylegan_28', 'label_names=a,b', 'is_conditional=off').build()
    assert 'label' not in system.signatures()['generate'].inputs
    assert system.discriminator.num_labels == system.discriminator.num_classes == 0


# A discriminator that looks through a frozen network

def test_patches_are_counted_as_shares_of_a_picture():
    system = shrunk('projected_64').build()
    right, wrong = system._hits(tf.constant([[1.0, -1, 2, 3], [-1, -1, -1, 1]]), tf.constant([[-1.0, -2, 1, 1]] * 2))
    np.testing.assert_allclose(right, [0.75, 0.25])
    np.testing.assert_allclose(wrong, [0.5, 0.5])


def test_what_is_drawn_needs_no_frozen_network(monkeypatch):
    config = shrunk('projected_64', 'label_names=a,b')
    trained, z, label = config.build(), latents(2, 6), tf.constant([0, 1])
    monkeypatch.setattr('stylegan_tf.networks.features.read_weights', lambda name: pytest.fail(f'{name} was read'))
    system = config.for_inference().build()
    state = system.state()
    for name, value in values(trained).items():
        if name in state and name.startswith(('mapping', 'generator', 'extra')):
            state[name].assign(value)
    np.testing.assert_allclose(system.generate(z, label), trained.generate(z, label), atol=1e-5)


def test_the_frozen_network_is_neither_trained_nor_kept():
    system = shrunk('projected_64').build()
    names = [name for name in system.state() if 'across' in name or 'stage' in name or 'block0' in name]
    assert not names and system.projected_features.variables
    trained = {id(variable) for phase in system.phases for variable in phase.variables}
    assert not trained & {id(variable) for variable in system.projected_features.variables}
    assert system.model_card()['perceptual_networks'] == ['efficientnet_lite0']


# Settings

@pytest.mark.parametrize('preset, settings, message', [
    ('stylegan_28', ['architecture=vae'], "'architecture' must be one of stylegan2, dcgan"),
    ('stylegan_28', ['adversarial_loss=l2'], "'adversarial_loss' must be one of non_saturating"),
    ('stylegan_28', ['resolution=100'], r'power of two.*100x100.*Try 28'),
    ('stylegan_28', ['adversarial_loss=wasserstein', 'discriminator_augmentation=ada'], 'no sign for'),
    ('stylegan_28', ['discriminator_features=vgg16_hed', 'r1_weight=0'], "'classification_weight' must be 0.0 with"),
    ('projected_64', ['r1_weight=1'], "'r1_weight' must be 0.0 with 'discriminator_features'"),
    ('projected_64', ['adversarial_loss=wasserstein'], 'spectral norm bounds'),
    ('stylegan_64', ['growing_start=8', 'growing_images=2_000_000'], '4 sizes and 12000000 images'),
    ('stylegan_64', ['growing_start=8'], "'growing_images' must let"),
    ('stylegan_64', ['growing_start=64', 'growing_images=100'], '1 sizes'),
    ('dcgan_64', ['growing_start=8', 'growing_images=100'], 'must be 0 with the architecture dcgan')])
def test_bad_settings_are_refused(preset, settings, message):
    with pytest.raises(configs.ConfigError, match=message):
        configs.override(configs.get(preset), settings).check()
