"""Settings of the weight probe."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from benchmark.budgets import Budget
from benchmark.probes.budget_curves import require_among
from benchmark.probes.settings import Budgets, ProbeSettings
from benchmark.spaces.weights import Geometry
from benchmark.threats import WeightThreat
from models_zoo.errors import InputError

Rule = Literal["no-normalization", "kernels", "all"]


class FurtherBall(ProbeSettings):
    """Radii in another geometry, for further curves.

    Attributes:
        radii: ascending, in the unit of that geometry.
        steps: number of APGD steps per ascent.
    """

    radii: Budgets
    steps: int = Field(default=6, ge=1)


class WeightSettings(ProbeSettings):
    """Radii, balls and effort of the weight attack.

    Attributes:
        radii: ascending, relative to each tensor's own norm unless the geometry says
            otherwise.
        headline: the radius of the scores.
        geometry: geometry of the ball, see :class:`benchmark.spaces.WeightBall`.
        rule: which tensors are perturbed, see :data:`benchmark.spaces.RULES`.
        steps: number of APGD steps per ascent.
        random_draws: number of random directions of the control, at the full radius.
        layer_steps: number of APGD steps per layer, at the headline radius.
        layer_examples: number of examples that share a layer's perturbation, the first ones.
        also: further geometries by name, each with its own radii; they give curves and no scores.
    """

    headline_settings = ("headline",)

    radii: Budgets
    headline: Budget
    geometry: Geometry = "relative-l2"
    rule: Rule = "no-normalization"
    steps: int = Field(default=30, ge=1)
    random_draws: int = Field(default=10, ge=1)
    layer_steps: int = Field(default=5, ge=1)
    layer_examples: int = Field(default=300, ge=1)
    also: dict[Geometry, FurtherBall] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _headline_is_among_the_radii(self) -> Self:
        require_among("weight.headline", self.headline, self.radii)
        if self.geometry in self.also:
            raise InputError(
                f"weight.also.{self.geometry} is the geometry of weight.radii already; "
                "add its radii there"
            )
        return self

    def threat(self, radius: float) -> WeightThreat:
        """The main geometry's ball of a radius."""
        return WeightThreat(self.geometry, Budget.of(radius), self.rule)

    @property
    def threats(self) -> list[WeightThreat]:
        """The main geometry's balls, ascending."""
        return [self.threat(radius) for radius in self.radii]
