"""Cross-entropies of a detector: logits against soft labels, one number an example."""

from __future__ import annotations

from keras import ops

from stylegan_tf.losses.shapes import mean_per_example, require_same_shape


def sigmoid_cross_entropy(logits, labels, weights=None):
    """-y log sigmoid(x) - (1 - y) log(1 - sigmoid(x)), averaged over all axes but the first.

    Args:
        logits: Tensor [B, ...], x.
        labels: Same shape, in [0, 1]: the probability that each is positive.
        weights: Same shape, or None for 1: how much each element counts.
    Returns:
        Loss per example, float32 [B].
    Raises:
        ValueError: The shapes differ.
    """
    require_same_shape(logits=logits, labels=labels)
    logits, labels = ops.cast(logits, 'float32'), ops.cast(labels, 'float32')
    losses = ops.softplus(logits) - labels * logits
    if weights is not None:
        require_same_shape(logits=logits, weights=weights)
        losses = losses * ops.cast(weights, 'float32')
    if len(losses.shape) == 1:
        return losses
    return mean_per_example(losses)
