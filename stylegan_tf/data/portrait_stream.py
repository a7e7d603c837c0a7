"""Portraits with the place of their faces, beside pictures of a look."""

import dataclasses

import numpy as np

from stylegan_tf.data import augmentation as augmentations
from stylegan_tf.data.stream import SampleStream


class PortraitStream(SampleStream):
    """A SampleStream of 'content' and 'style' whose samples also hold the content's 'mask'.

    The mask, float32 [height, width, 1] in [0, 1], is 1 in the face and moves along with the picture; it is 0
    everywhere where the source knows of no face.
    """

    @property
    def layout(self) -> dict:
        return {**super().layout, 'mask': ((*self.size, 1), np.float32)}

    def sample(self, position) -> dict:
        sample = super().sample(position)
        draws, augmentation = self._draws('content', position), self._augmentation['content']
        side = augmentations.needed_short_side(self.size, draws, augmentation)
        record = self.sources['content'].read(self.index('content', position), min_short_side=side)
        mask = np.zeros((*self.size, 1), np.float32)
        if record.mask is not None:
            moved = augmentations.apply(np.repeat(record.mask[:, :, None], 3, axis=2), self.size, draws,
                                        _without_colours(augmentation))
            mask = moved[:, :, :1].astype(np.float32) / 255
        return {**sample, 'mask': mask}


def _without_colours(augmentation):
    """The same crop and flip for the same draws, and nothing else."""
    if augmentation is None:
        return None
    kept = {field: getattr(augmentation, field) for field in ('flip', 'crop_scale', 'aspect')}
    return dataclasses.replace(augmentations.Augmentation(), **kept)
