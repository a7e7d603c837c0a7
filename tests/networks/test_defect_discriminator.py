"""The detector's heads: their shapes, what each example depends on, what it may not depend on."""

import numpy as np
import pytest
from keras import ops

from stylegan_tf.networks.defect_discriminator import DefectDiscriminator, _fine, full_size


def random(*shape, seed=0):
    return np.clip(np.random.default_rng(seed).normal(0, 0.4, shape), -1, 1).astype(np.float32)


@pytest.fixture(scope='module')
def network():
    network = DefectDiscriminator(5, (4, 6, 8, 8), hidden=12)
    network(random(1, 32, 32, 3))
    return network


@pytest.mark.parametrize('size', [(32, 32), (64, 48)])
def test_heads_and_their_resolutions(network, size):
    image = random(2, *size, 3)
    logits = network(image, image, random(2, 40, 32, 3))
    height, width = size
    assert {name: tuple(value.shape) for name, value in logits.items()} == {
        'adversarial': (2, height // 8, width // 8, 1), 'damage': (2, height // 4, width // 4, 1),
        'defect_map': (2, height // 8, width // 8, 5), 'defects': (2, 5), 'anomaly': (2,)}


def test_a_flag_of_zero_is_no_reference(network):
    image, other = random(2, 32, 32, 3), random(2, 32, 32, 3, seed=1)
    zero, one = np.zeros(2, 'f4'), np.ones(2, 'f4')
    without = network(image)
    flagged = network(image, other, other, zero, zero)
    known = network(image, other, other, one, one)
    for name in without:
        np.testing.assert_allclose(flagged[name], without[name], atol=1e-5)
    assert np.abs(known['anomaly'] - without['anomaly']).max() > 1e-3


def test_one_examples_references_leave_the_other_alone(network):
    image, other = random(2, 32, 32, 3), random(2, 32, 32, 3, seed=1)
    both = network(image, other, other)
    changed = other.copy()
    changed[1] = -changed[1]
    again = network(image, changed, changed)
    for name in both:
        np.testing.assert_allclose(again[name][0], both[name][0], atol=1e-5)
    assert np.abs(again['anomaly'][1] - both['anomaly'][1]) > 1e-4


def test_a_checkerboard_is_all_fine_detail_and_a_flat_picture_none():
    rows, columns = np.indices((16, 16))
    board = ((rows + columns) % 2 * 2.0 - 1)[None, ..., None].repeat(3, axis=-1).astype('f4')
    # The 3x3 mean of a board is a ninth of its middle.
    np.testing.assert_allclose(_fine(board), board * 4 * 8 / 9, atol=1e-5)
    np.testing.assert_allclose(_fine(np.full((1, 9, 9, 3), 0.3, 'f4')), 0.0, atol=1e-5)


def test_four_resolutions_are_needed():
    with pytest.raises(ValueError, match='four numbers'):
        DefectDiscriminator(5, (4, 6))


def test_maps_are_brought_to_the_size_of_the_picture():
    maps = np.random.default_rng(0).random((2, 6, 9, 1), np.float32)
    found = ops.convert_to_numpy(full_size(maps))
    wanted = ops.convert_to_numpy(ops.image.resize(maps, (24, 36), interpolation='bilinear'))
    np.testing.assert_allclose(found, wanted, atol=1e-5)
