"""What can be computed of a picture without learning: natural-scene statistics, colours, edges, spectra, blocks.

Two pictures of one photograph compare block by block. All functions take uint8 [H, W, 3] and return float32 vectors.
"""

import cv2
import numpy as np

BLOCK = 16  # side of the blocks that are compared, pixels
BANDS = 10  # rings of the power spectrum
_SHAPES = np.arange(0.2, 10.0, 0.01)
_gamma = None


def scene_statistics(picture):
    """Parameters of the locally normalised luminance at two scales, [36].

    Source: Mittal et al. 2012 (BRISQUE), equations 1 to 10: a generalised Gaussian of the normalised values and
    asymmetric ones of the products of neighbours, fitted by moments.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    found = []
    for _ in range(2):
        mean = cv2.GaussianBlur(grey, (7, 7), 7 / 6)
        deviation = np.sqrt(np.maximum(cv2.GaussianBlur(grey * grey, (7, 7), 7 / 6) - mean * mean, 0))
        normal = (grey - mean) / (deviation + 1)
        found += _gaussian(normal)
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
            found += _asymmetric(normal * np.roll(normal, (dy, dx), (0, 1)))
        grey = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.array(found, np.float32)


def _ratios():
    """E|x|^2 / E x^2 of generalised Gaussians of the shapes in _SHAPES."""
    global _gamma
    if _gamma is None:
        from scipy.special import gamma
        _gamma = gamma(2 / _SHAPES) ** 2 / (gamma(1 / _SHAPES) * gamma(3 / _SHAPES))
    return _gamma


def _gaussian(values):
    power = float(np.mean(values ** 2))
    ratio = float(np.mean(np.abs(values))) ** 2 / (power + 1e-8)
    return [_SHAPES[np.argmin(np.abs(_ratios() - ratio))], power]


def _asymmetric(values):
    left, right = values[values < 0], values[values > 0]
    left_power = float(np.sqrt(np.mean(left ** 2))) if len(left) else 1e-4
    right_power = float(np.sqrt(np.mean(right ** 2))) if len(right) else 1e-4
    skew = left_power / max(right_power, 1e-4)
    ratio = float(np.mean(np.abs(values))) ** 2 / (float(np.mean(values ** 2)) + 1e-8)
    ratio *= (skew ** 3 + 1) * (skew + 1) / (skew ** 2 + 1) ** 2
    shape = _SHAPES[np.argmin(np.abs(_ratios() - ratio))]
    return [shape, right_power - left_power, left_power ** 2, right_power ** 2]


def describe(picture):
    """Scene statistics, colours, edges, spectrum, grids and extreme blocks of a picture, [D]."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    grey = lab[..., 0]
    return np.concatenate([scene_statistics(picture), _colors(picture, lab), _edges(grey), _spectrum(grey),
                           _lines(grey), _extremes(grey)]).astype(np.float32)


def _colors(picture, lab):
    picture, lab = picture[::2, ::2], lab[::2, ::2]  # enough for what does not look at neighbours
    flat = lab.reshape(-1, 3)
    mean, deviation = flat.mean(axis=0), flat.std(axis=0)
    centred = flat - mean  # products, since powers of arrays are slow
    skew = (centred * centred * centred).mean(axis=0) / (deviation ** 3 + 1)
    chroma = np.hypot(flat[:, 1] - 128, flat[:, 2] - 128)
    covariance = centred.T @ centred / len(flat)
    correlation = (covariance / (np.outer(deviation, deviation) + 1e-3))[np.triu_indices(3, 1)]
    pixels = picture.reshape(-1, 3)
    ends = np.concatenate([(pixels <= 2).mean(axis=0), (pixels >= 253).mean(axis=0)])
    return np.concatenate([mean, deviation, skew, np.percentile(flat[:, 0], (1, 5, 25, 50, 75, 95, 99)),
                           [chroma.mean(), chroma.std(), np.percentile(chroma, 95)],
                           correlation, ends])


def _edges(grey):
    x, y = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength = np.hypot(x, y)
    turns = np.histogram(np.arctan2(y, x) % np.pi, bins=8, range=(0, np.pi), weights=strength)[0]
    fine = cv2.Laplacian(grey, cv2.CV_32F)
    noise = np.abs(cv2.filter2D(grey, cv2.CV_32F, np.float32([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])))
    spread = fine.std() + 1e-3
    squares = (fine / spread) * (fine / spread)
    return np.concatenate([np.log1p(np.percentile(strength, (10, 50, 90, 99))), np.log1p([strength.mean()]),
                           turns / (turns.sum() + 1e-3), [turns.max() / (turns.min() + 1e-3)],
                           np.log1p([np.abs(fine).mean(), spread, noise.mean(), np.median(noise)]),
                           [np.log1p((squares * squares).mean())]])


def _spectrum(grey):
    """Log power in rings, and how far rows and columns of high frequency stand out."""
    height, width = grey.shape
    taper = np.hanning(height)[:, None] * np.hanning(width)[None]
    power = np.abs(np.fft.rfft2((grey - grey.mean()) * taper)) ** 2 / (taper ** 2).sum()
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    ring = np.minimum((np.hypot(rows, columns) / 0.5 * BANDS).astype(int), BANDS).ravel()
    sums = np.bincount(ring, power.ravel(), BANDS + 1) / np.maximum(np.bincount(ring, minlength=BANDS + 1), 1)
    bands = np.log(sums + 1e-3)
    peaks = [np.log(power[top:bottom, left:right].max() / (np.median(power[top:bottom, left:right]) + 1e-3) + 1e-3)
             for top, bottom, left, right in _grid_places(height, width)]
    return np.concatenate([bands, np.diff(bands), peaks])


def _grid_places(height, width):
    """Windows of the half spectrum around the frequencies of checkerboards of period 2, 4 and 8 pixels."""
    for period in (2, 4, 8):
        row, column = height // period, width // period
        top, left = max(0, row - 4), max(0, column - 4)
        yield top, row + 5, left, column + 5
        yield top, row + 5, 0, 5
        yield 0, 5, left, column + 5


def _lines(grey):
    """Steps at the borders of JPEG blocks, and single rows or columns at which the picture jumps."""
    found = []
    for steps in (np.abs(np.diff(grey, axis=1)).mean(axis=0), np.abs(np.diff(grey, axis=0)).mean(axis=1)):
        phases = [steps[phase::8].mean() for phase in range(8)]
        around = cv2.blur(steps[None], (9, 1))[0]
        jumps = np.sort((steps - around) / (around + 0.5))
        found += [phases[7] / (np.mean(phases[:7]) + 0.1), max(phases) / (np.median(phases) + 0.1), *jumps[-3:],
                  (steps[1::2].mean() + 0.1) / (steps[::2].mean() + 0.1)]
    return np.array(found)


def _blocks(values):
    """float [H, W] -> [h, w, BLOCK * BLOCK]."""
    rows, columns = values.shape[0] // BLOCK, values.shape[1] // BLOCK
    cut = values[:rows * BLOCK, :columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    return cut.transpose(0, 2, 1, 3).reshape(rows, columns, -1)


def _extremes(grey):
    """How far single blocks stand out in brightness, contrast and detail."""
    cut = _blocks(grey)
    mean, deviation = cut.mean(axis=-1), cut.std(axis=-1)
    detail = _blocks(np.abs(cv2.Laplacian(grey, cv2.CV_32F))).mean(axis=-1)
    ratio = np.log1p(detail) - np.log1p(deviation)
    found = []
    for values in (mean, deviation, np.log1p(detail), ratio):
        local = np.abs(values - cv2.medianBlur(np.float32(values), 3)).ravel()
        found += [*np.percentile(values, (0, 5, 50, 95, 100)), local.max(), np.percentile(local, 95)]
    return np.array([*found, (deviation < 1).mean(), (deviation < 4).mean()])


def compare(picture, content):
    """How a picture differs from the photograph it shows, block by block and as a whole, [D]."""
    one, two = (cv2.cvtColor(part, cv2.COLOR_RGB2LAB).astype(np.float32) for part in (picture, content))
    grey, other = one[..., 0], two[..., 0]
    edges = [np.hypot(cv2.Sobel(part, cv2.CV_32F, 1, 0), cv2.Sobel(part, cv2.CV_32F, 0, 1)) for part in (grey, other)]
    found = [np.corrcoef(cv2.GaussianBlur(edges[0], (0, 0), 1).ravel(), cv2.GaussianBlur(edges[1], (0, 0), 1).ravel())[
        0, 1], np.corrcoef(grey.ravel(), other.ravel())[0, 1]]
    shift = one.reshape(-1, 3).mean(axis=0) - two.reshape(-1, 3).mean(axis=0)
    for pair in ((grey, other), edges):
        found += _block_agreement(*(_blocks(part) for part in pair))
    fine = [_blocks(np.abs(cv2.Laplacian(part, cv2.CV_32F))).mean(axis=-1) for part in (grey, other)]
    ratio = np.log1p(fine[0]) - np.log1p(fine[1])
    found += [*np.percentile(ratio, (0, 5, 50, 95, 100)), ratio.std()]
    for channel in range(3):
        gap = _blocks(one[..., channel]).mean(axis=-1) - _blocks(two[..., channel]).mean(axis=-1)
        found += [*np.percentile(gap, (0, 5, 95, 100)), gap.std()]
        local = np.abs(gap - cv2.medianBlur(np.float32(gap), 3))
        found += [local.max(), np.percentile(local, 95)]
    colors = np.abs(_blocks(one[..., 1]).mean(axis=-1) - _blocks(two[..., 1]).mean(axis=-1)) + np.abs(
        _blocks(one[..., 2]).mean(axis=-1) - _blocks(two[..., 2]).mean(axis=-1))
    pixels = np.abs(picture.astype(np.float32) - content).mean(axis=-1)
    same = _blocks(pixels).mean(axis=-1)
    found += [*np.percentile(colors, (0, 5, 50, 95)), *np.percentile(same, (0, 2, 5, 50)), *shift]
    return np.nan_to_num(np.array(found, np.float32))


def _block_agreement(one, two):
    """Percentiles of the correlation of blocks, those with any structure in the second."""
    a, b = (part - part.mean(axis=-1, keepdims=True) for part in (one, two))
    sizes = np.sqrt((a ** 2).sum(axis=-1) * (b ** 2).sum(axis=-1))
    agreement = (a * b).sum(axis=-1) / (sizes + 1e-3)
    strong = agreement[b.std(axis=-1) > np.median(b.std(axis=-1))]
    smooth = cv2.blur(np.float32(agreement), (3, 3))
    return [*np.percentile(agreement, (0, 5, 25, 50)), strong.mean(), strong.std(), *np.percentile(smooth, (0, 5))]
