"""A source of pictures with random access, whatever stores it, and what it does about bad ones.

Most damage is found while the source is opened, from the files' headers; decoding everything
first would take minutes for a large folder. A picture whose header is good but whose pixels cannot
be decoded is met in the middle of training. There it is named once, counted, and replaced by the
next good picture in the source's order, always the same one, so that a run stays repeatable. The
run stops when the bad share exceeds what was allowed.
"""

import dataclasses
import hashlib
import logging
import math
import threading

import numpy as np

from stylegan_tf import images

_log = logging.getLogger(__name__)

CACHE_BYTES = 1 << 30


class DataError(ValueError):
    """A data SPEC that cannot be used; the message says why and what to do."""


@dataclasses.dataclass(frozen=True, eq=False)
class Record:
    """One picture of a source."""

    image: np.ndarray  # uint8 [H, W, 3]; shared with a cache, so not writeable
    label: int  # index into the source's `label_names`; -1 where it has no class
    name: str
    mask: np.ndarray | None = None  # uint8 [H, W] where the source stores one
    references: dict = dataclasses.field(default_factory=dict)  # 'content', 'style': uint8 [h, w, 3], where known


class Health:
    """The bad pictures of one data set, shared by all its parts. Thread-safe."""

    def __init__(self, spec, total, max_bad_share, bad=()):
        self.spec, self.total, self.max_bad_share = spec, total, max_bad_share
        self.bad = list(bad)  # (name, reason)
        self._lock = threading.Lock()
        self.check()

    def add(self, name, reason):
        with self._lock:
            if any(name == known for known, _ in self.bad):
                return
            self.bad.append((name, reason))
        _log.warning('%s: %s is left out, the next good picture takes its place: %s',
                     self.spec, name, reason)
        self.check()

    def check(self):
        """Raises DataError where the bad share exceeds the allowed one."""
        if len(self.bad) <= self.max_bad_share * self.total:
            return
        first = '\n'.join(f'  {reason}' for _, reason in self.bad[:5])
        more = f'\n  ... and {len(self.bad) - 5} more' if len(self.bad) > 5 else ''
        raise DataError(
            f'{self.spec}: {len(self.bad)} of {self.total} pictures are bad, more than the '
            f'allowed share of {self.max_bad_share:.0%}:\n{first}{more}\n'
            f'{self._advice()} or allow more with --max_bad_share.')

    def _advice(self):
        if self.spec.startswith(('tfds:', 'tfrecord:', 'pack:')):
            return 'Make the data again without them,'
        return (f'List them all with `python tools/check_dataset.py --data={self.spec}`, then '
                'repair or remove them,')


class PixelCache:
    """Decoded pictures up to a number of bytes; thread-safe.

    The first pictures that fit stay for good. A run visits every picture once an epoch in a new
    order, where throwing out the least recently used would mostly throw out what comes next.
    """

    def __init__(self, max_bytes):
        self._max_bytes, self._used, self._items = max_bytes, 0, {}
        self._lock = threading.Lock()

    def get(self, key):
        return self._items.get(key)

    def put(self, key, arrays):
        size = sum(array.nbytes for array in arrays if array is not None)
        with self._lock:
            if key not in self._items and self._used + size <= self._max_bytes:
                self._items[key] = arrays
                self._used += size


class Source:
    """Pictures by index. Subclasses say how one is decoded.

    Attributes:
        spec: The SPEC it was loaded from.
        names: tuple of str, one a picture, in order.
        labels: int32 [N]; -1 where there is no class.
        label_names: tuple of str, the classes.
        fingerprint: 16 hex digits that change when pictures are added, removed or replaced.
    """

    def __init__(self, spec, names, labels, *, label_names, fingerprint, health,
                 cache_bytes=CACHE_BYTES):
        self.spec, self.names, self.label_names = spec, tuple(names), tuple(label_names)
        self.labels = np.asarray(labels, np.int32)
        self.fingerprint = fingerprint
        self._health = health
        self._cache = PixelCache(cache_bytes)
        self._unreadable = set()

    @property
    def bad(self) -> list[tuple[str, str]]:
        """(name, reason) of every bad picture found so far."""
        return list(self._health.bad)

    def check(self):
        """Raises DataError where more pictures have turned out bad than were allowed."""
        self._health.check()

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index) -> Record:
        return self.read(index)

    def read(self, index, *, min_short_side=None) -> Record:
        """One picture; the next good one where it cannot be decoded.

        Args:
            index: 0 <= index < len(self), or negative to count from the end.
            min_short_side: Much larger pictures come back 2, 4 or 8 times smaller, with a short side of
                at least this many pixels; saves time and memory.
        Returns:
            A Record; its image must not be written to.
        Raises:
            IndexError: If there is no such index.
            DataError: If too many pictures turn out bad, or all.
        """
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f'{self.spec} has {count} pictures; there is no index {index}.')
        for candidate in ((index + step) % count for step in range(count)):
            if candidate in self._unreadable:
                continue
            try:
                image, mask = self._load(candidate, min_short_side)
                references = self._load_references(candidate, min_short_side)
            except images.ImageError as error:
                self._unreadable.add(candidate)
                self._health.add(self.names[candidate], str(error))
                continue
            return Record(image, int(self.labels[candidate]), self.names[candidate], mask, references)
        raise DataError(f'{self.spec}: none of its {count} pictures can be decoded.')

    def _load(self, index, min_short_side):
        """(image uint8 [H, W, 3], mask or None), from the cache or decoded."""
        factor = self._reduction(index, min_short_side)
        key = (index, factor)
        found = self._cache.get(key)
        if found is None:
            found = self._decode(index, factor)
            for array in found:
                if array is not None:
                    array.flags.writeable = False
            self._cache.put(key, found)
        return found

    def _reduction(self, index, min_short_side):
        """1, 2, 4 or 8: how many times smaller one may come; raises ImageError. For subclasses that can reduce."""
        return 1

    def _decode(self, index, factor):
        """(image, mask or None) of one picture, 1 / factor as large as stored; raises ImageError. For subclasses to
        define."""
        raise NotImplementedError

    def references_of(self, index) -> dict:
        """Names of the pictures that one was made of, by role. For subclasses that know them."""
        return {}

    def _load_references(self, index, min_short_side):
        """The pictures that one was made of, by role; raises ImageError. For subclasses that know them."""
        return {}

    def split(self, holdout):
        """Divides the pictures into two parts without overlap.

        Args:
            holdout: A share strictly between 0 and 1: a picture is held out by the hash of its
                name alone, so it stays on its side when others are added. At least one picture
                falls on each side. Or an iterable of names: full names as in `names`, or file
                names without folders.
        Returns:
            (train, heldout): two Sources, each in this source's order.
        Raises:
            DataError: If a name is unknown, or a side would be empty.
        """
        if isinstance(holdout, (int, float)):
            is_held = self._held_by_share(float(holdout))
        else:
            is_held = self._held_by_name({holdout} if isinstance(holdout, str) else set(holdout))
        if is_held.all() or not is_held.any():
            raise DataError(f'{self.spec}: holding out {int(is_held.sum())} of {len(self)} '
                            'pictures leaves one side empty.')
        return Subset(self, np.flatnonzero(~is_held)), Subset(self, np.flatnonzero(is_held))

    def _held_by_share(self, share):
        if not 0 < share < 1:
            raise DataError('A held-out share must lie between 0 and 1, without them. '
                            f'Received: {share:g}.')
        places = np.array([_place(name) for name in self.names])
        is_held = places < share
        if not is_held.any():
            is_held[places.argmin()] = True
        elif is_held.all():
            is_held[places.argmax()] = False
        return is_held

    def _held_by_name(self, wanted):
        is_held = np.array([name in wanted or name.rsplit('/', 1)[-1] in wanted
                            for name in self.names])
        known = {form for name in self.names for form in (name, name.rsplit('/', 1)[-1])}
        unknown = sorted(wanted - known)
        if unknown:
            raise DataError(f'{self.spec}: {len(unknown)} of the names to hold out are not in it: '
                            f'{", ".join(unknown[:5])}{", ..." if len(unknown) > 5 else ""}. '
                            f'Its names look like {self.names[0]!r}.')
        return is_held


class Subset(Source):
    """Some pictures of another source, in a given order; shares its cache."""

    def __init__(self, parent, indices):
        names = [parent.names[index] for index in indices]
        super().__init__(
            parent.spec, names, parent.labels[indices], label_names=parent.label_names,
            fingerprint=fingerprint_of(parent.fingerprint, *names), health=parent._health)
        self._parent, self._indices = parent, [int(index) for index in indices]

    def _load(self, index, min_short_side):
        return self._parent._load(self._indices[index], min_short_side)

    def references_of(self, index):
        return self._parent.references_of(self._indices[index])

    def _load_references(self, index, min_short_side):
        return self._parent._load_references(self._indices[index], min_short_side)


class NoiseSource(Source):
    """Pictures of noise of one size, for measuring what a training needs where there is no data."""

    def __init__(self, size, count=16):
        """Args: size: (height, width); count: Number of pictures."""
        names = [f'noise {index}' for index in range(count)]
        super().__init__('noise', names, [-1] * count, label_names=(), fingerprint=fingerprint_of(*size, count),
                         health=Health('noise', count, 0.0))
        self._size = size

    def _decode(self, index, factor):
        return np.random.default_rng(index).integers(0, 256, (*self._size, 3), np.uint8), None


def reduction(short_side, min_short_side) -> int:
    """1, 2, 4 or 8: how many times smaller a picture may become and keep a short side of `min_short_side`, if any."""
    wanted = min_short_side or math.inf
    return max(factor for factor in (1, 2, 4, 8) if factor == 1 or short_side >= factor * wanted)


def fingerprint_of(*parts) -> str:
    """16 hex digits that depend on every part and their order."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = str(part).encode('utf-8', 'surrogateescape')
        digest.update(len(encoded).to_bytes(8, 'little') + encoded)
    return digest.hexdigest()[:16]


def _place(name) -> float:
    """A number in [0, 1) that depends on the name alone."""
    digest = hashlib.sha256(name.encode('utf-8', 'surrogateescape')).digest()
    return int.from_bytes(digest[:6], 'little') / 2 ** 48
