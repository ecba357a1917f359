"""Settings of the joint probe."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from benchmark.attacks.inputs import Effort
from benchmark.budgets import Budget
from benchmark.probes.budget_curves import require_among
from benchmark.probes.headline_norm import HeadlineNorm, headline_budget, in_headline_norm
from benchmark.probes.settings import Budgets, ProbeSettings
from models_zoo.errors import InputError

Share = Annotated[float, Field(gt=0, lt=1)]


class JointSettings(ProbeSettings):
    """Budgets of the input and weight probes that are combined, and effort.

    Attributes:
        linf: linf budgets, all among those of the battery's input probe; required if linf is the
            headline norm.
        radii: weight radii, all among those of the battery's weight probe.
        headline_linf: linf budget of ``robust_accuracy``.
        headline_radius: weight radius of ``robust_accuracy``.
        effort: effort of the input attack under perturbed weights, as that of the input probe.
        certify: whether certificates are computed, the lower envelope.
        shares: shares of both headline budgets at which attacks and certificates are compared; 0
            and 1 are added.
        headline_norm: norm of the input balls.
        l2: l2 budgets in place of ``linf``, if l2 is the headline norm.
        headline_l2: l2 budget of ``robust_accuracy``.
    """

    later = ("headline_norm", "l2", "headline_l2", "linf", "headline_linf")
    headline_settings = ("headline_linf", "headline_l2", "headline_radius", "headline_norm")

    linf: Budgets | None = None
    radii: Budgets
    headline_linf: Budget | None = None
    headline_radius: Budget
    effort: Effort = "quick"
    certify: bool = True
    shares: tuple[Share, ...] = (0.02, 0.05, 0.1, 0.2, 0.5)
    headline_norm: HeadlineNorm = "linf"
    l2: Budgets | None = None
    headline_l2: Budget | None = None

    @field_validator("shares")
    @classmethod
    def _shares_ascend(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if list(shares) != sorted(set(shares)):
            raise InputError(f"joint.shares must ascend, got {list(shares)}")
        return shares

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """The input budgets, in the headline norm."""
        budgets: tuple[Budget, ...] = in_headline_norm("joint", self)
        return budgets

    @property
    def headline_eps(self) -> Budget:
        """The input budget of ``robust_accuracy``, in the headline norm."""
        return headline_budget("joint", self)

    @model_validator(mode="after")
    def _headlines_are_among_the_budgets(self) -> Self:
        norm = self.headline_norm
        require_among(f"joint.headline_{norm}", self.headline_eps, self.budgets)
        require_among("joint.headline_radius", self.headline_radius, self.radii)
        return self
