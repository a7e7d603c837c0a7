"""Cutting a picture into overlapping tiles and joining what a network made of them.

A convolutional network computes a pixel from a bounded neighbourhood. A tile that begins at a
multiple of the network's coarsest step and reaches further than this neighbourhood around what is
kept of it therefore gives the same pixels as the whole picture: they are joined by cutting, and
nothing is blended.
"""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Span:
    """One tile's part of one axis, in pixels of the picture."""

    start: int  # what the network is given: [start, stop)
    stop: int
    first: int  # what is kept of its result: [first, last)
    last: int


@dataclasses.dataclass(frozen=True)
class Tile:
    """One tile; each property is a pair of slices, rows and columns."""

    rows: Span
    columns: Span

    @property
    def source(self):
        """The picture's part that the network is given."""
        return tuple(slice(span.start, span.stop) for span in (self.rows, self.columns))

    @property
    def kept(self):
        """The part of the network's result that is right; the rest lacks its neighbourhood."""
        return tuple(slice(span.first - span.start, span.last - span.start)
                     for span in (self.rows, self.columns))

    @property
    def target(self):
        """Where the kept part belongs in the picture."""
        return tuple(slice(span.first, span.last) for span in (self.rows, self.columns))


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a picture is."""

    tile: int  # tiles done
    tiles: int


def plan(size, side, *, margin, multiple):
    """Tiles that cover a picture, row by row.

    Args:
        size: (H, W) of the picture.
        side: Longest side of a tile, margins included. Tiles come out smaller where that spreads
            the work evenly.
        margin: Pixels around a pixel that it may depend on.
        multiple: Tiles begin, and end inside the picture, at multiples of this.
    Returns:
        List of Tile whose targets cover each pixel once.
    Raises:
        ValueError: If `side` is below `smallest_side(margin, multiple)`.
    """
    smallest = smallest_side(margin, multiple)
    if side < smallest:
        raise ValueError(f'Tiles must be at least {smallest} pixels on a side, margins of '
                         f'{margin} included. Received: {side}.')
    rows, columns = (_spans(length, side, _rounded_up(margin, multiple), multiple)
                     for length in size)
    return [Tile(row, column) for row in rows for column in columns]


def whole(size):
    """The one Tile that is the picture of `size` (H, W) itself."""
    return Tile(*(Span(0, length, 0, length) for length in size))


def smallest_side(margin, multiple):
    """The smallest side that `plan` accepts; a third of it is kept."""
    # Less would only cost: tiles of no more than their margins do not end.
    return 3 * _rounded_up(max(margin, multiple), multiple)


def automatic_side(size, most_pixels, *, margin, multiple):
    """A side for `plan`, or None where the whole picture has at most `most_pixels`."""
    if size[0] * size[1] <= most_pixels:
        return None
    return max(math.isqrt(most_pixels), smallest_side(margin, multiple))


def _spans(length, side, margin, multiple):
    if length <= side:
        return [Span(0, length, 0, length)]
    side = side // multiple * multiple
    # As many tiles as the longest side asks for, of the shortest side that still does.
    count = math.ceil((length - 2 * margin) / (side - 2 * margin))
    side = _rounded_up(math.ceil((length - 2 * margin) / count), multiple) + 2 * margin
    spans, start, first = [], 0, 0
    while start + side < length:
        last = start + side - margin
        spans.append(Span(start, start + side, first, last))
        start, first = last - margin, last
    return [*spans, Span(start, length, first, length)]


def _rounded_up(value, multiple):
    return -(-value // multiple) * multiple
