"""Adam: stochastic ascent on one mini-batch after the other.

Source: Kingma & Ba 2015. Steps are measured in radii of the space, coordinate by coordinate, so
that a relative ball is climbed in relative terms; every step is projected.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from benchmark.ascent.climb import Evaluate
from benchmark.spaces import Point, Space

FORGETTING = 0.9, 0.99
"""Decay of the two moments. The second forgets faster than the usual 0.999: climbs are short."""


def adam(
    space: Space,
    batches: Iterator[Evaluate],
    start: Point,
    steps: int,
    *,
    first_step: float = 0.05,
) -> Iterator[Point]:
    """Ascend from ``start``, yielding the point after every step.

    The step's length falls linearly to zero, which averages the mini-batches out.

    Args:
        space: the set to stay inside, with one row.
        batches: the objective and its gradient on one mini-batch each; at least ``steps`` of them.
        start: a point of ``space``.
        steps: number of steps and evaluations.
        first_step: the first step's length, in radii of the space.
    """
    rows = torch.arange(space.rows, device=next(iter(start.values())).device)
    reach = space.steepest({name: torch.ones_like(tensor) for name, tensor in start.items()})
    mean = {name: torch.zeros_like(tensor) for name, tensor in start.items()}
    square = {name: torch.zeros_like(tensor) for name, tensor in start.items()}
    length = torch.ones(space.rows, device=rows.device)
    fast, slow = FORGETTING
    point = start
    for step in range(1, steps + 1):
        gradient = next(batches)(point, rows).gradient
        uphill = {}
        for name, slope in gradient.items():
            mean[name].lerp_(slope, 1 - fast)
            square[name].lerp_(slope.square(), 1 - slow)
            deviation = (square[name] / (1 - slow**step)).sqrt_()
            deviation.clamp_min_(torch.finfo(slope.dtype).tiny)
            ratio = (mean[name] / (1 - fast**step)).div_(deviation).clamp_(-1, 1)
            uphill[name] = ratio * reach[name]
        left = first_step * (1 - (step - 1) / steps)
        point = space.project(space.move(point, uphill, length * left))
        yield point
