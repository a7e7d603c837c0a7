"""Hands that work in oil: brush strokes, ropes of paint, dots, palette knife.

A hand is a function (motif float32 [H, W, 3] RGB in [0, 1], rng, keyword settings) -> float32 picture of
the same shape and range. Settings in pixels are meant for pictures of about 384 px.
"""

import cv2
import numpy as np

from stylegan_tf.data.paintbox import brushes
from stylegan_tf.data.paintbox.brushes import Brush, Canvas, blur, luminance, noise


def oil(motif, rng, *, ground, pigments, layers, stops=None, loyalty=0.5, smoothing=6.0,
        strength=1.0, gloss=0.25, tooth=0.0, degrees=None):
    """Curved strokes of several brushes, coarse to fine, and light on the relief (Hertzmann 1998).

    Args:
        motif: What is painted.
        rng: Generator.
        ground: Colour of the primed canvas, float [3].
        pigments: Palette, float [K, 3].
        layers: Brushes, largest first.
        stops: Colours [K, 3] from dark to light that replace the motif's own, or None.
        loyalty: 0 mixes colours as seen, 1 uses pure pigments.
        smoothing: Of the stroke directions, pixels.
        strength: Of the light on the relief.
        gloss: Of highlights on thick paint.
        tooth: How much of the linen shows.
        degrees: Direction of strokes where the motif gives none; None swirls gently.
    """
    shape = motif.shape[:2]
    if stops is not None:
        motif = brushes.recolored(motif, stops, 0.7)
    if degrees is None:
        angle = 1.2 * noise(shape, rng, 120, 2)
        calm = np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)
    else:
        calm = brushes.constant_field(shape, degrees)
    field = brushes.stroke_field(motif, smoothing, calm)
    canvas = Canvas(shape, ground)
    for brush in layers:
        canvas.paint_layer(motif, field, brush, rng, pigments, loyalty)
    height = canvas.thickness / np.float32(255) + tooth * brushes.weave(shape)
    return brushes.relief(canvas.picture, height, strength, gloss=gloss)


def varnished(motif, rng, **settings):
    """Oil in the dark manner: light on the middle only, a brown glaze, and the cracks of age.

    `settings` are those of `oil`.
    """
    shape = motif.shape[:2]
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    away = np.hypot(columns / shape[1] - 0.5, rows / shape[0] - 0.58)
    light = np.clip(1.25 - 1.35 * away, 0.25, 1.1)[..., None]
    picture = oil((motif * light).astype(np.float32), rng, **settings)
    glaze = np.array((1.0, 0.88, 0.62), np.float32) * (1 + 0.03 * noise(shape, rng, 60, 3))[..., None]
    wide = brushes.scattered(shape, 17, rng)
    bent = np.stack([columns + 2.2 * noise(shape, rng, 9, 2), rows + 2.2 * noise(shape, rng, 9, 2)], -1)
    _, seam = brushes.nearest_seed(shape, wide, bent)
    deep = np.clip(0.5 + 0.6 * noise(shape, rng, 90, 2), 0, 1)
    crack = np.clip(1 - seam / 0.9, 0, 1) * deep
    return np.clip(picture * glaze * (1 - 0.42 * crack[..., None]), 0, 1).astype(np.float32)


def swirl(motif, rng, *, pigments):
    """Long parallel ropes of thick paint that circle round every light in the upper picture."""
    shape = motif.shape[:2]
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    glow = blur(luminance(motif), 6)
    glow[int(0.62 * shape[0]) :] = 0
    wave = 0.5 * np.sin(columns / 38 + 1.5 * noise(shape, rng, 160, 1))
    field = np.stack([np.ones(shape, np.float32), wave + 0.5 * noise(shape, rng, 110, 1)], -1)
    for _ in range(9):
        row, column = np.unravel_index(glow.argmax(), shape)
        light = glow[row, column]
        away = np.stack([columns - column, rows - row], -1)
        distance = np.linalg.norm(away, axis=-1)
        reach = 22 + 34 * max(0.0, light - 0.4)
        turning = np.stack([-away[..., 1], away[..., 0]], -1) / (distance[..., None] + 1)
        field += turning * (5 * np.exp(-((distance / reach) ** 2)))[..., None]
        glow[distance < reach] = 0
    field /= np.linalg.norm(field, axis=-1, keepdims=True) + 1e-6
    edges = brushes.stroke_field(motif, 5, field.astype(np.float32))
    below = (rows > 0.6 * shape[0])[..., None] | (luminance(motif) < 0.14)[..., None]
    field = np.where(below, edges, field).astype(np.float32)
    canvas = Canvas(shape, brushes.snap(motif.reshape(-1, 3), pigments, 0.6).reshape(motif.shape))
    canvas.paint_layer(motif, field, Brush(9, threshold=0.0, hue=0.04, light=0.05), rng, pigments, 0.75)
    ropes = Brush(5, steps=9, bend=0.95, bristles=3, streak=0.09, hue=0.03, light=0.04, threshold=0,
                  spacing=0.9)
    canvas.paint_layer(motif, field, ropes, rng, pigments, 0.75)
    canvas.paint_layer(motif, field, Brush(3, steps=8, threshold=0.045, bristles=0, light=0.05), rng,
                       pigments, 0.6)
    return canvas.lit(2.4, gloss=0.35)


def points(motif, rng, *, ground, pigments, size=3.0, scatter=0.13):
    """Divisionism: round dots of pure pigment whose average is the motif (error fed to neighbours).

    Each dot takes the pigment nearest to the wanted colour plus a random error, so that every area is
    a mixture of dots, among them the complementary ones.
    """
    # Discs of few pixels come out as diamonds in OpenCV, so they are drawn at twice the size.
    shape = (2 * motif.shape[0], 2 * motif.shape[1])
    grey = luminance(motif)[..., None]
    vivid = cv2.resize(np.clip(grey + 1.35 * (motif - grey), 0, 1), shape[::-1])
    canvas = Canvas(shape, ground)
    for spacing, radius in ((3.8 * size, 2.0 * size), (2.7 * size, 1.45 * size)):
        places = brushes.scattered(shape, spacing, rng)
        wanted = brushes.sample(vivid, places) + scatter * rng.standard_normal((len(places), 3))
        chosen = brushes.snap(np.clip(wanted, 0, 1).astype(np.float32), pigments, 0.85)
        for place, color in zip(places, brushes.jitter(chosen, rng, 0.02, 0.03), strict=True):
            reach = radius * rng.uniform(0.75, 1.1)
            brushes.dot(canvas.paint, place, reach, color * 255)
            brushes.dot(canvas.thickness, place, reach, 150 + 60 * rng.random())
    lit = canvas.lit(0.8, softness=1.4)
    return cv2.resize(lit, (shape[1] // 2, shape[0] // 2), interpolation=cv2.INTER_AREA)


def knife(motif, rng, *, ground, pigments, blades=((34, 60), (19, 40), (11, 24)), loyalty=0.45):
    """Palette knife: slabs of thick paint with sharp ridges, dragged along the forms."""
    shape = motif.shape[:2]
    canvas = Canvas(shape, ground)
    field = brushes.stroke_field(motif, 9, brushes.constant_field(shape, 25))
    for level, (wide, long) in enumerate(blades):
        seen = blur(motif, 0.3 * wide)
        places = brushes.scattered(shape, 0.62 * wide if level else 0.5 * wide, rng)
        if level:
            error = np.linalg.norm(seen - canvas.picture, axis=-1)
            places = places[brushes.sample(error, places) > 0.11]
        along = brushes.sample(field, places)
        angles = np.arctan2(along[:, 1], along[:, 0]) + 0.35 * rng.standard_normal(len(places))
        paints = brushes.snap(brushes.sample(seen, places), pigments, loyalty)
        paints = brushes.jitter(paints, rng, 0.03, 0.04)
        for place, angle, color in zip(places, angles, paints, strict=True):
            _slab(canvas, place, angle, wide * rng.uniform(0.6, 1), long * rng.uniform(0.5, 1.1), color, rng)
    return canvas.lit(1.5, gloss=0.25, softness=1.1)


def _slab(canvas, place, angle, wide, long, color, rng):
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    corners = np.array([(-1, -1), (1, -0.9), (1.08, 0), (1, 1), (-1, 0.95)]) * 0.5
    corners = corners + rng.uniform(-0.07, 0.07, corners.shape)
    outline = place + corners[:, :1] * long * along + corners[:, 1:] * wide * across
    fixed = np.round(outline * 16).astype(np.int32)
    cv2.fillPoly(canvas.paint, [fixed], tuple(map(float, color * 255)), cv2.LINE_AA, 4)
    cv2.fillPoly(canvas.thickness, [fixed], float(rng.uniform(100, 135)), cv2.LINE_AA, 4)
    # The blade pushes paint to its rims and drags streaks behind it.
    for share in rng.uniform(-0.45, 0.45, max(2, int(wide / 4))):
        shade = np.clip(color + 0.07 * rng.standard_normal(), 0, 1)
        ends = place + share * wide * across + np.array([[-0.45], [0.45]]) * long * along
        canvas.line(ends, shade, 1 + wide // 14)
    ridge = np.round((place + corners[[1, 2, 3], :1] * long * along + corners[[1, 2, 3], 1:] * wide * across)
                     * 16).astype(np.int32)
    cv2.polylines(canvas.thickness, [ridge], False, float(rng.uniform(140, 215)), 2, cv2.LINE_AA, 4)


