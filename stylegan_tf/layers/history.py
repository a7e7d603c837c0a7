"""Earlier pictures of a generator, shown to its discriminator again so that it does not forget them."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable('stylegan_tf')
class PictureHistory(keras.layers.Layer):
    """Keeps pictures and hands out, half of the time, an earlier one in place of a new one.

    Filled by the first pictures it is given, which pass unchanged. Everything it keeps is a variable, of 8 bits, and
    what it draws depends on the state of its random generator alone: a run that resumes shows the same pictures.

    Args:
        size: How many pictures it keeps.

    call(pictures): float32 [B, H, W, C] in [-1, 1], B and the size of the pictures always the same, B at most `size`
        -> what to show, same shape. Assigns `pictures` and `count`.

    Attributes:
        pictures: Variable, uint8 [size, H, W, C].
        count: Variable, int32: pictures kept so far.
    Source: Shrivastava et al. 2017, section 2.3; Zhu et al. 2017 (CycleGAN), section 4.
    """

    def __init__(self, size: int = 50, **kwargs):
        kwargs.setdefault('dtype', 'float32')
        super().__init__(**kwargs)
        self.size = size
        self.seed_generator = keras.random.SeedGenerator(0, name='history')

    def build(self, input_shape):
        if input_shape[0] is not None and input_shape[0] > self.size:
            raise ValueError(f'A history of {self.size} pictures cannot take {input_shape[0]} at once. Keep more, or '
                             'use smaller batches.')
        options = {'trainable': False, 'initializer': 'zeros', 'aggregation': 'only_first_replica'}
        self.pictures = self.add_weight(shape=(self.size, *input_shape[1:]), dtype='uint8', name='pictures', **options)
        self.count = self.add_weight(shape=(), dtype='int32', name='count', **options)

    def state(self) -> dict:
        """Variables that a checkpoint must hold, by name."""
        return {f'{self.name}_pictures': self.pictures, f'{self.name}_count': self.count}

    def call(self, pictures):
        count = pictures.shape[0]
        is_earlier = keras.random.uniform((count,), seed=self.seed_generator) < 0.5
        order = ops.argsort(keras.random.uniform((self.size,), seed=self.seed_generator))
        shown, kept, total = exchange(pictures, self.pictures.value, self.count.value, is_earlier, order[:count])
        self.pictures.assign(kept)
        self.count.assign(total)
        return shown

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), 'size': self.size}


def exchange(pictures, kept, count, is_earlier, places):
    """One turn of a history.

    Args:
        pictures: New pictures, float32 [B, H, W, C] in [-1, 1].
        kept: Earlier ones, uint8 [N, H, W, C], of which the first `count` are pictures.
        count: int32 [], how many are kept.
        is_earlier: Boolean [B]: which new pictures change places with an earlier one, once N are kept.
        places: int32 [B], all different: with which.
    Returns:
        (what to show [B, H, W, C], `kept` after it, `count` after it).
    """
    batch, size = pictures.shape[0], kept.shape[0]
    is_full = count >= size
    filling = ops.cast(count, 'int32') + ops.arange(batch, dtype='int32')
    is_written = ops.where(is_full, is_earlier, filling < size)
    places = ops.where(is_full, ops.cast(places, 'int32'), ops.minimum(filling, size - 1))
    earlier = ops.cast(ops.take(kept, places, axis=0), 'float32') / 127.5 - 1.0
    is_shown = ops.logical_and(is_full, is_earlier)[:, None, None, None]
    shown = ops.where(is_shown, earlier, ops.cast(pictures, 'float32'))
    # A gather instead of a scatter, whose order of writing would be open.
    writers = ops.logical_and(ops.arange(size, dtype='int32')[:, None] == places[None, :], is_written[None, :])
    writer = ops.argmax(ops.cast(writers, 'int32'), axis=1)
    levels = ops.cast(ops.clip(ops.round((pictures + 1.0) * 127.5), 0.0, 255.0), 'uint8')
    after = ops.where(ops.any(writers, axis=1)[:, None, None, None], ops.take(levels, writer, axis=0), kept)
    return shown, after, ops.minimum(ops.cast(count, 'int32') + batch, size)
