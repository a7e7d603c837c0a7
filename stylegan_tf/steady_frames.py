"""Frames painted one after another so that they stay alike where their content does."""

import numpy as np

from stylegan_tf import motion
from stylegan_tf.metrics.flicker import warped_frame_error

STATISTICS_MEMORY = 0.5  # share of the frames before in what describes a frame; more lags behind colours that change
LEAST_BELIEF = 0.2  # mean below which two frames are of different shots


class SteadyFrames:
    """Paints a clip.

    Where the motion of the content can be believed, a frame is mostly the painted frame before it, carried along that
    motion, and a little its own painting, so that texture neither boils nor smears; where something comes into view
    it is its own painting alone. The numbers by which a model describes a whole picture are averaged over the frames
    too, so that colours do not pump. A cut begins anew.

    Args:
        model: A `loaded_models.Model`; its `statistics_filter` is set.
        paint: Callable from a frame, uint8 [H, W, 3], to its painting by that model, at any size.
        steadiness: Share of the frame before where it can be believed, in [0, 1); 0 paints every frame by itself.
    """

    def __init__(self, model, paint, steadiness):
        self._paint, self.steadiness = paint, steadiness
        self._content = self._painted = self._alone = self._statistics = None
        self._errors = np.zeros(3)  # sums of the results' error, of the plain paintings' error, and their count
        model.statistics_filter = self._averaged if steadiness else None

    def next(self, frame):
        """The painting of the next frame: uint8 of the painting's own size."""
        if self._content is None or self._content.shape != frame.shape:
            self._alone = self._paint(frame)
            self._painted = self._alone.astype(np.float32)
        else:
            self._continue(frame)
        self._content = frame
        return np.rint(np.clip(self._painted, 0, 255)).astype(np.uint8)

    def _continue(self, frame):
        flow, returning = motion.backward_flow(self._content, frame), motion.backward_flow(frame, self._content)
        belief = motion.belief(self._content, frame, flow, returning)
        is_cut = belief.mean() < LEAST_BELIEF
        if is_cut:
            self._statistics = None
        before, self._alone = self._alone, self._paint(frame)
        if is_cut:
            self._painted = self._alone.astype(np.float32)
            return
        flow, belief = (_of_size(array, self._alone.shape[:2]) for array in (flow, belief))
        carried = np.clip(motion.carried(self._painted, flow), 0, 255)
        share = (self.steadiness * belief)[..., None]
        self._painted = share * carried + (1 - share) * self._alone
        self._errors += (warped_frame_error(carried, self._painted, belief),
                         warped_frame_error(motion.carried(before, flow), self._alone, belief), 1)

    def _averaged(self, statistics):
        if self._statistics is not None:
            statistics = STATISTICS_MEMORY * self._statistics + (1 - STATISTICS_MEMORY) * statistics
        self._statistics = statistics.astype(np.float32)
        return self._statistics

    @property
    def flicker(self):
        """Mean warped-frame errors, in levels of 255: of the results, and of each frame painted alone."""
        result, alone, count = self._errors.tolist()
        if not count:
            return {}
        return {'warped_frame_error': round(result / count, 3), 'frame_by_frame': round(alone / count, 3)}

    def state(self):
        """Dict of arrays from which `restore` goes on as if nothing had happened."""
        known = {'painted': self._painted, 'alone': self._alone, 'statistics': self._statistics, 'errors': self._errors}
        return {name: array for name, array in known.items() if array is not None}

    def restore(self, state, content):
        """Goes on from `state()`; `content` is the frame that was the last then."""
        self._content, self._painted, self._alone, self._errors = (
            content, state['painted'], state['alone'], state['errors'])
        self._statistics = state.get('statistics')


def _of_size(array, size):
    """A flow or a belief of the content at the size of its painting, which may be larger or smaller."""
    if array.shape[:2] == size:
        return array
    scaled = motion.resized(array, size)
    return scaled * np.float32([size[1] / array.shape[1], size[0] / array.shape[0]]) if array.ndim == 3 else scaled
