"""Settings of the intrinsic probe."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from benchmark.budgets import Budget
from benchmark.probes.budget_curves import require_among
from benchmark.probes.settings import Budgets, ProbeSettings


class IntrinsicSettings(ProbeSettings):
    """Budgets and effort of the divergence ascent.

    Attributes:
        linf: linf budgets, ascending.
        headline: the budget of the scores.
        steps: number of APGD steps.
        restarts: number of ascents per example, alternately towards a class and from a random
            point.
    """

    headline_settings = ("headline",)

    linf: Budgets
    headline: Budget
    steps: int = Field(default=20, ge=1)
    restarts: int = Field(default=3, ge=1)

    @model_validator(mode="after")
    def _headline_is_among_the_budgets(self) -> Self:
        require_among("intrinsic.headline", self.headline, self.linf)
        return self
