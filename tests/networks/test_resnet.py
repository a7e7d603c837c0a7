"""The ResNet generator: statistics that can be given, and how far it looks."""

import keras
import numpy as np
import pytest

from stylegan_tf.networks.resnet import ResnetGenerator


@pytest.fixture(scope='module')
def network():
    keras.utils.set_random_seed(3)
    built = ResnetGenerator(4, 1)
    built(np.zeros((1, 32, 32, 3), np.float32))
    return built


def noise(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def test_given_its_own_statistics_it_computes_the_same(network):
    image = noise(2, 32, 40, 3)
    statistics = network.statistics(image)
    assert statistics.shape == (2, network.statistics_size)
    np.testing.assert_allclose(network(image, statistics), network(image), atol=1e-4)
    other = network(image, network.statistics(noise(2, 32, 40, 3, seed=1) * 0.3))
    assert np.abs(other - network(image)).max() > 0.1


def test_maps_lead_to_the_result(network):
    image = noise(1, 32, 32, 3)
    maps = network.encode(image)
    assert [x.shape[1] for x in maps] == [32, 16, 8, 8] and len(maps) == network.map_count
    np.testing.assert_allclose(network.decode(maps), network(image), atol=1e-5)
    assert [len(network.encode(image, count)) for count in (1, 2, 4)] == [1, 2, 4]


def test_reach_is_how_far_it_looks_where_statistics_are_given(network):
    size, reach = 96, network.reach
    image, row = noise(1, size, size, 3), 44
    statistics = network.statistics(image)
    changed, seen = image.copy(), []
    changed[:, row] += 1.0
    differs = np.abs(network(changed, statistics) - network(image, statistics)).max(axis=(0, 2, 3)) > 0
    rows = np.flatnonzero(differs)
    seen = row - rows.min(), rows.max() - row
    assert max(seen) <= reach
    # The bound is that of the worst phase of the grid; this row's is at most a step of the grid less.
    assert max(seen) >= reach - 2 * network.multiple


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match='at least one block'):
        ResnetGenerator(4, 0)
