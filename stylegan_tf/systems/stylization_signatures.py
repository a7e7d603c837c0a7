"""Exported functions of a stylisation system: floats in [0, 1], any height and width.

`stylize_tile` gives the same pixels as `stylize_from_code` for a tile that begins at a multiple of
`tile_multiple`, ends at one or at the picture's end, and reaches `tile_margin` further than what
is kept of it: the numbers that describe the whole picture come from `encode_content`.
"""

from __future__ import annotations

from stylegan_tf.systems.picture_sizes import bounded, padded
from stylegan_tf.systems.signature import Signature

STYLE_SIDE = 256  # a style picture's longer side is brought down to this
STATISTICS_SIDE = 256  # beyond this the content is normalised by the statistics of a smaller copy


def stylization_signatures(system) -> dict[str, Signature]:
    """The functions of a system that has `encode_style`, `stylize`, and averaged 'generator' and
    'mapping' networks: `stylize`; its halves `encode_style` and `stylize_from_code`;
    `code_from_noise`; and `encode_content` and `stylize_tile` for pictures in tiles.

    A strength below 1 lets the photograph itself show through, which keeps more of it at the same distance to
    the style than a weaker style code does (docs/arbitrary_style.md); strength 0 returns it unchanged.
    """
    functions = _Functions(system)
    code, latent = system.config.code_size, system.config.latent_size
    noise_inputs = {'latent': latent, **({'label': 'label'} if system.config.num_labels else {})}
    return {
        'stylize': Signature(
            functions.stylize, {'content': 'image', 'style': 'image', 'strength': 'scalar'},
            {'stylized': 'image'}),
        'encode_style': Signature(functions.encode_style, {'style': 'image'}, {'code': code}),
        'stylize_from_code': Signature(
            functions.stylize_from_code, {'content': 'image', 'code': code, 'strength': 'scalar'},
            {'stylized': 'image'}),
        'code_from_noise': Signature(functions.code_from_noise, noise_inputs, {'code': code}),
        'encode_content': functions.encode_content_signature(),
        'stylize_tile': Signature(
            functions.stylize_tile,
            {'content': 'image', 'code': code, 'statistics': functions.statistics_size, 'strength': 'scalar'},
            {'stylized': 'image'}),
    }


def content_reach(levels: int, residual_blocks: int) -> int:
    """Pixels of content that an output pixel of a `StylizationGenerator` depends on, on each side.

    Follows the layers back from a pixel of each phase of the coarsest grid.
    """
    reach = 0
    for pixel in range(2 ** levels):
        first, last = pixel, pixel
        maps = []  # needed of the encoder's maps, full resolution first
        for _ in range(levels):
            first, last = first - 1, last + 1  # refine
            maps.append((first, last))
            first, last = (first - 1) // 2 - 1, (last + 1) // 2 + 1  # up: convolution, doubling
        maps.append((first - 2 * residual_blocks, last + 2 * residual_blocks))
        first, last = maps.pop()
        for needed in reversed(maps):
            first, last = min(2 * first - 1, needed[0]), max(2 * last + 1, needed[1])
        reach = max(reach, pixel - first + 1, last + 1 - pixel)  # the stem sees one more
    return reach


class Painting:
    """What exports of any `StylizationGenerator` compute, whole or in tiles.

    Images are float32 [B, H, W, 3], in [0, 1] where signatures take them and in [-1, 1] inside; codes [B, D].

    Args:
        system: Has the averaged network 'generator'.
    """

    def __init__(self, system):
        import tensorflow as tf

        self.tf = tf
        self.system = system
        self.generator = system.average('generator')
        self.statistics_size = 2 * sum(self.generator.channels)
        self.multiple = 2 ** self.generator.levels
        self.margin = content_reach(self.generator.levels, len(self.generator.residuals))
        maps = [tf.TensorSpec([None, None, None, count], self.generator.compute_dtype)
                for count in self.generator.channels]
        vectors = [tf.TensorSpec([None, size], tf.float32) for size in (system.config.code_size, self.statistics_size)]
        # Traced once, however many signatures call it.
        self._synthesize = tf.function(self.generator.synthesize, input_signature=[maps, *vectors], autograph=False,
                                       jit_compile=False)
        self.is_deviation = [is_deviation for count in self.generator.channels
                             for is_deviation in (False, True) for _ in range(count)]

    def encode_content_signature(self) -> Signature:
        return Signature(self.encode_content, {'content': 'image'}, {
            'statistics': self.statistics_size, 'tile_margin': 'scalar', 'tile_multiple': 'scalar'})

    def encode_content(self, content):
        tf = self.tf
        content = content * 2.0 - 1.0
        statistics = self._statistics(content, lambda: self.generator.encoder(
            padded(tf, content, self.multiple, 2 * self.multiple)[0]))
        batch = tf.shape(content)[:1]
        return {'statistics': statistics,
                'tile_margin': tf.fill(batch, float(self.margin)),
                'tile_multiple': tf.fill(batch, float(self.multiple))}

    def painted(self, content, code, statistics=None):
        """Content in [-1, 1] -> painted; `statistics` [B, S] are those of the whole picture, None of the content."""
        tf = self.tf
        whole, height, width = padded(tf, content, self.multiple, 2 * self.multiple)
        maps = self.generator.encoder(whole)
        if statistics is None:
            statistics = self._statistics(content, lambda: maps)
        else:
            # Deviations are never negative: one that is would divide by nearly nothing.
            statistics = tf.where(tf.constant(self.is_deviation), tf.maximum(statistics, 0.0), statistics)
        return self._synthesize(maps, code, statistics)[:, :height, :width]

    def mixed(self, content, painted, strength):
        """The output of a signature: from the content at strength 0 to what was painted at 1."""
        mixed = content + strength[:, None, None, None] * (painted - content)
        return {'stylized': self.tf.clip_by_value(mixed * 0.5 + 0.5, 0.0, 1.0)}

    def _statistics(self, content, maps_of_whole):
        tf = self.tf
        return tf.cond(
            tf.reduce_max(tf.shape(content)[1:3]) <= STATISTICS_SIDE,
            lambda: self.generator.statistics(maps_of_whole()),
            lambda: self.generator.statistics(self.generator.encoder(
                bounded(tf, content, STATISTICS_SIDE))))


class _Functions(Painting):
    """The signatures' functions: images [B, H, W, 3] in [0, 1], codes [B, D], strength [B]."""

    def encode_style(self, style):
        style = bounded(self.tf, style * 2.0 - 1.0, STYLE_SIDE)
        return {'code': self.system.encode_style(style, average=True)}

    def stylize(self, content, style, strength):
        return self.stylize_from_code(content, self.encode_style(style)['code'], strength)

    def stylize_from_code(self, content, code, strength):
        content = content * 2.0 - 1.0
        return self.mixed(content, self.painted(content, code), strength)

    def code_from_noise(self, latent, label=None):
        return {'code': self.system.average('mapping')(latent, label)}

    def stylize_tile(self, content, code, statistics, strength):
        content = content * 2.0 - 1.0
        return self.mixed(content, self.painted(content, code, statistics), strength)
