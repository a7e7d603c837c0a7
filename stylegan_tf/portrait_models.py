"""Loaded looks of portraits: strength, colour against texture, variations, skin and background kept apart."""

import functools

import cv2
import numpy as np

from stylegan_tf import images
from stylegan_tf.loaded_models import ModelError, read_mask
from stylegan_tf.looks import tables
from stylegan_tf.translation_models import TranslationModel

SHARES = ('texture', 'protect_skin', 'background', 'aligned')
DIALS = {
    'texture': "0 is the look's colours alone, 1 its texture and hand too",
    'protect_skin': 'share of the texture that is kept off the skin of faces',
    'background': 'strength outside the faces, as a share of that inside',
    'aligned': 'share of each face that is painted by itself, upright and at the size of the training',
    'variation': 'whole number: another picture that could be of the look',
    'spread': 'how far a variation goes, 1 as far as the pictures of the look do',
}


class PortraitModel(TranslationModel):
    """The signatures that `systems.portrait_signatures` describes."""

    dials = DIALS
    identity_floor = 0.45  # pictures of one person are about so far apart

    def stylize(self, content, style=None, *, strength=1.0, texture=1.0, protect_skin=0.0, background=1.0,
                aligned=0.0, variation=None, spread=1.0, style_weights=None, keep_colors='none', mask=None, tile=None,
                hints=None, palette=None, direction='forward'):
        """Repaints a portrait in the look; arguments, result and errors as of `Model.stylize`, and these dials.

        Args:
            texture: From 0 (the look's colours alone) to 1 (its texture and hand too).
            protect_skin: From 0 to 1: how much of the texture is kept off the skin of faces; the colours stay.
            background: From 0 to 1: strength outside the faces, as a share of that inside.
            aligned: From 0 to 1: how much of each face is painted by itself, upright and at the size of the training,
                and put back without a seam. Small faces keep their features, in large ones the hand is as coarse as in
                the pictures of the look.
            variation: Whole number: another picture that could be of the look, the same for the same number; None is
                the look as a whole.
            spread: How far a variation goes from the look as a whole: 1 as far as its pictures do.
        """
        for name, value in zip(SHARES, (texture, protect_skin, background, aligned)):
            if not 0 <= value <= 1:
                raise ModelError(f'The dial {name} must lie between 0 and 1. Received: {value}.')
        self._check(style, style_weights, strength, keep_colors, tile, mask, hints, palette, direction)
        content, code = images.read(content), self.look_code(variation, spread)

        def drawn(texture, pixels=content, mask=mask):
            return self._changed(pixels, 'stylize_with_dials', {
                'strength': np.array([strength], np.float32), 'texture': np.array([texture], np.float32), 'code': code},
                keep_colors, mask, tile)

        result = drawn(texture)
        if background == 1 and not (texture and (protect_skin or aligned)):
            return result
        found = _faces(content)
        if aligned and texture:
            place = None if mask is None else read_mask(mask, content.shape[:2])[..., None]
            result = self._with_faces(result, content, found, lambda crop: drawn(texture, crop, None), aligned, place)
        face, skin = _places(content, found)
        if protect_skin and texture and skin.any():
            result = _mixed(result, drawn(0.0), protect_skin * skin)
        return _mixed(result, content, (1 - background) * (1 - face)) if background < 1 else result

    def _with_faces(self, result, content, found, paint, share, place):
        """The result with each face painted by itself, as far as `share` and the mask `place` let it.

        What was painted is put back into the result: its finer marks stay under those of the face.
        """
        from stylegan_tf.data import faces

        side = max(self.card['resolution'])
        for face in reversed(found):  # the largest last: where frames overlap it lies on top
            crop, placement = faces.align_face(content, face, side)
            before = faces.align_face(result, face, side)[0]
            painted = _mixed(before, _toned(before, paint(crop)), np.float32(share))
            result = faces.paste_face(result, painted, placement, place)
        return result

    def look_code(self, variation=None, spread=1.0):
        """Code [1, D] of the look as a whole, or of one of its variations; arguments as of `stylize`.

        Codes may be mixed: what lies between two is painted in between.
        """
        latent = np.zeros((1, self._latent_size), np.float32)
        if variation is not None:
            latent = spread * np.random.default_rng(int(variation)).standard_normal(latent.shape).astype(np.float32)
        return self._run('code_from_noise', latent=np.float32(latent))['code']

    def color_table(self, style=None):
        grid = tables.identity_table()
        picture = grid.reshape(1, tables.SIZE, tables.SIZE ** 2, 3)
        # Without texture every pixel depends on its own colour alone, so that a picture of all colours shows the table.
        table = self._run('stylize_with_dials', content=picture, code=self.look_code(),
                          **{dial: np.array([value], np.float32) for dial, value in (('strength', 1), ('texture', 0))}
                          )['stylized'].reshape(grid.shape)
        return table if np.abs(table - grid).max() > 1 / 255 else None  # a look that was learned without colours

    def blend(self, other, share):
        """Turns this model into one between two looks; both trained from the same base, such as arbitrary_style.

        Weights that come from one base can be mixed (Wang et al. 2019, deep network interpolation), and codes and
        tables.

        Args:
            other: PortraitModel of a run folder.
            share: From 0 (this look) to 1 (the other).
        Raises:
            ModelError: If one of them is an export, whose weights have no names, or they differ in size.
        """
        states = [_named_weights(model) for model in (self, other)]
        if {name: value.shape for name, value in states[0].items()} != {
                name: value.shape for name, value in states[1].items()}:
            raise ModelError(f'The looks {self.name} and {other.name} differ in size and cannot be mixed.')
        for name, variable in states[0].items():
            theirs = np.asarray(states[1][name])
            variable.assign((1 - share) * np.asarray(variable) + share * theirs)

    @functools.cached_property
    def _latent_size(self):
        return self._functions['code_from_noise'].structured_input_signature[1]['latent'].shape[1]

    def _of_tiles(self, signature, content, whole):
        return 'stylize_tile', {**whole, 'statistics': self._statistics('encode_content', content)}


def is_portrait(functions):
    """Whether signatures, dict name -> concrete tf function, are of a look of portraits."""
    return {'stylize_with_dials', 'code_from_noise'} <= set(functions)


def _named_weights(model):
    if not isinstance(model, PortraitModel) or not hasattr(model._owner, 'state'):
        raise ModelError(f'Looks are mixed from run folders, whose weights have names. Received: {model.name}. '
                         'Load its run folder.')
    return {name: variable for name, variable in model._owner.state().items()
            if name.startswith(('generator_ema/', 'look/'))}


def _faces(pixels):
    from stylegan_tf.data import faces

    return faces.detect_faces(pixels)


def _places(pixels, found):
    """(faces, skin), float32 [H, W, 1] in [0, 1]; without a face everything counts as one, and nothing as skin."""
    from stylegan_tf.data import faces

    if not found:
        return np.ones((*pixels.shape[:2], 1), np.float32), np.zeros((*pixels.shape[:2], 1), np.float32)
    masks = [(faces.face_mask(pixels.shape[:2], face), faces.skin_mask(pixels, face))
             for face in found]
    return tuple(functools.reduce(np.maximum, kind) for kind in zip(*masks))


def _toned(before, painted):
    """What was painted, uint8 [S, S, 3], whose broad tones go over into those of `before` from the middle outwards.

    A face by itself comes out lighter or darker than as a part of the whole: a soft border alone would show as a frame.
    """
    change = painted.astype(np.float32) - before
    tones = cv2.GaussianBlur(change, (0, 0), len(before) / 8, borderType=cv2.BORDER_REFLECT)
    steps = (np.arange(len(before)) + 0.5) / len(before) - 0.5
    away = np.clip((0.5 - np.hypot(steps[:, None], steps)) / 0.4, 0, 1)
    away = (away * away * (3 - 2 * away)).astype(np.float32)[..., None]
    return np.clip(np.rint(before + change - (1 - away) * tones), 0, 255).astype(np.uint8)


def _mixed(pixels, others, share):
    """`others` where `share` [H, W, 1] is 1, `pixels` where 0; uint8."""
    return np.rint(pixels + share * (others.astype(np.float32) - pixels)).astype(np.uint8)
