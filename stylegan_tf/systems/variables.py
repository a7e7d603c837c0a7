"""Variables of layers and optimizers by names that cross processes and backends."""

from __future__ import annotations

from typing import Any


def named_variables(layer, prefix: str) -> dict[str, Any]:
    """Variables of a layer tree by the layers' own names: 'prefix/block_32/conv/kernel'.

    Random generators' states are left out: they are assigned before each step.

    Raises:
        ValueError: Two sublayers of one layer share a name.
    """
    children = _children(layer)
    inner = {id(v) for child in children for v in child.variables}
    named = {f'{prefix}/{v.name}': v for v in layer.variables
             if id(v) not in inner and not v.path.endswith('seed_generator_state')}
    names = [child.name for child in children]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f'Layers inside {prefix!r} must have different names. '
                         f'Repeated: {", ".join(repeated)}.')
    for child in children:
        named.update(named_variables(child, f'{prefix}/{child.name}'))
    return named


def _children(layer) -> list:
    return list(layer._flatten_layers(include_self=False, recursive=False))


def optimizer_variables(optimizer) -> list:
    """All variables of an optimizer, a wrapped one's included, each once."""
    variables = list(optimizer.variables)
    inner = getattr(optimizer, 'inner_optimizer', None)
    if inner is not None:
        known = {id(v) for v in variables}
        variables += [v for v in inner.variables if id(v) not in known]
    return variables
