"""The history chart: an SVG made on the server, readable without a script, coloured by the style sheet."""

import dataclasses
import datetime
import html
import itertools
import math

from stylegan_serving.competition.pages.rendering import markup

_WIDTH, _HEIGHT = 960, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 190, 16, 36
LINES = 5  # as many as can be told apart; the leading teams


@dataclasses.dataclass(frozen=True)
class Series:
    """A team's best score over time."""

    name: str
    points: tuple  # (Unix seconds, score), in the order of time


def history(series, *, until, title):
    """Steps of the best score of up to `LINES` teams, as `Markup` of an <svg> and its names for narrow screens.

    Args:
        series: Iterable of `Series`, the leading team first.
        until: Unix seconds to which the last score of each is drawn.
        title: What a screen reader says; the numbers stand in a table beside the chart.
    Returns:
        `Markup`, empty without a point.
    """
    series = [one for one in series if one.points][:LINES]
    if not series:
        return markup('')
    times = [at for one in series for at, _ in one.points] + [until]
    values = [value for one in series for _, value in one.points]
    x = _scale(min(times), max(times), _LEFT, _WIDTH - _RIGHT)
    ticks = _ticks(min(values), max(values))
    y = _scale(ticks[0], ticks[-1], _HEIGHT - _BOTTOM, _TOP)
    parts = [f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(title)}">']
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(tick)}" y2="{y(tick)}"/>'
                     f'<text x="{_LEFT - 8}" y="{y(tick) + 4}" text-anchor="end">{tick:g}</text>')
    for at, anchor in ((min(times), 'start'), (max(times), 'end')):
        parts.append(f'<text x="{x(at)}" y="{_HEIGHT - 10}" text-anchor="{anchor}">{_date(at)}</text>')
    labels = _apart([y(one.points[-1][1]) for one in series])
    for number, (one, label) in enumerate(zip(series, labels), 1):
        parts.append(_line(one, number, x, y, max(times), label))
    # Where the chart is wider than the screen, its names are out of sight: they stand below it, too.
    names = ''.join(f'<li class="name-{number}">{html.escape(_short(one.name))}</li>'
                    for number, one in enumerate(series, 1))
    return markup(''.join([*parts, f'</svg><ul class="chart-names" aria-hidden="true">{names}</ul>']))


def _line(one, number, x, y, until, label):
    path, last = '', None
    for at, value in one.points:
        path += f'M{x(at)} {y(value)}' if last is None else f'H{x(at)}V{y(value)}'
        last = value
    end = x(until)
    dots = ''.join(f'<circle class="dot-{number}" cx="{x(at)}" cy="{y(value)}" r="4"/>' for at, value in one.points)
    name = html.escape(_short(one.name))
    return (f'<path class="line series-{number}" d="{path}H{end}"/>{dots}'
            f'<text class="name name-{number}" x="{end + 10}" y="{label + 5:.1f}">{name}</text>')


def _scale(low, high, first, last):
    return lambda value: round(first + (last - first) * ((value - low) / (high - low) if high > low else 0.5), 1)


def _ticks(low, high):
    """Four to eight round numbers around [low, high], float."""
    reach = high - low or abs(high) * 0.1 or 1.0
    step = 10 ** math.floor(math.log10(reach / 3))
    step *= next(factor for factor in (1, 2, 5, 10) if reach / (step * factor) <= 5)
    first, last = math.floor(low / step), math.ceil(high / step)
    if first == last:
        last += 1
    return [round(index * step, 10) for index in range(first, last + 1)]


def _apart(places, gap=19):
    """Moves labels so far that none covers another and none leaves the chart, in their order from the top."""
    result = list(places)
    order = sorted(range(len(places)), key=places.__getitem__)
    for above, below in itertools.pairwise(order):
        result[below] = max(result[below], result[above] + gap)
    limit = _HEIGHT - _BOTTOM
    for index in reversed(order):
        result[index] = min(result[index], limit)
        limit = result[index] - gap
    return result


def _short(name, length=20):
    return name if len(name) <= length else f'{name[:length - 1]}…'


def _date(at):
    return f'{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%d %H:%M}'
