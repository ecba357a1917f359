"""The input attack: a cascade of searches inside balls around images."""

from benchmark.attacks.inputs.cascade import (
    InputAttack,
    attack_ladder,
    attack_rungs,
    attack_subject,
)
from benchmark.attacks.inputs.efforts import EFFORTS, Access, Effort, searches_of

__all__ = [
    "EFFORTS",
    "Access",
    "Effort",
    "InputAttack",
    "attack_ladder",
    "attack_rungs",
    "attack_subject",
    "searches_of",
]
