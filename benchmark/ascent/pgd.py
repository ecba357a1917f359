"""PGD with a fixed step: the protocol of papers that state one.

Source: Madry et al. 2018; best iterate kept as in Stutz et al. 2021 (code).
"""

from __future__ import annotations

import torch

from benchmark.ascent.climb import Climb, Evaluate
from benchmark.spaces import Point, Space


def pgd(space: Space, evaluate: Evaluate, start: Point, steps: int, step: float) -> Climb:
    """Take ``steps`` steps of ``step`` radii along the steepest direction, keeping each row's best.

    Args:
        space: the set to stay inside.
        evaluate: the objective and its gradient.
        start: a point of ``space``.
        steps: number of steps; one more evaluation than that.
        step: length of a step, in radii of the space.
    """
    rows = torch.arange(space.rows, device=next(iter(start.values())).device)
    found = evaluate(start, rows)
    point, best, values = start, start, found.values
    length = torch.full_like(found.values, step)
    for _ in range(steps):
        point = space.project(space.move(point, space.steepest(found.gradient, point), length))
        found = evaluate(point, rows)
        better = found.values > values
        best = space.where(better, point, best)
        values = torch.where(better, found.values, values)
    fallen = torch.zeros_like(values, dtype=torch.bool)
    return Climb(best, values, fallen)
