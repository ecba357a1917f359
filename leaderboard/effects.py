"""Differences and rank correlations with their intervals and p-values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.results import Outcomes, Score
from benchmark.statistics import Z95

SIGNIFICANT = 0.05
"""p-values below this are significant."""

MAX_PERMUTATIONS = 99_999
"""Permutations that are drawn; up to eight pairs all permutations are enumerated."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """A difference or a correlation.

    Attributes:
        value: the estimate.
        low: lower end of its 95% interval.
        high: upper end.
        n: examples, draws or checkpoints it is computed from.
        p: two-sided p-value against no effect; ``None`` where only the interval decides.
    """

    value: float
    low: float
    high: float
    n: int
    p: float | None = None

    @property
    def sign(self) -> int:
        """1 or -1 if the effect differs from zero at 5%, otherwise 0."""
        significant = self.low > 0 or self.high < 0 if self.p is None else self.p < SIGNIFICANT
        return int(np.sign(self.value)) if significant else 0


def paired_shares(first: Outcomes, second: Outcomes) -> Effect:
    """How much larger one share is than another of the same examples.

    McNemar's exact test on the examples that differ, and the interval of Agresti and Min 2005
    (Wald's with half an example added to each of the four cells).

    Args:
        first: bool (N,).
        second: bool (N,), of the same examples.
    """
    from scipy import stats  # takes a second to import

    gained, lost = int((first & ~second).sum()), int((second & ~first).sum())
    p = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    value, low, high = agresti_min(gained, lost, len(first))
    return Effect(value, low, high, len(first), float(p))


def agresti_min(gained: int, lost: int, n: int) -> tuple[float, float, float]:
    """A difference of two shares of the same examples, and its 95% interval.

    Agresti and Min 2005, "Simple improved confidence intervals for comparing matched proportions":
    Wald's interval with half an example added to each of the four cells.

    Args:
        gained: how many of the examples only the first has.
        lost: how many only the second has.
        n: number of examples.

    Returns:
        The difference, and the lower and upper end of its interval.
    """
    total, up, down = n + 2, gained + 0.5, lost + 0.5
    centre = (up - down) / total
    half = Z95 * math.sqrt(up + down - (up - down) ** 2 / total) / total
    value = (gained - lost) / n
    return value, min(value, centre - half), max(value, centre + half)


def paired_means(first: ArrayLike, second: ArrayLike) -> Effect:
    """How much larger one mean is than another over the same examples, with Student's paired test.

    Args:
        first: float (N,), N at least 2.
        second: float (N,), of the same examples.
    """
    from scipy import stats  # takes a second to import

    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    value, n = float(differences.mean()), len(differences)
    if np.ptp(differences) < 1e-12:  # the same for every example: no test is defined
        return Effect(value, value, value, n, 0.0 if value else 1.0)
    test = stats.ttest_1samp(differences, 0)
    interval = test.confidence_interval()
    return Effect(value, float(interval.low), float(interval.high), n, float(test.pvalue))


def difference(first: Score, second: Score) -> Effect:
    """How much larger one score is than another that was estimated independently of it.

    The interval follows from the two scores' own (MOVER, Zou and Donner 2008; Newcombe's for shares
    with Wilson intervals).
    """
    value = first.value - second.value
    low = value - math.hypot(first.value - first.low, second.high - second.value)
    high = value + math.hypot(first.high - first.value, second.value - second.low)
    return Effect(value, low, high, min(first.n, second.n))


def rank_correlation(x: ArrayLike, y: ArrayLike) -> Effect:
    """Spearman's rho, with an interval from its standard error and a permutation test.

    The interval is Fisher's z with the standard error of Bonett and Wright 2000, "Sample size
    requirements for estimating Pearson, Kendall and Spearman correlations"; a perfect ranking
    counts there as one in which two neighbours are exchanged, since its error would be zero. The
    test enumerates all pairings of up to eight pairs and draws :data:`MAX_PERMUTATIONS` of more.
    Pairs are sorted first, so that neither depends on their order.

    Args:
        x: float (N,), N at least 2; infinite values are ranked as such, NaN is not allowed.
        y: float (N,).
    """
    from scipy import stats  # takes a second to import

    first, second = np.asarray(x, np.float64), np.asarray(y, np.float64)
    order = np.lexsort((second, first))
    first, second = stats.rankdata(first[order]), stats.rankdata(second[order])
    value = float(_pearson(first, second, -1))
    test = stats.permutation_test(
        (first,),
        lambda drawn, axis: _pearson(drawn, second, axis),
        permutation_type="pairings",
        vectorized=True,
        batch=10_000,
        n_resamples=MAX_PERMUTATIONS,
        rng=np.random.default_rng(0),
    )
    low, high = _rank_interval(value, len(first))
    return Effect(value, low, high, len(first), float(test.pvalue))


def _rank_interval(rho: float, n: int) -> tuple[float, float]:
    """The 95% interval of Spearman's rho; all of [-1, 1] for fewer than four pairs."""
    if n < 4:
        return -1.0, 1.0
    most = 1 - 12 / (n * (n**2 - 1))
    counted = min(max(rho, -most), most)
    half = Z95 * math.sqrt((1 + counted**2 / 2) / (n - 3))
    low, high = (math.tanh(math.atanh(counted) + side * half) for side in (-1, 1))
    return min(low, rho), max(high, rho)


def kendall_tau(x: ArrayLike, y: ArrayLike) -> float:
    """Kendall's tau-b of (N,) and (N,); NaN where one side is constant."""
    from scipy import stats  # takes a second to import

    return float(stats.kendalltau(x, y).statistic)


def _pearson(x: Array, y: Array, axis: int) -> Array:
    a, b = (z - z.mean(axis, keepdims=True) for z in (x, y))
    norm = np.sqrt((a**2).sum(axis) * (b**2).sum(axis))
    correlation: Array = np.divide((a * b).sum(axis), norm, out=np.zeros_like(norm), where=norm > 0)
    return correlation
