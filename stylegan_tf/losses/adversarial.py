"""Adversarial objectives, D(x) being a logit and not a probability.

| kind             | discriminator, real | discriminator, fake     | generator              |
|------------------|---------------------|-------------------------|------------------------|
| 'non_saturating' | -log sigmoid(D(x))  | -log(1 - sigmoid(D(G))) | -log sigmoid(D(G))     |
| 'minimax'        | -log sigmoid(D(x))  | -log(1 - sigmoid(D(G))) | log(1 - sigmoid(D(G))) |
| 'least_squares'  | 1/2 (D(x) - 1)^2    | 1/2 D(G)^2              | 1/2 (D(G) - 1)^2       |
| 'hinge'          | max(0, 1 - D(x))    | max(0, 1 + D(G))        | -D(G)                  |
| 'wasserstein'    | -D(x)               | D(G)                    | -D(G)                  |

Sources: Goodfellow et al. 2014 (eq. 1 and section 3), Mao et al. 2017 (LSGAN, eq. 9), Lim and
Ye 2017 and Miyato et al. 2018 (hinge), Arjovsky et al. 2017 (Wasserstein).
"""

from __future__ import annotations

from keras import ops

from stylegan_tf.losses.shapes import mean_per_example, require_same_shape


def _cross_entropy_real(logits):
    return ops.softplus(-logits)


def _half_square(x):
    return 0.5 * ops.square(x)


# kind: (discriminator on real, discriminator on fake, generator)
_OBJECTIVES = {
    'non_saturating': (_cross_entropy_real, ops.softplus, _cross_entropy_real),
    'minimax': (_cross_entropy_real, ops.softplus, lambda logits: -ops.softplus(logits)),
    'least_squares': (lambda logits: _half_square(logits - 1.0), _half_square,
                      lambda logits: _half_square(logits - 1.0)),
    'hinge': (lambda logits: ops.relu(1.0 - logits), lambda logits: ops.relu(1.0 + logits),
              lambda logits: -logits),
    'wasserstein': (lambda logits: -logits, lambda logits: logits, lambda logits: -logits),
}
KINDS = tuple(_OBJECTIVES)


def _objective(kind: str):
    if kind not in _OBJECTIVES:
        raise ValueError(f'Adversarial loss must be one of {KINDS}. Received: {kind!r}.')
    return _OBJECTIVES[kind]


def generator_loss(kind: str, fake_logits):
    """What the generator minimises.

    Args:
        kind: A name of the table above.
        fake_logits: D of generated images, [B] or [B, h, w, 1]; patches are averaged after the
            non-linearity.
    Returns:
        Loss per example, float32 [B].
    Raises:
        ValueError: Unknown kind.
    """
    return mean_per_example(_objective(kind)[2](ops.cast(fake_logits, 'float32')))


def discriminator_loss(kind: str, real_logits, fake_logits):
    """What the discriminator minimises: the sum of the two terms returned.

    Args:
        kind: A name of the table above.
        real_logits: D of real images, [B] or [B, h, w, 1].
        fake_logits: D of generated images, same shape.
    Returns:
        (real_term, fake_term), each float32 [B].
    Raises:
        ValueError: Unknown kind, or the shapes differ.
    """
    real_function, fake_function, _ = _objective(kind)
    require_same_shape(real_logits=real_logits, fake_logits=fake_logits)
    return (mean_per_example(real_function(ops.cast(real_logits, 'float32'))),
            mean_per_example(fake_function(ops.cast(fake_logits, 'float32'))))
