"""The joint attack: one weight perturbation for all and an input perturbation for each."""

from benchmark.attacks.joint.cell import JOINT, Cell, JointAttack
from benchmark.attacks.joint.strike import Strike, finish, strike
from benchmark.attacks.joint.surface import (
    Outcome,
    climb_and_strike,
    input_strike,
    joint_surface,
)

__all__ = [
    "JOINT",
    "Cell",
    "JointAttack",
    "Outcome",
    "Strike",
    "climb_and_strike",
    "finish",
    "input_strike",
    "joint_surface",
    "strike",
]
