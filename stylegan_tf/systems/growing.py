"""Stages of a training whose pictures grow: from small pictures to large ones, each size faded in.

A stage, and how far its size is faded in, follow from the step alone, so that a run goes on in the middle of a stage.

Source: Karras et al. 2018 (Progressive growing of GANs), section 2 and figure 2.
"""

from __future__ import annotations

import dataclasses

from keras import ops


@dataclasses.dataclass(frozen=True)
class Stage:
    """The steps in which one size is trained.

    Attributes:
        size: (height, width) of its pictures.
        index: Of the size among all sizes of feature maps, the smallest first.
        halvings: Between the whole picture and this size.
        first_step: Its first step.
        last_step: The step after its last one; None = never ends.
        fade_steps: Steps in which the size is faded in; 0 for the first stage.
    """

    size: tuple[int, int]
    index: int
    halvings: int
    first_step: int
    last_step: int | None
    fade_steps: int

    def share(self, step):
        """Factor of the newest size at a step, float32 in (0, 1]; None where nothing fades."""
        if not self.fade_steps:
            return None
        done = ops.cast(step, 'float32') - float(self.first_step) + 1.0
        return ops.clip(done / float(self.fade_steps), 0.0, 1.0)


def plan(sizes: list[tuple[int, int]], start: int, steps: int) -> tuple[Stage, ...]:
    """The stages of a run.

    Args:
        sizes: Of all feature maps, the smallest first; the last is the picture's.
        start: Short side of the first pictures; smaller ones are left out. 0 = no growth.
        steps: Of a fade, and as many again without change before the next size.
    Returns:
        Stages in order; a single one that never ends where nothing grows.
    """
    last = len(sizes) - 1
    first = next((index for index, size in enumerate(sizes) if start and min(size) >= start), last)
    stages = []
    for index in range(first, last + 1):
        begin = (2 * (index - first) - 1) * steps if index > first else 0
        end = (2 * (index - first) + 1) * steps if index < last else None
        stages.append(Stage(sizes[index], index, last - index, begin, end, steps if index > first else 0))
    return tuple(stages)


def shares(stages: tuple[Stage, ...], count: int, step) -> list | None:
    """Factors of every size's addition to the whole picture at a step, the smallest first; None where all are 1.

    Sizes that no stage has reached add nothing, so that the whole network draws what the stage's draws, enlarged.

    Args:
        stages: From `plan`.
        count: Number of sizes.
        step: Steps done, integer or integer tensor.
    """
    if len(stages) == 1:
        return None
    smaller = [None] * (count - len(stages) + 1)
    return [*smaller, *(stage.share(step) for stage in stages[1:])]
