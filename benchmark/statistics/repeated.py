"""Means over examples that are each classified at many random draws."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from benchmark.results import Outcomes, Score
from benchmark.statistics.bounded import bounded_mean


def expected_share(right: Outcomes, *, shared: bool = False) -> Score:
    """Accuracy of a random model with its 95% interval: the mean over examples and draws.

    The interval is that of :func:`bounded_mean` for the shares of the examples. These are
    independent, and scatter by the draws as well as by the examples, so that it is about both. A
    bootstrap over examples that also drew new outcomes would count the draws twice.

    Args:
        right: bool (R, N), whether a draw classifies an example correctly.
        shared: whether all examples have the same draws, as of a model that draws once per forward
            pass. Their shares are then not independent, and the interval is widened by that of the
            mean over draws, in quadrature. It allows for draws that did not occur, which may break
            all examples at once.
    """
    score = bounded_mean(right.mean(0))
    if not shared or len(right) < 2:
        return score
    by_draw = bounded_mean(right.mean(1))
    return _widened(score, by_draw.low, by_draw.high)


def expected_survival(right: Outcomes, queries: int, *, shared: bool = False) -> Score:
    """The mean of :func:`survival` over examples with its 95% interval.

    Args:
        right: bool (R, N), whether a draw classifies an example correctly.
        queries: m, from 1 to R.
        shared: as for :func:`expected_share`. The examples may fail together, so the interval is
            widened as if all rates were at the same end of their own intervals (Clopper & Pearson
            1934).
    """
    score = bounded_mean(survival(right, queries))
    if not shared:
        return score
    low, high = (float((each**queries).mean()) for each in _rates_between(right))
    return _widened(score, low, high)


def _rates_between(right: Outcomes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both ends of the 95% intervals of the rates of examples, (N,) each."""
    from scipy.special import betaincinv  # slow to import, and not always needed

    draws, survived = len(right), right.sum(0).astype(np.float64)
    failed = draws - survived
    low = betaincinv(np.maximum(survived, 1), failed + 1, 0.025)
    high = betaincinv(survived + 1, np.maximum(failed, 1), 0.975)
    return np.where(survived > 0, low, 0.0), np.where(failed > 0, high, 1.0)


def _widened(score: Score, low: float, high: float) -> Score:
    """A score whose interval is widened by another source of scatter, in quadrature.

    Args:
        score: to widen.
        low: lower end of the interval for the other source alone.
        high: its upper end.
    """
    value = score.value
    below = math.hypot(value - score.low, max(value - low, 0.0))
    above = math.hypot(score.high - value, max(high - value, 0.0))
    ends = {"low": max(value - below, 0.0), "high": min(value + above, 1.0)}
    return score.model_copy(update=ends)


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
