"""How well classes are told apart."""

from __future__ import annotations

from keras import ops

from stylegan_tf.losses.shapes import require_rank


def softmax_cross_entropy(logits, label):
    """Minus the logarithm of the probability of the right class.

    Args:
        logits: Float [B, K], one for each class.
        label: Integers [B] in -1 ... K - 1; -1 for none.
    Returns:
        Loss per example, float32 [B]; 0 where there is no label.
    Raises:
        ValueError: Another number of axes.
    Source: Odena et al. 2017 (AC-GAN), equation 2.
    """
    require_rank(2, logits=logits)
    require_rank(1, label=label)
    logits = ops.cast(logits, 'float32')
    # A one-hot row of -1 is all zeros.
    rows = ops.one_hot(ops.cast(label, 'int32'), logits.shape[-1], dtype='float32')
    return -ops.sum(rows * ops.log_softmax(logits, axis=-1), axis=-1)
