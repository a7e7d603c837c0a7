"""Resampling with a small FIR filter: smooth, differentiable twice, fast in every mode.

Semantic of both directions: separable filter, half-pixel centres, the border pixel repeated.
The default kernel (1, 3, 3, 1) then equals bilinear interpolation when it doubles a map, border
included, and the triangle-filtered mean when it halves one.

Two forms compute the same numbers. 'convolution' (bilinear resize or depthwise convolution) is
the fast one op by op and in a plain tf.function; 'slices' (shifted sums that a compiler fuses) is
10-30 times slower there and the fast one under XLA. Choose with `implementation`.

Source: Karras et al. 2020 (StyleGAN2), appendix B; Zhang 2019, "Making convolutional networks
shift-invariant again".
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from stylegan_tf.layers import padding

IMPLEMENTATIONS = ('convolution', 'slices')
DEFAULT_KERNEL = (1, 3, 3, 1)

_chosen_implementation: str | None = None


def current_implementation() -> str:
    """The form in use; unless chosen 'slices' under JAX (always compiled), else 'convolution'."""
    if _chosen_implementation is not None:
        return _chosen_implementation
    return 'slices' if keras.config.backend() == 'jax' else 'convolution'


class _Choice:
    """Takes effect when made; as a context manager, ends with the block."""

    def __init__(self, kind):
        global _chosen_implementation
        self._previous = _chosen_implementation
        _chosen_implementation = kind

    def __enter__(self):
        return self

    def __exit__(self, *unused_exception):
        global _chosen_implementation
        _chosen_implementation = self._previous


def implementation(kind: str | None):
    """Chooses the form for everything traced from now on or, in a `with` statement, inside it.

    Args:
        kind: 'convolution', 'slices', or None for the default of the backend.
    Returns:
        A context manager that restores the former choice.
    Raises:
        ValueError: Any other name.

    The choice is global on purpose: distribution strategies trace in other threads.
    """
    if kind is not None and kind not in IMPLEMENTATIONS:
        raise ValueError(f'Resampling implementation must be one of {IMPLEMENTATIONS} or None. '
                         f'Received: {kind!r}.')
    return _Choice(kind)


def upsample_2d(x, factor: int = 2, kernel=DEFAULT_KERNEL):
    """Enlarges feature maps.

    Args:
        x: Float tensor [B, H, W, C]; H and W may be unknown in a graph.
        factor: Whole enlargement, 1 or more.
        kernel: Taps of the separable filter, at least `factor` of them; normalised here.
    Returns:
        Tensor [B, H * factor, W * factor, C] of x's type; a constant map stays constant.
    Raises:
        ValueError: Bad factor or kernel.
    """
    taps = _normalised_taps(factor, kernel)
    if factor == 1:
        return x
    if current_implementation() == 'slices':
        return _upsample_by_slices(x, factor, taps)
    if factor == 2 and tuple(kernel) == DEFAULT_KERNEL:
        return _double(x)
    return _upsample_by_convolution(x, factor, taps)


def downsample_2d(x, factor: int = 2, kernel=DEFAULT_KERNEL):
    """Reduces feature maps after filtering, so that fine detail does not alias.

    Args:
        x: Float tensor [B, H, W, C]; H and W may be unknown in a graph.
        factor: Whole reduction, 1 or more.
        kernel: Taps of the separable filter, at least `factor` of them; normalised here.
    Returns:
        Tensor [B, ceil(H / factor), ceil(W / factor), C] of x's type; a constant map stays
        constant.
    Raises:
        ValueError: Bad factor or kernel.
    """
    taps = _normalised_taps(factor, kernel)
    if factor == 1:
        return x
    x = _pad_to_multiple(x, factor)
    if current_implementation() == 'slices':
        return _downsample_by_slices(x, factor, taps)
    if factor == 2 and tuple(kernel) == DEFAULT_KERNEL:
        return _halve(x)
    return _downsample_by_convolution(x, factor, taps)


def filter_2d(x, kernel=DEFAULT_KERNEL, *, margin: int = 0):
    """Smooths feature maps at their own resolution, for a strided convolution to follow.

    Args:
        x: Float tensor [B, H, W, C].
        kernel: Taps of the separable filter; normalised here.
        margin: Repeated border pixels on every side before filtering.
    Returns:
        Tensor [B, H + 2 margin - k + 1, W + 2 margin - k + 1, C].
    """
    taps = _normalised_taps(1, kernel)
    x = _pad_border(x, (margin, margin), (margin, margin))
    if current_implementation() == 'slices':
        height, width = (size - len(taps) + 1 for size in ops.shape(x)[1:3])
        x = sum(float(tap) * x[:, index:index + height] for index, tap in enumerate(taps))
        return sum(float(tap) * x[:, :, index:index + width] for index, tap in enumerate(taps))
    return _depthwise(x, np.outer(taps, taps)[:, :, None], 1)


def _normalised_taps(factor, kernel) -> np.ndarray:
    taps = np.asarray(kernel, np.float64)
    if not isinstance(factor, int) or factor < 1:
        raise ValueError(f'Resampling factor must be a whole number from 1. Received: {factor!r}.')
    if taps.ndim != 1 or len(taps) < factor or taps.sum() == 0:
        raise ValueError(
            f'Resampling by {factor} needs a one-dimensional kernel of at least {factor} taps '
            f'whose sum is not zero. Received: {kernel!r}.')
    return taps / taps.sum()


def _pad_border(x, rows, columns):
    """Repeats the border pixel `rows` = (before, after) and `columns` times."""
    while any(rows) or any(columns):
        step = [[min(1, amount) for amount in side] for side in (rows, columns)]
        x = padding.repeat_border(x, *step)
        rows = [amount - done for amount, done in zip(rows, step[0])]
        columns = [amount - done for amount, done in zip(columns, step[1])]
    return x


def _pad_to_multiple(x, factor):
    height, width = ops.shape(x)[1:3]
    if isinstance(height, int) and isinstance(width, int):
        return _pad_border(x, (0, -height % factor), (0, -width % factor))
    # Only the graph knows the size: one conditional row and column a step.
    for _ in range(factor - 1):
        height, width = ops.shape(x)[1:3]
        x = padding.repeat_border(
            x, (0, ops.minimum(-height % factor, 1)), (0, ops.minimum(-width % factor, 1)))
    return x


def _polyphase(factor, taps) -> list[dict[int, float]]:
    """For each output phase p the weights {input offset: weight}: y[f i + p] = sum w x[i + o]."""
    first = (len(taps) - factor + 1) // 2 + factor - 1
    phases = [{} for _ in range(factor)]
    for phase in range(factor):
        for index, tap in enumerate(taps):
            offset, remainder = divmod(phase + index - first, factor)
            if remainder == 0 and tap != 0:
                phases[phase][offset] = phases[phase].get(offset, 0.0) + factor * float(tap)
    return phases


def _upsampling_margin(phases) -> tuple[int, int]:
    offsets = [offset for phase in phases for offset in phase]
    return max(0, -min(offsets)), max(0, max(offsets))


def _upsample_by_slices(x, factor, taps):
    phases = _polyphase(factor, taps)
    before, after = _upsampling_margin(phases)
    x = _pad_border(x, (before, after), (before, after))
    batch, height, width, channels = ops.shape(x)
    height, width = height - before - after, width - before - after
    rows = [sum(weight * x[:, before + offset:before + offset + height]
                for offset, weight in phase.items()) for phase in phases]
    x = ops.reshape(ops.stack(rows, axis=2),
                    (batch, height * factor, width + before + after, channels))
    columns = [sum(weight * x[:, :, before + offset:before + offset + width]
                   for offset, weight in phase.items()) for phase in phases]
    return ops.reshape(ops.stack(columns, axis=3),
                       (batch, height * factor, width * factor, channels))


def _downsampling_margin(factor, taps) -> tuple[int, int]:
    before = (len(taps) - factor + 1) // 2
    return before, len(taps) - factor - before


def _downsample_by_slices(x, factor, taps):
    before, after = _downsampling_margin(factor, taps)
    height, width = ops.shape(x)[1:3]
    x = _pad_border(x, (before, after), (before, after))
    x = sum(float(tap) * x[:, index:index + height - factor + 1:factor]
            for index, tap in enumerate(taps))
    return sum(float(tap) * x[:, :, index:index + width - factor + 1:factor]
               for index, tap in enumerate(taps))


def _depthwise(x, filters, stride):
    """Depthwise convolution of every channel with `filters` [k, k, M], M outputs a channel."""
    filters = np.repeat(filters[:, :, None, :], x.shape[-1], axis=2)
    return ops.depthwise_conv(x, ops.convert_to_tensor(filters, x.dtype), strides=stride,
                              padding='valid', data_format='channels_last')


def _upsample_by_convolution(x, factor, taps):
    phases = _polyphase(factor, taps)
    before, after = _upsampling_margin(phases)
    batch, height, width, channels = ops.shape(x)
    bank = np.zeros((before + after + 1, factor))
    for phase, weights in enumerate(phases):
        for offset, weight in weights.items():
            bank[before + offset, phase] = weight
    size = len(bank)
    filters = np.einsum('ip,jq->ijpq', bank, bank).reshape(size, size, factor * factor)
    x = _depthwise(_pad_border(x, (before, after), (before, after)), filters, 1)
    x = ops.reshape(x, (batch, height, width, channels, factor, factor))
    x = ops.transpose(x, (0, 1, 4, 2, 5, 3))
    return ops.reshape(x, (batch, height * factor, width * factor, channels))


def _downsample_by_convolution(x, factor, taps):
    before, after = _downsampling_margin(factor, taps)
    x = _pad_border(x, (before, after), (before, after))
    return _depthwise(x, np.outer(taps, taps)[:, :, None], factor)


def _double_by_resize(x):
    height, width = ops.shape(x)[1:3]
    if keras.config.backend() == 'tensorflow':
        # keras.ops.image.resize refuses a size that only the graph knows.
        import tensorflow as tf
        return tf.cast(tf.image.resize(x, (2 * height, 2 * width), 'bilinear'), x.dtype)
    return ops.image.resize(x, (2 * height, 2 * width), interpolation='bilinear',
                            data_format='channels_last')


def _halve_by_convolution(x):
    return _downsample_by_convolution(x, 2, np.array([1, 3, 3, 1]) / 8)


# TensorFlow's bilinear resize is fast, but the gradient of its gradient is silently missing, which
# would falsify R1 and path-length penalties. With the border repeated, doubling and halving by
# (1, 3, 3, 1) are adjoint up to the factor 4, so each is the other's gradient, to every order.
def _double(x):
    if keras.config.backend() != 'tensorflow':
        return _double_by_resize(x)

    @ops.custom_gradient
    def doubled(x):
        return _double_by_resize(x), lambda upstream: 4.0 * _halve(upstream)
    return doubled(x)


def _halve(x):
    if keras.config.backend() != 'tensorflow':
        return _halve_by_convolution(x)

    @ops.custom_gradient
    def halved(x):
        return _halve_by_convolution(x), lambda upstream: 0.25 * _double(upstream)
    return halved(x)


@keras.saving.register_keras_serializable('stylegan_tf')
class Upsample2D(keras.layers.Layer):
    """`upsample_2d` as a layer."""

    def __init__(self, factor: int = 2, kernel=DEFAULT_KERNEL, **kwargs):
        super().__init__(**kwargs)
        self.factor, self.kernel = factor, tuple(kernel)

    def call(self, x):
        return upsample_2d(x, self.factor, self.kernel)

    def get_config(self):
        return {**super().get_config(), 'factor': self.factor, 'kernel': self.kernel}


@keras.saving.register_keras_serializable('stylegan_tf')
class Downsample2D(keras.layers.Layer):
    """`downsample_2d` as a layer."""

    def __init__(self, factor: int = 2, kernel=DEFAULT_KERNEL, **kwargs):
        super().__init__(**kwargs)
        self.factor, self.kernel = factor, tuple(kernel)

    def call(self, x):
        return downsample_2d(x, self.factor, self.kernel)

    def get_config(self):
        return {**super().get_config(), 'factor': self.factor, 'kernel': self.kernel}
