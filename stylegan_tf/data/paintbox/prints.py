"""Hands that print: engraving, wood and linoleum cuts, colour woodblock, screen print.

A hand is a function (motif float32 [H, W, 3] RGB in [0, 1], rng, keyword settings) -> float32 picture of
the same shape and range. Settings in pixels are meant for pictures of about 384 px.
"""

import cv2
import numpy as np

from stylegan_tf.data.paintbox import brushes
from stylegan_tf.data.paintbox.brushes import blur, luminance, noise


def hatching(motif, rng, *, ink, paper, period=4.2, angles=(35, -35, 80, 5), floor=0.12, contour=True):
    """Engraving: parallel lines that follow the forms and swell with darkness, crossed in the shadows.

    Args:
        motif: What is engraved; only its lightness counts.
        rng: Generator.
        ink, paper: Colours, float [3].
        period: Distance of lines in pixels.
        angles: Degrees of the successive hatchings; each next one starts at darker tones.
        floor: Tone left white.
        contour: Adds drawn outlines.
    """
    shape = motif.shape[:2]
    scale = 2  # lines thinner than a pixel need a finer grid
    grey = brushes.spread(luminance(motif))
    dark = cv2.resize(1 - blur(grey, 0.8), None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    form = cv2.resize(blur(grey, 9), (dark.shape[1], dark.shape[0]), interpolation=cv2.INTER_CUBIC)
    rows, columns = np.mgrid[: dark.shape[0], : dark.shape[1]].astype(np.float32)
    line = np.zeros_like(dark)
    tremble = 0.25 * noise(dark.shape, rng, 40 * scale, 3)
    for order, degrees in enumerate(angles):
        angle = np.deg2rad(degrees)
        phase = (columns * np.sin(angle) + rows * np.cos(angle)) / (period * scale) + 3.2 * form + tremble
        wave = np.abs((phase % 1) - 0.5) * 2
        start = floor + order * (1 - floor) / (len(angles) + 0.6)
        swell = np.clip((dark - start) * 1.25, 0, 0.62)
        line = np.maximum(line, np.clip((swell - wave) * period * scale / 2.4 + 0.25, 0, 1) * (swell > 0.02))
    if contour:
        soft = blur(dark, 1.5 * scale)
        edge = np.hypot(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1))
        line = np.maximum(line, np.clip(edge * 6 * scale - 0.55, 0, 1))
    line = cv2.resize(line, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)[..., None]
    sheet = brushes.grain(np.broadcast_to(paper, motif.shape).astype(np.float32), rng, 0.025)
    return sheet + line * (ink - sheet)


def block_print(motif, rng, *, inks, paper, gouge=5.0, tones=None, carve=0.75, simplify=4):
    """Woodcut or linocut: few flat inks, light areas cleared by a gouge that leaves tapering marks.

    Args:
        motif: What is cut; only its lightness counts.
        rng: Generator.
        inks: Colours [K, 3] printed one over the other, lightest first.
        paper: Colour, float [3].
        gouge: Width of marks in pixels.
        tones: Darkness above which each ink prints, [K]; None spreads them evenly.
        carve: Reach of the marks into the dark.
        simplify: Size of details dropped, pixels.
    """
    shape = motif.shape[:2]
    grey = brushes.spread(luminance(motif))
    for _ in range(3):
        grey = cv2.bilateralFilter(grey, -1, 0.15, simplify)
    field = brushes.stroke_field(motif, 8, brushes.constant_field(shape, 20))
    sheet = brushes.grain(np.broadcast_to(paper, motif.shape).astype(np.float32), rng, 0.02)
    tones = np.linspace(0.35, 0.75, len(inks)) if tones is None else tones
    for ink, tone in zip(inks, tones, strict=True):
        marks = np.zeros(shape, np.uint8)
        places = brushes.scattered(shape, 1.15 * gouge, rng)
        paths = brushes.trace(field, places, 5, gouge)
        light = np.clip((brushes.sample(grey, paths).mean(1) - (1 - tone)) / carve + 0.5, 0, 1)
        for path, clear in zip(paths, light, strict=True):
            brushes.taper(marks, path, gouge * 0.62 * clear, 255)
        cut = blur(marks.astype(np.float32) / 255, 0.5)
        printed = np.clip((1 - grey - tone) * 14 + 0.5, 0, 1)
        middle = np.clip((1 - grey - tone + 0.22) * 14 + 0.5, 0, 1)
        cover = np.maximum(printed * (1 - cut * (grey > 0.2)), middle * (1 - cut))
        cover = np.clip((cover - 0.5) * 2.5 + 0.5, 0, 1)
        worn = np.clip(0.97 - 0.5 * np.clip(noise(shape, rng, 4, 2) - 1.7, 0, 1), 0, 1)
        sheet = sheet + (cover * worn)[..., None] * (ink - sheet)
    return sheet


def woodblock(motif, rng, *, pigments, outline, paper, shading, contour=1.6):
    """Colour woodblock in the manner of ukiyo-e: flat areas, a key block of outlines, wiped gradations.

    Args:
        motif: Its colours are matched to the blocks.
        rng: Generator.
        pigments: One colour a block, float [K, 3].
        outline: Colour of the key block.
        paper: Colour of the sheet.
        shading: Colour of the band wiped on along the upper edge (bokashi).
        contour: Width of outlines in pixels.
    """
    shape = motif.shape[:2]
    flat = motif
    for _ in range(3):
        flat = cv2.bilateralFilter(flat, -1, 0.1, 3)
    lab = cv2.cvtColor(flat, cv2.COLOR_RGB2Lab)
    blocks = cv2.cvtColor(pigments[None], cv2.COLOR_RGB2Lab)[0]
    kind = cv2.medianBlur(((lab[:, :, None] - blocks) ** 2).sum(-1).argmin(-1).astype(np.uint8), 5)
    rings = np.sin(0.35 * np.arange(shape[0])[:, None] + 3 * noise(shape, rng, (120, 400), 2))
    picture = pigments[kind] * (1 + 0.018 * rings + 0.015 * noise(shape, rng, (1.5, 30), 2))[..., None]
    band = np.clip(1 - np.arange(shape[0]) / (0.3 * shape[0]), 0, 1)[:, None, None] ** 1.6
    sky = (kind == kind[0, -1])[..., None]
    picture = picture + 0.85 * band * sky * (shading - picture)
    smooth = blur(pigments[kind], 1.0)
    edge = sum(cv2.Sobel(smooth, cv2.CV_32F, *order) ** 2 for order in ((1, 0), (0, 1))).sum(-1) ** 0.5
    width = contour * (1 + 0.35 * noise(shape, rng, 50, 2))
    line = np.clip(edge * width * 1.4 - 0.35, 0, 1)[..., None]
    picture = picture + 0.92 * line * (outline - picture)
    sheet = brushes.grain(np.broadcast_to(paper, motif.shape).astype(np.float32), rng, 0.02)
    away = np.minimum.reduce([np.arange(shape[0])[:, None] + np.zeros(shape), np.arange(shape[0])[::-1, None]
                              + np.zeros(shape), np.arange(shape[1])[None] + np.zeros(shape),
                              np.arange(shape[1])[None, ::-1] + np.zeros(shape)])
    inside = np.clip(away - 9, 0, 1)[..., None]
    frame = np.clip(1.6 - np.abs(away - 10.5), 0, 1)[..., None]
    picture = sheet + inside * (picture * (0.94 + 0.06 * sheet) - sheet)
    return np.clip(picture + 0.85 * frame * (outline - picture), 0, 1).astype(np.float32)


def screen(motif, rng, *, inks, paper, key, period=7.0, degrees=30, shift=2):
    """Screen print: flat inks by tone, dots between them, a heavy key drawing a little out of register.

    Args:
        motif: Only lightness counts.
        rng: Generator.
        inks: Colours [3, 3] of the shadows, the middle and the dotted lights.
        paper, key: Colours of the sheet and of the drawing.
        period, degrees: Of the dot screen.
        shift: Pixels by which inks miss the drawing.
    """
    shape = motif.shape[:2]
    grey = brushes.spread(luminance(motif))
    for _ in range(3):
        grey = cv2.bilateralFilter(grey, -1, 0.15, 4)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    angle = np.deg2rad(degrees)
    x = (columns * np.cos(angle) + rows * np.sin(angle)) / period
    y = (rows * np.cos(angle) - columns * np.sin(angle)) / period
    reach = period * np.hypot((x % 1) - 0.5, (y % 1) - 0.5)
    moved = np.roll(grey, (shift, -shift), (0, 1))
    dots = np.clip(period * 0.72 * np.sqrt(np.clip(0.9 - moved, 0, 0.5)) - reach + 0.5, 0, 1)
    picture = np.broadcast_to(paper, motif.shape) + dots[..., None] * (inks[2] - paper)
    for ink, tone in ((inks[1], 0.58), (inks[0], 0.34)):
        cover = np.clip((tone - moved) * 22 + 0.5, 0, 1)[..., None]
        picture = picture + cover * (ink - picture)
    soft = blur(grey, 1.3)
    edge = np.hypot(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1))
    line = np.maximum(np.clip(edge * 7 - 0.9, 0, 1), np.clip((0.14 - grey) * 22 + 0.5, 0, 1))
    picture = picture + line[..., None] * (key - picture)
    return brushes.grain(picture.astype(np.float32), rng, 0.015)
