"""How alike two sets of pictures are, from one feature vector of a frozen network a picture. NumPy only.

All compute in float64. The value depends on the network, on how pictures were resized for it, and on how many there
are: compare only numbers that agree in all three.
"""

from __future__ import annotations

import typing

import numpy as np

PLACES = 576  # about as many of a feature map are compared
_CHUNK_ENTRIES = 4_000_000  # of a distance matrix at a time: 32 MB


def frechet_distance(features_a, features_b) -> float:
    """Frechet distance of the normal distributions fitted to two sets of features; FID on Inception's.

    With n pictures it is too large by an amount that falls as 1/n and differs between models: below about 1000
    pictures, and wherever n is not several times D, take `kernel_distance`, which has no such bias.

    Args:
        features_a: Float [N, D], N >= 2.
        features_b: Float [M, D], M >= 2.
    Returns:
        At least 0; 0 for sets of the same mean and covariance.
    Raises:
        ValueError: Other shapes, too few rows, or numbers that are not finite.
    Source: Dowson & Landau 1982; Heusel et al. 2017, equation 6.
    """
    a, b = _two_sets(features_a, features_b, at_least=2)
    return _frechet(a.mean(axis=0), _factor(a), b.mean(axis=0), _factor(b))


def statistics(features) -> tuple[np.ndarray, np.ndarray]:
    """(mean [D], covariance [D, D]) of features [N, D], float64, with N - 1 as FID has it; raises ValueError."""
    features = _one_set(features, at_least=2)
    return features.mean(axis=0), np.atleast_2d(np.cov(features, rowvar=False))


def frechet_distance_of_statistics(mean_a, covariance_a, mean_b, covariance_b) -> float:
    """As `frechet_distance`, of what `statistics` returns for each set.

    Args:
        mean_a: Float [D].
        covariance_a: Float [D, D], symmetric and positive semidefinite but for rounding.
        mean_b: Float [D].
        covariance_b: Float [D, D].
    Raises:
        ValueError: Other shapes, numbers that are not finite, or a matrix that is no covariance.
    """
    means = [np.asarray(mean, np.float64) for mean in (mean_a, mean_b)]
    factors = [_root(covariance, len(mean)) for covariance, mean in zip((covariance_a, covariance_b), means)]
    if means[0].shape != means[1].shape or not all(np.isfinite(mean).all() for mean in means):
        raise ValueError(f'Expected two finite means of one size. Received shapes {means[0].shape} and '
                         f'{means[1].shape}.')
    return _frechet(means[0], factors[0], means[1], factors[1])


class KernelDistance(typing.NamedTuple):
    """A kernel distance: its value, and how sure it is."""

    value: float  # mean over the subsets; below 0 by chance where the sets are alike
    standard_error: float  # of `value`, for other pictures of the same two kinds; nan where a subset is the whole set

    @property
    def interval(self) -> tuple[float, float] | None:
        """95% interval by the normal distribution, or None."""
        if not np.isfinite(self.standard_error):
            return None
        return self.value - 1.96 * self.standard_error, self.value + 1.96 * self.standard_error


def kernel_distance(features_a, features_b, *, subsets=100, subset_size=None, seed=0) -> KernelDistance:
    """Squared maximum mean discrepancy with the kernel (x.y / D + 1)^3, unbiased; KID on Inception's features.

    Args:
        features_a: Float [N, D].
        features_b: Float [M, D].
        subsets: How many random subsets of each set are compared.
        subset_size: Pictures of a subset; None for 1000, or half of the smaller set where that is less.
        seed: Of the choice of subsets.
    Returns:
        KernelDistance. The standard error is the jackknife's for subsets, so that overlapping ones are no excuse for a
        small one; torch-fidelity's `kernel_inception_distance_std` is the plain deviation between subsets.
    Raises:
        ValueError: Other shapes, fewer than 4 pictures, numbers that are not finite, or a subset larger than a set.
    Source: Binkowski et al. 2018, equation 4 (Gretton et al. 2012, lemma 6); Shao & Wu 1989 for the error.
    """
    a, b = _two_sets(features_a, features_b, at_least=4)
    fewest = min(len(a), len(b))
    size = min(1000, fewest // 2) if subset_size is None else int(subset_size)
    if not 2 <= size <= fewest or subsets < 1:
        raise ValueError(f'Expected subsets of 2 to {fewest} pictures, at least one. Received: {subsets} of {size}.')
    rng = np.random.default_rng(seed)
    values = [unbiased_discrepancy(a[rng.choice(len(a), size, replace=False)],
                                   b[rng.choice(len(b), size, replace=False)]) for _ in range(subsets)]
    error = float('nan')
    if subsets > 1 and size < fewest:
        error = float(np.std(values, ddof=1) * np.sqrt(size / (fewest - size)))
    return KernelDistance(float(np.mean(values)), error)


def unbiased_discrepancy(features_a, features_b) -> float:
    """The distance of `kernel_distance` for two whole sets [N, D] and [M, D], N and M >= 2."""
    a, b = _two_sets(features_a, features_b, at_least=2)
    return discrepancy(a, within(a), b, within(b))


def within(features) -> float:
    """Mean kernel of `kernel_distance` between different rows of one set, float64 [N, D]."""
    kernel = _cubic_kernel(features, features)
    return (kernel.sum() - np.trace(kernel)) / (len(features) * (len(features) - 1))


def discrepancy(a, within_a, b, within_b) -> float:
    """`unbiased_discrepancy` of sets float64 [N, D] and [M, D] whose `within` is known already."""
    return float(within_a + within_b - 2.0 * _cubic_kernel(a, b).mean())


def local_discrepancy(map_a, map_b, *, most=PLACES) -> float:
    """`unbiased_discrepancy` of what two pictures look like from place to place, as two sets of local features.

    Unlike means and products over a whole picture it tells a mixture of two textures from a texture between them.

    Args:
        map_a: Feature map, float [h, w, C].
        map_b: Feature map, float [h', w', C].
        most: About how many places of a map are taken, in a regular grid.
    Returns:
        At least about 0; below it by chance where the sets are alike.
    Raises:
        ValueError: Other shapes, or fewer than 2 places.
    Source: Binkowski et al. 2018, equation 4, on the places of a picture instead of the pictures of a set.
    """
    return unbiased_discrepancy(local_features(map_a, most), local_features(map_b, most))


def local_features(feature_map, most):
    """Places of a regular grid over a feature map [h, w, C]: float64 [n, C], n about `most` or all there are."""
    feature_map = np.asarray(feature_map, np.float64)
    if feature_map.ndim != 3:
        raise ValueError(f'Expected a feature map [h, w, C]. Received: shape {feature_map.shape}.')
    step = max(1, round((feature_map.shape[0] * feature_map.shape[1] / most) ** 0.5))
    return feature_map[step // 2::step, step // 2::step].reshape(-1, feature_map.shape[2])


def neighbourhoods(real, generated, *, neighbours=3) -> dict[str, np.ndarray]:
    """What precision and recall are means of: one number a picture.

    A set covers the balls around its pictures whose radius is the distance to the k-th nearest other picture of it.

    Args:
        real: Float [N, D], N > `neighbours`.
        generated: Float [M, D], M > `neighbours`.
        neighbours: k.
    Returns:
        Dict of float64 arrays:
          'precision' [M]: 1 where a generated picture lies in a ball of a real one, else 0. Quality.
          'recall' [N]: 1 where a real picture lies in a ball of a generated one, else 0. Variety.
          'density' [M]: in how many balls of real pictures a generated one lies, over k; unbounded, 1 for equal sets.
          'coverage' [N]: 1 where the ball of a real picture holds a generated one, else 0.
    Raises:
        ValueError: Other shapes, too few pictures, or numbers that are not finite.
    Source: Kynkaanniemi et al. 2019, equations 1 and 2 (k = 3); Naeem et al. 2020, equations 3 and 4 (k = 5 there).
    """
    if neighbours < 1:
        raise ValueError(f'Expected at least 1 neighbour. Received: {neighbours}.')
    real, generated = _two_sets(real, generated, at_least=neighbours + 1)
    real_radii, generated_radii = (_squared_radii(rows, neighbours) for rows in (real, generated))
    balls = np.zeros(len(generated))  # of real pictures around each generated one
    recalled, covered = np.zeros(len(real)), np.zeros(len(real))
    for rows, distances in _squared_distances(real, generated):
        inside = distances <= real_radii[rows, None]
        balls += inside.sum(axis=0)
        covered[rows] = inside.any(axis=1)
        recalled[rows] = (distances <= generated_radii).any(axis=1)
    return {'precision': np.minimum(balls, 1.0), 'recall': recalled, 'density': balls / neighbours,
            'coverage': covered}


def _one_set(features, at_least):
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or len(features) < at_least:
        raise ValueError(f'Expected features [N, D] of at least {at_least} pictures. Received: shape '
                         f'{features.shape}. Give it more pictures.')
    if not np.isfinite(features).all():
        bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
        raise ValueError(f'Expected finite features. Received nan or inf for {len(bad)} of {len(features)} pictures, '
                         f'the first at index {bad[0]}.')
    return features


def _two_sets(a, b, at_least):
    a, b = _one_set(a, at_least), _one_set(b, at_least)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f'Expected two sets of features of one network. Received: {a.shape[1]} and {b.shape[1]} '
                         'features a picture.')
    return a, b


def _frechet(mean_a, factor_a, mean_b, factor_b):
    # With C = F'F, the trace of (Ca Cb)^(1/2) is the sum of the singular values of Fa Fb'. This needs no root of a
    # product, which for fewer pictures than features is singular and where scipy's sqrtm loses digits.
    cross = np.linalg.svd(factor_a @ factor_b.T, compute_uv=False).sum()
    spread = np.sum(factor_a ** 2) + np.sum(factor_b ** 2)
    return max(0.0, float(np.sum((mean_a - mean_b) ** 2) + spread - 2.0 * cross))


def _factor(features):
    """F [min(N, D), D] with F'F the covariance."""
    centred = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
    return np.linalg.qr(centred, mode='r') if len(centred) > centred.shape[1] else centred


def _root(covariance, size):
    covariance = np.asarray(covariance, np.float64)
    if covariance.shape != (size, size) or not np.isfinite(covariance).all():
        raise ValueError(f'Expected a finite covariance [{size}, {size}]. Received: shape {covariance.shape}.')
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2.0)
    slack = 1e-6 * max(np.abs(values).max(), 1e-300)  # rounding of float32 statistics
    if values.min() < -slack or np.abs(covariance - covariance.T).max() > slack:
        raise ValueError('Expected a covariance: symmetric, without negative eigenvalues. Received one whose smallest '
                         f'is {values.min():.3g} and largest {values.max():.3g}.')
    return (vectors * np.sqrt(np.maximum(values, 0.0))).T


def _cubic_kernel(a, b):
    return (a @ b.T / a.shape[1] + 1.0) ** 3


def _squared_radii(rows, neighbours):
    """Squared distance of each row to its `neighbours`-th nearest other row."""
    radii = np.empty(len(rows))
    for part, distances in _squared_distances(rows, rows):
        distances[np.arange(len(distances)), np.arange(part.start, part.stop)] = np.inf  # itself is no neighbour
        radii[part] = np.partition(distances, neighbours - 1, axis=1)[:, neighbours - 1]
    return radii


def _squared_distances(a, b):
    """Yields (slice of the rows of a, squared distances of those to all rows of b)."""
    step = max(1, _CHUNK_ENTRIES // len(b))
    lengths = np.sum(b ** 2, axis=1)
    for start in range(0, len(a), step):
        rows = slice(start, min(start + step, len(a)))
        squares = np.sum(a[rows] ** 2, axis=1)[:, None] + lengths - 2.0 * (a[rows] @ b.T)
        yield rows, np.maximum(squares, 0.0)
