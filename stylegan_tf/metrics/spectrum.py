"""Regular grids in a picture, such as the checkerboards of strided convolutions. NumPy only."""

import numpy as np

from stylegan_tf.metrics.similarity import LUMINANCE_WEIGHTS

WINDOW = 64  # side of the windows whose spectra are averaged, pixels
STRIDES = (2, 4, 8)  # periods a network with strides 2, 4 and 8 can leave behind, pixels
_RING = 3  # a frequency is compared with those up to so many bins around it


def grid_peaks(pixels, reference=None):
    """How far the spectrum stands out at the frequencies of a pixel grid.

    The power spectrum of the luminance, averaged over Hann windows of 64 pixels (Welch 1967), is compared at each
    multiple of 1/8 cycles a pixel with the median of its surroundings; the constant and the two axes, where
    horizons and walls lie, are left out, but for the highest frequency of each axis.

    Args:
        pixels: uint8 [H, W, 3], both sides at least 64.
        reference: uint8 [H, W, 3], the picture it was made of; its own peaks are not held against `pixels`.
    Returns:
        Largest excess in decibels, at least 0. Without a grid about 0 to 4.
    Raises:
        ValueError: If a side is shorter than a window.
    Source: Durall et al. 2020 find upsampling in the spectrum; Odena et al. 2016 explain it.
    """
    peaks = _peaks(pixels)
    if reference is not None:
        peaks = peaks - np.maximum(_peaks(reference), 0.0)
    return float(max(0.0, peaks.max()))


def _peaks(pixels):
    spectrum = 10.0 * np.log10(_power_spectrum(pixels))
    step, half = WINDOW // max(STRIDES), WINDOW // 2
    ys, xs = np.mgrid[0:WINDOW:step, 0:half + 1:step]
    on_axis = ((ys == 0) & (xs < half)) | ((xs == 0) & (ys != half))
    offsets = [(dy, dx) for dy in range(-_RING, _RING + 1) for dx in range(-_RING, _RING + 1)
               if max(abs(dy), abs(dx)) > 1]
    around = [spectrum[(ys + dy) % WINDOW, (xs + dx) % WINDOW] for dy, dx in offsets]
    return (spectrum[ys, xs] - np.median(around, axis=0))[~on_axis]


def _power_spectrum(pixels):
    """Welch's estimate, float64 [64, 64], with a floor of a hundredth of a grey level."""
    pixels = np.asarray(pixels)
    if pixels.ndim != 3 or min(pixels.shape[:2]) < WINDOW:
        raise ValueError(f'Expected a picture [H, W, 3] of at least {WINDOW}x{WINDOW} pixels. '
                         f'Received: {pixels.shape}.')
    luminance = pixels.astype(np.float64) @ np.array(LUMINANCE_WEIGHTS)
    windows = np.lib.stride_tricks.sliding_window_view(luminance, (WINDOW, WINDOW))[::WINDOW // 2, ::WINDOW // 2]
    taper = np.hanning(WINDOW + 1)[:WINDOW]
    taper = taper[:, None] * taper[None, :]
    windows = (windows - windows.mean(axis=(2, 3), keepdims=True)) * taper
    power = np.mean(np.abs(np.fft.fft2(windows)) ** 2, axis=(0, 1)) / np.sum(taper ** 2)
    return power + 1e-4
