"""What an exported model can do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Signature:
    """One function of an exported model.

    Attributes:
        function: Callable of keyword tensors returning a dict of tensors; traceable by
            TensorFlow with unknown batch, height and width.
        inputs: Name -> kind: 'image' (float32 [B, H, W, 3] in [0, 1]), 'scalar' (float32 [B]),
            'label' (int32 [B]), 'map' (float32 [B, H, W, 1] in [0, 1]), 'overlay' (float32 [B, H, W, 4] in [0, 1],
            the last of them alpha), 'flag' (bool [B]), 'names' (string [B, n]) or an integer n (float32 [B, n]).
        outputs: Name -> kind, of the same kinds.
        is_warmed: Whether a server runs it once before it opens its ports; not what is dear and rare. Those of a
            system that are not warmed share one graph.
    """

    function: Callable[..., dict]
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    is_warmed: bool = True
