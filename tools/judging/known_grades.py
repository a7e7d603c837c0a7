"""Twelve known colour grades, smooth and monotone, written as a colourist would make them. NumPy only.

They judge what learns looks, so they share no code with the random grades that its prior is learned from.
"""

import colorsys

import numpy as np

_LUMA = np.array([0.2126, 0.7152, 0.0722])


def _luma(x):
    return (x @ _LUMA)[..., None]


def _lift_gamma_gain(x, lift, gamma, gain):
    lift, gamma, gain = (np.asarray(value, float) for value in (lift, gamma, gain))
    return np.clip(gain * (x + lift * (1 - x)), 0, 1) ** (1 / gamma)


def _contrast(x, amount, pivot=0.45):
    """S-curve by a blend with smoothstep around a pivot; amount in [-1, 1]."""
    bent = np.where(x < pivot, pivot * (np.maximum(x, 0) / pivot) ** (1 + amount),
                    1 - (1 - pivot) * (np.maximum(1 - x, 0) / (1 - pivot)) ** (1 + amount))
    return np.clip(bent, 0, 1)


def _saturate(x, amount):
    return _luma(x) + (x - _luma(x)) * amount


def _tone(x, shadow, highlight, balance=0.5):
    """Split toning: hue (degrees) and strength of the shadows and of the highlights."""
    weight = np.clip(_luma(x), 0, 1) ** (2 * balance)
    for (hue, strength), part in ((shadow, 1 - weight), (highlight, weight)):
        tint = np.array(colorsys.hsv_to_rgb(hue / 360, 1, 1))
        x = x + part * strength * (tint - tint @ _LUMA)
    return x


def split_tone(x):
    return _tone(_contrast(x, 0.15), (215, 0.10), (38, 0.09))


def faded_film(x):
    return _saturate(_lift_gamma_gain(_contrast(x, 0.2), (0.13, 0.11, 0.12), (1, 1, 1.03), (0.95, 0.94, 0.9)), 0.8)


def teal_orange(x):
    warm = np.clip((x[..., :1] - x[..., 2:]) * 1.5, -1, 1)
    pushed = x + warm * np.array([0.06, 0.005, -0.07])
    return _contrast(_tone(pushed, (188, 0.12), (28, 0.06)), 0.2)


def bleach_bypass(x):
    grey = _luma(x)
    overlay = np.where(x < 0.5, 2 * x * grey, 1 - 2 * (1 - x) * (1 - grey))
    return _saturate(0.45 * x + 0.55 * overlay, 0.5)


def high_key(x):
    return _saturate(_lift_gamma_gain(x, (0.06, 0.06, 0.07), (1.5, 1.48, 1.45), (1, 1, 1)), 0.9)


def low_key(x):
    return _contrast(x ** 1.45, 0.3, 0.35) * np.array([0.97, 0.95, 0.93])


def sepia(x):
    mixed = x @ np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]]).T / 1.12
    return 0.35 * x + 0.65 * mixed


def cross_process(x):
    red, green, blue = np.moveaxis(x, -1, 0)
    return np.stack([_contrast(red, 0.5, 0.5), _contrast(green, 0.25, 0.42), 0.14 + 0.66 * blue], -1)


def matte(x):
    return _saturate(_lift_gamma_gain(_contrast(x, -0.15), (0.07, 0.075, 0.09), (1, 1, 1), (0.93, 0.93, 0.93)), 0.62)


def punchy(x):
    return _saturate(_contrast(x, 0.35), 1.35)


def magenta_dusk(x):
    return _tone(_lift_gamma_gain(x, (0.03, 0, 0.06), (0.95, 0.86, 0.98), (1, 0.93, 0.98)), (275, 0.08), (330, 0.06))


def green_cast(x):
    return _saturate(_lift_gamma_gain(x, (0.01, 0.05, 0.02), (0.93, 1.08, 0.9), (0.95, 1.0, 0.84)), 0.85)


GRADES = {function.__name__: function for function in (
    split_tone, faded_film, teal_orange, bleach_bypass, high_key, low_key, sepia, cross_process, matte, punchy,
    magenta_dusk, green_cast)}


def grade(pixels, name):
    """A picture uint8 [H, W, 3] in the grade `name`, one of GRADES: uint8 [H, W, 3], as a finished file has it."""
    graded = GRADES[name](pixels.astype(np.float64) / 255.0)
    return np.rint(np.clip(graded, 0, 1) * 255).astype(np.uint8)
