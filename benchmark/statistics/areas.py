"""Areas under ROC curves whose positives and negatives stem from the same examples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.results import Score
from benchmark.statistics.bounded import likeliest_variance
from benchmark.statistics.roc import placements
from benchmark.statistics.shares import Z95

_EXACT = 1e-9
"""Ends are determined to this precision."""

_ROUNDING = 1e-24
"""Variances below are rounding errors: one pair out of order among 10^9 has 10^-18."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Positives:
    """Scores of what is to be found, such as the images that one attack found.

    Attributes:
        scores: (P,), P at least 1.
        examples: int (P,), the example that each stems from: an index of the negatives, and each
            at most once.
    """

    scores: ArrayLike
    examples: ArrayLike


def mean_area(groups: Sequence[Positives], negative: ArrayLike) -> Score:
    """Area under the ROC curve, on average over groups of positives, with its 95% interval.

    The unit that is sampled is the example: a negative, and the positives of all groups that stem
    from it. An example without positives is a negative alone. The variance ``J`` of the area is
    that of the examples' contributions to it, those of their positives and of their negative
    together: the infinitesimal jackknife, which for one group is that of Obuchowski 1997
    ("Nonparametric analysis of clustered ROC curve data"), and of DeLong et al. 1988 ("Comparing
    the areas under two or more correlated receiver operating characteristic curves") where
    positives and negatives are independent.

    The interval holds the areas ``a`` that the score test does not reject,
    ``(area - a)^2 <= z^2 D V(a)``. Here ``V(a) = V_p(a) sum(w^2) + V_n(a) / N``, for the weights
    ``w`` of the examples with positives and the variances of the likeliest distributions on
    [0, 1] of mean ``a`` for the placements of an example's positives among the negatives and of
    the negatives among the positives, as in :func:`~benchmark.statistics.bounded_mean`; and
    ``D = J / V(area)`` is the design effect of the pairing (Rao & Scott 1992, "A simple method for
    the analysis of clustered binary data"), 1 where all pairs
    are in order, or none is, or all are ties. The ends lie in [0, 1], and the width is never zero:
    with all pairs in order the interval is Wilson's for a share of 1 among
    ``1 / (sum(w^2) + 1 / N)`` examples.

    Args:
        groups: at least one; the groups have the same weight.
        negative: scores (N,), one per example, N at least 1.

    Returns:
        The area with the number of examples that have a positive.
    """
    against = np.asarray(negative, np.float64)
    weights, sums, above = (np.zeros(len(against)) for _ in range(3))
    areas = []
    for group in groups:
        scores, examples = np.asarray(group.scores, np.float64), np.asarray(group.examples)
        share = 1 / (len(groups) * len(scores))
        weights[examples] += share
        found = placements(scores, against)
        areas.append(float(found.mean()))
        sums[examples] += share * found
        above += (1 - placements(against, scores)) / len(groups)
    with_positive = weights > 0
    own = weights[with_positive]
    area = sum(areas) / len(areas)  # exactly 1 if all pairs are in order, which other sums are not
    variances = _Variances(np.clip(sums[with_positive] / own, 0, 1), own, np.clip(above, 0, 1))
    contributions = sums - weights * area + (above - area) / len(above)
    effect = _design_effect(contributions, variances(area), len(own))
    low = _lower(area, variances, effect)
    high = 1 - _lower(1 - area, variances.reversed(), effect)
    return Score(value=area, n=len(own), low=min(low, area), high=max(high, area))


@dataclass(frozen=True, eq=False)
class _Variances:
    """The variance of an area, if positives and negatives were of different examples.

    Attributes:
        found: placements of the positives (n,), a mean per example.
        weights: of these examples (n,), with sum 1.
        above: for each negative the share of positives above it (N,).
    """

    found: Array
    weights: Array
    above: Array

    def __call__(self, area: float) -> float:
        """At an area that is at most the mean of both."""
        equal = np.full(len(self.above), 1 / len(self.above))
        positives = likeliest_variance(self.found, self.weights, area)
        negatives = likeliest_variance(self.above, equal, area)
        return positives * float(self.weights @ self.weights) + negatives / len(self.above)

    def reversed(self) -> _Variances:
        """Of 1 less the area."""
        return _Variances(1 - self.found, self.weights, 1 - self.above)


def _design_effect(contributions: Array, variance: float, n: int) -> float:
    """The variance of an area by the examples' contributions (N,) over that without pairing.

    Pairs of ``n`` examples may cancel exactly, as where no attack moves a score. Of further
    examples, a share of ``z^2 / (n + z^2)``, Wilson's for none of ``n``, may be unlike these.
    """
    if variance < _ROUNDING:
        return 1.0
    return max(float(contributions @ contributions) / variance, Z95**2 / (n + Z95**2))


def _lower(area: float, variances: _Variances, effect: float) -> float:
    """The smallest area that the score test does not reject.

    By the Illinois algorithm, which computes a quarter of the variances that a bisection would.
    """

    def excess(tried: float) -> float:
        return area - tried - Z95 * math.sqrt(effect * variances(tried))

    # At an area of 1 nothing scatters, but right below it positives and negatives do.
    rejected, accepted = 0.0, area * (1 - _EXACT)
    above, below = area, excess(accepted)
    side = 0
    while accepted - rejected > _EXACT and below < 0:
        tried = (rejected * below - accepted * above) / (below - above)
        found = excess(tried)
        if abs(found) < _EXACT:
            return tried
        if found > 0:
            rejected, above = tried, found
            below = below / 2 if side > 0 else below
            side = 1
        else:
            accepted, below = tried, found
            above = above / 2 if side < 0 else above
            side = -1
    return accepted
