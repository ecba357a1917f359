"""Differences and rank correlations with their intervals and p-values."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.results import Score
from benchmark.statistics import Z95, Effect, paired_means, paired_shares
from benchmark.statistics.paired import two_sided

Array = NDArray[np.float64]

__all__ = [
    "Effect",
    "difference",
    "kendall_tau",
    "paired_means",
    "paired_shares",
    "rank_correlation",
]


def difference(first: Score, second: Score) -> Effect:
    """How much larger one score is than another that was estimated independently of it.

    The interval follows from the two scores' own (MOVER, Zou and Donner 2008; Newcombe's for shares
    with Wilson intervals). Where one of the scores has none, it is unbounded: nothing says whether
    they differ.
    """
    value = first.value - second.value
    if first.interval is None or second.interval is None:
        return Effect(value, -math.inf, math.inf, min(first.n, second.n))
    low = value - math.hypot(first.value - first.low, second.high - second.value)
    high = value + math.hypot(first.high - first.value, second.value - second.low)
    return Effect(value, low, high, min(first.n, second.n))


def rank_correlation(x: ArrayLike, y: ArrayLike) -> Effect:
    """Spearman's rho with an interval from its standard error.

    The interval is Fisher's z with the standard error of Bonett and Wright 2000, "Sample size
    requirements for estimating Pearson, Kendall and Spearman correlations"; a perfect ranking
    counts there as one in which two neighbours are exchanged, since its error would be zero. The
    p-value is that of the same statistic: of unrelated numbers, 3 to 4.5% are below 0.05 for 6 to
    30 pairs. Fewer than six pairs can never be significant.

    Args:
        x: float (N,), N at least 2; infinite values are ranked as such, NaN is not allowed.
        y: float (N,).
    """
    from scipy import stats  # takes a second to import

    # Sorted first, so that rounding does not depend on the order of the pairs.
    first, second = np.asarray(x, np.float64), np.asarray(y, np.float64)
    order = np.lexsort((second, first))
    rho = float(_pearson(stats.rankdata(first[order]), stats.rankdata(second[order])))
    n = len(first)
    if n < 4:
        return Effect(rho, -1.0, 1.0, n, 1.0)
    most = 1 - 12 / (n * (n**2 - 1))
    counted = min(max(rho, -most), most)
    error = math.sqrt((1 + counted**2 / 2) / (n - 3))
    low, high = (math.tanh(math.atanh(counted) + side * Z95 * error) for side in (-1, 1))
    p = two_sided(math.atanh(counted) / error)
    return Effect(rho, min(low, rho), max(high, rho), n, p)


def kendall_tau(x: ArrayLike, y: ArrayLike) -> float:
    """Kendall's tau-b of (N,) and (N,); NaN where one side is constant."""
    from scipy import stats  # takes a second to import

    return float(stats.kendalltau(x, y).statistic)


def _pearson(x: Array, y: Array) -> float:
    a, b = x - x.mean(), y - y.mean()
    norm = math.sqrt(float((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / norm if norm else 0.0
