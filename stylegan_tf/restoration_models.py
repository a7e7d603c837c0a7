"""Loaded models that take no style: pictures mended, filled, coloured or enlarged, at any size."""

import functools
import math

import numpy as np

from stylegan_tf import colors, images, tiles
from stylegan_tf.loaded_models import (
    BYTES_PER_TILED_PIXEL,
    STYLE_LONG_SIDE,
    ModelError,
    NetworkModel,
    Style,
    check_keep_colors,
    check_memory,
    check_strength,
    masked,
    read_mask,
)


class RestorationModel(NetworkModel):
    """The signatures that `systems.restoration_signatures` describes, or any `stylize` without a style."""

    takes_style = False
    bytes_per_pixel = 1_600  # of the content; the widest maps of the presets, and four times as many pixels

    def prepare_style(self, style=None, style_weights=None):
        """The empty Style; raises ModelError if there is a style."""
        is_empty = style is None or (isinstance(style, Style) and style.code is None and not style.pictures) or (
            isinstance(style, (list, tuple)) and not style)
        if not is_empty or style_weights is not None:
            raise ModelError(f'The model {self.name} takes no style: leave it away.')
        return Style()

    def stylize(self, content, style=None, *, strength=1.0, style_weights=None, keep_colors='none', mask=None,
                tile=None, hints=None, palette=None, direction='forward'):
        self._check(style, style_weights, strength, keep_colors, tile, mask, hints, palette, direction)
        return self._changed(images.read(content), self._signature_of(direction),
                             {'strength': np.array([strength], np.float32)}, keep_colors, mask, tile, hints, palette)

    def _check(self, style, style_weights, strength, keep_colors, tile, mask, hints, palette, direction):
        check_strength(strength)
        check_keep_colors(keep_colors)
        self.check_tile(tile)
        self.prepare_style(style, style_weights)
        self._check_pictures(keep_colors, mask, hints, palette)
        self.check_direction(direction)

    def _changed(self, content, signature, whole, keep_colors, mask, tile, hints=None, palette=None):
        """What a signature makes of a picture uint8 [H, W, 3]; `whole` are its inputs that no tile has of its own."""
        size, whole, maps = content.shape[:2], dict(whole), {}
        if self._fills:
            maps['mask'] = np.rint(read_mask(mask, size))[None, :, :, None].astype(np.float32)
        if hints is not None or palette is not None:
            signature = 'stylize_with_hints'
            maps['hints'] = read_hints(hints, size)[None]
            whole['palette_code'] = self._palette_code(palette)
        pixels = self._in_tiles_of(tile, signature, content, whole, maps)
        reference = images.resize(content, pixels.shape[:2])
        pixels = colors.finish(pixels, reference, keep_colors)
        return masked(reference, pixels, None if self._fills or mask is None else read_mask(mask, pixels.shape[:2]))

    def _signature_of(self, direction):
        return 'stylize'

    @property
    def _fills(self):
        return 'mask' in self.inputs_of('stylize')

    def _check_pictures(self, keep_colors, mask, hints, palette):
        if keep_colors == 'palette':
            raise ModelError(f"keep_colors='palette' recolours a style, and the model {self.name} takes none. Use "
                             "'luminance'.")
        if self._fills and mask is None:
            raise ModelError(f'The model {self.name} fills what a mask marks: give `mask`, a grey picture that is '
                             'white where it is to fill and black where the content stays.')
        if (hints is not None or palette is not None) and 'stylize_with_hints' not in self.offers:
            raise ModelError(f'The model {self.name} takes neither hints nor a palette: leave them away.')

    def _palette_code(self, palette):
        size = self._functions['stylize_with_hints'].structured_input_signature[1]['palette_code'].shape[1]
        if palette is None:
            return np.zeros((1, size), np.float32)
        picture = images.fit_within(images.read(palette), STYLE_LONG_SIDE)
        return self._run('encode_palette', palette=_batch(picture))['palette_code']

    @property
    def _has_tiles(self):
        return 'tiling' in self.offers

    @functools.cached_property
    def _geometry(self):
        if not self._has_tiles:  # of another origin
            return {'tile_margin': 0, 'tile_multiple': 1, 'scale': 1}
        told = self._run('tiling', content=np.zeros((1, 16, 16, 3), np.float32))
        return {name: int(value[0]) for name, value in told.items()}

    @functools.cached_property
    def _tiling(self):
        return {name: self._geometry[f'tile_{name}'] for name in ('margin', 'multiple')}

    def _in_tiles_of(self, side, signature, content, whole, maps):
        """The result, uint8; `maps` are cut along with the content, `whole` belongs to every tile."""
        size, scale = content.shape[:2], self._geometry['scale']
        if side is None and self._has_tiles:
            side = self._automatic_tile(size)
        side = max(size) if side is None else side
        check_memory(size, math.prod(min(side, length) for length in size) * self.bytes_per_pixel
                     + math.prod(size) * scale ** 2 * BYTES_PER_TILED_PIXEL)
        plan = tiles.plan(size, side, **self._tiling) if side < max(size) else [tiles.whole(size)]
        result = np.empty((size[0] * scale, size[1] * scale, 3), np.uint8)
        if len(plan) > 1:
            self._tell(tiles.Progress(0, len(plan)))
        if len(plan) > 1 or self.statistics_filter is not None:
            signature, whole = self._of_tiles(signature, content, whole)
        for done, tile in enumerate(plan, 1):
            cut = {name: value[:, *tile.source] for name, value in maps.items()}
            made = self._run(signature, content=_batch(content[tile.source]), **cut, **whole)['stylized'][0]
            result[_scaled(tile.target, scale)] = images.to_uint8(made[_scaled(tile.kept, scale)] * 2 - 1)
            if len(plan) > 1:
                self._tell(tiles.Progress(done, len(plan)))
        return result

    def _of_tiles(self, signature, content, whole):
        """The signature that takes tiles in place of `signature`, and what it is told of the whole picture."""
        return signature, whole


def is_restoration(functions):
    """Whether signatures, dict name -> concrete tf function, are of a model that changes pictures without a style."""
    return 'stylize' in functions and 'style' not in functions['stylize'].structured_input_signature[1]


def read_hints(hints, size):
    """Dots of colour, float32 [H, W, 4] in [0, 1]: the colour and 1 where there is a dot, else 0.

    Args:
        hints: Path, encoded file or uint8 array [h, w, 4]: a picture that is transparent but for the dots; None is one
            without dots.
        size: (H, W) that it is stretched to.
    Raises:
        ModelError: If it has no transparency: then every pixel would be a hint.
        ImageError: If it cannot be read.
    """
    if hints is None:
        return np.zeros((*size, 4), np.float32)
    picture = images.open_picture(hints)
    if picture.alpha is None or picture.alpha.min() == 255:
        raise ModelError(f'{picture.name}: hints must be a picture with transparency, such as a PNG of which only the '
                         'dots of colour are opaque.')
    alpha = (picture.alpha >= 128)[..., None].astype(np.float32)
    overlay = np.concatenate([picture.pixels / np.float32(255) * alpha, alpha], axis=-1)
    # The nearest pixel by half-pixel centres, as exported graphs stretch them: OpenCV's nearest is another one.
    rows, columns = (((np.arange(wanted) + 0.5) * have / wanted).astype(int)
                     for wanted, have in zip(size, overlay.shape[:2]))
    return np.ascontiguousarray(overlay[rows][:, columns])


def _scaled(slices, scale):
    return tuple(slice(part.start * scale, part.stop * scale) for part in slices)


def _batch(picture):
    return np.divide(picture[None], np.float32(255), dtype=np.float32)
