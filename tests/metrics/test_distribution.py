"""Distances of sets of features against SciPy, scikit-learn, the published formulas and numbers known by hand."""

import numpy as np
import pytest
import scipy.linalg
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors

from stylegan_tf.metrics import distribution


def two_sets(n=90, m=70, features=12, shift=0.3):
    """Correlated features, as a network's are; the second set is moved and stretched."""
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(features, features))
    return rng.normal(size=(n, features)) @ mix, (1.2 * rng.normal(size=(m, features)) + shift) @ mix


def scipy_frechet(a, b):
    """The formula as the code of the paper has it."""
    product = scipy.linalg.sqrtm(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False))
    traces = np.trace(np.cov(a, rowvar=False)) + np.trace(np.cov(b, rowvar=False))
    return np.sum((a.mean(0) - b.mean(0)) ** 2) + traces - 2 * np.trace(product.real)


@pytest.mark.parametrize('sizes', [(90, 70, 12), (90, 8, 12), (40, 30, 2)])
def test_frechet_distance_agrees_with_scipy(sizes):
    a, b = two_sets(*sizes)
    expected = scipy_frechet(a, b)
    # sqrtm itself loses digits where a covariance is singular: 8 pictures of 12 features
    tolerance = 1e-9 if min(sizes[:2]) > sizes[2] else 1e-6
    assert distribution.frechet_distance(a, b) == pytest.approx(expected, rel=tolerance)
    assert distribution.frechet_distance(b, a) == pytest.approx(expected, rel=tolerance)
    from_statistics = distribution.frechet_distance_of_statistics(*distribution.statistics(a),
                                                                  *distribution.statistics(b))
    assert from_statistics == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_by_hand():
    # One feature: (3 - 1)^2 + (2 - 1)^2, deviations with N - 1.
    a, b = np.array([[-1.0], [1.0], [3.0]]), np.array([[2.0], [3.0], [4.0]])
    assert distribution.frechet_distance(a, b) == pytest.approx(4.0 + 1.0)
    assert distribution.frechet_distance_of_statistics([1.0], [[4.0]], [3.0], [[1.0]]) == pytest.approx(5.0)
    many = np.random.default_rng(0).normal(size=(20, 300)).astype(np.float32)  # far fewer pictures than features
    assert distribution.frechet_distance(many, many[::-1]) == pytest.approx(0.0, abs=1e-9)
    assert distribution.frechet_distance(many, many + 1) == pytest.approx(300.0, rel=1e-6)


def test_kernel_distance_agrees_with_scikit_learn_on_the_same_subsets():
    a, b = two_sets()
    rng, values = np.random.default_rng(5), []
    for _ in range(7):
        x = a[rng.choice(len(a), 20, replace=False)]
        y = b[rng.choice(len(b), 20, replace=False)]
        # As torch-fidelity and the authors' code have it: gamma 1 / D, coef0 1, degree 3, unbiased.
        xx, yy, xy = (polynomial_kernel(u, v, degree=3, gamma=None, coef0=1) for u, v in ((x, x), (y, y), (x, y)))
        within = xx.sum() - np.trace(xx) + yy.sum() - np.trace(yy)
        values.append(within / (20 * 19) - 2 * xy.sum() / 20 ** 2)
    found = distribution.kernel_distance(a, b, subsets=7, subset_size=20, seed=5)
    assert found.value == pytest.approx(np.mean(values), rel=1e-9)
    assert found.standard_error == pytest.approx(np.std(values, ddof=1) * np.sqrt(20 / 50), rel=1e-9)
    low, high = found.interval
    assert (low + high) / 2 == pytest.approx(found.value) and high > low


def test_the_kernel_distance_is_unbiased_and_its_error_is_that_of_other_pictures():
    rng = np.random.default_rng(1)
    draws = [distribution.kernel_distance(rng.normal(size=(60, 6)), 0.7 + rng.normal(size=(60, 6)), subsets=60)
             for _ in range(40)]
    values, errors = np.array([draw.value for draw in draws]), np.array([draw.standard_error for draw in draws])
    truth = distribution.unbiased_discrepancy(rng.normal(size=(2000, 6)), 0.7 + rng.normal(size=(2000, 6)))
    assert values.mean() == pytest.approx(truth, abs=3.5 * values.std() / np.sqrt(len(values)))
    assert 0.6 < errors.mean() / values.std(ddof=1) < 1.6
    same = [distribution.kernel_distance(rng.normal(size=(60, 6)), rng.normal(size=(60, 6)), subsets=20).value
            for _ in range(40)]
    assert abs(np.mean(same)) < 4 * np.std(same) / np.sqrt(len(same)) and min(same) < 0 < max(same)


def test_a_whole_set_as_the_only_subset_says_nothing_of_its_error():
    a, b = two_sets(20, 20)
    found = distribution.kernel_distance(a, b, subset_size=20)
    assert found.value == pytest.approx(distribution.unbiased_discrepancy(a, b))
    assert np.isnan(found.standard_error) and found.interval is None


@pytest.mark.parametrize('neighbours', [1, 3, 5])
@pytest.mark.parametrize('entries', [distribution._CHUNK_ENTRIES, 200])
def test_neighbourhoods_agree_with_scikit_learn(neighbours, entries, monkeypatch):
    monkeypatch.setattr(distribution, '_CHUNK_ENTRIES', entries)  # 200: two or three rows at a time
    real, generated = two_sets(features=3, shift=1.0)

    def radii(rows):
        return NearestNeighbors(n_neighbors=neighbours + 1).fit(rows).kneighbors(rows)[0][:, -1]  # itself is first

    distances = np.linalg.norm(real[:, None] - generated[None], axis=2)
    in_real, in_generated = distances <= radii(real)[:, None], distances <= radii(generated)[None]
    found = distribution.neighbourhoods(real, generated, neighbours=neighbours)
    np.testing.assert_array_equal(found['precision'], in_real.any(axis=0))
    np.testing.assert_array_equal(found['recall'], in_generated.any(axis=1))
    np.testing.assert_array_equal(found['density'], in_real.sum(axis=0) / neighbours)
    np.testing.assert_array_equal(found['coverage'], in_real.any(axis=1))
    assert 0 < found['precision'].mean() < 1 and 0 < found['recall'].mean() < 1


def test_quality_and_variety_are_told_apart():
    rng = np.random.default_rng(2)
    real = rng.normal(size=(300, 4))
    narrow = 0.2 * rng.normal(size=(300, 4))  # good pictures, all alike
    wide = 4.0 * rng.normal(size=(300, 4))  # all kinds, mostly bad ones
    narrow, wide = (distribution.neighbourhoods(real, outputs) for outputs in (narrow, wide))
    assert narrow['precision'].mean() > 0.95 and narrow['recall'].mean() < 0.1
    assert wide['precision'].mean() < 0.4 and wide['recall'].mean() > 0.8


MEASURES = [distribution.frechet_distance, distribution.kernel_distance, distribution.neighbourhoods]


@pytest.mark.parametrize('measure', MEASURES)
def test_what_cannot_be_compared_is_named(measure):
    a, b = two_sets(20, 20)
    with pytest.raises(ValueError, match='12 and 11 features'):
        measure(a, b[:, :-1])
    with pytest.raises(ValueError, match=r'at least \d pictures'):
        measure(a, b[:1])
    with pytest.raises(ValueError, match=r'\[N, D\]'):
        measure(a, b[0])
    b[7, 2] = np.nan
    with pytest.raises(ValueError, match='1 of 20 pictures, the first at index 7'):
        measure(a, b)


def test_wrong_options_are_named():
    a, b = two_sets(20, 20)
    with pytest.raises(ValueError, match='subsets of 2 to 20 pictures'):
        distribution.kernel_distance(a, b, subset_size=21)
    with pytest.raises(ValueError, match='at least 1 neighbour'):
        distribution.neighbourhoods(a, b, neighbours=0)
    with pytest.raises(ValueError, match='negative eigenvalues'):
        distribution.frechet_distance_of_statistics([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]], [0.0, 0.0], np.eye(2))
    with pytest.raises(ValueError, match='two finite means of one size'):
        distribution.frechet_distance_of_statistics([0.0], [[1.0]], [0.0, 0.0], np.eye(2))


def test_places_of_a_picture_are_compared_as_sets():
    rng = np.random.default_rng(0)
    first, same, other = rng.normal(0, 1, (24, 24, 5)), rng.normal(0, 1, (30, 20, 5)), rng.normal(0.5, 1, (24, 24, 5))
    assert distribution.local_features(np.arange(36.0).reshape(6, 6, 1), 9)[:, 0].tolist() == [
        7, 9, 11, 19, 21, 23, 31, 33, 35]
    assert distribution.local_discrepancy(first, other) > 5 * abs(distribution.local_discrepancy(first, same))
    moved = first.reshape(-1, 5)[rng.permutation(576)].reshape(24, 24, 5)  # where things are does not matter
    shifted = distribution.local_discrepancy(moved, other)
    assert shifted == pytest.approx(distribution.local_discrepancy(first, other))
    with pytest.raises(ValueError, match=r'\[h, w, C\]'):
        distribution.local_discrepancy(first[0], other)
