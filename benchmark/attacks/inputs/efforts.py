"""Efforts: which searches run, in order."""

from __future__ import annotations

from typing import Literal

from benchmark.attacks.inputs.climbing import Climb
from benchmark.attacks.inputs.overshoot import Overshoot, Reach
from benchmark.attacks.inputs.search import Search
from benchmark.attacks.inputs.tournament import Round, Tournament

Effort = Literal["quick", "standard", "thorough"]

EFFORTS: dict[str, tuple[Search, ...]] = {
    "quick": (
        Climb("probability margin", 10),
        Reach(out=10, back=10),
        Tournament((Round(9, 0.3, 2), Round(3, 0.6, 8))),
    ),
    "standard": (
        Climb("probability margin", 10),
        Reach(out=10, back=20),
        Tournament((Round(9, 0.25, 2, out=2), Round(4, 0.5, 8, out=5), Round(2, 0.8, 40))),
        Overshoot(above=0.75, share=0.15),
        Tournament((Round(9, 0.0, 40, random=True),), above=0.9, share=0.1),
        Climb("probability margin", 20, starts=5, above=0.9, share=0.1),
        Climb("cross-entropy", 40, starts=2, above=0.9, share=0.1),
    ),
}
EFFORTS["thorough"] = EFFORTS["standard"]
