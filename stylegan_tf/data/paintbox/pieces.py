"""Hands that put a picture together from pieces: mosaic, stained glass, facets, and thrown paint.

A hand is a function (motif float32 [H, W, 3] RGB in [0, 1], rng, keyword settings) -> float32 picture of
the same shape and range. Settings in pixels are meant for pictures of about 384 px.
"""

import cv2
import numpy as np

from stylegan_tf.data.paintbox import brushes
from stylegan_tf.data.paintbox.brushes import SUBPIXEL_BITS, Canvas, blur, luminance, noise


def mosaic(motif, rng, *, pigments, grout, stops, tile=9.0, loyalty=0.7, overlap=0.16):
    """Square stones set one by one along the contours, each tilted a little in its mortar.

    A stone is set where at most `overlap` of it would cover others; small ones fill the gaps.
    """
    shape = motif.shape[:2]
    canvas = Canvas(shape, grout)
    canvas.thickness[:] = 40
    field = brushes.stroke_field(motif, 7, brushes.constant_field(shape, 0))
    vivid = brushes.recolored(motif, stops, 0.8)
    taken = np.zeros(shape, np.uint8)
    for side in (tile, 0.72 * tile, 0.5 * tile):
        places = brushes.scattered(shape, 0.42 * side, rng)
        places = places[brushes.sample(cv2.dilate(taken, np.ones((3, 3), np.uint8)), places) == 0]
        directions = brushes.sample(field, places)
        seen = brushes.snap(brushes.sample(blur(vivid, 0.25 * side), places), pigments, loyalty)
        paints = brushes.jitter(seen, rng, 0.02, 0.045)
        for place, along, color in zip(places, directions, paints, strict=True):
            corners = _stone(place, along, side * rng.uniform(0.9, 1.05), rng)
            if _covered(taken, corners) <= overlap:
                cv2.fillPoly(taken, [corners >> SUBPIXEL_BITS], 255)
                value = tuple(map(float, color * 255))
                cv2.fillPoly(canvas.paint, [corners], value, cv2.LINE_AA, SUBPIXEL_BITS)
                height = float(rng.uniform(130, 220))
                cv2.fillPoly(canvas.thickness, [corners], height, cv2.LINE_AA, SUBPIXEL_BITS)
    return brushes.grain(canvas.lit(0.9, gloss=0.25), rng, 0.03)


def stained_glass(motif, rng, *, pigments, lead, pane=34.0, leading=3.2):
    """Panes of coloured glass cut along the colour borders, held by lead, lit from behind."""
    shape = motif.shape[:2]
    flat = motif
    for _ in range(4):
        flat = cv2.bilateralFilter(flat, -1, 0.2, 4)
    lab = cv2.cvtColor(flat, cv2.COLOR_RGB2Lab)
    glass = cv2.cvtColor(pigments[None], cv2.COLOR_RGB2Lab)[0]
    kind = ((lab[:, :, None] - glass) ** 2 * (0.5, 1, 1)).sum(-1).argmin(-1).astype(np.uint8)
    kind = cv2.medianBlur(kind, 13)
    seeds = brushes.scattered(shape, pane, rng)
    panes, _ = brushes.nearest_seed(shape, seeds)
    labels = (panes * len(pigments) + kind).astype(np.float32)
    border = (cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, np.ones((2, 2))) > 0).astype(np.uint8)
    distance = cv2.distanceTransform(1 - border, cv2.DIST_L2, 5)
    streak = noise(shape, rng, (10, 50), 3)
    shades = 1 + 0.14 * rng.standard_normal((len(seeds), 1)) + 0.05 * rng.standard_normal((len(seeds), 3))
    picture = pigments[kind] * shades[panes] * (1 + 0.09 * streak)[..., None]
    inside = np.clip(distance / 14, 0, 1)[..., None]
    picture = picture * (0.72 + 0.42 * inside)
    picture += 0.25 * blur(picture.astype(np.float32), 8) * inside
    cover = np.clip(leading / 2 + 0.5 - distance, 0, 1)[..., None]
    round_lead = lead * (1 + 0.9 * np.clip(1 - distance / 1.2, 0, 1))[..., None]
    return np.clip(picture + cover * (round_lead - picture), 0, 1).astype(np.float32)


def facets(motif, rng, *, stops, cuts=70, keep=0.3, line=0.55):
    """Analytic cubism: the motif in planes, each seen from its own side and shaded across its width.

    Args:
        motif: What is analysed.
        rng: Generator.
        stops: Colours from dark to light, float [K, 3].
        cuts: Number of straight cuts.
        keep: Share of the motif's own colour.
        line: Darkness of the edges of planes.
    """
    shape = motif.shape[:2]
    grey = brushes.spread(luminance(motif))
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    family = np.deg2rad((12, 58, 100, 148))
    labels = _planes(shape, rng, cuts, family)
    across, down, shade = columns.copy(), rows.copy(), np.zeros(shape, np.float32)
    for count in range(cuts):
        plane = labels == count
        if plane.any():
            moved, turn, zoom = rng.normal(0, 13, 2), rng.normal(0, 0.22), rng.uniform(0.8, 1.15)
            middle = np.array([columns[plane].mean(), rows[plane].mean()])
            x, y = columns[plane] - middle[0], rows[plane] - middle[1]
            across[plane] = middle[0] + moved[0] + zoom * (x * np.cos(turn) - y * np.sin(turn))
            down[plane] = middle[1] + moved[1] + zoom * (x * np.sin(turn) + y * np.cos(turn))
            angle = rng.choice(family)
            fall = x * np.cos(angle) + y * np.sin(angle)
            shade[plane] = rng.normal(0, 0.07) + 0.3 * (fall / (np.abs(fall).max() + 1)) * rng.choice((-1, 1))
    seen = cv2.remap(motif, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    tone = cv2.remap(grey, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    tone = np.clip(0.15 + 0.7 * tone + shade, 0, 1)
    picture = (1 - keep) * brushes.ramp(tone, stops) + keep * np.clip(seen + shade[..., None], 0, 1)
    touches = np.clip(0.5 + 0.2 * noise(shape, rng, (3, 9), 2), 0, 1)
    picture = brushes.relief(picture * (0.94 + 0.12 * touches[..., None]), touches, 0.6)
    edge = (cv2.morphologyEx(labels.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((2, 2))) > 0)
    drawn = blur(edge.astype(np.float32), 0.7) * np.clip(0.8 + 0.4 * noise(shape, rng, 60, 2), 0.1, 1)
    return np.clip(picture * (1 - line * drawn[..., None]), 0, 1).astype(np.float32)


def thrown_paint(motif, rng, *, ground, pigments, throws=110):
    """Poured and flung enamel: looping lines whose width follows the speed of the arm, and splashes.

    Only the size of `motif` is used: there is no motif.
    """
    shape = motif.shape[:2]
    canvas = Canvas(shape, brushes.grain(np.broadcast_to(ground, motif.shape), rng, 0.05, 4))
    for throw in range(throws):
        color = pigments[throw % len(pigments)]
        turns = np.cumsum(rng.normal(0, 0.33, 110) + rng.normal(0, 0.1))
        turns = blur(turns[None].astype(np.float32), 2)[0]
        speed = np.clip(6 + 3.5 * noise((8, 110), rng, (8, 24), 2)[4], 1.2, 16)
        start = rng.uniform(-0.1, 1.1, 2) * shape[::-1]
        path = start + np.cumsum(np.stack([np.cos(turns), np.sin(turns)], 1) * speed[:, None], 0)
        body = rng.uniform(4, 13)
        for index in range(len(path) - 1):
            wide = max(1, round(body / speed[index] * rng.uniform(0.8, 1.25)))
            points = canvas.line(path[index : index + 2], color, wide)
            cv2.polylines(canvas.thickness, [points], False, 200.0, wide, cv2.LINE_AA, SUBPIXEL_BITS)
        for _ in range(26):
            place = path[rng.integers(len(path))] + rng.normal(0, 16, 2)
            brushes.dot(canvas.paint, place, rng.exponential(1.3) + 0.4, color * 255)
            brushes.dot(canvas.thickness, place, rng.exponential(1.3) + 0.4, 215)
    return canvas.lit(1.3, gloss=0.4, softness=0.9)


def _planes(shape, rng, cuts, family):
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    labels = np.zeros(shape, np.int64)
    for count in range(1, cuts):
        # The largest plane is cut next, through a point inside it, at one of a few angles.
        largest = np.bincount(labels.ravel()).argmax()
        inside = np.flatnonzero(labels.ravel() == largest)
        y, x = divmod(int(inside[rng.integers(len(inside))]), shape[1])
        angle = rng.choice(family) + 0.12 * rng.standard_normal()
        side = (columns - x) * np.sin(angle) - (rows - y) * np.cos(angle) > 0
        labels[(labels == largest) & side] = count
    return labels


def _stone(place, along, side, rng):
    across = np.array([-along[1], along[0]])
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * 0.43 + rng.uniform(-0.045, 0.045, (4, 2))
    outline = place + side * (corners[:, :1] * along + corners[:, 1:] * across)
    return np.round(outline * 2**SUBPIXEL_BITS).astype(np.int32)


def _covered(taken, corners):
    height, width = taken.shape
    left, top = np.maximum(corners.min(0) >> SUBPIXEL_BITS, 0)
    right, bottom = np.minimum((corners.max(0) >> SUBPIXEL_BITS) + 1, (width, height))
    if left >= right or top >= bottom:
        return 1.0
    own = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(own, [(corners >> SUBPIXEL_BITS) - (left, top)], 1)
    return float((taken[top:bottom, left:right] * (own > 0) > 0).sum() / max(1, own.sum()))
