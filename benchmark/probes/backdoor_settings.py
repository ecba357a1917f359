"""What a battery can say of the backdoor probe."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from benchmark.attacks.backdoor import (
    AdditiveNoise,
    BlendedNoise,
    Effort,
    Goal,
    Patch,
    RandomPixels,
)
from benchmark.probes.ladders import require_rung
from benchmark.probes.probe import Budget, Ladder, ProbeSettings

AnyTrigger = Annotated[
    Patch | RandomPixels | BlendedNoise | AdditiveNoise, Field(discriminator="kind")
]
Target = Annotated[int, Field(ge=0)]
Weight = Annotated[float, Field(gt=0)]


class BackdoorSettings(ProbeSettings):
    """Budgets, backdoors and effort of the injection.

    Attributes:
        budgets: ladder of weight budgets, in the unit of the geometry.
        headline: the budget of all scores but ``smallest_budget``.
        geometry: an linf ball around the weights.
        rule: which tensors move; batch norm's running statistics never do.
        triggers: tables with a ``kind`` (``patch``, ``pixels``, ``blend`` or ``additive``) and the
            fields of that trigger; see :mod:`benchmark.attacks.backdoor.triggers`.
        targets: the classes the triggers shall call up.
        seeds: of random patterns and of the order of images; every trigger is tried with every
            target and seed.
        steps: mini-batch steps a climb.
        betas: weight of the triggered images in the objective at the first and the last step.
        success: share of triggered images that counts as a working backdoor.
        clean_drop: largest drop of clean accuracy that goes unseen.
        bisections: halvings of the interval in which the smallest working budget lies.
    """

    budgets: Ladder
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
    def _headline_is_a_rung(self) -> Self:
        require_rung("backdoor.headline", self.headline, self.budgets)
        return self

    @property
    def effort(self) -> Effort:
        """How hard an injection tries."""
        return Effort(self.steps, self.betas)

    @property
    def goal(self) -> Goal:
        """What counts as working."""
        return Goal(self.success, self.clean_drop)
