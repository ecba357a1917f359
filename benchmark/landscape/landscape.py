"""A model's landscape: curves, contour, decision surfaces, and what they say of flatness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from benchmark.landscape.curves import even, loss_curves, loss_grid
from benchmark.landscape.decision import decision_surfaces
from benchmark.landscape.results import DecisionSurface, LossCurves, LossGrid
from benchmark.measures.robust_loss import RobustLoss
from benchmark.results import Score
from benchmark.statistics import mean
from benchmark.subject import Subject
from models_zoo.errors import InputError, shown

SUMMARY = (0.5, 1.0)
"""Distances from the weights at which the rise of the loss is summarised."""


MOST = 10_001
"""Of every number in the settings: more would take years."""


@dataclass(frozen=True)
class LandscapeSettings:
    """What is drawn, and how finely.

    Attributes:
        eps: linf budget of the adversarial examples, input units; 0 for the clean loss alone.
        steps: PGD steps of the adversarial examples.
        directions: random directions of the curves.
        points: places along a direction, odd.
        contour: places along either axis of the contour, odd; 0 for no contour.
        decisions: images whose decision surface is drawn.
        decision_points: places along either axis of those, odd.
        decision_extent: half the width of those, in budgets ``eps``.

    Raises:
        InputError: a number of places that is not odd or too small, or a number below 0.
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
            if (count := getattr(self, name)) > MOST:
                raise InputError(f"{name} must be at most {MOST:,}, got {shown(count)}")
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
        """Places along a direction: even ones, and those of the summary."""
        return sorted({*even(self.points), *SUMMARY, *(-alpha for alpha in SUMMARY)})

    @property
    def measured(self) -> int:
        """How often the ``tick`` of :func:`measure_landscape` is called."""
        return self.directions * len(self.alphas) + self.contour**2 + self.decisions


class Landscape(BaseModel):
    """Everything that was measured.

    Attributes:
        curves: losses along random directions.
        contour: losses in the plane of the first two; ``None`` where it was not asked for.
        decisions: decision surfaces of a few images.
        rises: ``"robust@0.5"`` and the like: ``g(alpha) - g(0)`` in nats, the mean of both signs of
            alpha and of all directions; the interval is over directions.
        protocol: what must be stated beside the pictures.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    curves: LossCurves
    contour: LossGrid | None
    decisions: list[DecisionSurface]
    rises: dict[str, Score]
    protocol: dict[str, Any]


def measure_landscape(
    subject: Subject, settings: LandscapeSettings, tick: Callable[[], None] = lambda: None
) -> Landscape:
    """Measure a model's landscape.

    Args:
        subject: model and examples.
        settings: what is measured, and how finely.
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
        rises=rises(curves),
        protocol={
            "directions": f"{settings.directions}, Gaussian, filter-normalised",
            "tensors": "kernels",
            "examples": len(subject),
            "input budget (linf)": settings.eps,
            "adversarial examples": f"PGD-{settings.steps}, one start, anew at every point",
            "batch norm": "frozen",
            "seed": subject.seed,
        },
    )


def rises(curves: LossCurves) -> dict[str, Score]:
    """How much the losses rise at each distance of :data:`SUMMARY`."""
    alphas, found = np.array(curves.alphas), {}
    for name, rows in (("robust", curves.robust), ("clean", curves.clean)):
        values = np.array(rows)
        centre = values[:, alphas == 0]
        for distance in SUMMARY:
            at = values[:, np.abs(alphas) == distance]
            found[f"{name}@{distance:g}"] = mean((at - centre).mean(1))
    return found
