"""Held-out numbers and sample pictures with fixed inputs, made at a snapshot."""

import numpy as np

from stylegan_tf import images, sheets
from stylegan_tf.metrics import variety

# Rows of a sample grid; a stylisation grid has as many columns, so its cost is the square.
SAMPLE_IMAGES = 5
VARIETY_IMAGES = 16  # rounded up to whole batches
LEAST_COMPARED = 4  # with each other, whatever the batch size
LEGIBLE_SIDE = 56  # pixels


class HeldOut:
    """Fixed batches of images that training never sees.

    Args:
        stream: SampleStream over held-out sources, without augmentation.
        batch_size: Images a batch: as many as the training holds on a device at once.
        count: Images to evaluate on; rounded up to whole batches.
        evaluate: What an engine offers in place of `System.evaluate_batch`, or None.
        varied: SampleStream of the pictures that `variety` compares with, where held-out ones may
            be too few: the training pictures, without augmentation. None: the held-out ones.
    """

    def __init__(self, stream, batch_size, count, evaluate=None, varied=None):
        self._stream, self._varied = stream, varied or stream
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

    def explain(self, system):
        """`System.explain` of the held-out pictures, each batch once."""
        def named():
            for index in range(self._batches):
                yield self.batch(index), self._stream.names(index * self._batch_size, self._batch_size)

        return system.explain(named())

    def variety(self, system):
        """How the outputs for the first images vary, beside real pictures: dict name -> float.

        'variety' and 'contrast' are shares of the real pictures' (1 = alike), 'class_variety' is the
        variety among outputs of one class, where they have classes, and 'clipped' the share of
        values at an end of the range that the real pictures do not have. Empty where the system
        has nothing to compare, or the real pictures are all the same.
        """
        size = max(LEAST_COMPARED, self._batch_size)
        found = []
        for start in range(0, VARIETY_IMAGES, size):
            compared = system.variety_batch(to_floats(self._varied.batch(start, size)))
            if compared is None:
                return {}
            pair, labels = compared[:2], compared[2:]
            outputs, reals = (np.asarray(part, np.float32) for part in pair)
            features = [[np.asarray(layer, np.float32) for layer in system.variety_features(part)] for part in pair]
            if variety.contrast(reals):
                found.append((variety.relative_variety(*features),
                              variety.contrast(outputs) / variety.contrast(reals),
                              max(0.0, variety.clipped_share(outputs) - variety.clipped_share(reals)),
                              *(variety.relative_variety(*features, each) for each in labels)))
        found = [numbers for numbers in found if np.isfinite(numbers[0])]
        columns = zip(('variety', 'contrast', 'clipped', 'class_variety'), zip(*found))
        # A batch without two pictures of one class says nothing about classes.
        finite = {name: [number for number in column if np.isfinite(number)] for name, column in columns}
        return {name: float(np.mean(column)) for name, column in finite.items() if column}

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
