"""Samples of damaged pictures made on the fly, with what they should have been.

A sample is a pure function of (seed, position), as in `SampleStream`: which picture, which crop, which defects.
"""

import dataclasses

import cv2
import numpy as np

from stylegan_tf import images
from stylegan_tf.data import defects, order
from stylegan_tf.data.stream import SampleStream


@dataclasses.dataclass(frozen=True)
class Planting:
    """How samples are damaged.

    Attributes:
        names: Defects to choose from; one that is listed twice is drawn about twice as often.
        clean_share: Share of samples left clean.
        double_share: Share of the damaged samples that get two defects.
        min_severity: Severities are drawn from [min_severity, 1].
        content_share, style_share: Shares of the samples that keep their reference, where they have one.
        zoom: Pictures are reduced to at least this share of their size before a crop is taken.
        shuffle_share: Share of the samples with a style whose colour channels are exchanged, in both alike.
    """

    names: tuple[str, ...] = tuple(defects.DEFECTS)
    clean_share: float = 0.35
    double_share: float = 0.2
    min_severity: float = 0.12
    content_share: float = 0.8
    style_share: float = 0.8
    zoom: float = 0.7
    shuffle_share: float = 0.2


class DefectStream(SampleStream):
    """An endless sequence of clean and damaged crops with masks, references and labels.

    Keys of a sample, besides 'label' (the class of the picture):

        image: uint8 [H, W, 3], clean or damaged.
        clean: uint8 [H, W, 3], the same before the damage.
        content, style: uint8 [H, W, 3]; grey where unknown.
        mask: float32 [H, W, 1], 1 where damaged.
        severity: float32 [K], of each defect of `defects.DEFECTS` in their order; 0 = absent.
        has_content, has_style: float32 [], 1 where the reference is there.
    """

    def __init__(self, sources, size, planting=Planting(), seed=0, is_augmented=True):
        """Plans the stream; decodes nothing yet.

        Args:
            sources: dict with the one Source under 'image'; its records may carry references.
            size: (height, width) of all pictures, pixels.
            planting: Planting.
            seed: int.
            is_augmented: Whether crops are random; else they are the middle, and never flipped or recoloured.
        """
        super().__init__({'image': sources['image']}, size, seed=seed)
        self.planting, self.is_augmented = planting, is_augmented

    @property
    def layout(self) -> dict:
        picture, scalar = ((*self.size, 3), np.uint8), ((), np.float32)
        return {'image': picture, 'clean': picture, 'content': picture, 'style': picture,
                'mask': ((*self.size, 1), np.float32), 'severity': ((len(defects.DEFECTS),), np.float32),
                'has_content': scalar, 'has_style': scalar, 'label': ((), np.int32)}

    def sample(self, position) -> dict:
        record = self.sources['image'].read(self.index('image', position), min_short_side=2 * max(self.size))
        rng = order.generator_from(self.seed, 'defects', self._moved(position))
        keeps = rng.random(2) < (self.planting.content_share, self.planting.style_share)
        pictures = {'image': record.image}
        for role, kept in zip(('content', 'style'), keeps):
            if kept and role in record.references:
                pictures[role] = record.references[role]
        pictures = self._cropped(pictures, rng)
        seed = [int(part) for part in rng.integers(1 << 31, size=2)]
        clean = defects.recapture(pictures['image'], seed=[*seed, 0])
        damaged, mask, severity = self._damaged(clean, pictures.get('content'), seed, rng)
        grey = np.full((*self.size, 3), 128, np.uint8)
        return {'image': damaged, 'clean': clean, 'content': pictures.get('content', grey),
                'style': pictures.get('style', grey), 'mask': mask[..., None], 'severity': severity,
                'has_content': np.float32('content' in pictures), 'has_style': np.float32('style' in pictures),
                'label': np.int32(record.label)}

    def _cropped(self, pictures, rng):
        """Picture and content by one crop, the style by one of its own; all flipped and recoloured alike."""
        draws = rng.random(8)
        height, width = pictures['image'].shape[:2]
        if 'content' in pictures:
            pictures['content'] = images.cover_crop(pictures['content'], (height, width))
        if not self.is_augmented:
            return {role: images.cover_crop(picture, self.size) for role, picture in pictures.items()}
        smallest = max(self.size[0] / height, self.size[1] / width)
        scale = max(smallest, min(1.0, self.planting.zoom + draws[0] * (1 - self.planting.zoom)))
        shape = max(self.size[0], round(height * scale)), max(self.size[1], round(width * scale))
        cropped = {role: _window(picture, shape, self.size, draws[1:3])
                   for role, picture in pictures.items() if role != 'style'}
        if 'style' in pictures:
            tall, wide = pictures['style'].shape[:2]
            scale = max(self.size[0] / tall, self.size[1] / wide) * (1 + draws[3])
            shape = round(tall * scale), round(wide * scale)
            cropped['style'] = _window(pictures['style'], shape, self.size, draws[4:6])
        if draws[6] < 0.5:
            cropped = {role: picture[:, ::-1] for role, picture in cropped.items()}
        # Without its style nobody could say which colours are right.
        if draws[7] < self.planting.shuffle_share and 'style' in cropped:
            channels = rng.permutation(3)
            cropped.update({role: cropped[role][..., channels] for role in ('image', 'style')})
        return {role: np.ascontiguousarray(picture) for role, picture in cropped.items()}

    def _damaged(self, clean, content, seed, rng):
        planting, all_names = self.planting, list(defects.DEFECTS)
        severity = np.zeros(len(all_names), np.float32)
        mask = np.zeros(clean.shape[:2], np.float32)
        draws = rng.random(4)
        if draws[0] < planting.clean_share:
            return clean, mask, severity
        usable = [name for name in planting.names if content is not None or not defects.DEFECTS[name].needs_content]
        count = 2 if draws[1] < planting.double_share else 1
        damaged = clean
        for turn, name in enumerate(list(dict.fromkeys(rng.permutation(usable)))[:count]):
            strength = planting.min_severity + draws[2 + turn] * (1 - planting.min_severity)
            damaged, where = defects.plant(damaged, name, strength, seed=[*seed, 1 + turn], content=content)
            mask = np.maximum(mask, where)
            severity[all_names.index(name)] = strength
        return damaged, mask, severity


def _window(picture, shape, size, place):
    """A crop of `size` from the picture resized to `shape`, at a relative place in [0, 1)^2."""
    if picture.shape[:2] != shape:
        smaller = shape[0] < picture.shape[0]
        picture = cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    top, left = (int(part * (have - wanted + 1)) for part, have, wanted in zip(place, shape, size))
    return picture[top:top + size[0], left:left + size[1]]
