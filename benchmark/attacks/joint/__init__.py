"""The joint attack: one weight perturbation for all examples and an input perturbation for each."""

from benchmark.attacks.joint.at_weights import attack_at_weights, finish_at_weights
from benchmark.attacks.joint.budget_pair import JOINT, BudgetPair
from benchmark.attacks.joint.surface import (
    PairOutcome,
    input_candidate,
    joint_surface,
    quick_joint_attack,
)

__all__ = [
    "JOINT",
    "BudgetPair",
    "PairOutcome",
    "attack_at_weights",
    "finish_at_weights",
    "input_candidate",
    "joint_surface",
    "quick_joint_attack",
]
