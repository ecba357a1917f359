"""Settings of the AutoAttack probe."""

from __future__ import annotations

from benchmark.budgets import Budget
from benchmark.probes.settings import ProbeSettings
from benchmark.spaces.inputs import Norm


class AutoAttackSettings(ProbeSettings):
    """Budget of the reference attack.

    Attributes:
        eps: radius in input units.
        norm: the ball's norm.
    """

    headline_settings = ("eps",)

    eps: Budget
    norm: Norm = "linf"
