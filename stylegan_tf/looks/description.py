"""What a look does, in numbers, in words and drawn. NumPy, OpenCV and Pillow (for labels) only."""

import cv2
import numpy as np

from stylegan_tf import colors, sheets
from stylegan_tf.looks import tables

_GREYS = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
_PART_GREYS = {'shadows': 0.15, 'midtones': 0.5, 'highlights': 0.85}
_TINT_SEEN = 2.0  # Lab units: fewer are not called a tint
_SWATCHES = 160  # pixels a side
# Lab hue angles, degrees, at which names end.
_HUES = ((20, 'pink'), (50, 'red'), (80, 'orange'), (110, 'yellow'), (165, 'green'), (235, 'teal'), (305, 'blue'),
         (350, 'magenta'), (360, 'pink'))
# Portrait photographers' colours (sRGB): what the numbers are given for besides greys.
_MEMORY_COLORS = {'light skin': (224, 172, 145), 'dark skin': (115, 82, 68), 'sky': (98, 122, 157),
                  'foliage': (87, 108, 67), 'red': (175, 54, 60)}


def describe(look):
    """A look in numbers and words.

    Args:
        look: look.Look.
    Returns:
        Dict, fit for JSON: 'tone_curve' {grey in [0, 1]: [red, green, blue] out}; 'black', 'white': CIE lightness of
        black and white; 'contrast': slope of lightness between the quarters; 'tints' {part: [a, b]}, in Lab;
        'saturation': factor of chroma, median over colours of middle lightness; 'colors' {name: [sRGB uint8]};
        'detail_gain', 'grain' (of 255 levels), 'grain_size' (pixels); 'words': list of sentences.
    """
    greys = np.array(_GREYS, np.float32)
    curve = tables.look_up(look.table, np.repeat(greys[:, None], 3, 1))
    ends = _lab(tables.look_up(look.table, np.array([[0, 0, 0], [1, 1, 1], [0.25] * 3, [0.75] * 3], np.float32)))
    plain = _lab(np.array([[0.25] * 3, [0.75] * 3], np.float32))
    facts = {
        'tone_curve': {f'{grey:g}': [round(float(v), 4) for v in row] for grey, row in zip(greys, curve)},
        'black': round(float(ends[0, 0]), 1), 'white': round(float(ends[1, 0]), 1),
        'contrast': round(float((ends[3, 0] - ends[2, 0]) / (plain[1, 0] - plain[0, 0])), 2),
        'tints': {name: [round(float(v), 1) for v in
                         _lab(tables.look_up(look.table, np.full((1, 3), grey, np.float32)))[0, 1:]]
                  for name, grey in _PART_GREYS.items()},
        'saturation': round(_saturation(look.table), 2),
        'colors': {name: np.rint(255 * tables.look_up(look.table, np.float32(rgb) / 255)).astype(int).tolist()
                   for name, rgb in _MEMORY_COLORS.items()},
        'detail_gain': round(look.texture.detail_gain, 2),
        'grain': [round(255 * value, 1) for value in look.texture.grain],
        'grain_size': round(look.texture.grain_size, 2),
    }
    return {**facts, 'words': _words(facts)}


def draw(look):
    """The look drawn: tone curves of the three channels on greys, the plane of hues at middle lightness before and
    after, and portraits' usual colours before and after; uint8 [H, W, 3], labelled."""
    plane = _hue_plane()
    after = _as_pixels(tables.look_up(look.table, plane))
    swatches = np.array(list(_MEMORY_COLORS.values()), np.float32)[None] / 255
    pairs = np.concatenate([swatches, tables.look_up(look.table, swatches)])
    swatch = cv2.resize(_as_pixels(pairs), (_SWATCHES, _SWATCHES), interpolation=cv2.INTER_NEAREST)
    return sheets.grid([[_curves(look.table), _as_pixels(plane), after, swatch]],
                       column_labels=['tone curves', 'hues before', 'hues after', 'usual colours, before over after'])


def _words(facts):
    words = []
    if facts['black'] > 3:
        words.append(f'Blacks are raised to lightness {facts["black"]:g} of 100.')
    if facts['white'] < 96:
        words.append(f'Whites are held down to lightness {facts["white"]:g} of 100.')
    if abs(facts['contrast'] - 1) > 0.07:
        words.append(f'Contrast of the middle is {"higher" if facts["contrast"] > 1 else "lower"}: '
                     f'x {facts["contrast"]:g}.')
    for part, (a, b) in facts['tints'].items():
        if np.hypot(a, b) > _TINT_SEEN:
            words.append(f'{part.capitalize()} turn {_hue_name(a, b)} (a {a:+g}, b {b:+g}).')
    if abs(facts['saturation'] - 1) > 0.07:
        words.append(f'Colours are {"stronger" if facts["saturation"] > 1 else "paler"}: x {facts["saturation"]:g}.')
    if facts['detail_gain'] != 1:
        words.append(f'Local detail is {"clearer" if facts["detail_gain"] > 1 else "softer"}: '
                     f'x {facts["detail_gain"]:g}.')
    if max(facts['grain']) > 0:
        words.append(f'Grain of up to {max(facts["grain"]):g} of 255 levels, {facts["grain_size"]:g} pixels.')
    return words or ['Next to nothing changes.']


def _hue_name(a, b):
    angle = np.degrees(np.arctan2(b, a)) % 360
    return next(name for end, name in _HUES if angle < end)


def _saturation(table):
    grid = tables.identity_table(9).reshape(-1, 3)
    before, after = _lab(grid), _lab(tables.look_up(table, grid))
    chroma = np.hypot(before[:, 1], before[:, 2])
    middle = (before[:, 0] > 30) & (before[:, 0] < 80) & (chroma > 15) & (chroma < 60)
    # Tints move all colours alike: chroma is measured around the tint of the grey of the same lightness.
    grey = np.repeat(np.linspace(0, 1, 65, dtype=np.float32)[:, None], 3, 1)
    light, tint = _lab(grey)[:, 0], _lab(tables.look_up(table, grey))
    center = np.stack([np.interp(before[:, 0], light, tint[:, channel]) for channel in (1, 2)], -1)
    return float(np.median((np.hypot(*(after[:, 1:] - center).T) / np.maximum(chroma, 1))[middle]))


def _hue_plane(side=_SWATCHES):
    """Colours of lightness 60 by a and b in [-60, 60], b upwards, float32 [side, side, 3]."""
    axis = np.linspace(-60, 60, side, dtype=np.float32)
    a, b = np.meshgrid(axis, axis[::-1])
    return colors.from_lab(np.stack([np.full_like(a, 60), a, b], -1)).astype(np.float32) / 255.0


def _curves(table, side=_SWATCHES):
    picture = np.full((side, side, 3), 250, np.uint8)
    for line in np.linspace(0, side - 1, 5).round().astype(int):
        picture[line], picture[:, line] = 225, 225
    cv2.line(picture, (0, side - 1), (side - 1, 0), (190, 190, 190), 1, cv2.LINE_AA)
    grey = np.linspace(0, 1, side, dtype=np.float32)
    out = tables.look_up(table, np.repeat(grey[:, None], 3, 1))
    for channel, ink in enumerate(((200, 40, 40), (30, 140, 50), (40, 70, 210))):
        heights = (side - 1) * (1 - out[:, channel])
        line = np.stack([np.arange(side), np.rint(heights)], -1).astype(np.int32)
        cv2.polylines(picture, [line], False, ink, 2, cv2.LINE_AA)
    return picture


def _lab(rgb):
    return cv2.cvtColor(np.float32(rgb)[None], cv2.COLOR_RGB2LAB)[0]


def _as_pixels(rgb):
    return np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)
