"""Settings of the bits probe."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from benchmark.budgets import Budget
from benchmark.probes.budget_curves import require_among
from benchmark.probes.settings import Budgets, ProbeSettings
from models_zoo.errors import InputError


class BitsSettings(ProbeSettings):
    """Rates of random errors, budget of chosen flips and effort of both.

    Attributes:
        rates: bit error rates, ascending, each the probability that a stored bit is flipped.
        headline_rate: the rate of ``random_accuracy``.
        patterns: number of random error patterns, which are the same for all models of the same
            shapes.
        flips: maximum number of bits that the search may flip.
        headline_flips: the number of flips of ``attacked_accuracy``.
        search_examples: number of examples that the search uses, the first ones.
        top: number of entries that the search considers in each tensor, those of the largest
            gradient.
        draws: number of draws of random flips, the control.
    """

    headline_settings = ("headline_rate", "headline_flips")

    rates: Budgets = tuple(map(Budget, (0.0001, 0.001, 0.005, 0.01, 0.025)))
    headline_rate: Budget = Budget(0.01)
    patterns: int = Field(default=10, ge=2)
    flips: int = Field(default=50, ge=1)
    headline_flips: int = Field(default=10, ge=1)
    search_examples: int = Field(default=128, ge=1)
    top: int = Field(default=10, ge=1)
    draws: int = Field(default=5, ge=2)

    @model_validator(mode="after")
    def _headlines_are_measured(self) -> Self:
        require_among("bits.headline_rate", self.headline_rate, self.rates)
        if self.rates[-1] > 1:
            raise InputError(f"bits.rates are probabilities, got {self.rates[-1]:g}")
        if self.headline_flips > self.flips:
            raise InputError(
                f"bits.headline_flips = {self.headline_flips} is more than bits.flips = "
                f"{self.flips}"
            )
        return self

    @property
    def control_flips(self) -> list[int]:
        """Numbers of flips of the control: powers of 4, the headline and the maximum."""
        powers = {1 << k for k in range(0, self.flips.bit_length(), 2)}
        return sorted(powers | {self.headline_flips, self.flips})
