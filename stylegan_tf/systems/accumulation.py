"""Gradient accumulation: a batch worked off in micro-batches, so that memory holds one at a time."""

from __future__ import annotations

import math

from keras import ops, tree

from stylegan_tf.layers.gradient import in_turn


def split(batch: dict, count: int) -> list[dict]:
    """Cuts a batch into micro-batches, in order.

    Args:
        batch: Dict of tensors [B, ...] and of such dicts.
        count: Number of micro-batches; it divides B.
    Returns:
        `count` dicts like `batch`, of tensors [B / count, ...].
    Raises:
        ValueError: `count` does not divide B.
    """
    if count == 1:
        return [batch]
    return [{name: _slice(name, value, index, count) for name, value in batch.items()}
            for index in range(count)]


def _slice(name, value, index, count):
    if isinstance(value, dict):
        return {inner: _slice(inner, tensor, index, count) for inner, tensor in value.items()}
    if value is None:
        return None
    size, rest = divmod(value.shape[0], count)
    if rest:
        raise ValueError(f'A batch must be a multiple of accumulation_steps. Received: {value.shape[0]} examples of '
                         f'{name!r} and accumulation_steps={count}.')
    return value[index * size:(index + 1) * size]


def mean_of(function, batches: list[dict]) -> dict:
    """Calls `function` on each micro-batch, one after another, and joins what it returns.

    Args:
        function: Callable from (batch, index) to a dict of structures of tensors: 'mean', to be averaged; 'joined',
            to be concatenated along the first axis (or None); 'first', of which the first call's is kept.
        batches: Micro-batches of one size.
    Returns:
        A dict like the function's: what one call on the whole batch returns, where it averages over its examples.
    """
    if len(batches) == 1:
        return function(batches[0], 0)
    results: list[dict] = []

    def add(index):
        result = function(batches[index], index)
        if results:
            # A running sum, so that only two sets of gradients are held.
            result['mean'] = tree.map_structure(ops.add, results[-1].pop('mean'), result['mean'])
        results.append(result)
        return result

    in_turn(add, len(batches))
    return {'mean': tree.map_structure(lambda total: total / len(batches), results[-1]['mean']),
            'joined': {name: _joined([result['joined'][name] for result in results]) for name in results[0]['joined']},
            'first': results[0]['first']}


def spread_out(count: int, share: float) -> list[int]:
    """Indices of a share of `count` examples, evenly spread.

    Slices of a batch choose the same examples as the whole where `share` of a slice is a whole number: replicas and
    micro-batches then see what one large batch would.
    """
    steps = [math.floor(index * min(1.0, share) + 0.5 + 1e-9) for index in range(count + 1)]
    return [index for index in range(count) if steps[index + 1] > steps[index]]


def _joined(tensors):
    return None if tensors[0] is None else ops.concatenate(tensors)
