"""Looks colours up in a table, inside a graph: what `looks.tables` does in NumPy."""

from __future__ import annotations

import itertools

from keras import ops


def apply_table(image, table):
    """Trilinear look-up of every pixel.

    Args:
        image: Float [B, H, W, 3]; clipped to [0, 1]. H and W may be unknown.
        table: Float [S, S, S, 3], indexed by red, green, blue; S at least 2.
    Returns:
        float32, the image's shape.
    Raises:
        ValueError: `table` is none.
    """
    size = table.shape[0]
    if len(table.shape) != 4 or tuple(table.shape) != (size, size, size, 3) or size < 2:
        raise ValueError(f'Expected a colour table [S, S, S, 3], S at least 2. Received: {tuple(table.shape)}.')
    place = ops.clip(ops.cast(image, 'float32'), 0.0, 1.0) * float(size - 1)
    low = ops.minimum(ops.floor(place), float(size - 2))
    part, low = place - low, ops.cast(low, 'int32')
    flat = ops.reshape(ops.cast(ops.convert_to_tensor(table), 'float32'), (size ** 3, 3))
    corners = []
    for steps in itertools.product((0, 1), repeat=3):
        index, weight = 0, 1.0
        for axis, step in enumerate(steps):
            index = index * size + low[..., axis] + step
            weight = weight * (part[..., axis] if step else 1.0 - part[..., axis])
        corners.append(weight[..., None] * ops.take(flat, index, axis=0))
    return sum(corners[1:], corners[0])
