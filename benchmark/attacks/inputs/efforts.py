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

Effort = Literal["quick", "standard", "thorough"]

PM, CE = "probability margin", "cross-entropy"

EFFORTS: dict[str, tuple[Search, ...]] = {
    "quick": (
        Climb(PM, 10),
        Reach(out=6, back=15),
        Climb(PM, 40, above=0.85, share=0.08),
        Tournament((Round(9, 0.35, 2), Round(3, 0.6, 8), Round(2, 0.85, 25))),
        Overshoot((1.5, 2.5), above=0.85, share=0.06),
    ),
    "standard": (
        Climb(PM, 10),
        Reach(out=10, back=20),
        Climb(PM, 60, above=0.85, share=0.08),
        Tournament((Round(9, 0.3, 2, out=2), Round(4, 0.5, 8, out=5), Round(2, 0.85, 30))),
        Overshoot(above=0.8, share=0.08),
        Climb(PM, 20, starts=5, lanes=60, above=0.9, share=0.04),
        Tournament((Round(9, 0.0, 30, random=True, lanes=120),), above=0.9, share=0.04),
        Climb(CE, 30, starts=2, lanes=30, above=0.9, share=0.03),
        Overshoot((1.25, 1.5, 2.0, 2.5, 3.0, 4.0), out=20, back=80, above=0.9, share=0.01),
        Squares(50, sample=16),
        Smoothed(40, samples=8, width=0.5),
        Squares(2000, masked_only=True),
    ),
}
EFFORTS["thorough"] = EFFORTS["standard"]
