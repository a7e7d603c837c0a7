"""Metrics that weigh content against style, in units of the pair's own two baselines.

Each part is divided by what the worse baseline of the pair has: a content distance by that of the style picture pasted
in place of the result, a style distance by that of the content left unchanged. So 0 is reached and 1 is what no work at
all gives, whatever the pair and the network; and each of the two baselines is worst in one of the two parts.
"""

import dataclasses
import math
from typing import Any

# Means over several measures, so that nobody who pleases one of them alone is paid for it. Structure needs no network.
CONTENT_PARTS = ('content_distance', 'lpips', 'structure_retention')
STYLE_PARTS = ('style_distance', 'moments_distance', 'patch_kernel')
LEAK = 'style_leak'
LEAST = 0.02  # what a baseline must differ by; below it the pair has nothing to measure this part by
MOST = 2.0  # of a part: a result may be worse than the baseline, but one part must not rule the mean


@dataclasses.dataclass(frozen=True)
class Combination:
    """A metric of a pair that is made of others.

    Attributes:
        combine: Function (content part, style part, leak) -> float.
        better: 'lower' or 'higher'.
        purpose: One line.
    """

    combine: Any
    better: str
    purpose: str


def _clipped(value):
    return min(1.0, max(0.0, value))


def _balance(content, style, leak):
    return (_clipped(1.0 - content) * _clipped(1.0 - style) * _clipped(1.0 - leak)) ** (1.0 / 3.0)


COMBINATIONS = {
    'balance': Combination(
        _balance, 'higher', "geometric mean of content kept, style reached and freedom from the style picture's "
        'layout, 0..1; 0 for the content unchanged and for the style pasted'),
    'artfid': Combination(
        lambda content, style, leak: (1.0 + content) * (1.0 + style), 'lower',
        "(1 + content) * (1 + style), the form of ArtFID, on this network and in units of the pair's baselines: "
        '2 for the content unchanged and for the style pasted'),
    'content_match': Combination(
        lambda content, style, leak: 1.0 - content, 'higher',
        'content kept: 1 for the content unchanged, 0 for the style pasted'),
    'style_match': Combination(
        lambda content, style, leak: 1.0 - style, 'higher',
        'style reached: 1 for the style pasted, 0 for the content unchanged'),
}


def needed(network):
    """Names of the metrics that combinations in `network` are made of."""
    return tuple(name if name == 'structure_retention' else f'{name}@{network}'
                 for name in (*CONTENT_PARTS, *STYLE_PARTS, LEAK))


def combined(kind, network, numbers, unchanged, pasted):
    """A combination for one picture.

    Args:
        kind: Key of COMBINATIONS.
        network: Name of the network.
        numbers: Metrics of `needed` for the picture.
        unchanged: The same for the content left unchanged.
        pasted: The same for the style picture pasted.
    Returns:
        float; nan where content and style picture are too alike to tell.
    """
    def value(part, row):
        return 1.0 - row[part] if part == 'structure_retention' else row[f'{part}@{network}']

    def part(names, worst):
        shares = [min(value(name, numbers) / value(name, worst), MOST) for name in names
                  if value(name, worst) > LEAST]
        return sum(shares) / len(shares) if shares else math.nan

    content, style = part(CONTENT_PARTS, pasted), part(STYLE_PARTS, unchanged)
    if math.isnan(content) or math.isnan(style):
        return math.nan
    return COMBINATIONS[kind].combine(content, style, numbers[f'{LEAK}@{network}'])
