"""Adam: stochastic ascent with one mini-batch per step.

Source: Kingma & Ba 2015. Steps are measured in radii of the space, coordinate by coordinate, so
that steps in a relative ball are relative too. Every step is projected.

Hyper-parameters: number of steps, length of the first step in radii (the length falls linearly to
zero), and :data:`MOMENT_DECAYS`.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from benchmark.ascent.result import Evaluate
from benchmark.spaces import Point, Space

MOMENT_DECAYS = 0.9, 0.99
"""Adam's beta_1 and beta_2. The second is below the usual 0.999 because runs are short."""


def adam(
    space: Space,
    batches: Iterator[Evaluate],
    start: Point,
    steps: int,
    *,
    first_step: float = 0.05,
    decays: tuple[float, float] = MOMENT_DECAYS,
) -> Iterator[Point]:
    """Ascend from ``start``, yielding the point after every step.

    The step length falls linearly to zero, which averages over the mini-batches.

    Args:
        space: the set to stay inside, with one row.
        batches: the objective and its gradient on one mini-batch per step; at least
            ``steps`` of them.
        start: a point of ``space``.
        steps: number of steps and evaluations.
        first_step: the first step's length, in radii of the space.
        decays: Adam's beta_1 and beta_2.
    """
    rows = torch.arange(space.rows, device=next(iter(start.values())).device)
    reach = space.steepest({name: torch.ones_like(tensor) for name, tensor in start.items()})
    mean = {name: torch.zeros_like(tensor) for name, tensor in start.items()}
    square = {name: torch.zeros_like(tensor) for name, tensor in start.items()}
    length = torch.ones(space.rows, device=rows.device)
    beta_1, beta_2 = decays
    point = start
    for step in range(1, steps + 1):
        gradient = next(batches)(point, rows).gradient
        uphill = {}
        for name, partial in gradient.items():
            mean[name].lerp_(partial, 1 - beta_1)
            square[name].lerp_(partial.square(), 1 - beta_2)
            deviation = (square[name] / (1 - beta_2**step)).sqrt_()
            deviation.clamp_min_(torch.finfo(partial.dtype).tiny)
            ratio = (mean[name] / (1 - beta_1**step)).div_(deviation).clamp_(-1, 1)
            uphill[name] = ratio * reach[name]
        left = first_step * (1 - (step - 1) / steps)
        point = space.project(space.move(point, uphill, length * left))
        yield point
