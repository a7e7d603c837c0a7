import numpy as np
import pytest

from stylegan_tf.layers import padding


def test_reflect_pad_mirrors_without_repeating_the_border():
    x = np.arange(5.0, dtype=np.float32)[None, :, None, None] * np.ones((1, 1, 4, 1), np.float32)
    rows = np.array(padding.reflect_pad(x, (1, 2)))[0, :, 0, 0]
    np.testing.assert_array_equal(rows, [1, 0, 1, 2, 3, 4, 3, 2])
    assert padding.reflect_pad(x, 0) is x


def test_reflect_pad_equals_numpy_on_both_axes():
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype(np.float32)
    expected = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)), 'reflect')
    np.testing.assert_array_equal(np.array(padding.reflect_pad(x, 2)), expected)


def test_reflect_pad_of_a_small_map_says_what_to_do():
    with pytest.raises(ValueError, match=r"larger feature map.*\(1, 2, 4, 1\).*padding='same'"):
        padding.reflect_pad(np.zeros((1, 2, 4, 1), np.float32), 2)
    with pytest.raises(ValueError, match='at least 0'):
        padding.reflect_pad(np.zeros((1, 4, 4, 1), np.float32), (-1, 0))


def test_repeat_border_repeats_the_border_pixel():
    x = np.random.default_rng(0).normal(size=(1, 3, 4, 2)).astype(np.float32)
    expected = np.pad(x, ((0, 0), (1, 0), (1, 1), (0, 0)), 'edge')
    np.testing.assert_array_equal(np.array(padding.repeat_border(x, (1, 0), (1, 1))), expected)


def test_same_padding_amounts_keep_the_size():
    for size in range(1, 8):
        assert sum(padding.same_padding_amounts(size)) == size - 1


def test_mirroring_by_slices_gives_the_same_numbers():
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype(np.float32)
    expected = [np.asarray(padding.reflect_pad(x, amount)) for amount in (1, (1, 2))]
    with padding.mirroring_by_slices():
        received = [np.asarray(padding.reflect_pad(x, amount)) for amount in (1, (1, 2))]
    for wanted, value in zip(expected, received, strict=True):
        np.testing.assert_array_equal(value, wanted)
