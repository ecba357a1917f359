"""Settings of the input probe."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from benchmark.attacks.inputs import Effort
from benchmark.budgets import Budget
from benchmark.probes.budget_curves import require_among
from benchmark.probes.headline_norm import HeadlineNorm
from benchmark.probes.settings import Budgets, ProbeSettings


class InputSettings(ProbeSettings):
    """Budgets and effort of the input attack.

    Attributes:
        linf: linf budgets, ascending.
        l2: l2 budgets, ascending.
        headline_linf: the linf budget of the scores.
        headline_l2: the l2 budget of the scores.
        effort: the effort of the attack: ``quick``, ``standard``, ``thorough`` or one that was
            registered.
        headline_norm: the norm of ``robust_accuracy``; the score of the other norm is named after
            it.
    """

    later = ("headline_norm",)
    headline_settings = ("headline_linf", "headline_l2", "headline_norm")

    linf: Budgets
    l2: Budgets
    headline_linf: Budget
    headline_l2: Budget
    effort: Effort = "standard"
    headline_norm: HeadlineNorm = "linf"

    @model_validator(mode="after")
    def _headlines_are_among_the_budgets(self) -> Self:
        require_among("input.headline_linf", self.headline_linf, self.linf)
        require_among("input.headline_l2", self.headline_l2, self.l2)
        return self
