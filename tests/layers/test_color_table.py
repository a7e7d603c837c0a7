"""The table's look-up against an interpolation that SciPy does."""

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from stylegan_tf.layers.color_table import apply_table


def test_equals_trilinear_interpolation_and_clips():
    random = np.random.default_rng(0)
    table = random.uniform(size=(4, 4, 4, 3)).astype(np.float32)
    image = random.uniform(-0.2, 1.2, (2, 5, 6, 3)).astype(np.float32)
    image[0, 0, :2] = [[1.0], [0.0]]  # both ends
    axis = np.linspace(0, 1, 4)
    expected = RegularGridInterpolator((axis, axis, axis), table)(np.clip(image, 0, 1).reshape(-1, 3))
    np.testing.assert_allclose(apply_table(image, table), expected.reshape(image.shape), atol=1e-5)


def test_what_is_no_table_is_refused():
    for shape in ((4, 4, 3, 3), (1, 1, 1, 3), (4, 4, 3)):
        with pytest.raises(ValueError, match='S at least 2'):
            apply_table(np.zeros((1, 2, 2, 3), np.float32), np.zeros(shape, np.float32))
