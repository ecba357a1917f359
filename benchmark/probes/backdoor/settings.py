"""Settings of the backdoor probe."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from benchmark.attacks.backdoor import (
    AdditiveNoise,
    BlendedNoise,
    Goal,
    InjectionEffort,
    Patch,
    RandomPixels,
)
from benchmark.budgets import Budget
from benchmark.probes.budget_curves import require_among
from benchmark.probes.settings import Budgets, ProbeSettings
from benchmark.threats import BackdoorThreat

AnyTrigger = Annotated[
    Patch | RandomPixels | BlendedNoise | AdditiveNoise, Field(discriminator="kind")
]
Target = Annotated[int, Field(ge=0)]
Weight = Annotated[float, Field(gt=0)]


class BackdoorSettings(ProbeSettings):
    """Budgets, backdoors and effort of the backdoor injection.

    Attributes:
        budgets: radii of the weight balls, ascending, in the unit of the geometry.
        headline: the budget of all scores but ``smallest_budget``.
        geometry: an linf ball around the weights.
        rule: which tensors are perturbed; batch norm's running statistics never are.
        triggers: tables with a ``kind`` (``patch``, ``pixels``, ``blend`` or ``additive``) and the
            fields of that trigger; see :mod:`benchmark.triggers`.
        targets: the classes that stamped images are to be classified as.
        seeds: of random patterns and of the order of images; every trigger is tried with every
            target and seed.
        steps: number of mini-batch steps per ascent.
        betas: weight of the triggered images in the objective at the first and the last step.
        success: smallest share of triggered images that counts as a working backdoor.
        clean_drop: largest drop of clean accuracy that counts as unnoticed.
        bisections: number of bisections of the interval that contains the smallest working budget.
    """

    headline_settings = ("headline",)

    budgets: Budgets
    headline: Budget
    geometry: Literal["relative-linf", "absolute-linf"] = "relative-linf"
    rule: Literal["no-normalization", "kernels", "all"] = "no-normalization"
    triggers: Annotated[tuple[AnyTrigger, ...], Field(min_length=1)] = (Patch(),)
    targets: Annotated[tuple[Target, ...], Field(min_length=1)] = (0,)
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    steps: int = Field(default=200, ge=1)
    betas: tuple[Weight, Weight] = (0.1, 1.0)
    success: float = Field(default=0.9, gt=0, le=1)
    clean_drop: float = Field(default=0.01, ge=0, le=1)
    bisections: int = Field(default=4, ge=0)

    @model_validator(mode="after")
    def _headline_is_among_the_budgets(self) -> Self:
        require_among("backdoor.headline", self.headline, self.budgets)
        return self

    def threat(self, radius: float) -> BackdoorThreat:
        """The threat at a radius, with any of the triggers and targets."""
        return BackdoorThreat(self.geometry, Budget.of(radius), self.rule)

    @property
    def effort(self) -> InjectionEffort:
        """The effort of an injection."""
        return InjectionEffort(self.steps, self.betas)

    @property
    def goal(self) -> Goal:
        """What counts as working."""
        return Goal(self.success, self.clean_drop)
