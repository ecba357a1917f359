"""A grid of input budgets and weight radii: its surfaces, areas and names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmark.probes.headline_norm import NORM_LABELS, HeadlineNorm
from benchmark.probes.ladders import budget_text
from benchmark.probes.probe import bits
from benchmark.results import Outcomes, Surface

Array = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class Grid:
    """Input budgets (rows) x weight radii (columns).

    Attributes:
        budgets: radii of the input balls, ascending from 0.
        radii: of the weight balls, ascending from 0.
        norm: of the input balls, ``"linf"`` or ``"l2"``.
    """

    budgets: tuple[float, ...]
    radii: tuple[float, ...]
    norm: HeadlineNorm = "linf"

    def at(self, cells: Sequence[Sequence[T]], eps: float, radius: float) -> T:
        """One of the grid's cells."""
        return cells[self.budgets.index(eps)][self.radii.index(radius)]

    def accuracy(self, outcomes: Sequence[Sequence[Tensor]]) -> Array:
        """Shares (budgets, radii) of true outcomes."""
        return np.array([[float(cell.double().mean()) for cell in row] for row in outcomes])

    def named(self, outcomes: Sequence[Sequence[Tensor]], prefix: str = "") -> dict[str, Outcomes]:
        """Outcomes by the budgets of their cell: ``"0.1x0.02"``, ``"l2@0.5x0.02"`` in l2 balls."""
        prefix += "" if self.norm == "linf" else f"{self.norm}@"
        return {
            f"{prefix}{eps:.6g}x{radius:.6g}": bits(cell)
            for eps, row in zip(self.budgets, outcomes, strict=True)
            for radius, cell in zip(self.radii, row, strict=True)
        }

    def surface(self, picture: str, z_label: str, shares: Array) -> Surface:
        """Shares as a picture."""
        return Surface(
            picture=picture,
            x_label="weight radius",
            y_label=NORM_LABELS[self.norm],
            z_label=z_label,
            x=list(self.radii),
            y=list(self.budgets),
            x_text=[budget_text(radius) for radius in self.radii],
            y_text=[budget_text(eps) for eps in self.budgets],
            z=shares.tolist(),
        )

    def volume(self, shares: Array) -> float:
        """Trapezoid volume under shares (budgets, radii), over the budgets' area: in [0, 1]."""
        over_radii = np.trapezoid(shares, self.radii, axis=1)
        area = self.budgets[-1] * self.radii[-1]
        return float(np.trapezoid(over_radii, self.budgets) / area)

    def input_area(self, shares: Array) -> float:
        """Trapezoid area under the edge at radius 0, over the largest budget: in [0, 1]."""
        return float(np.trapezoid(shares[:, 0], self.budgets) / self.budgets[-1])

    def weight_area(self, shares: Array) -> float:
        """Trapezoid area under the edge at budget 0, over the largest radius: in [0, 1]."""
        return float(np.trapezoid(shares[0], self.radii) / self.radii[-1])
