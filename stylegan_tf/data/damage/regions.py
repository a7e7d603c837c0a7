"""A part of the picture that is missing, broken, without structure, or was never painted."""

import cv2
import numpy as np


def blob(size, share, rng):
    """A random mask of one to three connected regions.

    Args:
        size: (height, width).
        share: Wanted share of the area, in (0, 1]; met within the resolution of one pixel.
        rng: numpy.random.Generator.
    Returns:
        float32 [H, W] of 0 and 1.
    """
    height, width = size
    rows, columns = np.indices(size, np.float32)
    distance = np.full(size, np.inf, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        row, column = rng.uniform(0.1, 0.9) * height, rng.uniform(0.1, 0.9) * width
        stretch = rng.uniform(0.6, 1.6)
        distance = np.minimum(distance, np.hypot((rows - row) * stretch, (columns - column) / stretch))
    rough = cv2.resize(rng.normal(0, 1, (height // 24 + 3, width // 24 + 3)).astype(np.float32), (width, height),
                       interpolation=cv2.INTER_CUBIC)
    distance += 0.06 * min(size) * rough
    # The nearest pixels, as many as asked for.
    count = max(round(share * distance.size), 1)
    border = np.partition(distance.ravel(), count - 1)[count - 1]
    return (distance <= border).astype(np.float32)


def missing_region(image, amount, rng):
    """Rectangles filled with one colour; amount is the share of the area."""
    mask = boxes(image.shape[:2], amount, rng)
    fill = [np.zeros(3), np.ones(3), np.full(3, 0.5), image.mean(axis=(0, 1))][int(rng.integers(4))]
    return np.where(mask[..., None] > 0, fill.astype(np.float32), image), mask


def boxes(size, share, rng):
    """One or two rectangles that cover about `share` of the area: float32 [H, W] of 0 and 1."""
    height, width = size
    mask = np.zeros(size, np.float32)
    count = int(rng.integers(1, 3))
    for _ in range(count):
        aspect = rng.uniform(0.6, 1.6)
        tall = int(np.clip(np.sqrt(share / count * aspect) * height, 1, height))
        wide = int(np.clip(np.sqrt(share / count / aspect) * width, 1, width))
        top, left = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
        mask[top:top + tall, left:left + wide] = 1
    return mask


def patch_corruption(image, amount, rng):
    """Blocks of other blocks, of coloured noise, or of rows pushed aside; amount is the share of the area."""
    height, width = image.shape[:2]
    block = int(rng.choice([8, 16, 32]))
    down, across = -(-height // block), -(-width // block)
    chosen = rng.permutation(down * across)[:max(round(amount * down * across), 1)]
    changed, mask = image.copy(), np.zeros((height, width), np.float32)
    kind = int(rng.integers(3))
    for index in chosen:
        top, left = index // across * block, index % across * block
        part = changed[top:top + block, left:left + block]
        mask[top:top + block, left:left + block] = 1
        if kind == 0:
            row, column = int(rng.integers(height - part.shape[0] + 1)), int(rng.integers(width - part.shape[1] + 1))
            part[:] = image[row:row + part.shape[0], column:column + part.shape[1]]
        elif kind == 1:
            coarse = rng.uniform(0, 1, (block // 4, block // 4, 3)).astype(np.float32)
            part[:] = np.kron(coarse, np.ones((4, 4, 1), np.float32))[:part.shape[0], :part.shape[1]]
        else:
            part[:] = np.roll(part, int(rng.integers(block // 4, block * 3 // 4 + 1)), axis=int(rng.integers(2)))
    return changed, mask


def content_loss(image, amount, rng):
    """A region keeps the style and loses what it showed, amount is its share of the area: strokes from elsewhere."""
    mask = blob(image.shape[:2], amount, rng)
    return _composed(image, _shuffled(image, rng), mask, sigma=3.0), mask


def _shuffled(image, rng, patch=24):
    """A picture of `image`'s patches in random order, faded into each other."""
    height, width = image.shape[:2]
    patch = min(patch, height, width)
    ramp = np.hanning(patch + 2)[1:-1]
    window = np.outer(ramp, ramp).astype(np.float32)[..., None]
    total, weight = np.zeros_like(image), np.full((height, width, 1), 1e-6, np.float32)
    for top in range(-(patch // 2), height, patch // 2):
        for left in range(-(patch // 2), width, patch // 2):
            row, column = int(rng.integers(height - patch + 1)), int(rng.integers(width - patch + 1))
            rows, columns = slice(max(top, 0), min(top + patch, height)), slice(max(left, 0), min(left + patch, width))
            inner = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
            total[rows, columns] += (window * image[row:row + patch, column:column + patch])[inner]
            weight[rows, columns] += window[inner]
    return total / weight


def unstyled_region(image, amount, rng, content):
    """A region shows the photograph; amount is the share of the area."""
    mask = blob(image.shape[:2], amount, rng)
    return _composed(image, content, mask, sigma=2.0), mask


def _composed(image, other, mask, sigma):
    soft = cv2.GaussianBlur(mask, (0, 0), sigma)[..., None]
    return image + soft * (other - image)
