"""Verified correction: repairs are proposed, judged, and taken only where nothing speaks against them.

A repair is taken if the picture was flagged, the repair fits a kind of damage that was named, it keeps its bounds, the
detector's score falls clearly, and two witnesses that had no part in training the corrector agree: the structure (the
photograph's where it is known) and the colours (the style picture's where it is known). Else the picture stays as it
is.
"""

from __future__ import annotations

import dataclasses

from keras import ops

from stylegan_tf.data.defects import DEFECTS
from stylegan_tf.losses.reconstruction import edge_strength
from stylegan_tf.networks.defect_discriminator import full_size
from stylegan_tf.systems import repairs, spectral_repairs

CLEAR_FALL = 1.0  # of the anomaly's logit: the odds of an anomaly fall to 1/e at most
NEARLY_BEST = 0.5  # of the largest fall: of the like repairs that reach it the mildest is taken
NAMED_FROM = 0.3  # a repair is proposed if one of the defects that it undoes is as likely as this
STRUCTURE_LOSS = 0.01  # of the correlation with the photograph's edges that may go
STRUCTURE_KEPT = 0.5  # correlation with the edges of the picture itself, where there is no photograph
COLOR_LOSS = 0.1  # how much further from the style's colours a repair may go, in units of [-1, 1]
COLOR_GAIN = 0.02  # how much nearer a repair of the colours must come
REASONS = ('accepted', 'not flagged', 'no repair fits the damage found', 'no repair lowers the score clearly',
           'repairs that lower the score lose structure or colours')

# Not broken patches or unstyled regions: five of nine such repairs led away from the clean picture.
_HOLES = ('missing_region', 'content_loss', 'color_inversion', 'watermark', 'scratches')


@dataclasses.dataclass(frozen=True)
class Repair:
    """A row of the table of repairs.

    Attributes:
        function: Of a `_Case`, to the repaired picture float32 [B, H, W, 3] in [-1, 1].
        undoes: Defects it is proposed for.
        limit: Mean absolute change that it may make, of 2 (from black to white).
        is_local: It changes the damaged places alone.
        is_color: It is there to bring the colours nearer to the style's.
        needs: References it cannot do without.
    """

    function: object
    undoes: tuple[str, ...]
    limit: float
    is_local: bool = False
    is_color: bool = False
    needs: tuple[str, ...] = ()


REPAIRS: dict[str, Repair] = {
    'network': Repair(lambda case: case.network, tuple(DEFECTS), 0.5),
    'network at half strength': Repair(lambda case: 0.5 * (case.image + case.network), tuple(DEFECTS), 0.25),
    'grid taken out': Repair(lambda case: repairs.without_grid(case.image), ('checkerboard', 'noise'), 0.2),
    'denoised': Repair(lambda case: case.denoised[1], ('noise', 'jpeg', 'checkerboard'), 0.3),
    'denoised lightly': Repair(lambda case: case.denoised[0], ('noise', 'jpeg', 'checkerboard'), 0.2),
    'blur taken out': Repair(lambda case: spectral_repairs.deblurred(case.image, 1.2), ('blur',), 0.15),
    'more blur taken out': Repair(lambda case: spectral_repairs.deblurred(case.image, 2.0), ('blur',), 0.2),
    'much blur taken out': Repair(lambda case: spectral_repairs.deblurred(case.image, 3.2), ('blur',), 0.25),
    'motion taken out': Repair(lambda case: spectral_repairs.without_motion(case.image), ('motion_blur',), 0.25),
    'ghost taken out': Repair(lambda case: spectral_repairs.without_ghost(case.image), ('ghosting',), 0.25),
    'tiles levelled': Repair(lambda case: spectral_repairs.without_seams(case.image), ('tile_seam',), 0.2),
    'hues turned': Repair(lambda case: repairs.turned_hue(case.image, case.style)[0], ('color_cast',), 0.6,
                          is_color=True, needs=('style',)),
    'contrast raised a little': Repair(lambda case: repairs.stretched(case.image, 1.25), ('contrast',), 0.15),
    'contrast raised': Repair(lambda case: repairs.stretched(case.image, 1.55), ('contrast',), 0.35),
    'contrast raised much': Repair(lambda case: repairs.stretched(case.image, 2.1), ('contrast',), 0.5),
    'gain taken back': Repair(lambda case: repairs.unclipped(case.image, 0.82), ('clipping',), 0.4, is_color=True),
    'gain taken back more': Repair(lambda case: repairs.unclipped(case.image, 0.65), ('clipping',), 0.6, is_color=True),
    'inverted back': Repair(lambda case: repairs.negative(case.image), ('color_inversion',), 0.8, is_local=True),
    'brightness inverted back': Repair(lambda case: repairs.brightness_negative(case.image), ('color_inversion',),
                                       0.8, is_local=True),
    'painted over from the photograph': Repair(
        lambda case: repairs.painted_over(case.image, case.content, 1.0 - case.where), _HOLES, 0.5, is_local=True,
        needs=('content',)),
    'filled from around': Repair(lambda case: repairs.filled(case.image, 1.0 - case.where), _HOLES, 0.5,
                                 is_local=True),
    'marks filled': Repair(lambda case: repairs.without_marks(case.image, case.where), ('scratches', 'watermark'), 0.2,
                           is_local=True),
}


class _Case:
    """What repairs start from; costly parts are made once.

    Attributes:
        image, content, style: [B, H, W, 3] in [-1, 1].
        where: [B, H, W, 1] in [0, 1], the damage that local repairs may change.
        network: The corrector's picture.
        denoised: Two of them, lightly and fully.
    """

    def __init__(self, corrector, batch, damage):
        image = ops.cast(batch['image'], 'float32')
        self.image, self.content, self.style = image, batch['content'], batch['style']
        self.where = _whole_damage(full_size(ops.sigmoid(damage)))
        self.network = ops.cast(corrector(batch, damage, average=True)[0], 'float32')
        self.denoised = repairs.denoised(image, (0.7, 1.1))


def _whole_damage(found):
    """Probabilities of damage to what a repair may change: likely places and a border around them, softly."""
    sure = ops.clip((found - 0.5) / 0.25, 0.0, 1.0)
    return repairs.blurred(ops.max_pool(sure, 5, strides=1, padding='same'), 1.0)


def propose(corrector, batch, damage):
    """All repairs of a batch.

    Args:
        corrector: Function (batch, damage, average) that repairs: `Anomaly.correct`.
        batch: 'image', 'content', 'style', 'has_content', 'has_style' as `Anomaly.judge` takes them, all there.
        damage: The discriminator's logits [B, h, w, 1].
    Returns:
        (pictures float32 [N, B, H, W, 3] in [-1, 1] in the order of REPAIRS, bool [N, B] whether each keeps its bounds
        and has the references that it needs).
    """
    case = _Case(corrector, batch, damage)
    pictures, is_allowed = [], []
    for repair in REPAIRS.values():
        change = ops.clip(repair.function(case), -1.0, 1.0) - case.image
        if repair.is_local:
            change = change * case.where
        pictures.append(case.image + change)
        allowed = ops.mean(ops.abs(change), axis=(1, 2, 3)) <= repair.limit
        for role in repair.needs:
            allowed = ops.logical_and(allowed, batch[f'has_{role}'] > 0)
        is_allowed.append(allowed)
    return ops.stack(pictures), ops.stack(is_allowed)


def correct(corrector, judge, batch, judgement, is_flagged, *, for_each=ops.map):
    """Repairs the flagged pictures of a batch where a repair stands up to verification.

    Args:
        corrector, batch: As of `propose`.
        judge: Function of a batch, to the discriminator's logits: `Anomaly.judge`.
        judgement: That of this batch.
        is_flagged: bool [B].
        for_each: Function (f, pictures [N, ...]) that stacks f(picture) of each; may bound the memory.
    Returns:
        dict: 'image' float32 [B, H, W, 3] in [-1, 1], the input itself where nothing was accepted; 'accepted' bool [B];
        'after' float32 [B], the anomaly's logit of that picture; 'repair' int32 [B], a row of REPAIRS or -1; 'reason'
        int32 [B], a row of REASONS; 'changed' float32 [B], mean absolute change of 2.
    """
    image, before = ops.cast(batch['image'], 'float32'), judgement['anomaly']

    def verified():
        return _verified(corrector, judge, batch, judgement, is_flagged, for_each)

    def untouched():
        none = ops.zeros_like(ops.cast(is_flagged, 'int32'))
        return image, ops.zeros_like(is_flagged), before, none - 1, none + REASONS.index('not flagged'), before * 0.0

    # Clean pictures, which most are, cost one look.
    found = ops.cond(ops.any(is_flagged), verified, untouched)
    return dict(zip(('image', 'accepted', 'after', 'repair', 'reason', 'changed'), found))


def _verified(corrector, judge, batch, judgement, is_flagged, for_each):
    image, before = ops.cast(batch['image'], 'float32'), judgement['anomaly']
    pictures, is_allowed = propose(corrector, batch, judgement['damage'])
    fits = ops.logical_and(is_allowed, _is_named(judgement['defects']))

    def testimony(picture):
        logit = judge({**batch, 'image': picture})['anomaly']
        return ops.stack([logit, *witnesses(picture, batch)])

    start, seen = ops.stack([before, *witnesses(image, batch)]), for_each(testimony, pictures)  # [3, B], [N, 3, B]
    falls = ops.logical_and(fits, before[None] - seen[:, 0] >= CLEAR_FALL)
    stands = ops.logical_and(falls, _is_witnessed(seen, start, batch))
    accepted = ops.logical_and(is_flagged, ops.any(stands, axis=0))
    best = _mildest(stands, before[None] - seen[:, 0], ops.mean(ops.abs(pictures - image[None]), axis=(2, 3, 4)))
    chosen = ops.transpose(ops.one_hot(best, len(REPAIRS), dtype='float32'))  # [N, B]
    repaired = ops.sum(pictures * chosen[:, :, None, None, None], axis=0)
    image = ops.where(accepted[:, None, None, None], repaired, image)
    changed = ops.mean(ops.abs(image - ops.cast(batch['image'], 'float32')), axis=(1, 2, 3))
    return (image, accepted, ops.where(accepted, ops.sum(seen[:, 0] * chosen, axis=0), before),
            ops.where(accepted, best, -1), _reason(is_flagged, fits, falls, stands), changed)


def _mildest(stands, fall, size):
    """Rows [B] of the repairs to take, of bool, falls and sizes [N, B]: the best, or a milder one for the same damage.

    The strongest please the detector most: of blurs taken out, for instance, one that leaves ringing.
    """
    fall = ops.where(stands, fall, 0.0)
    is_like = ops.convert_to_tensor([[float(a.undoes == b.undoes) for b in REPAIRS.values()] for a in REPAIRS.values()])
    like = ops.transpose(ops.take(is_like, ops.argmax(fall, axis=0), axis=0)) > 0
    suits = ops.logical_and(ops.logical_and(stands, like), fall >= NEARLY_BEST * ops.max(fall, axis=0, keepdims=True))
    return ops.cast(ops.argmin(ops.where(suits, size, 1e9), axis=0), 'int32')


def _reason(is_flagged, fits, falls, stands):
    reason = ops.cast(is_flagged, 'int32') * 0
    for row, passed in ((4, stands), (3, falls), (2, fits)):
        reason = ops.where(ops.any(passed, axis=0), reason, row)
    return ops.where(is_flagged, reason, REASONS.index('not flagged'))


def _is_named(defects):
    """Whether a defect that a repair undoes is likely: bool [N, B] of logits [B, K]."""
    undone = ops.convert_to_tensor([[float(name in repair.undoes) for name in DEFECTS] for repair in REPAIRS.values()])
    return ops.max(undone[:, None] * ops.sigmoid(defects)[None], axis=-1) >= NAMED_FROM


def witnesses(picture, batch):
    """What speaks for or against a repair besides the detector.

    Args:
        picture: The repaired picture, [B, H, W, 3] in [-1, 1].
        batch: As of `propose`.
    Returns:
        (float32 [B]: the correlation of its edges with the photograph's, or with those of batch['image'] where there is
        no photograph; float32 [B]: the distance of its colours from the style's, 0 where there is none).
    """
    seen = batch['has_content'][:, None, None, None]
    kept = structure(picture, batch['content'] * seen + batch['image'] * (1.0 - seen))
    return kept, repairs.palette_distance(picture, batch['style']) * batch['has_style']


def structure(image_a, image_b):
    """Correlation of edge strengths, in the same places within a pixel: float32 [B] in [-1, 1].

    The form of `metrics.similarity.structure_retention` for tensors [B, H, W, 3] in [-1, 1].
    """
    a, b = (repairs.blurred(edge_strength(repairs.blurred(image, 1.0)), 1.0) for image in (image_a, image_b))
    a, b = (x - ops.mean(x, axis=(1, 2, 3), keepdims=True) for x in (a, b))
    product, square_a, square_b = (ops.mean(x, axis=(1, 2, 3)) for x in (a * b, a * a, b * b))
    return product / ops.sqrt(square_a * square_b + 1e-12)


def _is_witnessed(seen, start, batch):
    """bool [N, B]: structure and colours agree to each repair."""
    is_local, is_color = (ops.convert_to_tensor([[float(getattr(repair, name))] for repair in REPAIRS.values()])
                          for name in ('is_local', 'is_color'))
    # Without the photograph: what a local repair leaves alone is the same anyway, and what was there not worth keeping.
    least = ops.where(batch['has_content'] > 0, start[1] - STRUCTURE_LOSS, STRUCTURE_KEPT - 2.0 * is_local)
    most = ops.where(batch['has_style'] > 0, COLOR_LOSS - (COLOR_LOSS + COLOR_GAIN) * is_color, 1e9)
    return ops.logical_and(seen[:, 1] >= least, seen[:, 2] - start[2] <= most)
