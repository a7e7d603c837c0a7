"""Motion between the frames of a clip: dense flow, pictures carried along it, and where it can be believed.

NumPy and OpenCV only. Frames are uint8 [H, W, 3] RGB; a flow is float32 [H, W, 2] in pixels (x, y).
"""

import cv2
import numpy as np

FLOW_SIDE = 512  # motion is looked for in a copy of at most this side
COLOR_TOLERANCE = 12.0  # of 255: a difference of carried and present content by which belief falls to 0.6
RETURN_TOLERANCE = 0.01  # likewise, of the way there and back, as a share of the longer side


def backward_flow(previous, current):
    """For each pixel of `current`, how far away it lay in `previous`: (x, y) there = (x, y) here + flow.

    Args:
        previous: uint8 [H, W, 3].
        current: Same shape.
    Returns:
        float32 [H, W, 2].
    Source: Kroeger et al. 2016 (dense inverse search), as OpenCV has it.
    """
    height, width = current.shape[:2]
    scale = min(1.0, FLOW_SIDE / max(height, width))
    size = max(16, round(width * scale)), max(16, round(height * scale))
    greys = [cv2.cvtColor(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
             for frame in (current, previous)]
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*greys, None)
    flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR)
    return flow * np.float32([width / size[0], height / size[1]])


def carried(picture, flow):
    """What stood at the places that a flow names: uint8 or float32 [H, W, ...] of `picture`'s kind.

    Bicubic, so that what is carried along many frames stays sharp; beyond the border the border is repeated.
    """
    return cv2.remap(picture, *_places(flow), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def belief(previous, current, flow, returning):
    """How far a flow can be believed, from 0 (uncovered, cut, or wrong) to 1.

    Args:
        previous: uint8 [H, W, 3].
        current: Same shape.
        flow: `backward_flow(previous, current)`.
        returning: `backward_flow(current, previous)`.
    Returns:
        float32 [H, W].
    Source: the checks of Ruder et al. 2016, section 4.1, made gradual.
    """
    height, width = current.shape[:2]
    x, y = _places(flow)
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    difference = np.abs(carried(previous, flow).astype(np.float32) - current).mean(axis=2)
    difference = cv2.GaussianBlur(difference, (0, 0), 1.0)
    round_trip = np.linalg.norm(flow + cv2.remap(returning, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
                                axis=2) / (RETURN_TOLERANCE * max(height, width))
    return np.exp(-0.5 * (difference / COLOR_TOLERANCE) ** 2 - 0.5 * round_trip ** 2).astype(np.float32) * inside


def resized(array, size):
    """A float array [h, w] or [h, w, n] at another (H, W), bilinear."""
    return cv2.resize(array, tuple(size)[::-1], interpolation=cv2.INTER_LINEAR)


def _places(flow):
    height, width = flow.shape[:2]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return columns + flow[..., 0], rows + flow[..., 1]
