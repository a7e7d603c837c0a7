"""Shape checks and the reduction to one number an example, shared by all losses."""

from __future__ import annotations

from keras import ops


def require_same_shape(**named_tensors):
    """Raises ValueError naming the shapes when two tensors differ; unknown sizes match anything."""
    (first_name, first), *others = named_tensors.items()
    for name, tensor in others:
        one, other = tuple(first.shape), tuple(tensor.shape)
        if len(one) != len(other) or any(
                None not in (a, b) and a != b for a, b in zip(one, other)):
            raise ValueError(
                f'{first_name} and {name} must have the same shape. Received: '
                f'{first_name} of shape {one}, {name} of shape {other}.')


def require_rank(rank: int, **named_tensors):
    """Raises ValueError when a tensor has another number of axes than `rank`."""
    for name, tensor in named_tensors.items():
        if len(tensor.shape) != rank:
            raise ValueError(
                f'{name} must have {rank} axes. Received: shape {tuple(tensor.shape)}.')


def mean_per_example(x):
    """Mean over all axes but the first: [B, ...] -> float32 [B]."""
    x = ops.cast(x, 'float32')
    axes = tuple(range(1, len(x.shape)))
    return ops.mean(x, axis=axes) if axes else x


def weighted_mean_per_example(x, weights):
    """Mean where weights say: [B, H, W, C] and weights [B or 1, H, W, 1], at least 0 -> float32 [B].

    0 for an example without any weight.
    """
    x, weights = ops.cast(x, 'float32'), ops.cast(weights, 'float32')
    require_rank(4, x=x, weights=weights)
    axes = (1, 2, 3)
    return ops.sum(x * weights, axis=axes) / (ops.sum(weights, axis=axes) * float(x.shape[-1]) + 1e-6)
