"""Whole networks against the float64 reference, with weights that leave nothing at its neutral start."""

import numpy as np
import pytest

from stylegan_tf.layers import resample
from stylegan_tf.networks import stylegan, stylegan_discriminator
from tests.layers.oracles import relative_error
from tests.networks import stylegan_reference as reference

TOLERANCE = 1e-5
WIDTHS = {'channel_base': 64, 'channel_max': 8}


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def stirred(network):
    """Adds noise to every weight, so that biases and noise strengths matter."""
    for index, variable in enumerate(network.trainable_variables):
        variable.assign(variable + 0.3 * random(*variable.shape, seed=index))
    return network


@pytest.fixture(params=resample.IMPLEMENTATIONS, autouse=True)
def form(request):
    with resample.implementation(request.param):
        yield


def test_mapping():
    network = stylegan.MappingNetwork(6, 5, num_labels=3, num_layers=8, lr_multiplier=0.01)
    z, label = random(4, 6) * 3, np.array([2, -1, 0, 1])
    network(z, label)
    stirred(network)
    assert relative_error(network(z, label), reference.mapping(network, z, label)) < TOLERANCE


@pytest.mark.parametrize('shares', [None, [1.0, 0.4]])
def test_synthesis(shares):
    network = stylegan.Synthesis((16, 24), **WIDTHS)
    codes = random(2, network.num_styles, 6)
    noise = [random(2, *size, 1, seed=index) for index, size in enumerate(network.noise_sizes)]
    network(codes, noise)
    stirred(network)
    expected = reference.synthesis(network, codes, noise, shares)
    assert expected.shape == ((2, 8, 12, 3) if shares else (2, 16, 24, 3))
    assert relative_error(network(codes, noise, shares=shares), expected) < TOLERANCE


@pytest.mark.parametrize('size, share', [((16, 24), None), ((16, 24), 0.3), ((8, 12), 0.6), ((4, 6), None)])
def test_discriminator(size, share):
    network = stylegan_discriminator.Discriminator(
        (16, 24), num_labels=3, num_classes=3, group_size=3, grows=True, **WIDTHS)
    network(random(6, 16, 24, 3))
    stirred(network)
    image, label = random(6, *size, 3, seed=1), np.array([0, 1, 2, -1, 1, 0])
    expected = reference.discriminator(network, image, label, share)
    for found, wanted in zip(network(image, label, share=share), expected, strict=True):
        assert relative_error(found, wanted) < TOLERANCE


def test_discriminator_block():
    block = stylegan_discriminator.DiscriminatorBlock(5, 4)
    x = random(2, 10, 6, 3)
    block(x)
    stirred(block)
    assert relative_error(block(x), reference.discriminator_block(block, x.astype(np.float64))) < TOLERANCE
