"""order: permutations without state."""

import numpy as np
import pytest

from stylegan_tf.data import order


@pytest.mark.parametrize('count', [1, 2, 3, 4, 5, 16, 17, 100, 1025])
def test_every_epoch_visits_every_item_once(count):
    for epoch in (0, 1, 7, 10 ** 9):
        indices = [order.permuted_index(epoch * count + i, count, 42) for i in range(count)]
        assert sorted(indices) == list(range(count))


def test_epochs_and_keys_have_orders_of_their_own():
    def sequence(start, key):
        return [order.permuted_index(start + i, 50, key) for i in range(50)]

    orders = [sequence(0, 1), sequence(50, 1), sequence(100, 1), sequence(0, 2), sequence(0, -1)]
    assert len({tuple(items) for items in orders}) == len(orders)
    assert sequence(0, 1) == orders[0]
    assert orders[0] != list(range(50))


def test_items_are_spread_evenly_over_places():
    count, trials = 7, 3000
    table = np.zeros((count, count))
    for trial in range(trials):
        for place in range(count):
            table[place, order.permuted_index(trial * count + place, count, 5)] += 1
    expected = trials / count
    chi_square = ((table - expected) ** 2 / expected).sum()
    assert chi_square < 70  # 36 degrees of freedom: exceeded with probability 0.0006


def test_neighbours_are_not_correlated():
    sequence = np.array([order.permuted_index(i, 4000, 9) for i in range(4000)], float)
    assert abs(np.corrcoef(sequence[:-1], sequence[1:])[0, 1]) < 0.05
    assert abs(np.corrcoef(np.arange(4000), sequence)[0, 1]) < 0.05


def test_the_order_of_older_runs_stays():
    assert [order.permuted_index(i, 10, 123) for i in range(20)] == GOLDEN_ORDER
    assert order.key_from(7, 'order', 'style') == GOLDEN_KEY
    assert order.generator_from(7, 'style', 3).integers(0, 1000, 4).tolist() == GOLDEN_DRAWS


def test_keys_tell_parts_apart():
    keys = [order.key_from(*parts) for parts in
            ((1, 2), (12,), ('1', 2), ('a', 'b'), ('ab',), ('a', 'b', ''), (2, 1))]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(('position', 'count'), [(0, 0), (-1, 5), (3, -2)])
def test_nonsense_is_refused(position, count):
    with pytest.raises(ValueError, match=f'count {count}, position {position}'):
        order.permuted_index(position, count, 1)


GOLDEN_ORDER = [7, 1, 2, 4, 0, 9, 6, 8, 5, 3, 2, 1, 8, 7, 4, 9, 3, 0, 6, 5]
GOLDEN_KEY = 7348093538614790579
GOLDEN_DRAWS = [249, 422, 507, 260]
