"""Colour tables: a smooth map of the RGB cube on a grid, looked up trilinearly. NumPy only.

A table is float32 [S, S, S, 3] in [0, 1], indexed [red, green, blue], of display-referred (sRGB encoded) values.
"""

import numpy as np

SIZE = 33


def identity_table(size=SIZE):
    """The table that changes nothing, float32 [size, size, size, 3]."""
    axis = np.linspace(0.0, 1.0, size, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis, axis, indexing='ij'), axis=-1)


def require_table(table):
    """Raises ValueError unless `table` is a finite float [S, S, S, 3] with S >= 2."""
    shape = np.shape(table)
    if len(shape) != 4 or len(set(shape[:3])) != 1 or shape[3] != 3 or shape[0] < 2:
        raise ValueError(f'Expected a colour table [S, S, S, 3], S at least 2. Received: {list(shape)}.')
    if not np.isfinite(table).all():
        raise ValueError('Expected a colour table of finite numbers. Received some that are not; read the file again.')


def look_up(table, colors):
    """Trilinear look-up.

    Args:
        table: float [S, S, S, 3].
        colors: float [..., 3]; clipped to [0, 1].
    Returns:
        float32 [..., 3].
    Raises:
        ValueError: `table` is none.
    """
    require_table(table)
    size = table.shape[0]
    flat = np.asarray(table, np.float32).reshape(-1, 3)
    place = np.clip(np.asarray(colors, np.float32).reshape(-1, 3), 0.0, 1.0) * (size - 1)
    low = np.minimum(place.astype(np.int32), size - 2)
    part = place - low
    first = (low[:, 0] * size + low[:, 1]) * size + low[:, 2]
    result = np.zeros_like(place)
    for corner in range(8):
        steps = corner >> 2 & 1, corner >> 1 & 1, corner & 1
        weight = np.ones(len(place), np.float32)
        for axis, step in enumerate(steps):
            weight *= part[:, axis] if step else 1.0 - part[:, axis]
        result += weight[:, None] * flat[first + (steps[0] * size + steps[1]) * size + steps[2]]
    return result.reshape(np.shape(colors))


def steepness(table):
    """Smallest slope of a channel along its own axis: at least 0 where more light in never makes less light out."""
    require_table(table)
    size = table.shape[0]
    return min(float(np.diff(table[..., channel], axis=channel).min()) for channel in range(3)) * (size - 1)


def roughness(table):
    """Largest second difference along an axis, times (S - 1): by how much a slope turns within a step; identity 0."""
    require_table(table)
    size = table.shape[0]
    return max(float(np.abs(np.diff(table, n=2, axis=axis)).max()) for axis in range(3)) * (size - 1)


def monotone(values):
    """Nearest-in-spirit array whose channels do not fall along their own axes.

    The mean of the running maximum from below and the running minimum from above, which is monotone, equal to
    `values` where those were, and needs no iteration.

    Args:
        values: float [S, S, S, 3].
    Returns:
        float, same shape.
    """
    result = np.array(values)
    for channel in range(3):
        line = result[..., channel]
        below = np.maximum.accumulate(line, axis=channel)
        above = np.flip(np.minimum.accumulate(np.flip(line, channel), axis=channel), channel)
        result[..., channel] = (below + above) / 2
    return result
