"""Models that draw random numbers: how they do, and passes at numbered draws."""

from benchmark.randomness.draws import Draws, Scored
from benchmark.randomness.kind import (
    MAX_REPEATED_CHANGE,
    Randomness,
    largest_difference,
    largest_logit,
    randomness_of,
    rare_randomness_of,
)

__all__ = [
    "MAX_REPEATED_CHANGE",
    "Draws",
    "Randomness",
    "Scored",
    "largest_difference",
    "largest_logit",
    "randomness_of",
    "rare_randomness_of",
]
