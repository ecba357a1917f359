"""Efforts: which searches run, in order."""

from __future__ import annotations

from typing import Literal

from benchmark.attacks.inputs.climbing import Aim, Climb
from benchmark.attacks.inputs.search import Search

Effort = Literal["quick", "standard", "thorough"]

EFFORTS: dict[str, tuple[Search, ...]] = {
    "quick": (Climb("probability margin", 20), Aim(0, 40)),
    "standard": (
        Climb("probability margin", 20),
        Climb("probability margin", 80, start="random"),
        Aim(0, 80),
        Aim(1, 60),
        Aim(2, 40),
    ),
}
EFFORTS["thorough"] = (
    *EFFORTS["standard"],
    Climb("cross-entropy", 100, start="random"),
    *(Aim(rank, 100, start="random") for rank in range(9)),
    *(Climb("probability margin", 200, start="random") for _ in range(3)),
)
