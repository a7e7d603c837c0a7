"""Brush strokes, paint relief, paper and pigments: the means every painter's hand is built from.

Pictures are float32 [H, W, 3] RGB in [0, 1] unless a name says otherwise; canvases that OpenCV draws
on are uint8 because its anti-aliased lines exist for 8 bits only. Points are (x, y) in pixels.
Everything random comes from the `numpy.random.Generator` that is passed in.

Source of the stroke model: Hertzmann, "Painterly Rendering with Curved Brush Strokes of Multiple
Sizes", SIGGRAPH 1998: coarse to fine layers, a stroke starts where a grid cell is most wrong, follows
the normal of the image gradient and ends where its colour fits worse than what is already there.
"""

import dataclasses

import cv2
import numpy as np
import scipy.spatial

SUBPIXEL_BITS = 4  # OpenCV draws with fixed-point coordinates


def colors(*codes):
    """Returns float32 [K, 3] in [0, 1] from codes such as '1f3a93'."""
    return np.array([[int(code[i : i + 2], 16) for i in (0, 2, 4)] for code in codes], np.float32) / 255


def to_canvas(picture):
    """Returns uint8 [H, W, 3] (or [H, W]) of a float picture in [0, 1]; values outside are clipped."""
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def luminance(picture):
    """Returns float32 [H, W], Rec. 601 luma of a float picture."""
    return picture @ np.array([0.299, 0.587, 0.114], np.float32)


def blur(picture, sigma):
    """Gaussian blur with mirrored borders; `sigma` in pixels."""
    return cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


def noise(shape, rng, cell, octaves=4):
    """Fractal value noise, float32 [H, W], mean about 0, standard deviation 1.

    Args:
        shape: (height, width).
        rng: Generator.
        cell: Size of the coarsest blob in pixels: a number or (vertical, horizontal).
        octaves: Each next octave has half the cell and half the amplitude.
    """
    height, width = shape
    vertical, horizontal = np.broadcast_to(np.asarray(cell, np.float64), (2,))
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        rows = int(np.ceil(height * 2**octave / vertical)) + 2
        columns = int(np.ceil(width * 2**octave / horizontal)) + 2
        grid = rng.standard_normal((min(rows, height), min(columns, width))).astype(np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    return (total - total.mean()) / (total.std() + 1e-6)


def stroke_field(picture, sigma, fallback=None):
    """Unit directions along which a painter would draw, float32 [H, W, 2] as (x, y).

    They run along edges: the minor eigenvector of the structure tensor, smoothed by `sigma` pixels.
    Where there is no edge to follow, `fallback` (same shape, unit vectors) takes over gradually.
    """
    grey = blur(luminance(picture), 1.0)
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    xx, yy, xy = (blur(product, sigma) for product in (across**2, down**2, across * down))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    field = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    if fallback is None:
        return field
    energy = (xx + yy)[..., None]
    trust = energy / (energy + 0.02)
    # A direction and its opposite are the same stroke, so that they are aligned before mixing.
    aligned = fallback * np.where((field * fallback).sum(-1, keepdims=True) < 0, -1, 1)
    mixed = trust * field + (1 - trust) * aligned
    return (mixed / (np.linalg.norm(mixed, axis=-1, keepdims=True) + 1e-6)).astype(np.float32)


def constant_field(shape, degrees):
    """The same direction everywhere, float32 [H, W, 2]; 0 is to the right, 90 is down."""
    angle = np.deg2rad(degrees)
    return np.broadcast_to(np.array([np.cos(angle), np.sin(angle)], np.float32), (*shape, 2))


def sample(picture, points):
    """Values of `picture` at the nearest pixels of `points` [..., 2]; points outside are clamped."""
    height, width = picture.shape[:2]
    columns = np.clip(np.round(points[..., 0]).astype(np.int64), 0, width - 1)
    rows = np.clip(np.round(points[..., 1]).astype(np.int64), 0, height - 1)
    return picture[rows, columns]


def trace(field, starts, steps, stride, bend=1.0):
    """Follows a field from many points at once.

    Args:
        field: Unit directions, float32 [H, W, 2].
        starts: float32 [N, 2].
        steps: Number of segments.
        stride: Length of one segment in pixels.
        bend: 1 follows the field exactly, 0 keeps the first direction.
    Returns:
        Paths, float32 [N, steps + 1, 2].
    """
    position = np.asarray(starts, np.float32)
    path = [position]
    previous = None
    for _ in range(steps):
        direction = sample(field, position)
        if previous is not None:
            direction = np.where((direction * previous).sum(-1, keepdims=True) < 0, -direction, direction)
            direction = bend * direction + (1 - bend) * previous
            direction = direction / (np.linalg.norm(direction, axis=-1, keepdims=True) + 1e-6)
        position = position + stride * direction
        path.append(position)
        previous = direction
    return np.stack(path, axis=1)


def snap(values, pigments, amount):
    """Moves colours [N, 3] towards the nearest of `pigments` [K, 3] (by Lab distance); 1 replaces them."""
    if pigments is None or amount == 0:
        return values
    lab = cv2.cvtColor(values.astype(np.float32)[None], cv2.COLOR_RGB2Lab)[0]
    pigment_lab = cv2.cvtColor(pigments[None], cv2.COLOR_RGB2Lab)[0]
    nearest = ((lab[:, None] - pigment_lab[None]) ** 2).sum(-1).argmin(1)
    return values + amount * (pigments[nearest] - values)


def jitter(values, rng, hue=0.0, light=0.0):
    """Varies colours [N, 3]: `hue` shifts the channels apart, `light` all of them together."""
    count = len(values)
    shift = hue * rng.standard_normal((count, 3)) + light * rng.standard_normal((count, 1))
    return np.clip(values + shift, 0, 1).astype(np.float32)


def ramp(values, stops):
    """Maps numbers in [0, 1] to colours along evenly spaced `stops` [K, 3]; float32 [..., 3]."""
    places = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(values, places, stops[:, i]) for i in range(3)], -1).astype(np.float32)


def recolored(picture, stops, amount):
    """Replaces `amount` of each colour by the one its lightness has along `stops` [K, 3], dark to light."""
    return picture + np.float32(amount) * (ramp(spread(luminance(picture)), stops) - picture)


def spread(grey, low=2, high=98):
    """Stretches a grey picture so that the given percentiles become 0 and 1."""
    bottom, top = np.percentile(grey, (low, high))
    return np.clip((grey - bottom) / (top - bottom + 1e-6), 0, 1).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Brush:
    """One brush and the way it is held.

    Attributes:
        width: Pixels.
        steps: Longest stroke in segments of `stride` widths.
        stride: Segment length in brush widths.
        bend: How fully strokes follow the field.
        threshold: Mean colour error (0..1.7) of a grid cell that calls for a stroke; 0 paints everywhere.
        spacing: Grid cell in brush widths.
        bristles: Hairs drawn one by one over the body of a stroke.
        streak: How much hairs differ in lightness.
        hue, light: Variation of colour from stroke to stroke.
        opacity: Of the whole layer over what lies below.
    """

    width: int
    steps: int = 8
    stride: float = 0.8
    bend: float = 0.8
    threshold: float = 0.08
    spacing: float = 0.8
    bristles: int = 4
    streak: float = 0.06
    hue: float = 0.02
    light: float = 0.02
    opacity: float = 1.0


class Canvas:
    """A picture in progress: paint uint8 [H, W, 3] and its thickness uint8 [H, W]."""

    def __init__(self, shape, ground):
        """Args: shape is (height, width); ground a colour float [3] or a picture float [H, W, 3]."""
        picture = np.broadcast_to(np.asarray(ground, np.float32), (*shape, 3))
        self.paint = np.ascontiguousarray(to_canvas(picture))
        self.thickness = np.full(shape, 96, np.uint8)

    @property
    def picture(self):
        """The paint as float32 [H, W, 3]."""
        return self.paint.astype(np.float32) / 255

    def line(self, path, color, width):
        """Draws one polyline, float [P, 2], in a colour float [3] of `width` whole pixels."""
        points = np.round(path * 2**SUBPIXEL_BITS).astype(np.int32)
        value = tuple(float(channel) * 255 for channel in color)
        cv2.polylines(self.paint, [points], False, value, max(1, int(width)), cv2.LINE_AA, SUBPIXEL_BITS)
        return points

    def stroke(self, path, color, brush, rng):
        """One stroke with bristle streaks, in paint and in thickness."""
        points = self.line(path, color, brush.width)
        cv2.polylines(
            self.thickness, [points], False, 100, brush.width, cv2.LINE_AA, SUBPIXEL_BITS
        )
        if not brush.bristles:
            return
        along = path[-1] - path[0]
        normal = np.array([-along[1], along[0]]) / (np.linalg.norm(along) + 1e-6)
        hair = max(1, round(brush.width / brush.bristles))
        offsets = np.linspace(-0.42, 0.42, brush.bristles) * brush.width
        shades = brush.streak * rng.standard_normal(brush.bristles)
        heights = 110 + 120 * rng.random(brush.bristles)
        for offset, shade, height in zip(offsets, shades, heights, strict=True):
            points = self.line(path + offset * normal, np.clip(color + shade, 0, 1), hair)
            cv2.polylines(
                self.thickness, [points], False, float(height), hair, cv2.LINE_AA, SUBPIXEL_BITS
            )

    def paint_layer(self, reference, field, brush, rng, pigments=None, loyalty=0.0):
        """Lays one layer of curved strokes where the canvas differs from `reference`.

        Args:
            reference: Float [H, W, 3]; it is blurred here in keeping with the brush.
            field: Directions [H, W, 2].
            brush: Brush.
            rng: Generator.
            pigments: Colours [K, 3] on the palette, or None.
            loyalty: 0 takes colours as seen, 1 only pure pigments.
        """
        reference = blur(reference, 0.4 * brush.width)
        below = self.picture
        starts = _worst_points(np.linalg.norm(reference - below, axis=-1), brush, rng)
        if not len(starts):
            return
        rng.shuffle(starts)
        paths = trace(field, starts, brush.steps, brush.stride * brush.width, brush.bend)
        seen = sample(reference, starts)
        lengths = _stroke_lengths(reference, below, paths, seen)
        paints = jitter(snap(seen, pigments, loyalty), rng, brush.hue, brush.light)
        for path, length, color in zip(paths, lengths, paints, strict=True):
            self.stroke(path[: length + 1], color, brush, rng)
        if brush.opacity < 1:
            self.paint = to_canvas(below + brush.opacity * (self.picture - below))

    def lit(self, strength, degrees=225, gloss=0.0, softness=0.7):
        """The picture with raking light on its paint relief, float [H, W, 3] in [0, 1].

        Args:
            strength: Shading of a slope of one; about 0.5 is a thinly painted canvas, 2 a thick one.
            degrees: Where light comes from (225: upper left).
            gloss: White highlights on slopes facing the light.
            softness: Blur of the relief in pixels.
        """
        return relief(self.picture, self.thickness / np.float32(255), strength, degrees, gloss, softness)


def relief(picture, height, strength, degrees=225, gloss=0.0, softness=0.7):
    """Lights a picture as if `height` (float [H, W] in [0, 1]) were its surface; see `Canvas.lit`."""
    surface = blur(height.astype(np.float32), softness)
    angle = np.deg2rad(degrees)
    slope = cv2.Sobel(surface, cv2.CV_32F, 1, 0) * -np.cos(angle)
    slope += cv2.Sobel(surface, cv2.CV_32F, 0, 1) * -np.sin(angle)
    shade = np.clip(1 - 0.25 * strength * -slope, 0.45, 1.6)[..., None]
    shine = gloss * np.clip(slope - 0.35, 0, 1)[..., None]
    return np.clip(picture * shade + shine, 0, 1).astype(np.float32)


def grain(picture, rng, amount, cell=3.0):
    """Multiplies a picture by paper or plaster grain; `amount` is its standard deviation."""
    return np.clip(picture * (1 + amount * noise(picture.shape[:2], rng, cell, 2)[..., None]), 0, 1)


def weave(shape, period=3.0):
    """Height of a linen canvas, float32 [H, W] in [0, 1]; `period` of the threads in pixels."""
    rows = np.sin(np.arange(shape[0]) * 2 * np.pi / period)[:, None]
    columns = np.sin(np.arange(shape[1]) * 2 * np.pi / period)[None]
    return (0.5 + 0.25 * (rows + columns)).astype(np.float32)


def scattered(shape, spacing, rng):
    """Points of a jittered grid covering the picture, float32 [N, 2] in random order."""
    rows = np.arange(-spacing / 2, shape[0] + spacing, spacing)
    columns = np.arange(-spacing / 2, shape[1] + spacing, spacing)
    points = np.stack(np.meshgrid(columns, rows), -1).reshape(-1, 2)
    points = points + rng.uniform(-0.45, 0.45, points.shape) * spacing
    rng.shuffle(points)
    return points.astype(np.float32)


def nearest_seed(shape, seeds, places=None):
    """Voronoi cells of `seeds` [K, 2].

    Args:
        shape: (height, width).
        seeds: Points.
        places: Where each pixel stands, float [H, W, 2]; None takes its own place.
    Returns:
        For each pixel the index of its nearest seed, int [H, W], and how many pixels farther the second
        nearest is, float32 [H, W].
    """
    if places is None:
        rows, columns = np.mgrid[: shape[0], : shape[1]]
        places = np.stack([columns, rows], -1)
    distances, labels = scipy.spatial.cKDTree(seeds).query(places.reshape(-1, 2), k=2)
    seam = (distances[:, 1] - distances[:, 0]).astype(np.float32)
    return labels[:, 0].reshape(shape), seam.reshape(shape)


def dot(target, place, radius, color):
    """Fills a disc on a uint8 picture; `color` in [0, 255], a number or [3]."""
    center = tuple(round(float(value) * 16) for value in place)
    value = tuple(map(float, color)) if np.ndim(color) else float(color)
    cv2.circle(target, center, round(float(radius) * 16), value, -1, cv2.LINE_AA, SUBPIXEL_BITS)


def taper(target, path, width, value):
    """Fills a spindle along `path` [P, 2] on a uint8 mask, `width` pixels at its thickest."""
    if width < 0.35:
        return
    sides = np.diff(path, axis=0)
    sides = np.concatenate([sides, sides[-1:]])
    normal = np.stack([-sides[:, 1], sides[:, 0]], 1) / (np.linalg.norm(sides, axis=1, keepdims=True) + 1e-6)
    swell = np.sin(np.linspace(0.05, np.pi, len(path)))[:, None] * width / 2
    outline = np.concatenate([path + normal * swell, (path - normal * swell)[::-1]])
    cv2.fillPoly(target, [np.round(outline * 16).astype(np.int32)], value, cv2.LINE_AA, SUBPIXEL_BITS)


def _worst_points(error, brush, rng):
    """The point of greatest error of each grid cell whose mean error passes the threshold, [N, 2]."""
    height, width = error.shape
    cell = max(2, round(brush.spacing * brush.width))
    rows, columns = height // cell, width // cell
    # The grid is shifted at random, so that layers do not share their cell borders.
    top, left = (int(rng.integers(0, side - count * cell + 1)) for side, count in
                 ((height, rows), (width, columns)))
    blocks = error[top : top + rows * cell, left : left + columns * cell]
    blocks = blocks.reshape(rows, cell, columns, cell).transpose(0, 2, 1, 3).reshape(-1, cell * cell)
    place = (blocks + 1e-3 * rng.random(blocks.shape)).argmax(1)
    index = np.arange(rows * columns)
    points = np.stack(
        [left + index % columns * cell + place % cell, top + index // columns * cell + place // cell], -1
    )
    return points[blocks.mean(1) >= brush.threshold].astype(np.float32)


def _stroke_lengths(reference, below, paths, seen, shortest=2):
    """Segments to draw of each path: ends where `seen` fits worse than what lies below, int [N]."""
    wanted = sample(reference, paths)
    worse = np.linalg.norm(wanted - seen[:, None], axis=-1) > np.linalg.norm(
        wanted - sample(below, paths), axis=-1
    )
    worse[:, : shortest + 1] = False
    ends = np.where(worse.any(1), worse.argmax(1), paths.shape[1])
    return np.maximum(ends - 1, 1)
