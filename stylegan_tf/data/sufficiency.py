"""Whether pictures suffice to learn a look of portraits from, in plain words.

Nothing here refuses: what a look lacks is said before the hours of a training, and in its report.
"""

import dataclasses

import numpy as np

from stylegan_tf import images
from stylegan_tf.data import likeness

FEWEST_LOOK, MOST_LOOK = 5, 50
FEWEST_PORTRAITS = 20
LEAST_FACES = 0.8  # share of pictures with a face
LEAST_FACE, LEAST_FACE_OF_LOOK = 0.5, 0.25  # face's pixels, as a share of the resolution; the look shows wider frames
LEAST_VARIETY = 0.12  # mean distance of coarse colours, of [0, 1]; of unrelated portraits about .25
COARSE = (8, 8)
NAMES_TOLD = 5


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that a set of pictures lacks: the sign, and what to do about it."""

    sign: str
    remedy: str

    def __str__(self):
        return f'{self.sign} {self.remedy}'


def examine(look, portraits, resolution):
    """What the pictures of a training lack.

    Args:
        look: List of `aligned_faces.AlignedFaces` of the look (training and held-out pictures).
        portraits: The same of the portraits that are to be repainted.
        resolution: Side of the pictures in training, pixels.
    Returns:
        List of Finding, the most important first; empty where nothing is missing.
    """
    return [*_count(look, portraits), *_faces(look, 'The look'), *_copies(look), *_variety(look),
            *_small(look, LEAST_FACE_OF_LOOK * resolution, 'the look'), *_faces(portraits, '--data'),
            *_small(portraits, LEAST_FACE * resolution, '--data')]


def _found(parts):
    return [portrait for part in parts for portrait in part.portraits]


def _count(look, portraits):
    count, others = len(_found(look)), len(_found(portraits))
    if count < FEWEST_LOOK:
        yield Finding(f'The look has {count} pictures, one of them held out: what they share by accident (a face, a '
                      'background) will be taken for the look.', f'Add pictures: {FEWEST_LOOK} at least, 20 are good.')
    elif count > MOST_LOOK:
        yield Finding(f'The look has {count} pictures, more than it needs.', 'If they differ in style, keep the '
                      f'{MOST_LOOK} that show the look best: a mixture of looks gives a mixture.')
    if others < FEWEST_PORTRAITS:
        yield Finding(f'There are {others} portraits to learn from (--data): the look may fit only those.',
                      f'Add portraits of different people: {FEWEST_PORTRAITS} at least, not those of the look.')


def _faces(parts, what):
    found = _found(parts)
    without = [portrait.name for portrait in found if not portrait.face]
    if found and len(without) > (1 - LEAST_FACES) * len(found):
        yield Finding(f'{what}: no face was found in {len(without)} of {len(found)} pictures ({_names(without)}); they '
                      'are used whole, which teaches less about faces.', 'Replace them by portraits from the front, or '
                      'leave them out.')


def _copies(parts):
    seen = [(part.names[index], likeness.signature(part.read(index).image))
            for part in parts for index in range(len(part))]
    signatures = [signature for _, signature in seen]
    copies = [f'{seen[one][0]} of {seen[two][0]}' for one, two, _ in likeness.pairs_within(signatures)]
    if copies:
        yield Finding(f'{len(copies)} pictures of the look are copies of others ({_names(copies)}): they count twice, '
                      'and a held-out copy makes numbers look better than they are.', 'Keep one of each.')


def _variety(parts):
    coarse = [images.resize(part.read(index).image, COARSE).astype(np.float32).ravel() / 255
              for part in parts for index in range(len(part))]
    if len(coarse) < 3:
        return
    distances = [float(np.abs(one - other).mean()) for place, one in enumerate(coarse) for other in coarse[:place]]
    if np.mean(distances) < LEAST_VARIETY:
        yield Finding('The pictures of the look are nearly alike: one sitting, or one person before one background?',
                      'Add pictures of other people, backgrounds and light in the same look.')


def _small(parts, least, what):
    small = [portrait.name for portrait in _found(parts) if 0 < portrait.face < least]
    if small:
        yield Finding(f'In {len(small)} pictures of {what} the face is smaller than {least:.0f} pixels '
                      f'({_names(small)}): enlarged, they teach blur.',
                      'Use larger originals, or train at a lower resolution.')


def _names(names):
    return ', '.join(names[:NAMES_TOLD]) + (', ...' if len(names) > NAMES_TOLD else '')
