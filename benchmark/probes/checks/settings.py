"""Settings of the checks probe."""

from __future__ import annotations

from pydantic import Field

from benchmark.budgets import Budget
from benchmark.probes.settings import ProbeSettings


class ChecksSettings(ProbeSettings):
    """Number of examples, and the budget and effort of the two searches that are compared.

    Attributes:
        eps: linf budget of the gradient search and of the random search.
        examples: number of examples, the first ones.
        steps: number of gradient steps, and of random proposals.
    """

    eps: Budget
    examples: int = Field(default=64, ge=1)
    steps: int = Field(default=10, ge=1)
