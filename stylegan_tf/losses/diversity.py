"""Losses that keep a generator from answering every code with the same picture."""

from __future__ import annotations

from keras import ops

from stylegan_tf.losses.shapes import mean_per_example, require_rank, require_same_shape

EPSILON = 1e-5


def mode_seeking_loss(image_a, image_b, latent_a, latent_b):
    """Distance of two codes over the distance of their images.

    Args:
        image_a: G(latent_a), [B, H, W, C].
        image_b: G(latent_b), same shape.
        latent_a: Codes [B, Z].
        latent_b: Same shape.
    Returns:
        Loss per example, float32 [B], at least 0; large where different codes give one image.
    Raises:
        ValueError: The images, or the codes, differ in shape.
    Source: Mao et al. 2019 (MSGAN), the reciprocal of equation 2, distances as mean absolute
        differences.
    """
    require_same_shape(image_a=image_a, image_b=image_b)
    require_same_shape(latent_a=latent_a, latent_b=latent_b)
    image_distance = mean_per_example(ops.abs(image_a - image_b))
    latent_distance = mean_per_example(ops.abs(latent_a - latent_b))
    return latent_distance / (image_distance + EPSILON)


def energy_score(samples, target):
    """Scores samples against one observation: low when near it and as spread out as reality.

    mean_k ||x_k - y|| - 1/2 mean_{j != k} ||x_j - x_k||; its expectation is least exactly when the
    samples follow the distribution of the target, so it neither collapses nor averages.

    Args:
        samples: Several draws for each example, [B, K, D], K at least 2.
        target: The observation, [B, D].
    Returns:
        Score per example, float32 [B].
    Raises:
        ValueError: K below 2, or the shapes do not fit.
    Source: Gneiting and Raftery 2007, equation 22, with the unbiased mean over pairs.
    """
    require_rank(3, samples=samples)
    require_rank(2, target=target)
    count = samples.shape[1]
    if count is None or count < 2:
        raise ValueError('The energy score needs at least 2 samples an example. Received: '
                         f'samples of shape {tuple(samples.shape)}.')
    require_same_shape(samples=samples[:, 0], target=target)
    samples, target = ops.cast(samples, 'float32'), ops.cast(target, 'float32')
    nearness = ops.mean(_norm(samples - target[:, None]), axis=1)
    pairs = [_norm(samples[:, i] - samples[:, j]) for i in range(count) for j in range(i)]
    return nearness - 0.5 * sum(pairs) / float(len(pairs))


def _norm(x):
    # The root of 0 has no finite gradient, and equal samples do occur at the start.
    return ops.sqrt(ops.sum(ops.square(x), axis=-1) + EPSILON**2)
