"""The kinds of intervals that scores have, and why some scores have none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

INTERVALS_VERSION = 2
"""Raised when the ends of an interval are computed in another way.

Version 2 gave losses, medians, bounded means, differences and draws their present intervals;
Wilson's is that of version 1.
"""

IntervalKind = Literal[
    "share",
    "clusters",
    "bounded",
    "paired",
    "paired means",
    "areas",
    "loss",
    "inverse loss",
    "median",
    "draws",
    "pairs",
    "deviation",
    "bootstrap",
    "examples and draws",
    "search",
    "whole set",
    "heavy tail",
    "",
]
"""Keys of :data:`INTERVALS` and :data:`WITHOUT`; empty if a spec does not say."""


@dataclass(frozen=True)
class Interval:
    """A kind of interval.

    Attributes:
        name: in a few words.
        meaning: how it is computed, and from what source.
    """

    name: str
    meaning: str


INTERVALS: dict[str, Interval] = {
    "share": Interval("Wilson", "share of examples: the score interval (Wilson 1927)"),
    "clusters": Interval(
        "Wilson, by example",
        "share of several trials per example: Wilson's interval for the number of examples, which "
        "is too wide rather than too narrow",
    ),
    "bounded": Interval(
        "score interval",
        "mean over examples of values between 0 and 1: Wilson's score interval with the variance "
        "of the likeliest distribution of such values (Owen 1988)",
    ),
    "paired": Interval(
        "Tango", "difference of two shares of the same examples: the score interval (Tango 1998)"
    ),
    "paired means": Interval(
        "paired test",
        "difference of two means over the same examples: the differences that the paired test does "
        "not reject",
    ),
    "areas": Interval(
        "score interval",
        "area under a ROC curve, or a mean of several, whose positives and negatives stem from the "
        "same examples: the score interval with the variances of their likeliest distributions "
        "(Owen 1988) and the design effect of the pairing (Obuchowski 1997)",
    ),
    "loss": Interval(
        "skew-corrected",
        "mean loss over examples: the lower end on the logarithmic scale, the upper corrected for "
        "skewness (Hall 1992) with one more example of a large loss",
    ),
    "inverse loss": Interval(
        "skew-corrected, inverted", "1 / mean divergence: the inverse of that of the mean"
    ),
    "median": Interval(
        "order statistics",
        "median over examples: interpolated between the two pairs of order statistics around 95% "
        "(Hettmansperger and Sheather 1986)",
    ),
    "draws": Interval(
        "Student", "mean over random draws: Student's t; about the draws, not the examples"
    ),
    "pairs": Interval(
        "jackknife",
        "mean over all pairs of random draws: Student's t for the jackknife's pseudo-values, one "
        "per draw (Arvesen 1969)",
    ),
    "deviation": Interval(
        "jackknife, logarithmic",
        "standard deviation over random draws, or the ratio of two over the same draws: Student's "
        "t for the jackknife's pseudo-values of the logarithm (Miller 1968)",
    ),
    "bootstrap": Interval(
        "bootstrap",
        "number from several accuracies of the same examples: quantiles over resamples of the "
        "examples (Efron 1979), with two that are always right and two that are always wrong",
    ),
    "examples and draws": Interval(
        "score interval",
        "mean over examples and over a random model's draws: as for values between 0 and 1, whose "
        "scatter includes that of the draws; wider where all examples share them",
    ),
}
"""Kinds of intervals."""

OVER_DRAWS = frozenset({"draws", "pairs", "deviation"})
"""Kinds that are about random draws, such as seeds, and not about the sample of examples."""

WITHOUT: dict[str, str] = {
    "search": "the best that a search found, of which there is one",
    "whole set": "one number of all examples together, not a mean over them",
    "heavy tail": "a few examples dominate it, so that an interval would be too narrow",
}
"""Why scores of these kinds have no interval."""


ROUNDING = 1e-12
"""Relative difference up to which numbers, such as the ends of an interval, differ by rounding.

The mean of ten equal shares is off by up to 2.2e-16, and early versions stored such intervals. No
real one is as narrow: outputs are float32, with a relative precision of 6e-8.
"""


def is_interval(low: float, high: float) -> bool:
    """Whether there is an interval between two ends: both finite, and apart by more than rounding.

    Args:
        low: lower end of the 95% interval as stored.
        high: upper end.
    """
    # NaN, which no comparison of numbers holds for, is not an end either.
    return -math.inf < low < high < math.inf and not math.isclose(low, high, rel_tol=ROUNDING)


def missing_interval(kind: IntervalKind, value: float, n: int, low: float) -> str:
    """Why a score is shown without an interval.

    Args:
        kind: of its spec.
        value: the score.
        n: number of examples or draws.
        low: lower end as stored; infinite if the present methods gave the score no interval.
    """
    if kind in WITHOUT:
        return WITHOUT[kind]
    if not math.isfinite(value):
        return "the value is not finite"
    if math.isfinite(low):
        return "stored without one; scoring the model again gives it one"
    if n == 1:
        return "one value does not say how others scatter"
    if kind == "draws":
        return "all draws are the same"
    if kind in ("pairs", "deviation"):
        return "all draws are the same, or all but one"
    if kind == "median" and n < 6:
        return "six values are needed"
    return "stored without one"
