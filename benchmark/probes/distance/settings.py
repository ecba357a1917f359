"""Settings of the distance probe."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from benchmark.attacks.inputs.distance import PRECISION
from benchmark.budgets import Budget
from benchmark.probes.headline_norm import HeadlineNorm, headline_budget
from benchmark.probes.settings import ProbeSettings
from benchmark.threats import InputThreat

Positive = Annotated[Budget, Field(gt=0)]


class DistanceSettings(ProbeSettings):
    """Budgets of the curves and precision of the distances.

    Attributes:
        linf: largest linf budget of the curve and of the area.
        l2: largest l2 budget of the curve and of the area.
        headline_linf: the linf budget of the headline outcomes, if linf is the headline norm.
        precision: relative; distances are refined until nothing is found that much nearer.
        rungs: number of budgets on each curve, without the 0.
        headline_norm: the norm of the headline outcomes.
        headline_l2: the l2 budget of the headline outcomes, if l2 is the headline norm.
    """

    later = ("headline_linf", "headline_norm", "headline_l2")
    headline_settings = ("headline_linf", "headline_l2", "headline_norm")

    linf: Positive
    l2: Positive
    headline_linf: Positive | None = None
    precision: float = Field(default=PRECISION, gt=0, le=0.5)
    rungs: int = Field(default=40, ge=1)
    headline_norm: HeadlineNorm = "linf"
    headline_l2: Positive | None = None

    @property
    def headline(self) -> Budget:
        """The budget of the headline outcomes, in the headline norm."""
        return headline_budget("distance", self)

    @property
    def headline_threat(self) -> InputThreat:
        """The threat of the headline outcomes."""
        return InputThreat(self.headline_norm, self.headline)

    @model_validator(mode="after")
    def _one_headline(self) -> Self:
        headline_budget("distance", self)
        return self
