"""A painter without learning: style pictures from photographs of our dependencies and drawn motifs.

Each style is a hand (`paintbox.oils`, `prints`, `washes`, `pieces`) with a palette and a motif of its own.
Nothing here is a copy of a work or of a living artist's manner; the pictures stand in for paintings
where no collection is at hand, offline and free of rights. The stroke model is Hertzmann's (SIGGRAPH
1998, see `paintbox.brushes`); the other hands are described where they are defined.

Equal names, sizes and seeds give equal pictures on one machine; other OpenCV versions may differ by an
anti-aliased pixel here and there.
"""

import dataclasses
import zlib
from collections.abc import Callable, Mapping

import numpy as np

from stylegan_tf.data.paintbox import brushes, oils, pieces, prints, subjects, washes
from stylegan_tf.data.paintbox.brushes import Brush, colors
from stylegan_tf.data.paintbox.subjects import photograph

SIZE = 384  # short side in pixels that the hands are tuned for
WIDE, TALL, SQUARE = (384, 480), (480, 384), (384, 384)


@dataclasses.dataclass(frozen=True)
class Style:
    """One way of painting.

    Attributes:
        title: Name for captions.
        hand: Function (motif, rng, **settings) -> picture.
        settings: Palette and technique.
        motif: Function (shape, rng) -> float32 [H, W, 3] in [0, 1].
        origin: Where the motif comes from, for SOURCES.tsv: a packaged file or 'composition'.
        shape: (height, width) in pixels.
    """

    title: str
    hand: Callable
    settings: Mapping[str, object]
    motif: Callable
    origin: str
    shape: tuple[int, int] = WIDE


def _color(code):
    return colors(code)[0]


def _photo(title, hand, path, box=None, shape=WIDE, **settings):
    return Style(title, hand, settings, photograph(path, box), path, shape)


def _scene(title, hand, motif, shape=WIDE, **settings):
    return Style(title, hand, settings, motif, 'composition', shape)


STYLES: dict[str, Style] = {
    'impressionist_meadow': _scene(
        'Poppies, broken colour', oils.oil, subjects.poppy_meadow,
        ground=_color('c9b48a'), loyalty=0.5, strength=0.8, gloss=0.12, tooth=0.15, degrees=-20,
        pigments=colors(
            'f7f1df', 'f2d64b', 'e9a13b', 'd8331f', 'e78f98', '7d9c3c', '3f6b2f', '6ea5da',
            '3a5fa8', '8a6fb0', 'c8b06a'),
        layers=(
            Brush(13, threshold=0, steps=4),
            Brush(7, steps=4, hue=0.05, light=0.05),
            Brush(4, steps=3, hue=0.06, light=0.06, threshold=0.06),
        ),
    ),
    'swirling_night': _scene(
        'Village at night, ropes of paint', oils.swirl, subjects.night_village,
        pigments=colors(
            '0b1540', '14286b', '1f4aa0', '3c78c8', '7fb0d8', 'c8d8a0', 'f4d64a', 'fff3b0',
            '0a1a14', '1c3a2a', 'e9a030', 'e8f0f0'),
    ),
    'pointillist_harbour': _scene(
        'Harbour, dots of pure colour', oils.points, subjects.harbour,
        ground=_color('efe6cf'),
        pigments=colors(
            'fbf4dc', 'f7d56a', 'f09a3e', 'd8472f', 'b04a7a', '6a5fb0', '2f5fb4', '3f9ac0',
            '3f9a6a', '9ac05a', '2a2a60', 'f2b8a0'),
    ),
    'palette_knife_flower': _photo(
        'Flower, palette knife', oils.knife, 'sklearn/datasets/images/flower.jpg',
        ground=_color('3a4a2a'),
        pigments=colors(
            'f8eed4', 'f7c52e', 'e8731e', 'c8281e', '8a1a3a', '1f3a2a', '4a7a3a', 'a8b86a',
            '1f3f6a'),
    ),
    'fauvist_temple': _photo(
        'Temple, wild colour', oils.oil, 'sklearn/datasets/images/china.jpg',
        ground=_color('f2e2c0'), loyalty=0.9,
        stops=colors(
            '1a1f7a', '7a1f8a', 'd8243a', '1f8a5a', '2a9ad0', 'f58a4a', 'f8d84a', 'f5a0a8'),
        strength=0.25, gloss=0, smoothing=12,
        pigments=colors(
            'f8e25a', 'f58a2a', 'e0302a', 'e85a9a', '7a2a8a', '1f3aa0', '1f9ac8', '1f8a4a',
            '9ad04a', 'f8b8a0'),
        layers=(
            Brush(26, threshold=0, steps=4, streak=0.03),
            Brush(13, steps=5, streak=0.03, hue=0.09, threshold=0.14),
            Brush(7, steps=5, streak=0.03, threshold=0.2, bristles=2),
        ),
    ),
    'old_master_still_life': _scene(
        'Fruit by candlelight, varnished', oils.varnished, subjects.still_life,
        ground=_color('3a2416'), loyalty=0.25, strength=0.35, gloss=0.05, smoothing=10, tooth=0.2,
        pigments=colors(
            'f0d8a0', 'c89a4a', '9a5a22', '6a2a16', '7a1a14', '3a2a1a', '1a120c', '4a4a2a',
            '3a4a5a'),
        layers=(
            Brush(14, threshold=0, steps=5, streak=0.02),
            Brush(7, steps=5, streak=0.02, threshold=0.05),
            Brush(3, steps=6, streak=0.02, threshold=0.04, bristles=2),
        ),
    ),
    'woodcut_cat': _photo(
        'Cat, woodcut', prints.block_print, 'skimage/data/chelsea.png',
        inks=colors('14110f'), paper=_color('efe4cc'), tones=(0.4,),
    ),
    'linocut_rocket': _photo(
        'Launch, linocut in three inks', prints.block_print, 'skimage/data/rocket.jpg',
        inks=colors('e8b84a', 'c8472a', '1f3d3a'), paper=_color('f4ecd8'), tones=(0.2, 0.42, 0.7),
    ),
    'engraved_portrait': _photo(
        'Portrait, engraving', prints.hatching, 'skimage/data/astronaut.png',
        box=(0.14, 0, 0.7, 0.7), shape=TALL,
        ink=_color('23303a'), paper=_color('f3ead2'),
    ),
    'woodblock_wave': _scene(
        'Wave, colour woodblock', prints.woodblock, subjects.great_wave,
        pigments=colors('1d3a63', '2f5f8f', '86aec2', 'f4eedc', 'e9dcb8', '5f7f99'),
        outline=_color('16233f'), paper=_color('f1e7cd'), shading=_color('1d3a63'),
    ),
    'screen_print_cup': _photo(
        'Coffee, screen print', prints.screen, 'skimage/data/coffee.png',
        inks=colors('d8224a', 'f7b21e', '22a5c8'), paper=_color('fbf3dc'), key=_color('17131f'),
    ),
    'watercolour_lake': _scene(
        'Mountain lake, watercolour', washes.watercolour, subjects.mountain_lake,
        paper=_color('faf6ec'),
        pigments=colors(
            'f6e6cf', 'd9b87a', '9fc0dd', '5f8ab8', '2f5a8a', '4a7a5a', '2a4a3a', 'b08a7a',
            '7a6a9a'),
    ),
    'ink_wash_mountains': _scene(
        'Mist, ink on rice paper', washes.ink_wash, subjects.mountain_lake, shape=TALL,
        ink=_color('16161a'), paper=_color('ece3cf'), seal=_color('b8281e'),
    ),
    'pastel_still_life': _scene(
        'Fruit, pastel on dark paper', washes.pastel, subjects.still_life, shape=SQUARE,
        ground=_color('3b3f4c'),
        pigments=colors(
            'fbeecb', 'f2b84a', 'ea6a3a', 'd82a3a', 'e89ab0', '8ab04a', '3a8a7a', '4a6ac0',
            '9a7ac0', 'b08a5a', '6a4a3a'),
    ),
    'charcoal_portrait': _photo(
        'Photographer, charcoal and chalk', washes.charcoal, 'skimage/data/camera.png',
        box=(0.1, 0.05, 0.75, 0.7), shape=SQUARE,
        paper=_color('c9b79c'), coal=_color('1c1a1a'), chalk=_color('fbf6ea'),
    ),
    'mosaic_cat': _photo(
        'Cat, gold and blue stones', pieces.mosaic, 'skimage/data/chelsea.png',
        box=(0.08, 0, 0.94, 1), shape=SQUARE,
        grout=_color('4a4038'),
        stops=colors('101a3a', '1f4a8a', '2a7a8a', 'a8702a', 'e0a830', 'f6e8b8'),
        pigments=colors(
            'e8b83a', 'c88a22', 'f4e6b8', '8a3a22', '5a2a1a', '1f4a8a', '2a7a9a', '1a2440',
            '7a9a6a', 'd8c8a8'),
    ),
    'stained_glass_harbour': _scene(
        'Sails, stained glass', pieces.stained_glass, subjects.harbour, shape=TALL,
        lead=_color('14151a'),
        pigments=colors(
            'ffe680', 'ffc83a', 'f79a2a', 'f0701e', 'c81e2a', '8a1a6a', '3a2a9a', '1a5ac0',
            '2aa0d0', '1a8a5a', '8ac83a', '5a2a1a'),
    ),
    'cubist_still_life': _scene(
        'Bottle and fruit, planes', pieces.facets, subjects.still_life, shape=TALL,
        stops=colors('1e1a18', '4a3e32', '7d6a50', 'a89270', 'b8ae98', 'e6dcc2'),
    ),
    'thrown_paint': _scene(
        'Enamel, poured and flung', pieces.thrown_paint, subjects.nothing,
        ground=_color('d8c9a8'),
        pigments=colors(
            '15120f', 'f4efe2', '15120f', '9a9a94', 'b8522a', '15120f', 'e2b23a', '3f6f7a'),
    ),
}


def paint(name, *, size=SIZE, seed=0):
    """Paints one style picture.

    Args:
        name: A key of `STYLES`.
        size: Short side in pixels; strokes keep their size, so that larger pictures are finer.
        seed: Another seed paints the same motif with other strokes.
    Returns:
        Picture, uint8 [H, W, 3].
    Raises:
        KeyError: If there is no such style; the message lists them.
    """
    if name not in STYLES:
        raise KeyError(f"Unknown style '{name}'. Expected one of: {', '.join(STYLES)}.")
    style = STYLES[name]
    scale = size / min(style.shape)
    shape = tuple(round(side * scale) for side in style.shape)
    own = zlib.crc32(name.encode())  # adding a style leaves the others as they are
    motif = style.motif(shape, np.random.default_rng((seed, own, 0)))
    picture = style.hand(motif, np.random.default_rng((seed, own, 1)), **style.settings)
    return brushes.to_canvas(picture)
