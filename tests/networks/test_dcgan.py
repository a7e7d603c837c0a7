import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.losses import penalties
from stylegan_tf.networks import dcgan
from tests.layers.oracles import convolve, relative_error

WIDTHS = {'channel_base': 32, 'channel_max': 8}


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize('resolution', [8, 28, (16, 24)])
def test_sizes(resolution):
    size = (resolution, resolution) if isinstance(resolution, int) else resolution
    generator = dcgan.DCGANGenerator(resolution, 5, num_labels=2, **WIDTHS)
    image = generator(random(3, 5), np.array([0, 1, -1]))
    assert image.shape == (3, *size, 3) and np.abs(image).max() <= 1
    judge = dcgan.DCGANDiscriminator(resolution, num_labels=2, num_classes=2, **WIDTHS)
    logits, classes = judge(image, np.array([0, 1, -1]))
    assert logits.shape == (3,) and classes.shape == (3, 2)
    for network in (generator, judge):
        assert type(network).from_config(network.get_config()).get_config() == network.get_config()


def enlarged(x, kernel):
    """Transposed convolution [4, 4, F, C] of stride 2: the adjoint of the strided one."""
    height, width = x.shape[1:3]
    total = np.zeros((len(x), 2 * height + 2, 2 * width + 2, kernel.shape[2]))
    for row in range(4):
        for column in range(4):
            total[:, row:row + 2 * height:2, column:column + 2 * width:2] += x @ kernel[row, column].T
    return total[:, 1:-1, 1:-1]


def test_generator_equals_numpy():
    generator = dcgan.DCGANGenerator(16, 5, num_labels=2, **WIDTHS)
    z, label = random(4, 5), np.array([1, 0, -1, 1])
    generator(z, label)
    for index, variable in enumerate(generator.variables):
        if 'seed' not in variable.path:
            variable.assign(np.abs(random(*variable.shape, seed=index)) if 'variance' in variable.name
                            else random(*variable.shape, seed=index))
    rows = np.concatenate([np.array(generator.embedding.embedding), np.zeros((1, 5))])
    x = np.concatenate([z, rows[label]], axis=1) @ np.array(generator.start.kernel, np.float64)
    x = x.reshape(-1, *generator.start_shape)
    for index, norm in enumerate(generator.norms):
        if index:
            x = enlarged(x, np.array(generator.enlargements[index - 1].kernel, np.float64))
        x = (x - norm.moving_mean) / np.sqrt(np.array(norm.moving_variance) + norm.epsilon)
        x = np.maximum(x * norm.gamma + norm.beta, 0)
    before = enlarged(x, np.array(generator.to_rgb.kernel, np.float64)) + np.array(generator.to_rgb.bias)
    assert relative_error(np.arctanh(np.clip(generator(z, label), -0.9, 0.9)),
                          np.arctanh(np.clip(np.tanh(before), -0.9, 0.9))) < 1e-4
    trained = generator(z, label, training=True)
    assert np.abs(trained - generator(z, label)).max() > 1e-3  # the batch's statistics then, and remembered


def test_discriminator_equals_numpy():
    judge = dcgan.DCGANDiscriminator(16, num_labels=2, **WIDTHS)
    image, label = random(3, 16, 16, 3), np.array([1, -1, 0])
    logits = judge(image, label)
    x = image
    for layer in judge.reductions:
        x = convolve(x, layer.kernel, padding='same', stride=2) + np.array(layer.bias)
        x = np.where(x > 0, x, 0.2 * x)
    x = x.reshape(3, -1)
    rows = np.concatenate([np.array(judge.embedding.embedding), np.zeros((1, x.shape[1]))])
    expected = x @ np.array(judge.logit.kernel) + np.array(judge.logit.bias)
    expected = expected[:, 0] + np.sum(x * rows[label], axis=1) / np.sqrt(x.shape[1])
    assert relative_error(logits, expected) < 1e-5


def test_gradient_penalty_sees_each_picture_alone():
    judge = dcgan.DCGANDiscriminator(8, **WIDTHS)
    real, fake, mix = random(3, 8, 8, 3), random(3, 8, 8, 3, seed=1), np.float32([0.2, 0.5, 0.9])
    together = penalties.gradient_penalty(judge, tf.constant(real), tf.constant(fake), tf.constant(mix))
    for index in range(3):
        alone = penalties.gradient_penalty(judge, *(tf.constant(part[index:index + 1]) for part in (real, fake, mix)))
        np.testing.assert_allclose(alone[0], together[index], rtol=1e-4)


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r'\[B, 5\].*\(2, 4\)'):
        dcgan.DCGANGenerator(8, 5, **WIDTHS)(random(2, 4))
    with pytest.raises(ValueError, match=r'\(8, 8\).*\(2, 16, 16, 3\)'):
        dcgan.DCGANDiscriminator(8, **WIDTHS)(random(2, 16, 16, 3))
