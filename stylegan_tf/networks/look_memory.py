"""What is known of one look besides a generator's weights: its style codes and its table of colours."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from stylegan_tf.layers.color_table import apply_table


@keras.saving.register_keras_serializable('stylegan_tf')
class LookMemory(keras.Model):
    """The mean and the main directions of a look's style codes, and the look's colours as a table.

    Nothing here is trained by gradients: `remember` fills it. Before, every code is 0 and the table changes nothing.

    Args:
        code_size: Length of a style code.
        directions: Main directions kept, in which the codes of the look's pictures differ.
        table_size: Entries of the table along each axis.
    """

    def __init__(self, code_size: int, directions: int = 16, table_size: int = 33, **kwargs):
        super().__init__(**{**kwargs, 'dtype': 'float32', 'trainable': False})
        self.code_size, self.num_directions, self.table_size = code_size, directions, table_size
        options = {'trainable': False, 'dtype': 'float32'}
        self.mean = self.add_weight(name='mean', shape=(code_size,), initializer='zeros', **options)
        self.directions = self.add_weight(
            name='directions', shape=(directions, code_size), initializer='zeros', **options)
        self.table = self.add_weight(
            name='table', shape=(table_size,) * 3 + (3,), **options,
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(identity_table(shape[0])))
        self.built = True

    def remember(self, codes=None, table=None) -> None:
        """Takes up a look.

        Args:
            codes: Codes of the look's pictures, float [N, code_size], N at least 1; None leaves them as they are.
            table: Float [table_size] * 3 + [3] in [0, 1], indexed by red, green, blue; None leaves it as it is.
        """
        if codes is not None:
            codes = np.asarray(codes, np.float64)
            mean = codes.mean(axis=0)
            _, sizes, axes = np.linalg.svd(codes - mean, full_matrices=False)
            scaled = axes * (sizes / np.sqrt(max(1, len(codes) - 1)))[:, None]  # a deviation along each axis
            directions = np.zeros((self.num_directions, self.code_size))
            directions[:min(len(scaled), self.num_directions)] = scaled[:self.num_directions]
            self.mean.assign(mean.astype(np.float32))
            self.directions.assign(directions.astype(np.float32))
        if table is not None:
            self.table.assign(np.asarray(table, np.float32))

    def call(self, latent):
        """Normal noise [B, directions] -> codes [B, code_size] spread like the look's own; 0 is the mean."""
        return self.mean + ops.matmul(ops.cast(latent, 'float32'), self.directions)

    def graded(self, image):
        """Images [B, H, W, 3] in [-1, 1] -> the same in the look's colours, float32."""
        return 2.0 * apply_table(0.5 * ops.cast(image, 'float32') + 0.5, self.table) - 1.0

    def get_config(self):
        return {**super().get_config(), 'code_size': self.code_size, 'directions': self.num_directions,
                'table_size': self.table_size}


def identity_table(size: int) -> np.ndarray:
    """The table that changes nothing, float32 [size, size, size, 3], indexed by red, green, blue in [0, 1]."""
    axis = np.linspace(0, 1, size, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis, axis, indexing='ij'), axis=-1)
