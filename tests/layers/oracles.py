"""Slow, obvious float64 references."""

import numpy as np


def convolve(x, kernel, *, padding='same', stride=1):
    """Convolution of [B, H, W, C] by [k, k, C, F], or by one kernel an example [B, k, k, C, F]."""
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    if kernel.ndim == 4:
        kernel = np.broadcast_to(kernel, (len(x), *kernel.shape))
    size = kernel.shape[1]
    if padding != 'valid':
        amounts = ((size - 1) // 2, size // 2)
        mode = {'same': 'constant', 'reflect': 'reflect'}[padding]
        x = np.pad(x, ((0, 0), amounts, amounts, (0, 0)), mode)
    height, width = x.shape[1] - size + 1, x.shape[2] - size + 1
    total = 0.0
    for row in range(size):
        for column in range(size):
            window = x[:, row:row + height, column:column + width]
            total = total + np.einsum('bhwc,bcf->bhwf', window, kernel[:, row, column])
    return total[:, ::stride, ::stride]


def relative_error(actual, expected):
    """Largest difference over the largest expected value."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape
    return np.abs(actual - expected).max() / np.abs(expected).max()
