"""Where a picture is damaged, laid over the picture in colours. NumPy only."""

import numpy as np

MILD, SEVERE = np.array([255, 214, 0], np.float32), np.array([214, 0, 30], np.float32)  # yellow to red
MOST_COVERED = 0.8  # of the picture, where the damage is certain
COLOR_KEPT = 0.5  # of the picture's own colours, so that those of the map stand out


def overlay(pixels, damage):
    """A picture with its damaged places from yellow to red.

    Args:
        pixels: uint8 [H, W, 3].
        damage: Probability of damage, float [H, W] in [0, 1].
    Returns:
        uint8 [H, W, 3]; where nothing is damaged the picture with half of its colour.
    Raises:
        ValueError: If the sizes differ.
    """
    damage = np.asarray(damage, np.float32)
    if damage.shape != pixels.shape[:2]:
        raise ValueError(f'Expected a map of the picture\'s size {list(pixels.shape[:2])}. '
                         f'Received: {list(damage.shape)}.')
    damage = np.clip(damage, 0.0, 1.0)[:, :, None]
    grey = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    faded = COLOR_KEPT * pixels + (1.0 - COLOR_KEPT) * grey[:, :, None]
    color = MILD + damage * (SEVERE - MILD)
    cover = MOST_COVERED * damage
    return np.rint(faded + cover * (color - faded)).astype(np.uint8)
