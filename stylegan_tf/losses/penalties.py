"""Penalties on gradients: they keep a critic smooth, and a generator's response even."""

from __future__ import annotations

import math

from keras import ops

from stylegan_tf.layers.gradient import input_gradient
from stylegan_tf.losses.shapes import require_rank, require_same_shape


def _sum_per_example(x):
    return ops.sum(x, axis=tuple(range(1, len(x.shape))))


def r1_penalty(critic, real):
    """Squared norm of the critic's gradient at real images.

    Args:
        critic: Callable from images [B, H, W, C] to logits [B] or [B, h, w, 1], in which examples
            do not interact (or which accepts that they do, as with minibatch statistics).
        real: Images, float32 [B, H, W, C].
    Returns:
        Penalty per example, float32 [B], unweighted: the paper's term is gamma / 2 times it.
    Source: Mescheder et al. 2018, equation 9.
    """
    return _sum_per_example(ops.square(input_gradient(critic, real)))


def gradient_penalty(critic, real, fake, mix, *, target: float = 1.0):
    """Penalises critic gradients whose norm differs from `target`, between real and fake.

    Args:
        critic: Callable from images [B, H, W, C] to logits [B] or [B, h, w, 1].
        real: Images, float32 [B, H, W, C].
        fake: Same shape.
        mix: Uniform numbers in [0, 1], [B]: the share of `fake` at the point examined.
        target: Wanted gradient norm; 1.0 in the paper.
    Returns:
        Penalty per example, float32 [B], unweighted.
    Raises:
        ValueError: `real` and `fake` differ in shape.
    Source: Gulrajani et al. 2017, equation 3.
    """
    require_same_shape(real=real, fake=fake)
    require_rank(1, mix=mix)
    mix = ops.reshape(mix, (-1,) + (1,) * (len(real.shape) - 1))
    gradient = input_gradient(critic, real + mix * (fake - real))
    # The root of 0 has no finite gradient.
    norm = ops.sqrt(_sum_per_example(ops.square(gradient)) + 1e-12)
    return ops.square(norm - target)


def path_lengths(synthesis, w, noise):
    """How far the image moves for a small step of each style code.

    Args:
        synthesis: Callable from styles [B, D] or [B, L, D] to images [B, H, W, C].
        w: Styles.
        noise: Standard normal image of the output's shape [B, H, W, C]; scaled here.
    Returns:
        ||J^T y||_2 per example, float32 [B]; over L layers the mean square is taken first. The
        penalty is the squared distance of this from its running mean.
    Source: Karras et al. 2020 (StyleGAN2), equation 4.
    """
    require_rank(4, noise=noise)
    height, width = ops.shape(noise)[1:3]
    if isinstance(height, int) and isinstance(width, int):
        scale = 1.0 / math.sqrt(height * width)
    else:
        scale = ops.rsqrt(ops.cast(height * width, 'float32'))
    gradient = input_gradient(
        lambda styles: _sum_per_example(synthesis(styles) * (noise * scale)), w)
    power = ops.sum(ops.square(gradient), axis=-1)
    if len(power.shape) > 1:
        power = ops.mean(power, axis=tuple(range(1, len(power.shape))))
    return ops.sqrt(power + 1e-12)
