"""A model's landscape: curves, contour, decision surfaces, and a summary of flatness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from benchmark.landscape.curves import even, loss_curves, loss_grid
from benchmark.landscape.decision import decision_surfaces
from benchmark.landscape.results import (
    LOSS_NAMES,
    DecisionSurface,
    LandscapeIncrease,
    LossCurves,
    LossGrid,
)
from benchmark.measures.robust_loss import RobustLoss
from benchmark.statistics import mean
from benchmark.subject import Subject
from models_zoo.errors import InputError, shown

SUMMARY_DISTANCES = (0.5, 1.0)
"""Distances ``|alpha|`` from the weights at which the increase of the loss is summarized."""


MAX_SETTING = 10_001
"""Largest value of the counts in the settings: more would take years."""


@dataclass(frozen=True)
class LandscapeSettings:
    """What is measured, and at how many points.

    Attributes:
        eps: linf budget of the adversarial examples, input units; 0 for the clean loss alone.
        steps: PGD steps of the adversarial examples.
        directions: number of random directions of the curves.
        points: number of points along a direction, odd.
        contour: number of points along either axis of the contour, odd; 0 for no contour.
        decisions: number of images with a decision surface.
        decision_points: number of points along either axis of a decision surface, odd.
        decision_extent: half the width of a decision surface, in budgets ``eps``.

    Raises:
        InputError: a number of points that is even or too small, or a number below 0.
    """

    eps: float
    steps: int = 10
    directions: int = 5
    points: int = 21
    contour: int = 0
    decisions: int = 3
    decision_points: int = 41
    decision_extent: float = 2.0

    def __post_init__(self) -> None:
        for name in ("steps", "directions", "points", "contour", "decisions", "decision_points"):
            if (count := getattr(self, name)) > MAX_SETTING:
                raise InputError(f"{name} must be at most {MAX_SETTING:,}, got {shown(count)}")
        if self.steps < 1 or self.directions < 1 or self.decisions < 0:
            raise InputError(
                "a landscape needs at least 1 step, 1 direction and 0 decisions, got "
                f"{self.steps}, {self.directions} and {self.decisions}"
            )
        if not 0 <= self.eps < float("inf") or not 0 < self.decision_extent < float("inf"):
            raise InputError(
                f"eps must be finite and at least 0, and the extent above 0, got {self.eps} and "
                f"{self.decision_extent}"
            )
        for name in ("points", "contour", "decision_points"):
            count = getattr(self, name)
            if (name, count) != ("contour", 0) and (count < 3 or count % 2 == 0):
                raise InputError(
                    f"{name} must be odd and at least 3, so that the model itself is among them, "
                    f"got {count}"
                )

    @property
    def alphas(self) -> list[float]:
        """Points along a direction: evenly spaced ones, and those of the summary."""
        return sorted(
            {*even(self.points), *SUMMARY_DISTANCES, *(-alpha for alpha in SUMMARY_DISTANCES)}
        )

    @property
    def measured(self) -> int:
        """Number of calls of ``tick`` by :func:`measure_landscape`."""
        return self.directions * len(self.alphas) + self.contour**2 + self.decisions


class Landscape(BaseModel):
    """Everything that was measured.

    Attributes:
        curves: losses along random directions.
        contour: losses in the plane of the first two; ``None`` where it was not asked for.
        decisions: decision surfaces of a few images.
        increases: increase of both losses at each distance of :data:`SUMMARY_DISTANCES`.
        protocol: conditions of the measurement.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    curves: LossCurves
    contour: LossGrid | None
    decisions: list[DecisionSurface]
    increases: list[LandscapeIncrease]
    protocol: dict[str, Any]


def measure_landscape(
    subject: Subject, settings: LandscapeSettings, tick: Callable[[], None] = lambda: None
) -> Landscape:
    """Measure a model's landscape.

    Args:
        subject: model and examples.
        settings: what is measured, and at how many points.
        tick: called after each of :attr:`LandscapeSettings.measured` pieces of work.
    """
    loss = RobustLoss(settings.eps, settings.steps)
    curves = loss_curves(subject, loss, settings.alphas, settings.directions, tick)
    contour = loss_grid(subject, loss, even(settings.contour), tick) if settings.contour else None
    extent = settings.decision_extent * (settings.eps or 1 / 255)
    return Landscape(
        curves=curves,
        contour=contour,
        decisions=decision_surfaces(
            subject, extent, settings.decisions, settings.decision_points, tick
        ),
        increases=loss_increases(curves),
        protocol={
            "directions": f"{settings.directions}, Gaussian, filter-normalized",
            "tensors": "kernels",
            "examples": len(subject),
            "input budget (linf)": settings.eps,
            "adversarial examples": f"PGD-{settings.steps}, one start, computed at every point",
            "batch norm": "frozen",
            "seed": subject.seed,
        },
    )


def loss_increases(curves: LossCurves) -> list[LandscapeIncrease]:
    """The increase of both losses at each distance of :data:`SUMMARY_DISTANCES`."""
    alphas, increases = np.array(curves.alphas), []
    for loss in LOSS_NAMES:
        values = np.array(getattr(curves, loss))
        center = values[:, alphas == 0]
        for distance in SUMMARY_DISTANCES:
            at = values[:, np.abs(alphas) == distance]
            increase = mean((at - center).mean(1))
            increases.append(LandscapeIncrease(loss=loss, distance=distance, increase=increase))
    return increases
