"""The order of a run's samples as pure arithmetic: which file stands at which position.

There is no shuffle buffer and no state, so a run resumes at any position by knowing one integer.
"""

import hashlib

import numpy as np

_ROUNDS = 8
_MASK = (1 << 64) - 1


def key_from(*parts) -> int:
    """A 64-bit key that depends on every part: `key_from(seed, 'style')`; equal on all machines."""
    text = '\x1f'.join(f'{type(part).__name__}:{part}' for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), 'little')


def generator_from(*parts) -> np.random.Generator:
    """A fresh random generator that depends on every part."""
    return np.random.Generator(np.random.Philox(key=key_from(*parts)))


def share_of(key) -> float:
    """A number in [0, 1), evenly spread over keys."""
    return ((key & _MASK) >> 11) / 2.0 ** 53


def permuted_index(position: int, count: int, key: int) -> int:
    """The item at a position of an endless shuffled sequence.

    Positions [e * count, (e + 1) * count) visit each of the `count` items once, in an order of
    their own for every epoch e. A Feistel network permutes the smallest power of 4 that is at
    least `count`; results that are too large are permuted again until they fit.

    Args:
        position: 0, 1, 2, ...
        count: Number of items, at least 1.
        key: Any integer; equal keys give equal orders.
    Returns:
        int in [0, count).
    Raises:
        ValueError: If `count` < 1 or `position` < 0.
    Source: Black and Rogaway 2002, "Ciphers with arbitrary finite domains" (cycle walking).
    """
    position, count = int(position), int(count)
    if count < 1 or position < 0:
        raise ValueError('Expected a count of at least 1 and a position of at least 0. '
                         f'Received: count {count}, position {position}.')
    epoch, index = divmod(position, count)
    epoch_key = _mix((int(key) & _MASK) ^ _mix(epoch + 1))
    half_bits = max(1, ((count - 1).bit_length() + 1) // 2)
    while True:  # visits a cycle of the permutation, so it returns to a value below `count`
        index = _feistel(index, half_bits, epoch_key)
        if index < count:
            return index


def _feistel(value, half_bits, key):
    mask = (1 << half_bits) - 1
    left, right = value >> half_bits, value & mask
    for number in range(_ROUNDS):
        left, right = right, left ^ (_mix(key + number * 0x9E3779B97F4A7C15 + right) & mask)
    return left << half_bits | right


def _mix(value):
    """SplitMix64's finaliser: every bit of the result depends on every bit of the value."""
    value &= _MASK
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & _MASK
    return value ^ value >> 31
