"""A photographic look: what a set of portraits has in common in colour, local tone and grain. NumPy and OpenCV only."""

import dataclasses
import io
import json
import zipfile

import numpy as np

from stylegan_tf import files
from stylegan_tf.looks import fitting, statistics, tables
from stylegan_tf.looks import texture as textures
from stylegan_tf.looks.prior import load_prior

_FORMAT = 1
_FEWEST_CONTENT = 16  # own pictures; with fewer the shipped portraits stand beside them


class LookError(ValueError):
    """A look cannot be learned or read; the message says what was expected."""


@dataclasses.dataclass(frozen=True)
class Look:
    """A learned look.

    Attributes:
        table: float32 [33, 33, 33, 3] in [0, 1], indexed [red, green, blue], of sRGB values; smooth, and no channel
            falls along its own axis.
        texture: texture.Texture, local tone and grain.
        notes: Dict of what it was learned from: 'look_pictures', 'content_pictures', 'misfit'.
    """
    table: np.ndarray
    texture: textures.Texture = dataclasses.field(default_factory=textures.Texture)
    notes: dict = dataclasses.field(default_factory=dict)

    def apply(self, pixels, strength=1.0, *, protect=None, texture_strength=None, seed=0):
        """Puts the look on a picture.

        Args:
            pixels: uint8 [H, W, 3].
            strength: 0 gives the picture back, 1 the look; more than 1 overdoes it.
            protect: Float [H, W] or [H, W, 1] in [0, 1]: where the picture is kept, skin for instance.
            texture_strength: Of local tone and grain; None is `strength`, at most 1.
            seed: Of the grain.
        Returns:
            uint8 [H, W, 3].
        Raises:
            ValueError: If a shape or type is another, or a strength is negative.
        """
        _require_picture(pixels)
        texture_strength = min(strength, 1.0) if texture_strength is None else texture_strength
        if strength < 0 or texture_strength < 0:
            raise ValueError(f'Expected strengths of at least 0. Received: {strength:g}, {texture_strength:g}.')
        before = pixels.astype(np.float32) / 255.0
        amount = np.float32(strength)
        if protect is not None:
            kept = np.asarray(protect, np.float32)
            if kept.shape not in (pixels.shape[:2], (*pixels.shape[:2], 1)):
                raise ValueError(f'Expected a mask {list(pixels.shape[:2])}. Received: {list(kept.shape)}.')
            amount = amount * (1.0 - np.clip(kept.reshape(*pixels.shape[:2], 1), 0.0, 1.0))
        after = np.clip(before + amount * (tables.look_up(self.table, before) - before), 0.0, 1.0)
        after = textures.apply_texture(after, self.texture, seed=seed, strength=texture_strength)
        return np.rint(after * 255.0).astype(np.uint8)

    def save(self, path):
        """Writes the look to `path`, NAME.npz."""
        stream = io.BytesIO()
        facts = {'format': _FORMAT, 'texture': dataclasses.asdict(self.texture), 'notes': self.notes}
        np.savez_compressed(stream, table=self.table, facts=np.array(json.dumps(facts)))
        files.write_whole(path, stream.getvalue())


def load_look(path):
    """Reads a look that `Look.save` wrote.

    Raises:
        LookError: It is none, or of a newer format.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            table, facts = arrays['table'].astype(np.float32), json.loads(str(arrays['facts']))
        if facts['format'] > _FORMAT:
            raise LookError(f'{path}: expected a look of format {_FORMAT}. Received: {facts["format"]}; '
                            'update stylegan_tf.')
        tables.require_table(table)
        texture = {**facts['texture'], 'grain': tuple(facts['texture']['grain'])}
        return Look(table, textures.Texture(**texture), facts['notes'])
    except LookError:
        raise
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise LookError(f'{path}: expected a look, saved by Look.save. Received something else ({error}).') from error


def mix_looks(looks, weights):
    """Weighted mean of looks: between two it leads from one to the other; stays monotone and smooth.

    Args:
        looks: Looks with tables of one size.
        weights: One a look, at least 0, not all 0.
    Returns:
        Look.
    """
    weights = np.asarray(weights, np.float64)
    if not len(looks) or weights.shape != (len(looks),) or weights.min() < 0 or weights.sum() <= 0:
        raise ValueError(f'Expected one weight of at least 0 for each of {len(looks)} looks, not all 0. '
                         f'Received: {weights.tolist()}.')
    weights = weights / weights.sum()
    texture = textures.Texture(float(np.exp(weights @ [np.log(look.texture.detail_gain) for look in looks])),
                               tuple(float(v) for v in weights @ np.array([look.texture.grain for look in looks])),
                               float(weights @ [look.texture.grain_size for look in looks]))
    table = np.tensordot(weights, np.stack([look.table for look in looks]), 1).astype(np.float32)
    return Look(table, texture, {'mixed': [float(w) for w in weights]})


def fit_look(content, look, *, seed=0, content_masks=None, look_masks=None, content_faces=(), look_faces=(),
             prior=None, with_texture=True):
    """Learns a look from unpaired pictures.

    Args:
        content: Ungraded portraits of anybody, list of uint8 [H, W, 3]; the list may be empty or None. Fewer than 16
            are joined by the portraits that ship; local tone and grain need at least 4.
        look: Portraits in the look, of others, list of uint8 [H, W, 3], usually 5 to 50.
        seed: Of the places where colours are taken.
        content_masks: For each content picture which places count: float [H, W] in [0, 1], or None for all.
        look_masks: The same for `look`; give both or neither, or the sets differ by what is masked.
        content_faces: Aligned faces of the ungraded portraits with their masks, as of `texture.face_gain`, at least 4:
            local tone is learned from them, which whole pictures hardly tell.
        look_faces: The same of the look.
        prior: prior.Prior; None takes the one that ships.
        with_texture: Whether local tone and grain are learned.
    Returns:
        Look; the same for the same arguments.
    Raises:
        LookError: If `look` is empty, or masks are not one a picture.
        ValueError: If a picture is not uint8 [H, W, 3].
    """
    content = list(content or ())
    look = list(look)
    if not look:
        raise LookError('Expected at least one picture of the look, better 5 to 50. Received none.')
    for masks, pictures in ((content_masks, content), (look_masks, look)):
        if masks is not None and len(masks) != len(pictures):
            raise LookError(f'Expected one mask a picture, {len(pictures)}. Received: {len(masks)}.')
    prior = prior or load_prior()
    looks = _samples(look, look_masks, [seed, 1])
    own = _samples(content, content_masks, [seed, 0])
    reference = own if len(own) >= _FEWEST_CONTENT else np.concatenate([own, prior.reference])
    table, misfit = fitting.fit_table(looks, prior, reference=reference)
    texture = textures.Texture()
    if with_texture and min(len(content), len(look)) >= 4:
        graded = Look(table)
        texture = textures.measure_texture(
            [graded.apply(picture) for picture in content], look, look_faces=look_faces,
            content_faces=[(graded.apply(face), mask) for face, mask in content_faces])
    return Look(table, texture, {'look_pictures': len(look), 'content_pictures': len(content),
                                 'misfit': round(misfit, 3)})


def _samples(pictures, masks, seed):
    masks = masks or [None] * len(pictures)
    rows = [statistics.sample_colors(picture, seed=[*seed, index], mask=mask)
            for index, (picture, mask) in enumerate(zip(pictures, masks))]
    return np.stack(rows) if rows else np.zeros((0, statistics.SAMPLES, 3), np.float32)


def _require_picture(pixels):
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f'Expected a picture uint8 [H, W, 3]. Received: {pixels.dtype} {list(pixels.shape)}.')
