"""Classical transfers of a set's palette to a picture, given the same sets as a learned look. NumPy and OpenCV only.

Each function takes `content` (colours of ungraded pictures, uint8 [N, 3]), `look` (colours of graded ones) and returns
a function from picture to picture, uint8. Pooled over the sets, one fixed map for all pictures, unless named per
picture: then the picture itself is moved to the look's statistics, as the papers do.
"""

import numpy as np

from stylegan_tf import colors


def _moments(content, look):
    mean, spread = content.mean(0), content.std(0) + 1e-3
    return lambda x: (x - mean) / spread * look.std(0) + look.mean(0)


def reinhard(content, look):
    """Mean and deviation of each channel of Lab, of the set (Reinhard et al. 2001)."""
    move = _moments(_lab(content), _lab(look))
    return lambda pixels: colors.from_lab(move(colors.to_lab(pixels)))


def reinhard_per_picture(content, look):
    target = _lab(look)

    def apply(pixels):
        lab = colors.to_lab(pixels)
        return colors.from_lab(_moments(lab.reshape(-1, 3), target)(lab))
    return apply


def adain(content, look):
    """Mean and deviation of each RGB channel, of the set: AdaIN (Huang and Belongie 2017) on colours."""
    move = _moments(content.astype(np.float64), look.astype(np.float64))
    return lambda pixels: _rounded(move(pixels.astype(np.float64)))


def adain_per_picture(content, look):
    target = look.astype(np.float64)

    def apply(pixels):
        flat = pixels.astype(np.float64)
        return _rounded(_moments(flat.reshape(-1, 3), target)(flat))
    return apply


def histogram(content, look):
    """Histogram of each RGB channel, of the set."""
    curves = [_curve(content[:, channel], look[:, channel]) for channel in range(3)]
    return lambda pixels: _rounded(np.stack([curve[pixels[..., c]] for c, curve in enumerate(curves)], -1))


def histogram_per_picture(content, look):
    return lambda pixels: histogram(pixels.reshape(-1, 3), look)(pixels)


def distribution(content, look, *, rounds=12, seed=0):
    """The whole distribution, by transfers along turned axes (Pitie et al. 2007), of the set."""
    rng = np.random.default_rng(seed)
    x, target, steps = content.astype(np.float64), look.astype(np.float64), []
    for _ in range(rounds):
        axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        shares = np.linspace(0, 1, 128)
        quantiles = (np.quantile(palette @ axes, shares, axis=0).T for palette in (x, target))
        lines = list(zip(*quantiles))
        steps.append((axes, lines))
        x = _turned(x, axes, lines)

    def apply(pixels):
        y = pixels.reshape(-1, 3).astype(np.float64)
        for axes, lines in steps:
            y = _turned(y, axes, lines)
        return _rounded(y.reshape(pixels.shape))
    return apply


def _turned(x, axes, lines):
    moved = np.stack([np.interp(x @ axes[:, k], *line) for k, line in enumerate(lines)], -1)
    return moved @ axes.T


def _curve(values, wanted):
    """Table of 256 outputs that gives `values` the histogram of `wanted`."""
    reached = np.cumsum(np.bincount(values, minlength=256)) / len(values)
    aims = np.cumsum(np.bincount(wanted, minlength=256)) / len(wanted)
    return np.interp(reached, aims, np.arange(256))


def _lab(rgb):
    return colors.to_lab(rgb[None])[0]


def _rounded(x):
    return np.rint(np.clip(x, 0, 255)).astype(np.uint8)


TRANSFERS = {'Reinhard': reinhard, 'Reinhard per picture': reinhard_per_picture, 'histogram': histogram,
             'histogram per picture': histogram_per_picture, 'distribution': distribution, 'AdaIN': adain,
             'AdaIN per picture': adain_per_picture}
