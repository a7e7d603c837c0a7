"""Contrast between patches: what stands at one place of the output must be known by what stood there before."""

from __future__ import annotations

from keras import ops

from stylegan_tf.losses.shapes import mean_per_example, require_rank, require_same_shape


def patch_nce_loss(queries, keys, *, temperature: float = 0.07):
    """Cross-entropy of finding each query's own key among all keys of the picture.

    Args:
        queries: Patches of the output as unit vectors, [B, P, D].
        keys: Patches of the input at the same places, same shape. No gradient flows into them.
        temperature: tau; dot products are divided by it.
    Returns:
        Loss per example, float32 [B]: 0 where every patch is told from the others, log P where none is.
    Raises:
        ValueError: The shapes differ or have not three axes.
    Source: Park et al. 2020 (CUT), equations 2 and 3, negatives from the same picture.
    """
    require_rank(3, queries=queries)
    require_same_shape(queries=queries, keys=keys)
    queries, keys = (ops.cast(x, 'float32') for x in (queries, ops.stop_gradient(keys)))
    logits = ops.matmul(queries, ops.transpose(keys, (0, 2, 1))) / temperature
    own = ops.sum(queries * keys, axis=-1) / temperature
    return mean_per_example(ops.logsumexp(logits, axis=-1) - own)
