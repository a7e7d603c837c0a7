"""Hands that work on paper: watercolour, ink wash, pastel, charcoal.

A hand is a function (motif float32 [H, W, 3] RGB in [0, 1], rng, keyword settings) -> float32 picture of
the same shape and range. Settings in pixels are meant for pictures of about 384 px.
"""

import cv2
import numpy as np

from stylegan_tf.data.paintbox import brushes
from stylegan_tf.data.paintbox.brushes import Brush, Canvas, blur, luminance, noise


def watercolour(motif, rng, *, paper, pigments, levels=5, wobble=3.0, edge=1.1, granulation=0.16, loyalty=0.4,
                margin=14):
    """Transparent washes from light to dark that darken at their drying edges and settle in the paper.

    Density of paint is -log of its transmission, so that washes over each other multiply as glazes do.
    After the effects listed by Curtis et al., "Computer-Generated Watercolor", SIGGRAPH 1997 (edge
    darkening, granulation, backruns); the fluid itself is not simulated.
    """
    shape = motif.shape[:2]
    loose = _wobbled(_simplified(motif, 3), wobble, rng)
    loose = np.clip(1 - (1 - loose) * 0.88, 0.02, 1)
    loose = brushes.snap(loose.reshape(-1, 3), pigments, loyalty).reshape(loose.shape)
    wanted = -np.log(np.clip(blur(loose.astype(np.float32), 1.2), 0.02, 1))
    dark = wanted.mean(-1)
    tooth = noise(shape, rng, 3.5, 2)
    cloud = noise(shape, rng, 70, 4)
    density = np.zeros_like(wanted)
    stops = np.quantile(dark, np.linspace(0.06, 0.93, levels))
    previous = 0.0
    for stop in stops:
        ragged = dark + (0.006 + 0.05 * dark) * cloud + 0.008 * tooth
        wash = np.clip((ragged - stop) * 24 + 0.5, 0, 1)
        rim = np.clip(wash - blur(wash, 5.0), 0, 1) + 0.7 * np.clip(wash - blur(wash, 1.6), 0, 1)
        pooled = wash * (1 + edge * rim + 0.16 * cloud + granulation * tooth)
        density += np.clip(pooled, 0, None)[..., None] * (stop - previous) * wanted / (dark[..., None] + 1e-3)
        previous = stop
    away = _border_distance(shape) + 3.5 * noise(shape, rng, 26, 3)
    density *= np.clip((away - margin) / 2.5, 0, 1)[..., None]
    sheet = np.clip(paper * (1 + 0.02 * tooth[..., None]), 0, 1)
    return brushes.relief(sheet * np.exp(-density), 0.5 + 0.06 * tooth, 0.7).astype(np.float32)


def ink_wash(motif, rng, *, ink, paper, seal=None, bleed=5.0):
    """Wet ink on absorbent paper: washes that fade into mist, a few dark dry strokes, a seal.

    Args:
        motif: Only lightness counts.
        rng: Generator.
        ink, paper: Colours, float [3].
        seal: Colour of the stamp, or None.
        bleed: How far wet ink creeps, pixels.
    """
    shape = motif.shape[:2]
    loose = _wobbled(_simplified(motif, 3), 4.0, rng)
    dark = 1 - brushes.spread(luminance(loose), 1, 97)
    creep = noise(shape, rng, 9, 3)
    wet = 0.6 * blur(dark, bleed) + 0.4 * dark
    mist = np.clip(0.75 + 0.4 * noise(shape, rng, (70, 160), 2), 0.1, 1.2)
    tone = 0.62 * np.clip(wet - 0.2, 0, 1) ** 1.25 * mist * (1 + 0.1 * creep)
    for level in (0.42, 0.62):
        pool = np.clip((wet + 0.025 * creep - level) * 14 + 0.5, 0, 1)
        tone += 0.1 * pool + 0.3 * np.clip(pool - blur(pool, 4), 0, 1)
    strokes = np.zeros(shape, np.uint8)
    field = brushes.stroke_field(loose, 4)
    places = brushes.scattered(shape, 6.5, rng)
    edge = blur(np.hypot(cv2.Sobel(dark, cv2.CV_32F, 1, 0), cv2.Sobel(dark, cv2.CV_32F, 0, 1)), 1.5)
    heavy = (brushes.sample(edge, places) > 0.28) & (brushes.sample(dark, places) > 0.35)
    for path in brushes.trace(field, places[heavy], 9, 4.0, 0.7):
        brushes.taper(strokes, path, rng.uniform(2.0, 5.5), 255)
    dry = np.clip(0.85 + 0.45 * noise(shape, rng, (2.5, 9), 2), 0, 1)
    tone = np.clip(tone + 0.8 * blur(strokes / np.float32(255), 0.7) * dry, 0, 0.96)
    fibres = noise(shape, rng, (3, 14), 2) + noise(shape, rng, (14, 3), 2)
    sheet = np.clip(paper * (1 + 0.014 * fibres[..., None]), 0, 1)
    picture = sheet + tone[..., None] * (ink - sheet)
    return _stamped(picture, seal, rng) if seal is not None else picture


def pastel(motif, rng, *, ground, pigments, degrees=-50, loyalty=0.5, tooth=0.5, smudge=0.25):
    """Soft chalk on dark rough paper: slanting strokes that catch only the tops of the grain."""
    shape = motif.shape[:2]
    grey = luminance(motif)[..., None]
    vivid = np.clip(0.04 + grey + 1.25 * (motif - grey), 0, 1).astype(np.float32)
    field = brushes.stroke_field(motif, 5, brushes.constant_field(shape, degrees))
    grainy = noise(shape, rng, 2.2, 2)
    picture = np.broadcast_to(ground, motif.shape).astype(np.float32)
    for width, steps, pressure in ((10, 4, 0.35), (6, 4, 0.25), (3, 5, 0.45)):
        canvas = Canvas(shape, picture)
        brush = Brush(width, steps=steps, bend=0.5, threshold=0.09 if width < 9 else 0, bristles=0, hue=0.03,
                      light=0.04)
        canvas.paint_layer(vivid, field, brush, rng, pigments, loyalty)
        touched = np.abs(canvas.picture - picture).max(-1) > 0.015
        hold = np.clip(0.5 + pressure + tooth * grainy, 0.22, 1.0) * blur(touched.astype(np.float32), 0.6)
        rubbed = blur(canvas.picture, 2.5)
        layer = (1 - smudge) * canvas.picture + smudge * rubbed
        picture = picture + hold[..., None] * (layer - picture)
    return brushes.grain(picture, rng, 0.035, 2.0)


def charcoal(motif, rng, *, paper, coal, chalk):
    """Rubbed tone, slanting strokes caught by the grain, searching outlines, chalk in the lights."""
    shape = motif.shape[:2]
    light = brushes.spread(blur(luminance(motif), 1.0))
    dark = 1 - light
    tooth = noise(shape, rng, 2.2, 1)
    streaks = noise(shape, rng, (1.5, 60), 2)
    turned = cv2.getRotationMatrix2D((shape[1] / 2, shape[0] / 2), 42, 1.6)
    streaks = cv2.warpAffine(streaks, turned, (shape[1], shape[0]), borderMode=cv2.BORDER_REFLECT)
    rubbed = 0.55 * blur(dark, 2.5) ** 1.3
    drawn = np.clip((dark - 0.34) * 1.5 + 0.22 * streaks - 0.05, 0, 1) * np.clip(0.8 + 0.2 * tooth, 0, 1)
    lines = np.zeros(shape, np.float32)
    soft = blur(light, 1.4)
    edge = np.hypot(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1))
    for offset in (0.0, 3.0, 5.0):
        searched = _wobbled(edge[..., None], offset, rng)[..., 0]
        lines = np.maximum(lines, np.clip(searched * 4.2 - 0.5, 0, 1) * (1 - 0.14 * offset))
    tone = np.clip(rubbed + 0.75 * drawn + 0.8 * lines * np.clip(0.8 + 0.4 * tooth, 0, 1), 0, 0.97)
    sheet = np.clip(paper * (1 + 0.03 * tooth[..., None]), 0, 1)
    picture = sheet + tone[..., None] * (coal - sheet)
    highlight = np.clip((light - 0.82) * 4 + 0.2 * streaks, 0, 1) * np.clip(0.6 + 0.3 * tooth, 0, 1)
    return picture + (0.85 * highlight * (1 - tone))[..., None] * (chalk - picture)


def _simplified(motif, rounds):
    for _ in range(rounds):
        motif = cv2.bilateralFilter(motif, -1, 0.12, 3)
    return motif


def _wobbled(picture, reach, rng):
    shape = picture.shape[:2]
    if reach == 0:
        return picture
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    across = columns + reach * noise(shape, rng, 45, 3) * 0.6
    down = rows + reach * noise(shape, rng, 45, 3) * 0.6
    moved = cv2.remap(picture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return moved.reshape(picture.shape)


def _border_distance(shape):
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.minimum(np.minimum(rows, shape[0] - 1 - rows), np.minimum(columns, shape[1] - 1 - columns))


def _stamped(picture, seal, rng):
    height, width = picture.shape[:2]
    side = max(16, min(height, width) // 13)
    top, left = height - 2 * side, width - 2 * side
    stamp = np.ones((side, side), np.float32)
    for column in (0.3, 0.66):
        for row in np.linspace(0.14, 0.86, 6):
            x, y = int(column * side), int(row * side)
            reach = max(1, int(side * rng.uniform(0.05, 0.17)))
            cv2.line(stamp, (x - reach, y), (x + reach, y), 0.0, 1)
        cv2.line(stamp, (int(column * side), 3), (int(column * side), side - 4), 0.0, 1)
    stamp *= np.clip(0.9 + 0.2 * noise(stamp.shape, rng, 4, 2), 0, 1)
    box = picture[top : top + side, left : left + side]
    box += stamp[..., None] * (seal - box)
    return picture
