"""What an ascent evaluates, and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from benchmark.spaces import Point


@dataclass(frozen=True)
class Evaluation:
    """An objective at a point.

    Attributes:
        values: (rows,), to be maximized.
        gradient: of the sum of values, in the point's form.
        broken: bool (rows,), rows in which the attack has succeeded, which may stop; ``None`` for
            objectives without such a criterion.
    """

    values: Tensor
    gradient: Point
    broken: Tensor | None = None


Evaluate = Callable[[Point, Tensor], Evaluation]
"""``(point, rows)``: the point of the rows that are still running, and their indices in the
space."""


@dataclass(frozen=True)
class AscentResult:
    """Where an ascent ended.

    Attributes:
        point: per row of the space, the point where it was broken, or its best point.
        values: (rows,), the objective there.
        broken: bool (rows,), as seen during the search; it has to be verified before it counts.
    """

    point: Point
    values: Tensor
    broken: Tensor
