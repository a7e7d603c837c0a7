"""How unsteady a clip is: what changes between two frames besides what moves."""

import numpy as np


def warped_frame_error(carried, present, belief):
    """Mean absolute difference of a frame and the one before it, carried along the motion of the content.

    Args:
        carried: The frame before, moved onto the present one (`motion.carried`), uint8 [H, W, 3].
        present: uint8 [H, W, 3].
        belief: How much each pixel counts, float [H, W] at least 0: 0 where the motion is not known.
    Returns:
        float in levels of 255; nan where nothing counts.
    Raises:
        ValueError: The shapes differ.
    Source: Lai et al. 2018, "Learning Blind Video Temporal Consistency", section 4, with absolute differences.
    """
    carried, present, belief = (np.asarray(array, np.float64) for array in (carried, present, belief))
    if carried.shape != present.shape or carried.shape[:2] != belief.shape:
        raise ValueError('Two frames and their belief must be of one size. '
                         f'Received: {carried.shape}, {present.shape}, {belief.shape}.')
    if not belief.sum():
        return float('nan')
    return float((np.abs(carried - present).mean(axis=2) * belief).sum() / belief.sum())
