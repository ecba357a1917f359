"""PGD: projected gradient ascent with a fixed or a decreasing step.

``x <- project(x + step * steepest(gradient))``, and the best iterate per row is kept. A fixed step
is that of papers that state one; a decreasing step needs fewer of them.

Source: Madry et al. 2018; the best iterate is kept as in Stutz et al. 2021 (code).

Hyper-parameters: number of steps, and their length in radii of the space.
"""

from __future__ import annotations

import torch

from benchmark.ascent.result import AscentResult, Evaluate
from benchmark.spaces import Point, Space


def pgd(
    space: Space,
    evaluate: Evaluate,
    start: Point,
    steps: int,
    step: float,
    *,
    decreasing: bool = False,
) -> AscentResult:
    """Ascend from ``start`` along the steepest direction, keeping the best point per row.

    Args:
        space: the set to stay inside.
        evaluate: the objective and its gradient.
        start: a point of ``space``.
        steps: number of steps; there is one more evaluation.
        step: length of a step, in radii of the space.
        decreasing: whether steps decrease linearly, from ``step`` to ``step / steps``.
    """
    rows = torch.arange(space.rows, device=next(iter(start.values())).device)
    found = evaluate(start, rows)
    point, best, values = start, start, found.values
    for taken in range(steps):
        length = torch.full_like(values, step * (1 - taken / steps) if decreasing else step)
        point = space.project(space.move(point, space.steepest(found.gradient, point), length))
        found = evaluate(point, rows)
        better = found.values > values
        best = space.where(better, point, best)
        values = torch.where(better, found.values, values)
    broken = torch.zeros_like(values, dtype=torch.bool)
    return AscentResult(best, values, broken)
