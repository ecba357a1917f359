"""Scores over two ladders of budgets as tables whose cells are shaded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.results import Surface
from leaderboard.charts.curves import share_unit, titled
from leaderboard.formatting.texts import number

PROVEN = {"joint_accuracy": "joint_certified"}
"""Surfaces of what was measured, and those of what is proven: the first one's lower envelope."""


@dataclass(frozen=True)
class HeatCell:
    """A cell as shown; ``strength`` in [0, 1] shades it, ``proven`` stands below its text."""

    text: str
    strength: float
    proven: str | None


@dataclass(frozen=True)
class HeatMap:
    """A surface as a table.

    Attributes:
        surface: the axes with their labels and texts.
        title: caption.
        cells: a row for each of the surface's ``y``.
        proven: whether the cells also hold the lower envelope.
    """

    surface: Surface
    title: str
    cells: list[list[HeatCell]]
    proven: bool


def heat_maps(surfaces: Sequence[Surface]) -> list[HeatMap]:
    """A table for each surface; a lower envelope stands in the cells of the one it is below."""
    by_name = {surface.picture: surface for surface in surfaces}
    below = {
        above: by_name[under]
        for above, under in PROVEN.items()
        if above in by_name and under in by_name and _same_axes(by_name[above], by_name[under])
    }
    beneath = {surface.picture for surface in below.values()}
    return [
        _heat_map(surface, below.get(surface.picture))
        for surface in surfaces
        if surface.picture not in beneath
    ]


def _same_axes(one: Surface, two: Surface) -> bool:
    return (one.x, one.y) == (two.x, two.y)


def _heat_map(surface: Surface, below: Surface | None) -> HeatMap:
    unit = share_unit(surface.z_label)
    values = [value for row in surface.z for value in row if math.isfinite(value)]
    low, high = (0.0, 1.0) if unit else (min(values, default=0.0), max(values, default=1.0))
    span = (high - low) or 1.0
    cells = [
        [
            HeatCell(
                number(value, unit),
                min(max((value - low) / span, 0.0), 1.0),
                None if below is None else number(below.z[i][j], unit),
            )
            for j, value in enumerate(row)
        ]
        for i, row in enumerate(surface.z)
    ]
    return HeatMap(surface, titled(surface.picture), cells, below is not None)
