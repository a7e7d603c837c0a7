"""Photographic looks as models: colours, local tone and grain, learned from pictures within seconds, without training.

    model = load('photographic_look')                          # learns the look of the pictures that it is given
    picture = model.stylize('photo.jpg', ['one.jpg', 'two.jpg', 'three.jpg'], strength=0.8)
    model = load('photographic_look', ungraded='portraits/')   # portraits without the look: local tone and grain too
    model = load('mine.npz')                                   # a look that `looks.Look.save` wrote
    picture = model.stylize('photo.jpg')

`stylegan_tf.api.load` makes them. See docs/looks.md.
"""

import dataclasses
import hashlib
import os

import numpy as np

from stylegan_tf import colors, images, looks
from stylegan_tf.loaded_models import STYLE_LONG_SIDE, Model, ModelError, Style, masked
from stylegan_tf.looks.texture import FACE_SIDE, FEWEST_FACES

NAME = 'photographic_look'
MOST_UNGRADED = 50  # portraits without the look, at most, that are read
PURPOSE = 'colours and tones of the pictures given as style, 5 to 50 portraits at best; a table, no brush strokes'


@dataclasses.dataclass(frozen=True, eq=False)
class LookStyle(Style):
    """A `Style` that is a learned `looks.Look`."""

    look: looks.Look | None = None


class LookModel(Model):
    """Puts a look on pictures.

    Args:
        look: A `looks.Look`; None learns one from the style pictures of each call.
        name: What it is called.
        ungraded: Folder of portraits without the look, of anybody, which the style pictures are compared with: from 4
            on local tone and grain are learned too. None takes the statistics that ship, which tell colours alone.
    Raises:
        ModelError: There are no pictures in `ungraded`.
    """

    offers = ('stylize',)
    engine = 'litert'  # needs no TensorFlow

    def __init__(self, look=None, *, name=NAME, ungraded=None):
        self._look = look
        self._ungraded = [] if ungraded is None else _portraits(ungraded)
        self.name = name
        self.takes_style = look is None
        self.hash = '' if look is None else hashlib.sha256(look.table.tobytes()).hexdigest()[:12]
        self.card = {'name': name, 'purpose': PURPOSE if look is None else 'a photographic look',
                     **({} if look is None else {'look': looks.describe(look)})}

    def prepare_style(self, style=None, style_weights=None):
        if self._look is not None:
            is_empty = style is None or (isinstance(style, (list, tuple)) and not style)
            if not is_empty or style_weights is not None:
                raise ModelError(f'The model {self.name} takes no style: leave it away.')
            return LookStyle(look=self._look)
        if style_weights is not None:
            raise ModelError(f'The model {self.name} learns one look of all pictures together: leave the weights away.')
        sources = list(style) if isinstance(style, (list, tuple)) else [style]
        if not sources or style is None:
            raise ModelError(f'At least one picture of the look is needed by the model {self.name}. Received none.')
        pictures = [images.fit_within(images.read(source), STYLE_LONG_SIDE) for source in sources]
        return LookStyle(tuple(pictures), (1 / len(pictures),) * len(pictures), look=self._learned(pictures))

    def _learned(self, pictures):
        if len(self._ungraded) < FEWEST_FACES:
            return looks.fit_look(self._ungraded, pictures)
        return looks.fit_look(self._ungraded, pictures, content_faces=_faces(self._ungraded),
                              look_faces=_faces(pictures))

    def color_table(self, style=None):
        return (self._look or style.look).table

    def _stylize(self, content, style, strength, keep_colors, coverage, tile):
        if keep_colors == 'palette':
            raise ModelError(f"keep_colors='palette' recolours a style, and the model {self.name} changes nothing but "
                             'colours. Use a lower strength.')
        pixels = style.look.apply(content, strength)
        return masked(content, colors.finish(pixels, content, keep_colors), coverage)


def _portraits(folder):
    found = images.find_images(folder) if os.path.isdir(folder) else []
    if not found:
        raise ModelError(f'Expected a folder of portraits as ungraded. Received: '
                         f'{os.fspath(folder)}, which holds none.')
    return [images.fit_within(images.read(path), STYLE_LONG_SIDE) for path in found[:MOST_UNGRADED]]


def _faces(pictures):
    """The largest face of each picture that is large enough, with its mask, as `looks.texture.face_gain` takes them."""
    from stylegan_tf.data import faces

    pairs = []
    for picture in pictures:
        for face in faces.detect_faces(picture, turned=False, small=False)[:1]:
            crop, placement = faces.align_face(picture, face, FACE_SIDE)
            if placement.square.side >= FACE_SIDE:  # an enlarged face has lost its detail
                mask = np.rint(255 * faces.face_mask(picture.shape, face)).astype(np.uint8)
                mask = faces.align_face(np.repeat(mask, 3, axis=2), face, FACE_SIDE)[0]
                pairs.append((crop, mask[:, :, 0] / np.float32(255)))
    return pairs
