"""Variety, contrast and clipping, by hand."""

import numpy as np
import pytest

from stylegan_tf.metrics import variety


def test_pairwise_distance_by_hand():
    assert variety.pairwise_distance([[0, 0], [3, 4], [3, 4]]) == pytest.approx(10 / 3)
    for wrong in ([[1.0, 2.0]], [1.0, 2.0]):
        with pytest.raises(ValueError, match='at least 2 pictures'):
            variety.pairwise_distance(wrong)


def test_pairs_of_one_label_are_compared_alone():
    features, labels = [[0, 0], [3, 4], [0, 1], [9, 9]], [1, 2, 1, 0]
    assert variety.pairwise_distance(features, labels) == pytest.approx(1.0)
    assert np.isnan(variety.pairwise_distance(features, [0, 1, 2, 3]))
    assert variety.relative_variety([np.array(features)], [2 * np.array(features)], labels) == pytest.approx(0.5)


def test_relative_variety_weighs_layers_alike_whatever_their_scale():
    real = np.random.default_rng(0).normal(size=(6, 5))
    assert variety.relative_variety([real, 1000 * real], [real, 1000 * real]) == pytest.approx(1.0)
    assert variety.relative_variety([0.5 * real, 0 * real], [real, 1000 * real]) == pytest.approx(0.25)
    assert np.isnan(variety.relative_variety([real], [np.ones((6, 5))]))


def test_clipping_and_contrast():
    images = np.zeros((2, 4, 4, 3), np.float32)
    assert variety.clipped_share(images) == 0 == variety.contrast(images)
    images[0, :2], images[1] = 1.0, -0.99
    assert variety.clipped_share(images) == pytest.approx(0.75)
    assert variety.contrast(images) == pytest.approx(0.25)
