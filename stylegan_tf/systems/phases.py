"""Phases: the turns of the optimizers within a training step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
from keras import ops


@dataclasses.dataclass(frozen=True)
class PhaseResult:
    """What a phase computes, where it is more than its terms.

    Attributes:
        terms: Named, weighted scalars; their sum is minimised.
        measures: Named scalars that are only logged.
        shared: Named tensors handed to the later phases of the step as `batch['shared']`, so that
            they need not compute them again. No gradient flows through them.
    """

    terms: dict
    measures: dict = dataclasses.field(default_factory=dict)
    shared: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Phase:
    """One optimizer's turn within a step.

    Attributes:
        name: Prefix of its logs.
        losses: Callable from a batch to named, weighted scalars, whose sum is minimised, or to a
            `PhaseResult`.
        networks: Networks whose trainable weights it changes, and no others.
        optimizer: Its keras optimizer.
        every: Runs at steps divisible by this (lazy regularisation; Karras et al. 2020). Above 1 it does not run at
            `first_step`, so that nothing is compiled for it before the plain steps are under way.
        repeats: Optimizer steps for each turn.
        first_step: First step at which it runs.
        last_step: Step from which on it no longer runs; None = never ends.
    """

    name: str
    losses: Callable[[dict], Any]
    networks: tuple
    optimizer: Any
    every: int = 1
    repeats: int = 1
    first_step: int = 0
    last_step: int | None = None

    def is_due(self, step: int) -> bool:
        begun = step > self.first_step or (step == self.first_step and self.every == 1)
        ended = self.last_step is not None and step >= self.last_step
        return begun and not ended and step % self.every == 0

    @property
    def variables(self) -> list:
        return [variable for network in self.networks for variable in network.trainable_variables]


def gradient_norms(phase: Phase, gradients) -> dict[str, Any]:
    """Global norm of a phase's gradients for each of its networks, before any clipping.

    Args:
        phase: The phase.
        gradients: In the order of `phase.variables`, still multiplied by a loss scale where the
            optimizer keeps one. That optimizer skips the step of a gradient that is not finite and
            lowers its scale, so this is not a sign of trouble: the norms are 0 then.
    Returns:
        Scalars 'gradient_norm', or 'gradient_norm_NETWORK' where the phase has several networks;
        nan or inf where a gradient is not finite. With a loss scale also 'skipped': 1 where the
        step is skipped, else 0.
    """
    several, norms, start = len(phase.networks) > 1, {}, 0
    for network in phase.networks:
        count = len(network.trainable_variables)
        squares = [ops.sum(ops.square(ops.cast(gradient, 'float32')))
                   for gradient in gradients[start:start + count]]
        norms[f'gradient_norm_{network.name}' if several else 'gradient_norm'] = ops.sqrt(sum(squares))
        start += count
    if not isinstance(phase.optimizer, keras.optimizers.LossScaleOptimizer):
        return norms
    is_finite = ops.isfinite(sum(norms.values()))
    scale = phase.optimizer.scale_loss(ops.ones(()))
    norms = {name: ops.where(is_finite, norm / scale, 0.0) for name, norm in norms.items()}
    return {**norms, 'skipped': 1.0 - ops.cast(is_finite, 'float32')}
