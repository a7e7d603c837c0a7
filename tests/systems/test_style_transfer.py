"""Facts of the style transfer system: where codes come from, what each term does, what it costs."""

import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf import configs
from tests.systems.shrinking import random_batch, shrunk


@pytest.fixture(scope='module')
def labelled():
    return shrunk('style_transfer_64', 'label_names=a,b,c', 'adversarial_weight=0.5').build()


def test_code_from_picture_class_and_noise_all_steer_the_picture(labelled):
    signatures = labelled.signatures()
    random = np.random.default_rng(0)
    content = tf.constant(random.random((1, 32, 48, 3), np.float32))
    strength = tf.constant([1.0])

    def paint(code):
        return signatures['stylize_from_code'].function(content, code, strength)['stylized'].numpy()

    def code(latent, label):
        return signatures['code_from_noise'].function(tf.constant(latent[None], tf.float32),
                                                      tf.constant([label]))['code']

    latents = random.normal(size=(2, labelled.config.latent_size))
    pictures = [paint(code(latents[0], -1)), paint(code(latents[1], -1)), paint(code(latents[0], 1)),
                paint(signatures['encode_style'].function(content[:, ::-1])['code'])]
    for index, picture in enumerate(pictures):
        assert picture.shape == (1, 32, 48, 3) and picture.min() >= 0 and picture.max() <= 1
        for other in pictures[:index]:
            assert np.abs(picture - other).max() > 1e-4


def test_half_strength_lies_between(labelled):
    random = np.random.default_rng(1)
    content, style = (tf.constant(random.random((1, 32, 48, 3), np.float32)) for _ in range(2))
    stylize = labelled.signatures()['stylize'].function
    zero, half, full = (stylize(content, style, tf.constant([s]))['stylized'].numpy() for s in (0.0, 0.5, 1.0))
    assert np.abs(half - zero).mean() > 0
    assert np.abs(half - full).mean() < np.abs(zero - full).mean()


@pytest.mark.parametrize('size', [(16, 16), (17, 23), (33, 64), (3, 50), (1, 1)])
def test_any_size(labelled, size):
    content = tf.random.stateless_uniform((2, *size, 3), (1, 2))
    stylized = labelled.signatures()['stylize'].function(content, content[:, ::-1], tf.constant([1.0, 0.5]))
    assert stylized['stylized'].shape == content.shape


def test_each_weight_scales_its_term(labelled):
    batch = {name: tf.constant(value) for name, value in random_batch(labelled.config).items()}
    batch['label'] = tf.constant([0, 1, 2, 0])
    once = labelled.generator_losses(batch).terms
    names = ('content', 'style', 'mean_variance', 'adversarial', 'identity', 'structure')
    weights = [f'{name}_weight={2 * getattr(labelled.config, f"{name}_weight")}' for name in names]
    doubled = shrunk('style_transfer_64', 'label_names=a,b,c', *weights).build()
    for mine, other in zip(doubled.state().values(), labelled.state().values(), strict=True):
        mine.assign(other)
    twice = doubled.generator_losses(batch).terms
    for name in names:
        assert float(twice[name]) == pytest.approx(2 * float(once[name]), rel=1e-3), name


def test_discriminator_looks_at_the_content(labelled):
    batch = {name: tf.constant(value) for name, value in random_batch(labelled.config).items()}
    maps = labelled.perceptual(batch['content'])
    swapped = labelled.perceptual(batch['content'][::-1])
    label = tf.zeros([4], tf.int32)
    own = labelled.discriminator(batch['style'], labelled._condition(maps), label)
    other = labelled.discriminator(batch['style'], labelled._condition(swapped), label)
    assert np.abs(own - other).max() > 1e-5
    blind = shrunk('style_transfer_64', 'discriminator_condition=off').build()
    assert blind._condition(maps) is None


def test_mapping_learns_the_distribution_of_codes():
    """The energy score alone must pull mapped noise onto encoded styles, class by class."""
    system = shrunk('style_transfer_64', 'label_names=a,b', 'label_dropout=0', 'style_encoder=learned',
                    'generator_optimizer.learning_rate=0.01', 'mapping_weight=1').build()
    random = np.random.default_rng(0)
    centres = random.normal(size=(2, system.config.code_size)).astype(np.float32)
    labels = tf.constant([0, 1, 0, 1])
    codes = tf.constant(centres[labels.numpy()])

    def distance():
        mapped = system.mapping(system._latents(4), labels)
        return float(tf.reduce_mean(tf.norm(mapped - codes, axis=-1)))

    before = distance()
    optimizer = tf.keras.optimizers.Adam(0.01)
    for _ in range(60):
        with tf.GradientTape() as tape:
            loss = system._mapping_term(codes, labels)
        variables = system.mapping.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
    assert distance() < 0.6 * before


def test_warm_up_comes_first_and_ends():
    system = shrunk('style_transfer_64').build()  # 8 warm-up images in batches of 4
    assert system.due(0) == system.due(1) == ('reconstruction',)
    assert system.due(2) == ('generator', 'discriminator')


@pytest.mark.slow
def test_training_brings_style_and_content_losses_down():
    """Thirty real steps on one batch: the objective of the averaged weights must fall clearly."""
    system = shrunk('style_transfer_64', 'warmup_images=0', 'generator_optimizer.learning_rate=0.01',
                    'generator_optimizer.ema_decay=0.5').build()
    grid = np.linspace(-1, 1, 48, dtype=np.float32)
    batch = random_batch(system.config)
    batch['content'] = np.broadcast_to(np.sin(9 * grid)[None, None, :, None], batch['content'].shape)
    batch['style'] = np.sign(batch['style']) * 0.5
    batch = {name: tf.constant(value) for name, value in batch.items()}
    before = float(tf.reduce_mean(system.evaluate_batch(batch)['style_loss']))
    step = system.compiled_step(('generator', 'discriminator'))
    for _ in range(30):
        logs = step(batch)
    assert all(np.isfinite(value) for value in logs.values())
    assert float(tf.reduce_mean(system.evaluate_batch(batch)['style_loss'])) < 0.7 * before


def test_inference_budget():
    """Content encoder and synthesis stay under 6 GFLOP for 256 x 256 at the default width."""
    from tensorflow.python.profiler.model_analyzer import profile
    from tensorflow.python.profiler.option_builder import ProfileOptionBuilder

    from stylegan_tf.networks.stylization import StylizationGenerator
    config = configs.get('style_transfer_256')
    generator = StylizationGenerator(config.width_channels, config.max_channels, config.levels, config.residual_blocks)
    graph = tf.function(lambda content, code: generator(content, code)).get_concrete_function(
        tf.TensorSpec([1, 256, 256, 3]), tf.TensorSpec([1, config.code_size])).graph
    options = ProfileOptionBuilder.float_operation()
    options['output'] = 'none'
    assert 1e9 < profile(graph, options=options).total_float_ops < 6e9


def test_sample_grid_and_evaluation_name_their_numbers(labelled):
    batch = random_batch(labelled.config)
    sample = labelled.sample_grid(batch)
    assert len(sample['rows']) == 5 and all(len(row) == 6 for row in sample['rows'])
    assert sample['rows'][0][0] is None and sample['rows'][1][1].shape == (32, 48, 3)
    numbers = labelled.evaluate_batch(batch)
    assert set(numbers) == {'content_loss', 'style_loss', 'objective', 'luminance_likeness', 'discriminator_accuracy',
                            'discriminator_real_accuracy'}
    assert all(value.shape == (4,) for value in numbers.values())
    np.testing.assert_allclose(
        numbers['objective'], labelled.config.content_weight * numbers['content_loss']
        + labelled.config.style_weight * numbers['style_loss'], rtol=1e-5)


def test_ada_follows_the_discriminator_and_changes_only_training():
    system = shrunk('style_transfer_28', 'resolution=16', 'discriminator_augmentation=ada', 'ada_images=20').build()
    batch = {name: tf.constant(value) for name, value in random_batch(system.config).items()}
    probability, sign = 0.0, 0.6
    for _ in range(3):
        logs = {name: float(value) for name, value in system.train_step(
            batch, due=('generator', 'discriminator')).items()}
        kept = np.exp(-4 / 256)
        sign = kept * sign + (1 - kept) * (2 * logs['discriminator/real_accuracy'] - 1)
        probability = min(1.0, max(0.0, probability + 0.2 * np.sign(sign - 0.6)))
        assert logs['augmentation/probability'] == pytest.approx(probability)
        assert logs['augmentation/sign'] == pytest.approx(sign, abs=1e-5)
    state = system.state()
    assert float(state['extra/augmentation_probability']) == pytest.approx(probability)
    plain = {name: np.asarray(value) for name, value in system.evaluate_batch(batch).items()}
    state['extra/augmentation_probability'].assign(1.0)
    for name, value in system.evaluate_batch(batch).items():
        np.testing.assert_array_equal(value, plain[name], err_msg=name)


def test_without_augmentation_the_state_and_the_randomness_stay_as_they_were():
    plain = shrunk('style_transfer_28', 'resolution=16').build()
    assert plain.augmentation is None and list(plain.extra_state) == ['learning_rate_factor']
    augmented = shrunk('style_transfer_28', 'resolution=16', 'discriminator_augmentation=diffaugment').build()
    assert [v.path.split('/')[-2:] for v in augmented._seed_states[:len(plain._seed_states)]] == [
        v.path.split('/')[-2:] for v in plain._seed_states]
