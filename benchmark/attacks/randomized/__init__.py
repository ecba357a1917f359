"""The attack on models that draw random numbers: expectation over transformation (EOT)."""

from benchmark.attacks.randomized.attack import (
    RandomizedAttack,
    RandomizedResult,
    attack_draws,
)
from benchmark.attacks.randomized.calling import attack_randomized
from benchmark.attacks.randomized.efforts import EFFORTS, RandomizedEffort

__all__ = [
    "EFFORTS",
    "RandomizedAttack",
    "RandomizedEffort",
    "RandomizedResult",
    "attack_draws",
    "attack_randomized",
]
