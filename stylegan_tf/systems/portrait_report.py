"""What a portrait look has learned, for people: is it still the person, and what of the picture changed."""

from __future__ import annotations

import cv2
import numpy as np

SAME_PERSON = 0.6  # distance below which dlib takes two faces for one person
WANTED = 0.45  # median distance of a look that keeps people well
FINE, COARSE = 1.5, 6.0  # pixels: deviations of the Gaussians between which fine and coarse texture lie


def identity_section(names, distances) -> dict:
    """The distance of each held-out portrait to its result, the largest first.

    Args:
        names: Names of the portraits.
        distances: Numbers, one each.
    """
    pairs = sorted(dict(zip(names, map(float, distances))).items(), key=lambda pair: -pair[1])
    values = [distance for _, distance in pairs]
    median = float(np.median(values))
    verdict = ('the look keeps people' if median <= WANTED else
               'raise identity_weight or face_weight, or use the look at a lower strength')
    lost = [distance > SAME_PERSON for distance in values]
    return {'title': 'Is it still the person?',
            'lines': [f'Identity distance of {len(values)} held-out portraits to their results: median {median:.2f} '
                      f'(aim: at most {WANTED}); {verdict}. Above {SAME_PERSON} the network takes a result for '
                      f'somebody else: {sum(lost)} of {len(values)}.'],
            'table': [('portrait', 'identity distance', ''),
                      *((name, f'{distance:.2f}', 'somebody else?' if is_lost else '')
                        for (name, distance), is_lost in zip(pairs, lost))]}


def change_section(before, graded, after, look) -> dict:
    """What changed from portraits to results, in numbers.

    Args:
        before, graded, after, look: Lists of uint8 [H, W, 3]: portraits, in the look's colours alone, results, and
            pictures of the look.
    """
    columns = [np.mean([_numbers(pixels) for pixels in pictures], axis=0) for pictures in (before, graded, after, look)]
    rows = [(name, *(f'{value:.3f}' for value in values)) for name, values in zip(_NAMES, zip(*columns))]
    return {'title': 'What changed',
            'lines': ['Means over held-out pictures, of values in [0, 1]. The colours come from a table, the texture '
                      'from the generator. Texture stands out from a blur: fine up to 1.5 pixels, coarse to 6.'],
            'table': [('', 'before', 'colours alone', 'after', 'the look'), *rows]}


_NAMES = ('lightness', 'contrast', 'saturation', 'warmth (red over blue)', 'fine texture', 'coarse texture')


def _numbers(pixels):
    floats = pixels.astype(np.float32) / 255
    light = cv2.cvtColor(floats, cv2.COLOR_RGB2GRAY)
    blurred = [light, *(cv2.GaussianBlur(light, (0, 0), width) for width in (FINE, COARSE))]
    return (light.mean(), light.std(), (floats.max(axis=2) - floats.min(axis=2)).mean(),
            (floats[:, :, 0] - floats[:, :, 2]).mean(), (blurred[0] - blurred[1]).std(),
            (blurred[1] - blurred[2]).std())
