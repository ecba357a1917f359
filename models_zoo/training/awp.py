"""Settings of adversarial weight perturbation."""

from __future__ import annotations

from pydantic import BaseModel, Field

from models_zoo.training.recipe import Step


class WeightAdversary(BaseModel):
    """The adversary on the weights, mixed into a recipe's settings.

    Attributes:
        gamma: length of each kernel's displacement, relative to the kernel's own.
        awp_warmup: share of the training before weights are displaced.
    """

    gamma: float = Field(default=0.01, ge=0, le=1)
    awp_warmup: float = Field(default=0.0, ge=0, le=1)

    def radius(self, step: Step) -> float:
        """The displacement's relative length at a step."""
        return self.gamma if step.done >= self.awp_warmup else 0.0
