"""Sample i of a run, computed from (seed, i) alone."""

import numpy as np

from stylegan_tf.data import augmentation as augmentations
from stylegan_tf.data import order
from stylegan_tf.data.sources import DataError

SKIPPED_OFFSET = 1 << 48  # beyond the last position of any run


class SampleStream:
    """An endless sequence of augmented samples with random access.

    A sample holds one picture of each role ('image', or 'content' and 'style', ...). Every role
    goes through its own source in its own shuffled order, each picture once an epoch. Nothing has
    state: a run continues exactly at any position, and N workers that share out the positions see
    together what one worker would.
    """

    def __init__(self, sources, size, augmentation=None, seed=0):
        """Plans the stream; decodes nothing yet.

        Args:
            sources: dict of role to Source.
            size: (height, width) of all pictures, pixels.
            augmentation: dict of role to Augmentation; roles without one, or with None, get the
                centred crop of each picture.
            seed: int.
        Raises:
            DataError: If there is no source or an augmentation is for an unknown role.
        """
        if not sources:
            raise DataError('A stream of samples needs at least one source. Received none.')
        unknown = sorted(set(augmentation or {}) - set(sources))
        if unknown:
            raise DataError(f'There is augmentation for {", ".join(unknown)}, but only for '
                            f'{", ".join(sources)} there is data.')
        self.sources, self.seed = dict(sources), int(seed)
        self.size = int(size[0]), int(size[1])
        self._augmentation = {role: (augmentation or {}).get(role) for role in sources}
        self._keys = {role: order.key_from(self.seed, 'order', role) for role in sources}
        self.label_role = next((role for role in ('style', 'image') if role in sources),
                               next(iter(sources)))
        self._skipped = set()
        self._favoured = {}

    @property
    def layout(self) -> dict:
        """Shape and type of each array of a sample, by key."""
        return {**dict.fromkeys(self.roles, ((*self.size, 3), np.uint8)), 'label': ((), np.int32)}

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(self.sources)

    def skip(self, position, count) -> None:
        """Leaves out the samples position ... position + count - 1: others, never reached, take their places.

        Call before batches are drawn: those already made keep their samples.
        """
        self._skipped.add((int(position), int(position) + int(count)))

    @property
    def skipped(self) -> list[tuple[int, int]]:
        """What `skip` left out: (first position, position after the last), in order."""
        return sorted(self._skipped)

    def favour(self, role, indices, share) -> None:
        """Gives a share of the positions to some pictures of a role; the other positions keep theirs.

        Args:
            role: Of the pictures.
            indices: Of the pictures in the role's source, shown in turn; may repeat.
            share: Of the positions, in [0, 1]. Which ones depends on the seed and the position alone.
        """
        if not indices or not 0 <= share <= 1:
            raise DataError(f'Expected pictures to favour and a share in [0, 1]. Received: {len(indices)}, {share}.')
        self._favoured[role] = tuple(indices), float(share)

    def index(self, role, position) -> int:
        """Which picture of the role's source stands at a position."""
        moved = self._moved(position)
        indices, share = self._favoured.get(role, ((), 0.0))
        if indices and order.share_of(order.key_from(self.seed, 'favour', role, moved)) < share:
            return indices[order.permuted_index(moved, len(indices), order.key_from(self.seed, 'favoured', role))]
        return order.permuted_index(moved, len(self.sources[role]), self._keys[role])

    def _moved(self, position):
        is_skipped = bool(self._skipped) and any(first <= position < end for first, end in self._skipped)
        return int(position) + SKIPPED_OFFSET if is_skipped else int(position)

    def sample(self, position) -> dict:
        """One sample.

        Returns:
            dict of each role to uint8 [height, width, 3], and 'label': np.int32, the class of
            the style picture where there is one, else of 'image' or the first role; -1 for none.
        Raises:
            DataError: If too many pictures turn out bad.
        """
        sample = {}
        for role, source in self.sources.items():
            augmentation, draws = self._augmentation[role], self._draws(role, position)
            # Large crops need few of a picture's pixels, which then decode faster.
            record = source.read(self.index(role, position),
                                 min_short_side=augmentations.needed_short_side(self.size, draws, augmentation))
            sample[role] = augmentations.apply(record.image, self.size, draws, augmentation)
            if role == self.label_role:
                sample['label'] = np.int32(record.label)
        return sample

    def _draws(self, role, position):
        return augmentations.draw(order.generator_from(self.seed, 'augmentation', role, self._moved(position)))

    def batch(self, position, batch_size) -> dict:
        """Samples position ... position + batch_size - 1, stacked along a new first axis."""
        samples = [self.sample(position + offset) for offset in range(batch_size)]
        return {key: np.stack([sample[key] for sample in samples]) for key in samples[0]}

    def names(self, position, batch_size) -> dict[str, list[str]]:
        """The pictures' names of a batch by role, for error reports; decodes nothing."""
        return {role: [source.names[self.index(role, position + offset)]
                       for offset in range(batch_size)]
                for role, source in self.sources.items()}
