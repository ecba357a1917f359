"""Counterexamples: perturbations, from any attack, that show a result to be too good.

A counterexample is verified as this suite's own attacks are: measured in float64 against the ball
of its threat, and classified again in float32. What it breaks lowers the stored result.
"""

from benchmark.counterexamples.any_threat import depends_on_battery, lowered, verify
from benchmark.counterexamples.counterexample import Counterexample
from benchmark.counterexamples.file import (
    counterexample_of,
    read_counterexample,
    write_counterexample,
)
from benchmark.counterexamples.lowering import ATTACKED, Lowered
from benchmark.counterexamples.verification import Verified

__all__ = [
    "ATTACKED",
    "Counterexample",
    "Lowered",
    "Verified",
    "counterexample_of",
    "depends_on_battery",
    "lowered",
    "read_counterexample",
    "verify",
    "write_counterexample",
]
