"""What an ascent asks for and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from benchmark.spaces import Point


@dataclass(frozen=True)
class Evaluation:
    """An objective at a point.

    Attributes:
        values: (rows,), to be made large.
        gradient: of the sum of values, in the point's form.
        fallen: bool (rows,), rows where the adversary has already won and that may stop; ``None``
            where that has no meaning.
    """

    values: Tensor
    gradient: Point
    fallen: Tensor | None = None


Evaluate = Callable[[Point, Tensor], Evaluation]
"""``(point, rows)``: the point of the rows still climbing, and their indices in the space."""


@dataclass(frozen=True)
class Climb:
    """Where an ascent ended.

    Attributes:
        point: for every row of the space the point where it fell, else its best.
        values: (rows,), the objective there.
        fallen: bool (rows,), as seen during the search; a score needs it verified.
    """

    point: Point
    values: Tensor
    fallen: Tensor
