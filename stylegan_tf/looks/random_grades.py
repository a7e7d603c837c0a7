"""Random colour grades: what the prior over looks is learned from. NumPy and SciPy only.

A grade is a chain of what a colourist's desk has, drawn at random and skipped at random: curves for all channels and
for each, tints by luminance, saturation by luminance, a colour matrix, hues that are drawn to others.
"""

import numpy as np

_LUMA = np.array([0.2126, 0.7152, 0.0722])  # Rec. 709


def random_grade(colors, rng):
    """Grades colours by a random grade.

    Args:
        colors: float [..., 3] in [0, 1].
        rng: numpy.random.Generator; the same state draws the same grade.
    Returns:
        float64 [..., 3] in [0, 1].
    """
    steps = [_exposure, _tone, _channels, _tint, _saturation, _matrix, _hues, _fade]
    chances = [0.5, 0.8, 0.7, 0.7, 0.8, 0.4, 0.4, 0.5]
    size = rng.choice([0.5, 1.0, 1.5], p=[0.3, 0.5, 0.2])  # subtle, usual, strong
    result = np.asarray(colors, np.float64)
    for step, chance in zip(steps, chances):
        if rng.random() < chance:
            result = np.clip(step(result, rng, size), 0.0, 1.0)
    return result


def _exposure(x, rng, size):
    return x ** np.exp(rng.normal() * 0.25 * size)


def _curve(x, rng, spread):
    """A random increasing curve from 0 to 1: five slopes, cumulated, joined smoothly."""
    slopes = np.exp(rng.normal(size=5) * spread)
    slopes = (slopes + np.roll(slopes, 1) + np.roll(slopes, -1)) / 3 if rng.random() < 0.5 else slopes
    heights = np.concatenate([[0.0], np.cumsum(slopes)])
    from scipy import interpolate  # here: painting by LiteRT imports the models, and starts without SciPy

    return interpolate.PchipInterpolator(np.linspace(0.0, 1.0, 6), heights / heights[-1])(x)


def _sigmoid(x, slope, middle):
    low, high, value = (np.tanh(slope * (at - middle)) for at in (0.0, 1.0, x))
    return (value - low) / (high - low)


def _tone(x, rng, size):
    if rng.random() < 0.5:
        return _curve(x, rng, 0.45 * size)
    curved = _sigmoid(x, 1.8, rng.uniform(0.35, 0.6))
    return x + (curved - x) * rng.normal(0.3, 0.7) * min(size, 1.0)


def _channels(x, rng, size):
    return np.stack([_curve(x[..., c], rng, 0.3 * size) ** np.exp(rng.normal() * 0.12 * size) for c in range(3)], -1)


def _tint(x, rng, size):
    luma = (x @ _LUMA)[..., None]
    low, high = (1 - luma) ** rng.uniform(0.8, 3.0), luma ** rng.uniform(0.8, 3.0)
    angle = rng.uniform(0, 2 * np.pi)
    other = angle + np.pi + rng.normal() * 0.7 if rng.random() < 0.7 else rng.uniform(0, 2 * np.pi)
    mixed = x
    for weight, hue in ((low, angle), (high, other)):
        direction = np.cos(hue - np.array([0.0, 2.0944, 4.1888]))
        direction = direction - direction @ _LUMA * rng.random()
        mixed = mixed + weight * direction * abs(rng.normal()) * 0.08 * size
    return mixed


def _saturation(x, rng, size):
    luma = (x @ _LUMA)[..., None]
    chroma = x - luma
    amount = np.exp(rng.normal(-0.1, 0.4) * size) if rng.random() < 0.85 else rng.uniform(0.0, 0.4)
    slope = rng.normal() * 0.4 * size
    gain = np.clip(amount * np.exp(slope * (luma - 0.5)), 0.0, 2.2)
    if rng.random() < 0.3:  # vibrance: what is pale gains more
        gain = 1 + (gain - 1) * np.exp(-3 * np.abs(chroma).max(-1, keepdims=True))
    return luma + chroma * gain


def _matrix(x, rng, size):
    mix = rng.normal(size=(3, 3)) * 0.06 * size
    mix -= np.diag(mix.sum(1))
    return x @ (np.eye(3) + mix).T


def _hues(x, rng, size):
    """Turns and stretches opponent colours: all hues come nearer to one axis, as in two-colour looks."""
    luma = (x @ _LUMA)[..., None]
    chroma = x - luma
    angle = rng.uniform(0, np.pi)
    axis = np.cos(angle - np.array([0.0, 2.0944, 4.1888]))
    axis /= np.linalg.norm(axis)
    along = (chroma @ axis)[..., None] * axis
    mixed = along * np.exp(rng.normal() * 0.25 * size) + (chroma - along) * np.exp(rng.normal(-0.2, 0.3) * size)
    return luma + mixed - (mixed @ _LUMA)[..., None]


def _fade(x, rng, size):
    black = np.abs(rng.normal(size=1)) * 0.07 * size + rng.normal(size=3) * 0.02 * size
    white = 1 - np.abs(rng.normal(size=1)) * 0.06 * size - np.abs(rng.normal(size=3)) * 0.02 * size
    return black + x * (white - black)
