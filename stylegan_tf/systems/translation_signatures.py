"""Exported functions of a translation: floats in [0, 1], any height and width, no style.

    stylize, stylize_back                 A -> B, and B -> A where that was trained too
    encode_content, encode_content_back   numbers that describe a whole picture, for its tiles
    stylize_tile, stylize_tile_back       a tile of it
    tiling                                in place of those four, where tiles need no such numbers (U-Net)

A tile gives the same pixels as the whole picture, if it begins at a multiple of `tile_multiple`, ends at one or at the
picture's end, and reaches `tile_margin` further than what is kept of it.
"""

from __future__ import annotations

from stylegan_tf.systems.picture_sizes import bounded, padded
from stylegan_tf.systems.signature import Signature

STATISTICS_SIDE = 256  # beyond this a picture is normalised by the statistics of a smaller copy


def translation_signatures(system) -> dict[str, Signature]:
    """The functions of a `CycleGAN`.

    A strength below 1 mixes the result with the content; strength 0 returns it unchanged.
    """
    signatures = {}
    for direction in ('', '_back') if system.is_cycle else ('',):
        signatures.update(_Functions(system, direction).signatures())
    return signatures


class _Functions:
    """The signatures of one direction: images [B, H, W, 3] in [0, 1], strength [B]."""

    def __init__(self, system, direction):
        import tensorflow as tf

        self.tf, self.system, self.direction = tf, system, direction
        self.network = system.average(f'generator{direction}')
        self.has_statistics = hasattr(self.network, 'statistics')
        # Maps must be large enough to be mirrored at their borders.
        self.smallest = (2 if self.has_statistics else 8) * self.network.multiple

    def signatures(self):
        picture, painted = {'content': 'image'}, {'stylized': 'image'}
        geometry = dict.fromkeys(('tile_margin', 'tile_multiple'), 'scalar')
        found = {'stylize': Signature(self.stylize, {**picture, 'strength': 'scalar'}, painted)}
        if self.has_statistics:
            size = self.network.statistics_size
            found['encode_content'] = Signature(self.encode_content, picture, {'statistics': size, **geometry})
            found['stylize_tile'] = Signature(
                self.stylize_tile, {**picture, 'statistics': size, 'strength': 'scalar'}, painted)
        named = {name + self.direction: signature for name, signature in found.items()}
        if not self.has_statistics and not self.direction:
            named['tiling'] = Signature(self.tiling, picture, {**geometry, 'scale': 'scalar'})
        return named

    def stylize(self, content, strength):
        if not self.has_statistics:
            return {'stylized': self._translated(content, strength, None)}
        # Of a small picture the network measures itself while it paints, which halves the work.
        return {'stylized': self.tf.cond(
            self.tf.reduce_max(self.tf.shape(content)[1:3]) <= STATISTICS_SIDE,
            lambda: self._translated(content, strength, None),
            lambda: self._translated(content, strength, self._statistics(content)))}

    def stylize_tile(self, content, statistics, strength):
        return {'stylized': self._translated(content, strength, statistics)}

    def encode_content(self, content):
        return {'statistics': self._statistics(content), **self._geometry(content)}

    def tiling(self, content):
        return {**self._geometry(content), 'scale': self.tf.ones(self.tf.shape(content)[:1])}

    def _geometry(self, content):
        tf = self.tf
        numbers = {'tile_margin': self.network.reach, 'tile_multiple': self.network.multiple}
        return {name: tf.fill(tf.shape(content)[:1], float(number)) for name, number in numbers.items()}

    def _statistics(self, content):
        copy = bounded(self.tf, content * 2.0 - 1.0, STATISTICS_SIDE)
        return self.network.statistics(self._padded(copy)[0])

    def _padded(self, image):
        return padded(self.tf, image, self.network.multiple, self.smallest)

    def _translated(self, content, strength, statistics):
        image = content * 2.0 - 1.0
        whole, height, width = self._padded(image)
        painted = self.system.translate(whole, self.direction, statistics=statistics)[:, :height, :width]
        mixed = image + strength[:, None, None, None] * (painted - image)
        return self.tf.clip_by_value(mixed * 0.5 + 0.5, 0.0, 1.0)
