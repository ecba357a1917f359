"""Settings of the checks probe."""

from __future__ import annotations

from pydantic import Field

from benchmark.budgets import Budget
from benchmark.probes.settings import ProbeSettings


class ChecksSettings(ProbeSettings):
    """On how much the checks look, and the budget of the duel.

    Attributes:
        eps: linf budget of the two short searches that are held against each other.
        examples: the first so many examples are used.
        steps: gradient steps, and random proposals, of these searches.
    """

    eps: Budget
    examples: int = Field(default=64, ge=1)
    steps: int = Field(default=10, ge=1)
