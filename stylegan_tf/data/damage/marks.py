"""What lies on top of a picture: scratches, cracks, letters."""

import string

import cv2
import numpy as np


def scratches(image, amount, rng):
    """Straight scratches and branching cracks, light or dark; amount is their number."""
    height, width = image.shape[:2]
    canvas = np.zeros((height, width), np.uint8)
    draw = _crack if rng.random() < 0.5 else _scratch
    for _ in range(max(round(amount), 1)):
        draw(canvas, rng)
    coverage = canvas.astype(np.float32)[..., None] / 255 * np.float32(rng.uniform(0.7, 1))
    tone = np.float32(rng.choice([rng.uniform(0, 0.15), rng.uniform(0.85, 1)]))
    return image + coverage * (tone - image), (canvas > 16).astype(np.float32)


def _scratch(canvas, rng):
    height, width = canvas.shape
    start = rng.uniform(0, 1, 2) * (width, height)
    angle = rng.uniform(0, 2 * np.pi)
    end = start + rng.uniform(0.2, 0.8) * min(height, width) * np.array([np.cos(angle), np.sin(angle)])
    bend = (start + end) / 2 + rng.normal(0, 0.03 * min(height, width), 2)
    _stroke(canvas, np.array([start, bend, end]), int(rng.integers(1, 3)))


def _crack(canvas, rng):
    height, width = canvas.shape
    branches = [(rng.uniform(0, 1, 2) * (width, height), rng.uniform(0, 2 * np.pi), int(rng.integers(8, 20)))]
    while branches:
        place, angle, steps = branches.pop()
        path = [place]
        for _ in range(steps):
            angle += rng.normal(0, 0.5)
            place = place + rng.uniform(0.015, 0.04) * min(height, width) * np.array([np.cos(angle), np.sin(angle)])
            path.append(place)
            if rng.random() < 0.12 and steps > 6:
                branches.append((place, angle + rng.choice([-1, 1]) * rng.uniform(0.5, 1.2), steps // 2))
        _stroke(canvas, np.array(path), 1)


def _stroke(canvas, points, thickness):
    # Fixed-point coordinates: 4 fractional bits.
    cv2.polylines(canvas, [np.rint(points * 16).astype(np.int32)], False, 255, thickness, cv2.LINE_AA, 4)


def watermark(image, amount, rng):
    """Words over the picture, once or repeated; amount is their opacity."""
    height, width = image.shape[:2]
    canvas = np.zeros((height, width), np.uint8)
    word = ''.join(rng.choice(list(string.ascii_letters + string.digits), int(rng.integers(4, 10))))
    font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX]))
    is_repeated = rng.random() < 0.5
    wanted = rng.uniform(0.25, 0.4) if is_repeated else rng.uniform(0.4, 0.9)
    (wide, tall), _ = cv2.getTextSize(word, font, 1.0, 1)
    scale = wanted * width / wide
    thickness = max(round(scale * rng.uniform(1, 3)), 1)
    tall = int(tall * scale) + 1
    if is_repeated:
        places = [(column, row) for row in range(tall, height + tall, 3 * tall)
                  for column in range(-int(rng.integers(1, width // 4)), width, int(wanted * width * 1.3) + 1)]
    else:
        left = int(rng.integers(max(int(width * (1 - wanted)), 1)))
        places = [(left, int(rng.integers(tall, max(height, tall + 1))))]
    for place in places:
        cv2.putText(canvas, word, place, font, scale, 255, thickness, cv2.LINE_AA)
    if is_repeated:
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(-35, 35)), 1.3)
        canvas = cv2.warpAffine(canvas, turn, (width, height))
    color = np.full(3, rng.choice([0, 1])) if rng.random() < 0.7 else rng.uniform(0, 1, 3)
    coverage = canvas.astype(np.float32)[..., None] / 255 * np.float32(amount)
    return image + coverage * (color.astype(np.float32) - image), (canvas > 16).astype(np.float32)
