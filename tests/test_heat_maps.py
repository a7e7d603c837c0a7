"""Damage laid over a picture."""

import numpy as np
import pytest

from stylegan_tf import heat_maps
from tests import tiny_models


def test_damage_turns_from_nothing_over_yellow_to_red():
    grey = np.full((2, 3, 3), 100, np.uint8)
    damage = np.array([[0.0, 0.5, 1.0], [0.0, 0.0, 2.0]])
    result = heat_maps.overlay(grey, damage)
    np.testing.assert_array_equal(result[0, 0], 100)  # a grey picture stays as it is
    np.testing.assert_array_equal(result[0, 2], np.rint(0.2 * 100 + 0.8 * heat_maps.SEVERE))
    np.testing.assert_array_equal(result[1, 2], result[0, 2])
    assert result[0, 1, 1] > result[0, 2, 1]  # still yellowish


def test_a_map_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r'size \[8, 9\]. Received: \[2, 2\]'):
        heat_maps.overlay(tiny_models.picture(8, 9), np.zeros((2, 2)))
