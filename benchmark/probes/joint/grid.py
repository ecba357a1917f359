"""A grid of input budgets and weight radii: its surfaces, areas and names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmark.probes.headline_norm import NORM_LABELS
from benchmark.probes.probe import as_outcomes
from benchmark.results import Outcome, Role, Surface
from benchmark.threats import InputThreat, JointThreat, WeightThreat

Array = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class Grid:
    """Input budgets (rows) x weight radii (columns).

    Attributes:
        inputs: input threats of ascending budgets, the first 0.
        weights: weight threats of ascending radii, the first 0.
    """

    inputs: tuple[InputThreat, ...]
    weights: tuple[WeightThreat, ...]

    @property
    def norm(self) -> str:
        """Norm of the input balls."""
        return self.inputs[0].norm

    @property
    def budgets(self) -> list[float]:
        """Radii of the input balls, ascending from 0."""
        return [float(threat.eps) for threat in self.inputs]

    @property
    def radii(self) -> list[float]:
        """Radii of the weight balls, ascending from 0."""
        return [float(threat.radius) for threat in self.weights]

    def at(self, rows: Sequence[Sequence[T]], threat: JointThreat) -> T:
        """The entry of one of the grid's threats."""
        return rows[self.inputs.index(threat.inputs)][self.weights.index(threat.weights)]

    def accuracy(self, outcomes: Sequence[Sequence[Tensor]]) -> Array:
        """Shares (budgets, radii) of true outcomes."""
        return np.array([[float(each.double().mean()) for each in row] for row in outcomes])

    def named(
        self, outcomes: Sequence[Sequence[Tensor]], role: Role, prefix: str = ""
    ) -> dict[str, Outcome]:
        """Outcomes by their budgets: ``"0.1x0.02"``, ``"l2@0.5x0.02"`` in l2 balls."""
        prefix += "" if self.norm == "linf" else f"{self.norm}@"
        return {
            f"{prefix}{inputs.eps:.6g}x{weights.radius:.6g}": Outcome(
                as_outcomes(each), role, JointThreat(inputs, weights)
            )
            for inputs, row in zip(self.inputs, outcomes, strict=True)
            for weights, each in zip(self.weights, row, strict=True)
        }

    def surface(self, picture: str, z_label: str, shares: Array, role: Role) -> Surface:
        """Shares as a surface for a chart."""
        return Surface(
            picture=picture,
            x_label="weight radius",
            y_label=NORM_LABELS[self.norm],
            z_label=z_label,
            x=self.radii,
            y=self.budgets,
            x_text=[threat.radius.text for threat in self.weights],
            y_text=[threat.eps.text for threat in self.inputs],
            z=shares.tolist(),
            unit="share",
            role=role,
            threat=JointThreat(self.inputs[-1], self.weights[-1]),
        )

    def volume(self, shares: Array) -> float:
        """Trapezoid volume under shares (budgets, radii) over the budgets' area, in [0, 1]."""
        over_radii = np.trapezoid(shares, self.radii, axis=1)
        area = self.budgets[-1] * self.radii[-1]
        return float(np.trapezoid(over_radii, self.budgets) / area)

    def volumes(self, outcomes: Sequence[Sequence[Tensor]]) -> Array:
        """Each example's own volume (N,); their mean is the volume under the shares."""
        over_radii = np.trapezoid(_stacked(outcomes), self.radii, axis=1)
        area = self.budgets[-1] * self.radii[-1]
        return np.asarray(np.trapezoid(over_radii, self.budgets, axis=0) / area, np.float64)

    def input_areas(self, outcomes: Sequence[Sequence[Tensor]]) -> Array:
        """Each example's own area (N,) at radius 0."""
        edge = _stacked(outcomes)[:, 0]
        return np.asarray(np.trapezoid(edge, self.budgets, axis=0) / self.budgets[-1], np.float64)

    def weight_areas(self, outcomes: Sequence[Sequence[Tensor]]) -> Array:
        """Each example's own area (N,) at budget 0."""
        edge = _stacked(outcomes)[0]
        return np.asarray(np.trapezoid(edge, self.radii, axis=0) / self.radii[-1], np.float64)

    def input_area(self, shares: Array) -> float:
        """Trapezoid area under the edge at radius 0, divided by the largest budget: in [0, 1]."""
        return float(np.trapezoid(shares[:, 0], self.budgets) / self.budgets[-1])

    def weight_area(self, shares: Array) -> float:
        """Trapezoid area under the edge at budget 0, divided by the largest radius: in [0, 1]."""
        return float(np.trapezoid(shares[0], self.radii) / self.radii[-1])


def _stacked(outcomes: Sequence[Sequence[Tensor]]) -> Array:
    """Outcomes (budgets, radii, N) as 0 and 1."""
    return np.array([[each.double().cpu().numpy() for each in row] for row in outcomes])
