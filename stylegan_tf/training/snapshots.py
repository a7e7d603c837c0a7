"""Held-out numbers and sample pictures with fixed inputs, made at a snapshot."""

import numpy as np

from stylegan_tf import images, sheets

# Rows of a sample grid; a stylisation grid has as many columns, so its cost is the square.
SAMPLE_IMAGES = 5
LEGIBLE_SIDE = 56  # pixels


class HeldOut:
    """Fixed batches of images that training never sees.

    Args:
        stream: SampleStream over held-out sources, without augmentation.
        batch_size: Images a batch: as many as the training holds on a device at once.
        count: Images to evaluate on; rounded up to whole batches.
        evaluate: What an engine offers in place of `System.evaluate_batch`, or None.
    """

    def __init__(self, stream, batch_size, count, evaluate=None):
        self._stream = stream
        self._batch_size = batch_size
        self._batches = max(1, -(-count // batch_size))
        self._evaluate = evaluate

    def batch(self, index):
        """Returns batch `index` as float32 images [B, H, W, 3] in [-1, 1] and int32 labels [B]."""
        return to_floats(self._stream.batch(index * self._batch_size, self._batch_size))

    def evaluate(self, system):
        """Averages `system.evaluate_batch` over the held-out batches: dict name -> float."""
        values, evaluate = {}, self._evaluate or system.evaluate_batch
        for index in range(self._batches):
            for name, value in evaluate(self.batch(index)).items():
                values.setdefault(name, []).append(np.ravel(np.asarray(value, np.float64)))
        return {name: float(np.mean(np.concatenate(parts))) for name, parts in values.items()}

    def picture(self, system):
        """Draws `system.sample_grid` of the first held-out images as uint8 [H, W, 3]."""
        return draw(system.sample_grid(to_floats(self._stream.batch(0, SAMPLE_IMAGES))))


def to_floats(batch):
    """Converts the uint8 images [B, H, W, 3] of a batch dict to float32 in [-1, 1]."""
    return {name: images.to_float(value) if np.asarray(value).dtype == np.uint8 else value
            for name, value in batch.items()}


def draw(sample):
    """Lays out what `System.sample_grid` returned.

    Args:
        sample: {'rows': [[float image [H, W, 3] in [-1, 1] or None]]} with, where wanted,
            'row_labels', 'column_labels' and 'caption'.

    Returns:
        uint8 [H, W, 3].
    """
    options = {name: value for name, value in sample.items() if name != 'rows'}
    cells = [[None if cell is None else _legible(images.to_uint8(np.asarray(cell, np.float32)))
              for cell in row] for row in sample['rows']]
    return sheets.grid(cells, **options)


def _legible(picture):
    # Tiny pictures are enlarged by whole pixels, so that labels fit and eyes see something.
    times = -(-LEGIBLE_SIDE // min(picture.shape[:2]))
    return np.repeat(np.repeat(picture, times, axis=0), times, axis=1)
