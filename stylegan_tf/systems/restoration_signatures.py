"""Exported functions of a restoration: floats in [0, 1], any height and width, no style.

`stylize` of a tile gives the same pixels as of the whole picture, if the tile begins at a multiple of `tile_multiple`
and reaches `tile_margin` further than what is kept of it, as `tiling` tells.
"""

from __future__ import annotations

from stylegan_tf.systems.restoration_tasks import PALETTE_SIZE, palette_code
from stylegan_tf.systems.signature import Signature

PALETTE_SIDE = 256  # a palette is read from a copy of at most this side


def restoration_signatures(system) -> dict[str, Signature]:
    """The functions of a `Restoration`: `stylize` and `tiling`; of 'colorize' also `encode_palette` and
    `stylize_with_hints`.

    A strength below 1 mixes the result with the content, or with its smooth enlargement where the result is larger.
    """
    functions = _Functions(system)
    task, picture = system.task, {'content': 'image'}
    is_colored = 'hints' in task.extra
    extra = {} if is_colored else task.extra
    signatures = {
        'stylize': Signature(functions.stylize, {**picture, **extra, 'strength': 'scalar'}, {'stylized': 'image'}),
        'tiling': Signature(functions.tiling, picture,
                            dict.fromkeys(('tile_margin', 'tile_multiple', 'scale'), 'scalar'))}
    if is_colored:
        signatures['encode_palette'] = Signature(
            functions.encode_palette, {'palette': 'image'}, {'palette_code': PALETTE_SIZE})
        signatures['stylize_with_hints'] = Signature(
            functions.stylize, {**picture, **task.extra, 'strength': 'scalar'}, {'stylized': 'image'})
    return signatures


class _Functions:
    def __init__(self, system):
        import tensorflow as tf

        self.tf, self.system, self.task = tf, system, system.task
        self.network = system.average('generator')
        self.smallest = 8 * self.network.multiple  # below this, maps are too small to be mirrored at their borders

    def stylize(self, content, strength, mask=None, hints=None, palette_code=None):
        tf, task = self.tf, self.task
        batch, height, width = tf.shape(content)[0], tf.shape(content)[1], tf.shape(content)[2]
        given = {'image': content * 2.0 - 1.0}
        if mask is not None:
            given['mask'] = tf.round(_fitted(tf, mask, height, width))
        if 'hints' in task.extra:
            hints = tf.zeros((batch, height, width, 4)) if hints is None else hints
            given['hints'] = _fitted(tf, hints, height, width) * 2.0 - 1.0
        padded = {name: self._padded(value) for name, value in given.items()}
        if 'palette_code' in task.extra:
            padded['palette_code'] = tf.zeros((batch, PALETTE_SIZE)) if palette_code is None else palette_code
        larger = slice(None), slice(0, height * task.factor), slice(0, width * task.factor)
        restored = self.system.restore(padded, average=True)[larger]
        start = given['image'] if task.factor == 1 else task.start(padded)[larger]
        mixed = start + strength[:, None, None, None] * (restored - start)
        return {'stylized': tf.clip_by_value(mixed * 0.5 + 0.5, 0.0, 1.0)}

    def tiling(self, content):
        tf = self.tf
        numbers = {'tile_margin': self.network.reach, 'tile_multiple': self.network.multiple, 'scale': self.task.factor}
        return {name: tf.fill(tf.shape(content)[:1], float(number)) for name, number in numbers.items()}

    def encode_palette(self, palette):
        tf = self.tf
        size = tf.cast(tf.shape(palette)[1:3], tf.float32)
        wanted = tf.round(size * tf.minimum(1.0, PALETTE_SIDE / tf.reduce_max(size)))
        small = tf.image.resize(palette, tf.maximum(tf.cast(wanted, tf.int32), 1), antialias=True)
        return {'palette_code': palette_code(tf.ensure_shape(small, (None, None, None, 3)) * 2.0 - 1.0)}

    def _padded(self, value):
        """Pictures of a few pixels with their last row and column repeated."""
        tf = self.tf

        def enlarged():
            x = value
            for axis in (1, 2):
                missing = tf.maximum(self.smallest - tf.shape(x)[axis], 0)
                last = tf.gather(x, [tf.shape(x)[axis] - 1], axis=axis)
                x = tf.concat([x, tf.repeat(last, missing, axis=axis)], axis=axis)
            return x

        is_small = tf.reduce_min(tf.shape(value)[1:3]) < self.smallest
        return tf.ensure_shape(tf.cond(is_small, enlarged, lambda: value), (None, None, None, value.shape[-1]))


def _fitted(tf, value, height, width):
    """Stretched over the content; the nearest pixel, so that dots and borders stay what they are."""
    resized = tf.image.resize(value, tf.stack([height, width]), method='nearest')
    return tf.ensure_shape(resized, (None, None, None, value.shape[-1]))
