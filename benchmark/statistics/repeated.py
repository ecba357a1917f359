"""Means over examples that are each classified at many random draws."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from benchmark.results import Outcomes, Score
from benchmark.statistics.bounded import bounded_mean
from benchmark.statistics.draws import students_t


def expected_share(right: Outcomes, *, shared: bool = False) -> Score:
    """Accuracy of a random model with its 95% interval: the mean over examples and draws.

    The interval is that of :func:`bounded_mean` for the shares of the examples. These are
    independent, and scatter by the draws as well as by the examples, so that it is about both. A
    bootstrap over examples that also drew new outcomes would count the draws twice.

    Args:
        right: bool (R, N), whether a draw classifies an example correctly.
        shared: whether all examples have the same draws, as of a model that draws once per forward
            pass. Their shares are then not independent, and the interval is widened by Student's
            for the mean over draws, in quadrature.
    """
    score = bounded_mean(right.mean(0))
    if not shared or len(right) < 2:
        return score
    by_draw = right.mean(1)
    half = students_t(len(right) - 1) * float(by_draw.std(ddof=1)) / math.sqrt(len(right))
    low = score.value - math.hypot(score.value - score.low, half)
    high = score.value + math.hypot(score.high - score.value, half)
    return score.model_copy(update={"low": max(low, 0.0), "high": min(high, 1.0)})


def survival(right: Outcomes, queries: int) -> NDArray[np.float64]:
    """Estimates of the probability that an example is classified correctly at every query, (N,).

    ``C(s, m) / C(R, m)`` for an example that ``s`` of R draws classify correctly: the share of the
    sets of m draws that all do. Its expectation is ``(1 - fail)^m`` exactly, which the power of an
    estimated rate has not.

    Args:
        right: bool (R, N), whether a draw classifies an example correctly.
        queries: m, from 1 to R.

    Raises:
        ValueError: there are fewer draws than queries.
    """
    draws = len(right)
    if not 1 <= queries <= draws:
        raise ValueError(f"{queries} queries cannot be estimated from {draws} draws")
    survived = right.sum(0).astype(np.float64)
    found: NDArray[np.float64] = np.ones_like(survived)
    for query in range(queries):
        found *= np.clip(survived - query, 0, None) / (draws - query)
    return found
