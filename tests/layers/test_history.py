"""The history of pictures against a plain one that takes them one by one."""

import keras
import numpy as np
import pytest

from stylegan_tf.layers.history import PictureHistory, exchange

SIZE, BATCH, SHAPE = 5, 2, (3, 4, 3)


def pictures(seed):
    levels = np.random.default_rng(seed).integers(0, 256, (BATCH, *SHAPE))
    return (levels / 127.5 - 1).astype(np.float32)


def test_it_fills_then_changes_places_as_drawn():
    random = np.random.default_rng(0)
    kept, count, plain = np.zeros((SIZE, *SHAPE), np.uint8), np.int32(0), []
    for turn in range(12):
        new = pictures(turn)
        is_earlier, places = random.random(BATCH) < 0.5, random.permutation(SIZE)[:BATCH].astype(np.int32)
        expected, was_full = [], len(plain) == SIZE
        for picture, wanted, place in zip(new, is_earlier, places):
            if not was_full:
                expected.append(picture)
                if len(plain) < SIZE:
                    plain.append(picture)
            elif wanted:
                expected.append(plain[place])
                plain[place] = picture
            else:
                expected.append(picture)
        shown, kept, count = exchange(new, kept, count, is_earlier, places)
        np.testing.assert_allclose(shown, np.stack(expected), atol=1e-6)
        assert int(count) == len(plain)
        np.testing.assert_allclose(np.asarray(kept)[:len(plain)] / 127.5 - 1, np.stack(plain), atol=1e-6)


def test_the_layer_keeps_the_first_and_shows_about_half_of_the_later_ones_unchanged():
    history = PictureHistory(SIZE)
    for turn in range(3):
        np.testing.assert_array_equal(history(pictures(turn)), pictures(turn))
    later = np.concatenate([(history(pictures(turn)) == pictures(turn)).numpy().all(axis=(1, 2, 3))
                            for turn in range(3, 43)])
    assert 0.3 < later.mean() < 0.7
    assert set(history.state()) == {f'{history.name}_pictures', f'{history.name}_count'}


def test_the_same_state_shows_the_same_pictures():
    history = PictureHistory(SIZE)
    for turn in range(4):
        history(pictures(turn))
    before = [keras.ops.convert_to_numpy(variable) for variable in history.variables]
    first = history(pictures(9))
    for variable, value in zip(history.variables, before):
        variable.assign(value)
    np.testing.assert_array_equal(history(pictures(9)), first)


def test_more_pictures_than_it_keeps_are_refused():
    with pytest.raises(ValueError, match='cannot take 3 at once'):
        PictureHistory(2)(np.zeros((3, 4, 4, 3), np.float32))
