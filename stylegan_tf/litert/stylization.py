"""What surrounds the networks of a style transfer: reducing, padding, fading. NumPy only.

The same functions as the SavedModel's signatures of `systems.stylization_signatures`, for one picture at a time, on
top of the networks that `systems.stylization_litert` converts.
"""

import functools

import numpy as np

SMALLEST_SIDE = 16  # pixels of a reduced copy


class Stylization:
    """The signatures of a stylisation model by name.

    Args:
        run: Function (signature, **arrays) -> dict of arrays, such as `runtime.Runtime.run`.
        facts: What `systems.stylization_litert.litert_functions` told beside the functions.
    Attributes:
        signatures: Dict name -> function of keyword arrays; images float32 [1, H, W, 3] in [0, 1], codes [1, D],
            strength [1].
    """

    def __init__(self, run, facts):
        self._run = run
        self._facts = facts
        self._is_deviation = np.concatenate([[is_deviation] * count for count in facts['channels']
                                             for is_deviation in (False, True)])
        self.signatures = {
            'stylize': self.stylize, 'encode_style': self.encode_style, 'stylize_from_code': self.stylize_from_code,
            'code_from_noise': self.code_from_noise, 'encode_content': self.encode_content,
            'stylize_tile': self.stylize_tile}

    def encode_style(self, style):
        """Style -> 'code'."""
        return self._run('encode_style', style=bounded(style, self._facts['style_side']))

    def stylize(self, content, style, strength):
        """Content, style -> 'stylized'."""
        return self.stylize_from_code(content, self.encode_style(style)['code'], strength)

    def stylize_from_code(self, content, code, strength):
        """Content, code -> 'stylized'."""
        whole = self.encode_content(content)
        return self.stylize_tile(content, code, whole['statistics'], strength)

    def code_from_noise(self, **inputs):
        """Latent, and a label where the model knows classes -> 'code'."""
        return self._run('code_from_noise', **inputs)

    def encode_content(self, content):
        """The numbers that describe a whole picture, for its tiles.

        Content may be uint8 in [0, 255] as well, which spares a large picture its copy in floats.
        """
        side = self._facts['statistics_side']
        if max(content.shape[1:3]) > side:
            small = bounded(content, side)
        else:
            small = padded(_floats(content), self._facts['tile_multiple'])
        return {'statistics': self._run('content_statistics', content=small)['statistics'],
                'tile_margin': np.array([self._facts['tile_margin']], np.float32),
                'tile_multiple': np.array([self._facts['tile_multiple']], np.float32)}

    def stylize_tile(self, content, code, statistics, strength):
        """A picture, or a tile of one, by the numbers of the whole -> 'stylized'."""
        height, width = content.shape[1:3]
        # Deviations are never negative: one that is would divide by nearly nothing.
        statistics = np.where(self._is_deviation, np.maximum(statistics, 0), statistics).astype(np.float32)
        painted = self._run('paint', content=padded(content, self._facts['tile_multiple']), code=code,
                            statistics=statistics)['painted']
        painted = painted[:, :height, :width]
        if strength[0] != 1:
            painted = content + np.float32(strength[0]) * (painted - content)
        return {'stylized': np.clip(painted, 0.0, 1.0)}


def bounded(image, side):
    """A copy of [1, H, W, 3] whose longer side is at most `side`, never enlarged, never below SMALLEST_SIDE pixels.

    Floats stay as they are; uint8 become float32 in [0, 1].
    """
    size = np.array(image.shape[1:3], np.float32)
    scale = np.minimum(np.float32(1), np.float32(side) / size.max())
    height, width = np.maximum(np.rint(size * scale).astype(int), SMALLEST_SIDE)
    if (height, width) == image.shape[1:3]:
        return _floats(image)
    rows = _reduced_rows(image[0], height)
    return np.ascontiguousarray(_reduced_rows(rows.transpose(1, 0, 2), width).transpose(1, 0, 2))[None]


def padded(image, multiple):
    """[1, H, W, 3] edge-reflected at the bottom and right to multiples of `multiple`, two of them at least."""
    height, width = image.shape[1:3]
    bottom, right = (max(-(-size // multiple), 2) * multiple - size for size in (height, width))
    if bottom < height and right < width:
        return np.pad(image, ((0, 0), (0, bottom), (0, right), (0, 0)), 'reflect') if bottom or right else image
    # Reflection needs more pixels than it adds; pictures of a few pixels repeat instead.
    return np.tile(image, (1, 2 * multiple, 2 * multiple, 1))[:, :height + bottom, :width + right]


def _reduced_rows(image, count):
    """[H, W, C] resampled to `count` rows by the triangle filter of `tf.image.resize(..., antialias=True)`."""
    size = image.shape[0]
    flat = image.reshape(size, -1)
    rows = np.empty((count, flat.shape[1]), np.float32)
    for row, (first, weights) in enumerate(_triangles(size, count)):
        np.dot(weights, _floats(flat[first:first + len(weights)]), out=rows[row])
    return rows.reshape(count, *image.shape[1:])


def _floats(pixels):
    return pixels if pixels.dtype != np.uint8 else np.divide(pixels, np.float32(255), dtype=np.float32)


@functools.lru_cache(8)
def _triangles(size, count):
    """[(first row, float32 weights)] that make each of `count` rows of `size` rows."""
    step = size / count
    radius = max(step, 1.0)
    centres = (np.arange(count) + 0.5) * step
    first = np.maximum(0, np.ceil(centres - radius - 0.5)).astype(int)
    last = np.minimum(size - 1, np.floor(centres + radius - 0.5)).astype(int)
    taps = np.arange((last - first).max() + 1)
    weights = np.maximum(0.0, 1.0 - np.abs(first[:, None] + taps + 0.5 - centres[:, None]) / radius)
    weights[taps > (last - first)[:, None]] = 0.0
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return [(start, row[:stop - start + 1]) for start, stop, row in zip(first, last, weights, strict=True)]
