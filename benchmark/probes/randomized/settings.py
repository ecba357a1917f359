"""Settings of the probe for random models."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from benchmark.attacks.randomized.efforts import Effort
from benchmark.budgets import Budget
from benchmark.probes.headline_norm import HeadlineNorm
from benchmark.probes.settings import ProbeSettings
from benchmark.threats import InputThreat


class RandomizedSettings(ProbeSettings):
    """Budget and effort of the attack, and number of draws that score it.

    Attributes:
        eps: radius of the balls around the images.
        norm: of the balls, ``linf`` or ``l2``.
        effort: of the attack, ``quick`` or ``standard``.
        draws: number of fresh draws at which clean and perturbed images are scored; 20 are enough
            to try a model.
    """

    headline_settings = ("eps", "norm")

    eps: Annotated[Budget, Field(ge=0)]
    norm: HeadlineNorm = "linf"
    effort: Effort = "standard"
    draws: int = Field(default=100, ge=2)

    @property
    def threat(self) -> InputThreat:
        """The threat of the scores."""
        return InputThreat(self.norm, self.eps)
