"""Counterexamples: perturbations, from any attack, that show a result to be too good.

A counterexample is verified as this suite's own attacks are: measured in float64 against the ball
of its threat, and classified again in float32. What it breaks lowers the stored result.
"""

from benchmark.counterexamples.backdoor import lowered_backdoor, verify_backdoor
from benchmark.counterexamples.counterexample import Counterexample
from benchmark.counterexamples.file import (
    counterexample_of,
    read_counterexample,
    write_counterexample,
)
from benchmark.counterexamples.lowering import Lowered, lowered
from benchmark.counterexamples.verification import Verified, verify

__all__ = [
    "Counterexample",
    "Lowered",
    "Verified",
    "counterexample_of",
    "lowered",
    "lowered_backdoor",
    "read_counterexample",
    "verify",
    "verify_backdoor",
    "write_counterexample",
]
