"""Colour and brightness that went wrong."""

import cv2
import numpy as np

from stylegan_tf.data.damage.regions import blob

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601


def color_cast(image, amount, rng):
    """All hues turned about the grey axis, one way or the other; amount is the angle in degrees."""
    angle = np.deg2rad(amount) * rng.choice([-1, 1])
    axis = np.ones(3) / np.sqrt(3)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    # Rodrigues' formula
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
    return image @ turn.T.astype(np.float32), np.ones(image.shape[:2], np.float32)


def color_inversion(image, amount, rng):
    """The negative of a part of the picture, of light alone or of colours too; amount is the share of the area."""
    mask = blob(image.shape[:2], amount, rng)
    luminance = (image @ LUMA)[..., None]
    negative = 1 - image if rng.random() < 0.5 else image + (1 - 2 * luminance)
    soft = _soft(mask)[..., None]
    return image + soft * (negative - image), mask


def contrast(image, amount, rng):
    """Contrast lowered about the mean; amount is the factor that is left, in (0, 1)."""
    mean = image.mean(axis=(0, 1), keepdims=True)
    return mean + amount * (image - mean), np.ones(image.shape[:2], np.float32)


def clipping(image, amount, rng):
    """Light or shade burnt out; amount is the share of the channel values that reach the end of the scale."""
    if rng.random() < 0.5:
        top = np.quantile(image, 1 - amount)
        changed = image / max(top, 1e-3)
    else:
        bottom = np.quantile(image, amount)
        changed = (image - bottom) / max(1 - bottom, 1e-3)
    burnt = (np.clip(changed, 0, 1) != changed).any(axis=-1)
    mask = cv2.dilate(burnt.astype(np.float32), np.ones((3, 3), np.uint8))
    return changed, mask


def _soft(mask):
    return cv2.GaussianBlur(mask, (0, 0), 1.5)
