"""Padding without a dark or bright frame: borders mirrored instead of filled with zeros."""

from __future__ import annotations

import contextlib

from keras import ops

_mirrors_by_slices = False


@contextlib.contextmanager
def mirroring_by_slices():
    """In the block `reflect_pad` joins slices instead of calling one operation, of which LiteRT has no fast form.

    The numbers are the same. Only padding by 1, as 3x3 kernels need, has this form.
    """
    global _mirrors_by_slices
    before, _mirrors_by_slices = _mirrors_by_slices, True
    try:
        yield
    finally:
        _mirrors_by_slices = before


def _pad_amounts(amount) -> tuple[int, int]:
    before, after = (amount, amount) if isinstance(amount, int) else amount
    if before < 0 or after < 0:
        raise ValueError(f'Padding must be at least 0 on each side. Received: {amount}.')
    return before, after


def reflect_pad(x, amount):
    """Mirrors the borders of a feature map without repeating the border pixel itself.

    Args:
        x: Tensor [B, H, W, C]; H and W may be unknown in a graph.
        amount: Pixels on every side (int), or (before, after) of both axes.
    Returns:
        Tensor [B, H + before + after, W + before + after, C].
    Raises:
        ValueError: A known H or W is not larger than the padding, so that there is too little
            to mirror.
    """
    before, after = _pad_amounts(amount)
    if before == 0 and after == 0:
        return x
    for size in x.shape[1:3]:
        if size is not None and size <= max(before, after):
            raise ValueError(
                f'Mirroring {max(before, after)} pixels needs a larger feature map. Received '
                f"shape: {tuple(x.shape)}. Use padding='same' here, or larger images.")
    if _mirrors_by_slices and before == after == 1:
        x = ops.concatenate([x[:, 1:2], x, x[:, -2:-1]], axis=1)
        return ops.concatenate([x[:, :, 1:2], x, x[:, :, -2:-1]], axis=2)
    return ops.pad(x, ((0, 0), (before, after), (before, after), (0, 0)), mode='reflect')


def same_padding_amounts(kernel_size: int) -> tuple[int, int]:
    """(before, after) that keep the size of a map at stride 1: (1, 1) for 3x3, (1, 2) for 4x4."""
    return (kernel_size - 1) // 2, kernel_size // 2


def repeat_border(x, rows, columns):
    """Repeats the border pixels, one pixel at most on a side.

    Args:
        x: Tensor [B, H, W, C].
        rows: (before, after), each 0 or 1; integers or scalar integer tensors.
        columns: As `rows`, for the width.
    Returns:
        Tensor [B, H + sum(rows), W + sum(columns), C].
    """
    return ops.pad(x, ((0, 0), tuple(rows), tuple(columns), (0, 0)), mode='symmetric')
