"""What a lens, a sensor, a codec or an upsampling layer does to a whole picture."""

import cv2
import numpy as np


def blur(image, amount, rng):
    """Gaussian blur; amount is sigma in pixels."""
    return cv2.GaussianBlur(image, (0, 0), amount, borderType=cv2.BORDER_REFLECT_101), _everywhere(image)


def motion_blur(image, amount, rng):
    """Mean along a straight path in a random direction; amount is its length in pixels."""
    size = 2 * int(np.ceil(amount / 2)) + 3
    angle = rng.uniform(0, np.pi)
    reach = amount / 2 * np.array([np.cos(angle), np.sin(angle)])
    kernel = np.zeros((size, size), np.float32)
    for step in np.linspace(-1, 1, 8 * size):
        # Bilinear weights, so that every length and angle differs from its neighbours.
        x, y = size // 2 + step * reach
        left, top = int(np.floor(x)), int(np.floor(y))
        kernel[top:top + 2, left:left + 2] += np.outer([top + 1 - y, y - top], [left + 1 - x, x - left])
    kernel /= kernel.sum()
    return cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT_101), _everywhere(image)


def noise(image, amount, rng):
    """Gaussian noise, grey or coloured; amount is its standard deviation on the scale [0, 1]."""
    channels = int(rng.choice([1, 3]))
    return image + rng.normal(0, amount, (*image.shape[:2], channels)).astype(np.float32), _everywhere(image)


def jpeg(image, amount, rng):
    """JPEG compression; amount is the quality, 1 to 100."""
    pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    _, encoded = cv2.imencode('.jpg', pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, round(amount)])
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1]
    return decoded.astype(np.float32) / 255, _everywhere(image)


def checkerboard(image, amount, rng):
    """The regular pattern of a transposed convolution; amount is its amplitude on the scale [0, 1]."""
    period = int(rng.choice([2, 4]))
    rows, columns = np.indices(image.shape[:2]) // (period // 2)
    sign = ((rows + columns + rng.integers(2)) % 2 * 2 - 1).astype(np.float32)
    tint = np.ones(3) if rng.random() < 0.5 else rng.uniform(-1, 1, 3)
    tint = (tint / np.abs(tint).max()).astype(np.float32)
    return image + amount * sign[..., None] * tint, _everywhere(image)


def _everywhere(image):
    return np.ones(image.shape[:2], np.float32)
