"""Ascent on an objective that is an expectation over random draws, estimated by a few.

The schedule is that of :mod:`benchmark.ascent.apgd`. What differs is what it may conclude from an
estimate:

- Every step has fresh draws. The old and the new point are evaluated with the *same* draws of the
  step (common random numbers), so that whether the objective increased is not decided by luck.
- A point is evaluated twice, as the new one of a step and as the old one of the next, with
  different draws. The mean of its evaluations ranks it.
- The result is a short list of points per row and not the best one: the largest of many estimates
  is large by chance as well. The caller chooses among them with draws that the ascent has not seen.

Sources: Athalye, Carlini & Wagner 2018 (gradients averaged over draws); Croce & Hein 2020 (the
schedule). AutoAttack's version ``rand`` averages the gradients as well, and decides everything else
by the last draw of a step.

Hyper-parameters: steps, length of the first step in radii, length of the list, and
:data:`benchmark.ascent.apgd.MIN_INCREASING_SHARE`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent.apgd import MIN_INCREASING_SHARE, blend
from benchmark.spaces import Point, Space

EvaluateAtStep = Callable[[Point, int, bool], tuple[Tensor, Point]]
"""``(point, step, with_gradient)``: estimates (rows,) with the draws of a step, and the gradient of
their sum, empty if it was not asked for."""


@dataclass
class ShortList:
    """The points with the largest estimates per row.

    Attributes:
        points: (length, rows, ...) by name.
        totals: (length, rows), sum of the estimates of each point.
        counts: (length, rows), number of estimates; 0 where there is no point yet.
    """

    points: Point
    totals: Tensor
    counts: Tensor

    @classmethod
    def empty(cls, length: int, start: Point, values: Tensor) -> ShortList:
        """A list without points.

        Args:
            length: number of points per row.
            start: a point, for its shape.
            values: (rows,), for their number and type.
        """
        zeros = values.new_zeros(length, len(values))
        points = {name: each.expand(length, *each.shape).clone() for name, each in start.items()}
        return cls(points, zeros, zeros.clone())

    @property
    def means(self) -> Tensor:
        """(length, rows), the mean estimate of each point; minus infinity where there is none."""
        means = self.totals / self.counts.clamp_min(1)
        return torch.where((self.counts > 0) & ~means.isnan(), means, -torch.inf)

    def record(
        self, space: Space, point: Point, totals: Tensor, counts: Tensor, places: Tensor
    ) -> Tensor:
        """Add estimates of a point, and the point itself where it is better than the worst.

        Args:
            space: of the points.
            point: the point.
            totals: (rows,), the sum of estimates.
            counts: (rows,), their number.
            places: int64 (rows,), where the point is in the list already, otherwise -1.

        Returns:
            The places afterwards.
        """
        rows = torch.arange(len(totals), device=totals.device)
        means = self.means
        worst = means.argmin(0)
        fresh = (places < 0) & (totals / counts > means[worst, rows])
        for name, kept in self.points.items():
            spread = space.spread(fresh, name)
            kept[worst, rows] = torch.where(spread, point[name], kept[worst, rows])
        self.totals[worst, rows] = torch.where(fresh, 0.0, self.totals[worst, rows])
        self.counts[worst, rows] = torch.where(fresh, 0.0, self.counts[worst, rows])
        places = torch.where(fresh, worst, places)
        known = places >= 0
        at = places.clamp_min(0)
        self.totals[at, rows] += torch.where(known, totals, 0.0)
        self.counts[at, rows] += torch.where(known, counts, 0.0)
        return places

    def best(self) -> tuple[Point, Tensor]:
        """The point of the largest mean per row, and its place (rows,)."""
        place = self.means.argmax(0)
        rows = torch.arange(len(place), device=place.device)
        return {name: each[place, rows] for name, each in self.points.items()}, place


def expected_ascent(
    space: Space,
    evaluate: EvaluateAtStep,
    start: Point,
    steps: int,
    *,
    length: int = 5,
    first_step: float = 2.0,
) -> ShortList:
    """Ascend from ``start`` and keep a short list of points per row.

    Args:
        space: the set to stay inside.
        evaluate: estimates of the objective.
        start: a point of ``space``.
        steps: number of steps; each costs two evaluations, one of them with a gradient.
        length: number of points per row that are kept.
        first_step: the first step's length, in radii of the space.
    """
    values, gradient = evaluate(start, 0, True)
    found = ShortList.empty(length, start, values)
    point = previous = start
    # Estimates of the point from the step that led to it, and their number.
    before, earlier = torch.zeros_like(values), torch.zeros_like(values)
    places = torch.full_like(values, -1, dtype=torch.int64)
    size = torch.full_like(values, first_step, dtype=torch.float32)
    increases, checkpoint = torch.zeros_like(values), values
    just_halved = torch.ones_like(values, dtype=torch.bool)
    window, since = max(math.ceil(0.22 * steps), 1), 0
    for step in range(steps):
        if step:
            values, gradient = evaluate(point, step, True)
        places = found.record(space, point, before + values, earlier + 1, places)
        moved = space.project(space.move(point, space.steepest(gradient, point), size))
        if step and space.momentum < 1:
            moved = space.project(blend(space.momentum, moved, point, previous))
        after, _ = evaluate(moved, step, False)
        increases = increases + (after > values)
        point, previous = moved, point
        before, earlier = after, torch.ones_like(after)
        places = torch.full_like(places, -1)
        since += 1
        if since < window or step + 1 == steps:
            continue
        best, place = found.best()
        stuck = ~just_halved & (found.means.amax(0) <= checkpoint)
        halve = (increases <= MIN_INCREASING_SHARE * window) | stuck
        size = torch.where(halve, size / 2, size)
        point = space.where(halve, best, point)
        previous = space.where(halve, best, previous)
        places = torch.where(halve, place, places)
        before = before.masked_fill(halve, 0.0)  # which the list has counted
        earlier = earlier.masked_fill(halve, 0.0)
        just_halved, checkpoint = halve, found.means.amax(0)
        increases, since = torch.zeros_like(increases), 0
        window = max(window - max(int(0.03 * steps), 1), max(int(0.06 * steps), 1))
    values, _ = evaluate(point, steps, False)
    found.record(space, point, before + values, earlier + 1, places)
    return found
