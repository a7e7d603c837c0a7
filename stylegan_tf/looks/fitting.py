"""Learning a colour table from two sets of unrelated portraits. NumPy and SciPy only.

The most probable grade. Its displacement is the sum of z_k times direction k (`prior.Prior`), z normal with a variance
that is itself learned from the look, so that a gentle look is held nearer to doing nothing than a strong one (empirical
Bayes). The look's mean statistics are normal around those of the graded reference; their covariance is measured on the
reference graded so far, for sets as small as the look: what differs much between sets of ungraded portraits (how light
a background is) then tells little, what hardly differs (black point, tint of the darkest parts) tells much.
"""

import dataclasses

import numpy as np

from stylegan_tf.looks import splines, statistics, tables

_LEAST_SCALE, _MOST_SCALE = 0.1, 1.5  # of the prior's deviations


@dataclasses.dataclass(frozen=True)
class Options:
    """How a fit is made; tried on random grades, not on the benchmark's."""
    steps: int = 3  # Gauss-Newton
    shrinkage: float = 0.4  # share of the covariance that is taken for uncorrelated
    doubt: float = 1.0  # factor of the statistics' covariance
    scale: float | None = None  # of the prior's deviations; None learns it
    pictures: int = 96  # of the reference, at most
    slope_pictures: int = 40  # of these, for derivatives


def fit_table(look, prior, *, reference=None, options=None):
    """The most probable grade.

    Args:
        look: float32 [n, SAMPLES, 3], colours of graded portraits, n at least 1.
        prior: prior.Prior.
        reference: float32 [N, SAMPLES, 3], colours of ungraded portraits, at least 8; None takes the prior's.
        options: Options.
    Returns:
        (table float32 [33, 33, 33, 3] in [0, 1], smooth and monotone; misfit: mean square of the remaining
        differences in standard deviations, about 1 or less where the look is a grade that the prior can express).
    """
    options = options or Options()
    reference = (prior.reference if reference is None else reference)[:options.pictures]
    points = np.moveaxis(prior.directions, 0, -1).reshape(splines.POINTS ** 3, -1)
    # z -> displacement of every sampled colour is linear: one matrix [K, pictures, SAMPLES, 3].
    moves = splines.color_weights(reference.reshape(-1, 3)) @ points
    moves = np.moveaxis(moves.reshape(*reference.shape, -1), -1, 0)

    def predicted(z, part=slice(None)):
        graded = reference[part] + np.tensordot(z.astype(np.float32), moves[:, part], 1)
        return statistics.picture_statistics(np.clip(graded, 0.0, 1.0))

    wanted = statistics.picture_statistics(look).mean(0).astype(np.float64)
    noise = options.doubt * (1 / len(look) + 1 / len(reference))
    z, misfit = _most_probable(predicted, wanted, len(moves), noise, options)
    points = tables.monotone(splines.identity() + np.tensordot(z, prior.directions, 1))
    return np.clip(splines.table(points, tables.SIZE), 0.0, 1.0).astype(np.float32), misfit


def _most_probable(predicted, wanted, count, noise, options):
    """Gauss-Newton; (z float64 [count], mean square misfit)."""
    z, misfit = np.zeros(count), 0.0
    for step in range(options.steps):
        rows = predicted(z)
        whiten = _whitening(rows, noise, options.shrinkage)
        slopes = whiten @ _slopes(predicted, z, options.slope_pictures)
        rest = whiten @ (wanted - rows.mean(0)) + slopes @ z
        target, variance = _posterior(slopes, rest, options.scale if step else 1.0)
        z, misfit = _best_step(z, target, variance, predicted, whiten, wanted)
    return z, misfit


def _slopes(predicted, z, pictures, step=0.05):
    """Derivatives of the mean statistics with respect to z, float64 [D, K], from some of the pictures."""
    part = slice(0, pictures)
    center = predicted(z, part).mean(0)
    return np.stack([(predicted(z + step * unit, part).mean(0) - center) / step for unit in np.eye(len(z))], 1)


def _posterior(slopes, rest, scale):
    """(mean of z given rest = slopes @ z + unit noise, variance of its prior: by EM unless `scale` is given)."""
    information, seen = slopes.T @ slopes, slopes.T @ rest
    count = len(seen)
    variance = 1.0 if scale is None else scale ** 2
    for _ in range(30 if scale is None else 0):
        covariance = np.linalg.inv(information + np.eye(count) / variance)
        mean = covariance @ seen
        variance = float(np.clip((mean @ mean + np.trace(covariance)) / count, _LEAST_SCALE ** 2, _MOST_SCALE ** 2))
    return np.linalg.solve(information + np.eye(count) / variance, seen), variance


def _best_step(z, target, variance, predicted, whiten, wanted):
    """(the better of a full step and a shorter one, its mean square misfit)."""
    tried = []
    for share in (1.0, 0.4):
        at = z + share * (target - z)
        rest = whiten @ (wanted - predicted(at).mean(0))
        tried.append((float(rest @ rest + at @ at / variance), at, float(np.mean(rest ** 2))))
    return min(tried, key=lambda item: item[0])[1:]


def _whitening(rows, noise, shrinkage):
    """Matrix that makes the mean of a set's statistics uncorrelated, of variance 1."""
    covariance = np.cov(rows, rowvar=False).astype(np.float64)
    spread = np.maximum(np.diag(covariance), 1e-6)
    covariance = (1 - shrinkage) * covariance + shrinkage * np.diag(spread) + 1e-6 * np.eye(len(spread))
    return np.linalg.inv(np.linalg.cholesky(covariance * noise))
