"""Pairs of degraded and clean crops, made on the fly: a sample is a pure function of (seed, position)."""

import numpy as np

from stylegan_tf.data import degradations, order
from stylegan_tf.data.stream import SampleStream


class RestorationStream(SampleStream):
    """An endless sequence of crops and what became of them.

    Keys of a sample, besides 'label' (the class of the picture):

        clean: uint8 [H, W, 3], an augmented crop.
        image: uint8 [H, W, 3], the same degraded; smaller by `factor` where the task is 'super_resolution'.
        mask: float32 [H, W, 1], 1 where pixels are missing; of 'inpaint' only.
        hints: uint8 [H, W, 4], dots of the clean colours and their alpha; of 'colorize' only.
        has_palette: float32 [], 1 where the clean picture's palette may be known; of 'colorize' only.
    """

    def __init__(self, sources, size, task, *, factor=2, augmentation=None, seed=0, min_severity=0.0,
                 hint_share=0.6, palette_share=0.4):
        """Plans the stream; decodes nothing yet.

        Args:
            sources: dict with the one Source under 'image'.
            size: (height, width) of the clean pictures, pixels.
            task: Name of `degradations.TASKS`.
            factor: Enlargement of 'super_resolution'.
            augmentation: Of the clean pictures, as of `SampleStream`; None takes the centred crop.
            seed: int.
            min_severity: Severities are drawn from [min_severity, 1].
            hint_share, palette_share: Shares of the samples of 'colorize' with hints, and with a palette.
        """
        super().__init__({'image': sources['image']}, size, {'image': augmentation}, seed)
        self.task, self.factor, self.min_severity = task, factor, min_severity
        self.hint_share, self.palette_share = hint_share, palette_share

    @property
    def layout(self) -> dict:
        height, width = self.size
        small = (height // self.factor, width // self.factor) if self.task == 'super_resolution' else self.size
        layout = {'image': ((*small, 3), np.uint8), 'clean': ((*self.size, 3), np.uint8), 'label': ((), np.int32)}
        if self.task == 'inpaint':
            layout['mask'] = (*self.size, 1), np.float32
        if self.task == 'colorize':
            layout.update(hints=((*self.size, 4), np.uint8), has_palette=((), np.float32))
        return layout

    def sample(self, position) -> dict:
        cropped = super().sample(position)
        clean = cropped['image']
        rng = order.generator_from(self.seed, 'degradation', self._moved(position))
        severity = self.min_severity + rng.random() * (1 - self.min_severity)
        seed = [int(part) for part in rng.integers(1 << 31, size=2)]
        degraded = degradations.degrade(clean, self.task, severity, seed=seed, factor=self.factor)
        sample = {'image': degraded.image, 'clean': clean, 'label': cropped['label']}
        if self.task == 'inpaint':
            sample['mask'] = degraded.mask[..., None]
        if self.task == 'colorize':
            has_hints, has_palette = rng.random(2) < (self.hint_share, self.palette_share)
            # As many powers of two each: one dot must work as well as twenty.
            count = round(2 ** rng.uniform(0, np.log2(degradations.MOST_HINTS))) if has_hints else 0
            sample.update(hints=degradations.scatter_hints(clean, count, rng), has_palette=np.float32(has_palette))
        return sample
