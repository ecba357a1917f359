"""Efforts: which searches run, in order."""

from __future__ import annotations

from typing import Literal

from benchmark.attacks.inputs.boundary import Boundary
from benchmark.attacks.inputs.climbing import Climb
from benchmark.attacks.inputs.overshoot import Overshoot, Reach
from benchmark.attacks.inputs.search import Search
from benchmark.attacks.inputs.smoothing import Smoothed
from benchmark.attacks.inputs.squares import Squares
from benchmark.attacks.inputs.tournament import Round, Tournament
from models_zoo.errors import unknown_name

Effort = Literal["quick", "standard", "thorough"]
Access = Literal["gradients", "scores"]

PM, CE = "probability margin", "cross-entropy"

EFFORTS: dict[str, tuple[Search, ...]] = {
    "quick": (
        Climb(PM, 5),
        Reach(out=5, back=12, above=0.2),
        Tournament((Round(4, 0.5, 3, out=2), Round(2, 0.75, 12, out=5))),
        Tournament((Round(3, 0.6, 20, out=5),), above=0.85, share=0.05),
        Overshoot((1.25, 1.5, 2.5), out=10, back=25, above=0.85, share=0.06),
        Overshoot(above=0.8, share=0.15, boxed=True),
        Tournament((Round(1, 0.85, 40, random=True, lanes=24),), above=0.9, share=0.05),
    ),
    "standard": (
        Climb(PM, 10),
        Reach(out=10, back=20),
        Climb(PM, 60, above=0.85, share=0.08),
        Tournament((Round(9, 0.3, 3, out=2), Round(4, 0.5, 12, out=5), Round(2, 0.8, 60))),
        Overshoot(above=0.8, share=0.08),
        Tournament((Round(1, 0.85, 40, random=True, lanes=90),), above=0.9, share=0.08),
        Climb(CE, 30, starts=1, lanes=24, above=0.9, share=0.03),
        Squares(50, sample=16),
        Smoothed(60, pairs=8, classes=5),
        Squares(1000, runs=8, inside=0.5, masked_only=True),
    ),
}
EFFORTS["thorough"] = (
    Climb(PM, 20),
    Reach(out=20, back=50, factor=3.0),
    Climb(PM, 100),
    Tournament((Round(9, 0.0, 5, out=5), Round(6, 0.3, 20, out=10), Round(3, 0.6, 100))),
    Overshoot((1.25, 1.5, 2.0, 2.5, 3.0, 4.0), out=20, back=80, above=0.5, share=0.5),
    Climb(PM, 50, starts=10, lanes=200, above=0.6, share=0.3),
    Climb(CE, 100, starts=3, lanes=60, above=0.6, share=0.3),
    Tournament((Round(9, 0.0, 100, random=True, lanes=400),), above=0.7, share=0.2),
    Boundary(100, above=0.6, share=0.3),
    Squares(500, sample=64),
    *EFFORTS["standard"][-2:],
)

FROM_SCORES: dict[str, tuple[Search, ...]] = {
    "quick": (Squares(200),),
    "standard": (Squares(2000),),
    "thorough": (Squares(10000),),
}
"""The efforts of an adversary who sees the model's scores and no gradient."""

EFFORTS_OF = {"gradients": EFFORTS, "scores": FROM_SCORES}


def searches_of(effort: str, access: str = "gradients") -> tuple[Search, ...]:
    """The searches of an effort, in order.

    Args:
        effort: ``"quick"``, ``"standard"`` or ``"thorough"``.
        access: ``"gradients"``, or ``"scores"`` for an adversary who only asks the model.

    Raises:
        InputError: an unknown effort or access.
    """
    if not isinstance(access, str) or access not in EFFORTS_OF:
        raise unknown_name("access", access, EFFORTS_OF)
    if not isinstance(effort, str) or effort not in EFFORTS_OF[access]:
        raise unknown_name("effort", effort, EFFORTS_OF[access])
    return EFFORTS_OF[access][effort]
