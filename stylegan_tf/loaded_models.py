"""What a loaded model does for its user: pictures in, pictures out.

`Model` is what all offer; `NetworkModel` runs a SavedModel's signatures, or those of a System in memory. The other
kinds stand in modules of their own (`gatys_models`, `litert_models`, `look_models`, ...); `stylegan_tf.api.load` makes
them all.
"""

import dataclasses
import functools
import math
import operator
import os
import types

import numpy as np

from stylegan_tf import colors, images, tiles

STYLE_LONG_SIDE = 1024  # larger style pictures are reduced; networks look at even smaller copies
BYTES_PER_PIXEL = 600  # peak memory of a network for each pixel it is given at once, measured
BYTES_PER_TILED_PIXEL = 48  # memory for each pixel of a picture worked on in tiles
MEMORY_BUDGET = 1_500_000_000  # bytes; beyond this for a network, pictures are cut into tiles


class ModelError(ValueError):
    """A model that cannot be loaded, or cannot do what was asked; says what it offers."""


@dataclasses.dataclass(frozen=True, eq=False)
class Style:
    """What to paint in the manner of; made by `Model.prepare_style` or `Model.style_from_noise`.

    Attributes:
        pictures: Style pictures, uint8 [H, W, 3], reduced to STYLE_LONG_SIDE.
        weights: One for each; they add up to 1.
        code: The style code [1, D] that blends them, where it does not depend on the content.
    """

    pictures: tuple = ()
    weights: tuple = ()
    code: np.ndarray | None = None


class Model:
    """What can be asked of any loaded model.

    Attributes:
        name: Short name.
        card: Dict of its model card.
        hash: Identifies the weights, or the method and its options.
        offers: Names of what it can do, such as ('stylize', 'encode_style').
        engine: What runs it: 'tensorflow' or 'litert', whose results are the same within one of 255 levels, or
            'litert_int8', whose are not.
        is_exact: Whether the results are those of TensorFlow within one of 255 levels.
        was_interrupted: Whether Ctrl-C ended the last picture early.
        progress: None, or a callable that is told how far a long picture is: a `tiles.Progress` or,
            by 'gatys', a `systems.gatys.Progress`.
        progress_unit: What `progress` counts, in one word.
        statistics_filter: None, or a callable from the numbers that describe a whole picture, float32 [1, S], to those
            to use in their place, such as their mean over the frames of a clip; only models that tell them call it.
        takes_style: Whether it paints in a style; without one it mends, fills, colours or enlarges pictures.
        dials: Further numbers that `stylize` takes by name -> what each does, in one line.
        identity_floor: Largest distance of faces that `stylize` lets pass unless it is told otherwise; 0 for any.
    """

    name: str
    card: dict
    hash: str
    offers: tuple[str, ...]
    engine = 'tensorflow'
    is_exact = True
    was_interrupted = False
    progress = None
    progress_unit = 'tile'
    statistics_filter = None
    takes_style = True
    dials = types.MappingProxyType({})
    identity_floor = 0.0

    def stylize(self, content, style=None, *, strength=1.0, style_weights=None, keep_colors='none',
                mask=None, tile=None, hints=None, palette=None, direction='forward'):
        """Repaints a picture in the style of others; a model that takes no style mends it.

        Args:
            content: Path, encoded file or uint8 array [H, W, 3]. It is worked on at its own size.
            style: The same, or a list of several, or a `Style`. Pictures whose longer side is
                above STYLE_LONG_SIDE are reduced to it. None for a model that takes no style.
            strength: From 0 (the content itself) to 1.
            style_weights: With several styles: one weight each, of which only the ratios matter;
                equal ones if None.
            keep_colors: 'none'; 'luminance': the result's brightness under the content's colours;
                'palette': the styles are recoloured to the content's palette first.
            mask: None, or path or uint8 array of any size, stretched over the content: white is
                stylised, black stays, grey is in between. A model that fills holes needs it: white is filled.
            tile: Longest side in pixels of the pieces that a network is given, which bounds the
                memory (BYTES_PER_PIXEL); the result is that of the whole picture within one of 255
                levels. None: the whole picture while that takes less than MEMORY_BUDGET, else
                the largest tiles that do.
            hints: For a model that colours: picture of any size with transparency, stretched over the content, of
                which only dots in the wanted colours are opaque.
            palette: For a model that colours: picture whose colours it takes up.
            direction: For a model that translates both ways: 'forward' or 'back'.
        Returns:
            uint8 array [H, W, 3] of the content's H and W, larger where the model enlarges; from 'gatys' smaller
            where the content is larger than its option `size`.
        Raises:
            ModelError: If the model cannot do this, or a value is out of range.
            ImageError: If a picture cannot be read.
        """
        check_strength(strength)
        check_keep_colors(keep_colors)
        self.check_tile(tile)
        if hints is not None or palette is not None:
            raise ModelError(f'The model {self.name} takes neither hints nor a palette: leave them away.')
        self.check_direction(direction)
        if not isinstance(style, Style):
            style = self.prepare_style(style, style_weights)
        elif style_weights is not None:
            raise ModelError('A prepared style has its weights already: give style_weights to '
                             'prepare_style.')
        if keep_colors == 'palette' and not style.pictures:
            raise ModelError("keep_colors='palette' recolours style pictures, and this style has "
                             "none. Use 'luminance'.")
        content = images.read(content)
        coverage = None if mask is None else read_mask(mask, content.shape[:2])
        return self._stylize(content, style, float(strength), keep_colors, coverage, tile)

    def check_dials(self, dials):
        """Raises ModelError unless all of the dict's names are dials of this model."""
        unknown = sorted(set(dials) - set(self.dials))
        if unknown:
            known = '; '.join(f'{name}: {what}' for name, what in self.dials.items()) or 'none'
            raise ModelError(f'The model {self.name} has no dial {unknown[0]!r}. It has: {known}.')

    def check_direction(self, direction):
        """Raises ModelError unless `direction`, as of `stylize`, is one that this model knows."""
        if direction != 'forward':
            raise ModelError(f"The model {self.name} knows one direction, 'forward'. Received: {direction!r}.")

    def check_tile(self, tile):
        """Raises ModelError unless `tile`, as of `stylize`, is one that this model can do."""
        check_tile(tile)
        if tile is not None:
            raise ModelError(f'The model {self.name} does not work in tiles: leave `tile` away.')

    def prepare_style(self, style=None, style_weights=None):
        """Reads styles once, for use on many contents; arguments and errors as `stylize`.

        Returns:
            A `Style`.
        """
        self._require('stylize')
        sources = list(style) if isinstance(style, (list, tuple)) else [style]
        if not sources or style is None:
            raise ModelError(f'At least one style picture is needed by the model {self.name}. Received none.')
        weights = check_weights(style_weights, len(sources))
        pictures = [images.fit_within(images.read(source), STYLE_LONG_SIDE) for source in sources]
        return self._prepare(Style(tuple(pictures), tuple(weights)))

    def style_from_noise(self, seed=0, *, label=None):
        """A style out of the model's own imagination, of a class where it knows classes.

        Args:
            seed: Whole number; the same one gives the same style.
            label: A name of `card['label_names']`, or None for any.
        Returns:
            A `Style`.
        Raises:
            ModelError: If the model cannot do this or does not know the class.
        """
        raise ModelError(self._cannot('make styles from noise or classes'))

    def color_table(self, style=None):
        """The look's colours as a table, where the look is one or has one.

        Args:
            style: What `prepare_style` made, of a model that takes a style.
        Returns:
            float32 [S, S, S, 3] in [0, 1], indexed [red, green, blue], of sRGB values, as `looks.write_cube` takes it;
            or None.
        """
        return None

    def score(self, *unused, **unused_too):
        """Scores pictures for anomalies, where the model has it."""
        raise ModelError(self._cannot('score'))

    def correct(self, *unused, **unused_too):
        """Repairs pictures, where the model has it."""
        raise ModelError(self._cannot('correct'))

    def generate(self, *unused, **unused_too):
        """Draws pictures from noise, where the model has it."""
        raise ModelError(self._cannot('generate'))

    def _require(self, signature):
        if signature not in self.offers:
            raise ModelError(self._cannot(signature))

    def _cannot(self, what):
        return (f'The model {self.name} cannot {what}. It offers: '
                f'{", ".join(self.offers) or "nothing that this version knows"}.')


class NetworkModel(Model):
    """A SavedModel's signatures, or those of a System in memory.

    Args:
        functions: Dict signature name -> concrete tf function of keyword tensors.
        card: Dict of the model card.
        name: Short name; the card's if None.
        owner: Whatever owns the functions' variables; kept alive.
    """

    bytes_per_pixel = BYTES_PER_PIXEL

    def __init__(self, functions, card, *, name=None, owner=None):
        self._functions = functions
        self._owner = owner
        self.card = card
        self.name = name or card.get('name') or 'model'
        self.hash = card.get('weights_hash', '')
        self.offers = tuple(functions)

    def run_signature(self, signature, **inputs):
        """Runs one of `offers` on a batch, without the checks and conversions of the other methods.

        Args:
            signature: Its name; serving/README.md describes them.
            **inputs: NumPy arrays by the names of `inputs_of`; encoded files as object arrays of bytes.
        Returns:
            Dict name of an output -> NumPy array.
        Raises:
            ModelError: If the model has no such signature, or it fails on these inputs.
        """
        self._require(signature)
        return self._run(signature, **inputs)

    def inputs_of(self, signature):
        """Names of a signature's inputs."""
        return tuple(self._functions[signature].structured_input_signature[1])

    def style_from_noise(self, seed=0, *, label=None):
        if 'code_from_noise' not in self.offers:
            return super().style_from_noise(seed, label=label)
        known = self.card.get('label_names', [])
        if label is not None and label not in known:
            raise ModelError(f'The model {self.name} does not know the class {label!r}. It knows: '
                             f'{", ".join(known) or "none"}.')
        latent_size, takes_label = self._noise_inputs()
        latent = np.random.default_rng(seed).standard_normal((1, latent_size))
        inputs = {'latent': latent.astype(np.float32)}
        if takes_label:
            inputs['label'] = np.array([-1 if label is None else known.index(label)], np.int32)
        return Style(code=self._run('code_from_noise', **inputs)['code'])

    def _noise_inputs(self):
        specs = self._functions['code_from_noise'].structured_input_signature[1]
        return specs['latent'].shape[1], 'label' in specs

    def _prepare(self, style):
        if {'encode_style', 'stylize_from_code'} <= set(self.offers):
            return dataclasses.replace(style, code=self._blended(style.pictures, style.weights))
        if len(style.pictures) > 1:
            raise ModelError(f'The model {self.name} takes one style picture. '
                             f'Received: {len(style.pictures)}.')
        return style

    def _blended(self, pictures, weights):
        codes = [self._run('encode_style', style=_batch(picture))['code'] for picture in pictures]
        return sum(np.float32(weight) * code for weight, code in zip(weights, codes, strict=True))

    def check_tile(self, tile):
        check_tile(tile)
        if tile is None:
            return
        if not self._has_tiles:
            raise ModelError(f'The model {self.name} was exported without the signatures for tiles: '
                             'leave `tile` away, or export it again.')
        smallest = tiles.smallest_side(**self._tiling)
        if tile < smallest:
            raise ModelError(f'`tile` must be at least {smallest} for the model {self.name}, which '
                             f'looks {self._tiling["margin"]} pixels around each pixel. '
                             f'Received: {tile}.')

    @property
    def _has_tiles(self):
        return {'encode_style', 'stylize_from_code', 'encode_content', 'stylize_tile'} <= set(self.offers)

    @functools.cached_property
    def _tiling(self):
        """What `tiles.plan` must know of the network."""
        told = self._run('encode_content', content=np.zeros((1, 16, 16, 3), np.float32))
        return {name: int(told[f'tile_{name}'][0]) for name in ('margin', 'multiple')}

    def _stylize(self, content, style, strength, keep_colors, coverage, tile):
        size, pictures, code = content.shape[:2], style.pictures, style.code
        if keep_colors == 'palette':
            palette = images.fit_within(content, STYLE_LONG_SIDE)
            pictures = [colors.prepare_style(picture, palette, keep_colors) for picture in pictures]
            code = None if code is None else self._blended(pictures, style.weights)
        inputs = {'style': _batch(pictures[0])} if code is None else {'code': code}
        inputs['strength'] = np.array([strength], np.float32)
        if tile is None and self._has_tiles:
            tile = self._automatic_tile(size)
        is_whole = tile is None or tile >= max(size)
        if is_whole and (self.statistics_filter is None or not self._has_tiles):
            check_memory(size, size[0] * size[1] * self.bytes_per_pixel)
            painted = self._run('stylize' if code is None else 'stylize_from_code',
                                content=_batch(content), **inputs)
            return _finished(painted, content, keep_colors, coverage)
        return self._in_tiles(content, inputs, keep_colors, coverage, max(size) if is_whole else tile)

    def _automatic_tile(self, size):
        budget = min(MEMORY_BUDGET, _memory_bytes() // 4)
        if size[0] * size[1] * self.bytes_per_pixel <= budget:
            return None
        return tiles.automatic_side(size, budget // self.bytes_per_pixel, **self._tiling)

    def _in_tiles(self, content, inputs, keep_colors, coverage, side):
        size = content.shape[:2]
        check_memory(size, math.prod(min(side, length) for length in size) * self.bytes_per_pixel
                     + math.prod(size) * BYTES_PER_TILED_PIXEL)
        plan = tiles.plan(size, side, **self._tiling) if side < max(size) else [tiles.whole(size)]
        self._tell(tiles.Progress(0, len(plan)))
        inputs = {**inputs, 'statistics': self._statistics('encode_content', content)}
        result = np.empty_like(content)
        for done, tile in enumerate(plan, 1):
            painted = self._run('stylize_tile', content=_batch(content[tile.source]), **inputs)
            painted['stylized'] = painted['stylized'][:, *tile.kept]
            result[tile.target] = _finished(painted, content[tile.target], keep_colors,
                                            None if coverage is None else coverage[tile.target])
            self._tell(tiles.Progress(done, len(plan)))
        return result

    def _statistics(self, signature, content):
        statistics = self._run(signature, content=self._content_batch(content))['statistics']
        return statistics if self.statistics_filter is None else self.statistics_filter(statistics)

    def _content_batch(self, content):
        """A whole picture as the signatures for statistics take it."""
        return _batch(content)

    def _tell(self, progress):
        if self.progress is not None:
            self.progress(progress)

    def _run(self, signature, **inputs):
        import tensorflow as tf

        try:
            outputs = self._functions[signature](
                **{name: tf.constant(value) for name, value in inputs.items()})
        except tf.errors.ResourceExhaustedError:
            sizes = ', '.join(f'{name} {value.shape}' for name, value in inputs.items())
            raise ModelError(f'Not enough memory for {sizes}. Make the picture smaller.') from None
        except tf.errors.OpError as error:
            raise ModelError(f'The model {self.name} failed: {error.message}') from error
        return {name: value.numpy() for name, value in outputs.items()}


def masked(content, stylized, coverage):
    """`stylized` where `coverage` (float32 [H, W] in [0, 1] or None) is 1, `content` where 0."""
    if coverage is None:
        return stylized
    share = coverage[:, :, None]
    return np.rint(content * (1 - share) + stylized * share).astype(np.uint8)


def read_mask(mask, size):
    """Share of stylisation for each pixel, float32 [H, W] in [0, 1], from a grey picture.

    Args:
        mask: Path, encoded file or uint8 array; colours count by their luminance.
        size: (H, W) that it is stretched to.
    """
    grey = images.read(mask).astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.clip(images.resize(grey, size) / 255, 0, 1)


def check_weights(weights, count):
    """Style weights as floats that add up to 1; equal ones for None.

    Raises:
        ModelError: If there is not one for each style, or one is negative, or all are 0.
    """
    if weights is None:
        return [1 / count] * count
    weights = [float(weight) for weight in weights]
    if len(weights) != count:
        raise ModelError(f'Expected one weight for each style, {count} in all. Received: '
                         f'{len(weights)}.')
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights) or not sum(weights):
        raise ModelError('Style weights must be 0 or more, and one above 0. Received: '
                         f'{", ".join(f"{weight:g}" for weight in weights)}.')
    return [weight / sum(weights) for weight in weights]


def check_strength(strength):
    """Raises ModelError unless the strength lies in [0, 1]."""
    if not 0 <= strength <= 1:
        raise ModelError(f'The strength must lie between 0 and 1. Received: {strength}.')


def check_tile(tile):
    """Raises ModelError unless it is None or a whole number above 0."""
    try:
        is_right = tile is None or operator.index(tile) > 0
    except TypeError:
        is_right = False
    if not is_right:
        raise ModelError(f'`tile` must be a number of pixels, or None. Received: {tile!r}.')


def check_keep_colors(keep_colors):
    """Raises ModelError unless it is one of `colors.KEEP_COLORS`."""
    if keep_colors not in colors.KEEP_COLORS:
        raise ModelError(f'keep_colors must be one of {", ".join(colors.KEEP_COLORS)}. '
                         f'Received: {keep_colors!r}.')


def check_memory(size, needed):
    """Raises ModelError if a content of `size` (H, W) needs more bytes than this machine has."""
    present = _memory_bytes()
    if needed > present:
        raise ModelError(f'A content of {size[1]}x{size[0]} pixels needs about {needed / 1e9:.0f} '
                         f'GB of memory; this machine has {present / 1e9:.0f}. Make it smaller.')


@functools.cache
def _memory_bytes():
    return os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')


def _batch(picture):
    return np.divide(picture[None], np.float32(255), dtype=np.float32)


def _finished(painted, content, keep_colors, coverage):
    """A signature's `stylized` as pixels, with the colours and the mask applied."""
    pixels = images.to_uint8(painted['stylized'][0] * 2 - 1)
    return masked(content, colors.finish(pixels, content, keep_colors), coverage)
