"""The input attack: a cascade of searches inside balls around images."""

from benchmark.attacks.inputs.cascade import InputAttack, attack_ladder, attack_subject
from benchmark.attacks.inputs.efforts import EFFORTS, Effort

__all__ = ["EFFORTS", "Effort", "InputAttack", "attack_ladder", "attack_subject"]
