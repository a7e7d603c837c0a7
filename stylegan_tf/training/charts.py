"""Small line charts as inline SVG: no scripts, no files beside them, colours from the page's CSS."""

import html
import math

import numpy as np

MAX_POINTS = 240
LOG_RATIO = 40  # largest over smallest value from which on the axis is logarithmic
_WIDTH, _HEIGHT = 360, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 12, 24


def line_chart(title, steps, values, *, unit='step'):
    """Draws one quantity over the run.

    Args:
        title: Name of the quantity.
        steps: Rising positions on the horizontal axis.
        values: As many finite numbers.
        unit: Name of the horizontal axis.

    Returns:
        str, a <figure> with an <svg>; the raw values thin, a smoothed line on top of them.
    """
    label = html.escape(title)
    steps, values = thin(steps, values)
    # A quantity that falls through decades would be a flat line on a linear axis.
    logarithmic = min(values) > 0 and max(values) > LOG_RATIO * min(values)
    scale = math.log10 if logarithmic else float
    low, high = _limits([scale(value) for value in values], clips=not logarithmic)
    last_step = max(steps[-1], 1)

    def place(step, value):
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * step / last_step
        share = (min(scale(value), high) - low) / (high - low)
        y = _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share
        return f'{x:.1f},{y:.1f}'

    def path(numbers):
        return ' '.join(place(step, value) for step, value in zip(steps, numbers, strict=True))

    grid = ''.join(
        f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="axis" x="{_LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">'
        f'{number(value)}</text>'
        for value in (_decades(low, high) if logarithmic else _ticks(low, high))
        for y in [float(place(0, value).split(',')[1])])
    dot_x, dot_y = place(steps[-1], values[-1]).split(',')
    return (
        f'<figure class="chart"><figcaption><span>{label}</span> <b>{number(values[-1])}</b>'
        f'</figcaption><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{label}, last value {number(values[-1])}">{grid}'
        f'<text class="axis" x="{_LEFT}" y="{_HEIGHT - 6}">0</text>'
        f'<text class="axis" x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 6}" text-anchor="end">'
        f'{unit} {last_step:,}</text>'
        f'<polyline class="raw" points="{path(values)}"/>'
        f'<polyline class="smooth" points="{path(smooth(values))}"/>'
        f'<circle class="dot" cx="{dot_x}" cy="{dot_y}" r="2.6"/></svg></figure>')


def thin(steps, values, limit=MAX_POINTS):
    """Averages neighbours until at most `limit` points are left; returns (steps, values)."""
    steps, values = np.asarray(steps, float), np.asarray(values, float)
    if len(values) > limit:
        edges = np.linspace(0, len(values), limit + 1).astype(int)
        values = np.add.reduceat(values, edges[:-1]) / np.diff(edges)
        # The last position of each group, so that the newest step stays at the right end.
        steps = steps[edges[1:] - 1]
    return [int(step) for step in steps], [float(value) for value in values]


def smooth(values):
    """Exponential moving average over about a twentieth of the run, without a start at zero."""
    keep = 1 - 1 / max(1.0, len(values) / 20)
    total, weight, averaged = 0.0, 0.0, []
    for value in values:
        total, weight = keep * total + value, keep * weight + 1
        averaged.append(total / weight)
    return averaged


def number(value):
    """Formats a value in few characters: 0.0123, 1.5, 12,300, 3.1e+07."""
    if value == 0:
        return '0'
    size = abs(value)
    if size >= 1e6 or size < 1e-4:
        return f'{value:.1e}'
    return f'{value:,.0f}' if size >= 1000 else f'{value:.3g}'


def _limits(values, clips):
    # A start far off would flatten the rest: the upper end follows the 98th percentile.
    low, high = min(values), max(values)
    if clips and len(values) > 20:
        cut = float(np.percentile(values, 98))
        high = min(high, cut + 0.35 * (cut - low)) if cut > low else high
    if high - low < 1e-12 * max(1.0, abs(high)):
        margin = max(abs(high) * 0.1, 1e-6)
        return low - margin, high + margin
    return low - 0.04 * (high - low), high


def _ticks(low, high):
    raw = (high - low) / 3
    step = 10 ** math.floor(math.log10(raw))
    step *= min((m for m in (1, 2, 5, 10)), key=lambda m: abs(m * step - raw))
    first = math.ceil(low / step) * step
    return [round(first + k * step, 12) for k in range(6) if first + k * step <= high]


def _decades(low, high):
    every = max(1, math.ceil((high - low) / 4))
    return [10.0 ** k for k in range(math.ceil(low), math.floor(high) + 1, every)]
