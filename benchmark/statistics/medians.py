"""Medians with intervals from order statistics."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from benchmark.results import Score


def median(values: ArrayLike) -> Score:
    """Median with a 95% interval from order statistics, for any distribution.

    The ends lie between the two pairs of order statistics whose exact coverage is just above and
    just below 95% (Hettmansperger & Sheather 1986), or are the outer pair where one of the values
    is infinite. Fewer than six values have no such pair: their interval is unbounded.

    Args:
        values: float (N,), N at least 1, infinite ones included, none of them NaN.
    """
    numbers = np.sort(np.asarray(values, dtype=np.float64))
    n = numbers.size
    below, above = numbers[(n - 1) // 2], numbers[n // 2]
    center = float(below if below == above else (below + above) / 2)
    rank, inner = _median_ranks(n)
    if rank == 0:
        return Score(value=center, n=n, low=-math.inf, high=math.inf)
    low = _between(numbers[rank - 1], numbers[rank], inner)
    high = _between(numbers[n - rank], numbers[n - rank - 1], inner)
    return Score(value=center, n=n, low=min(low, center), high=max(high, center))


@cache
def _median_ranks(n: int) -> tuple[int, float]:
    """The outer pair's rank, counted from 1, and how far to go from it to the inner pair.

    The rank is 0 if not even the smallest and the largest of ``n`` values cover 95%.
    """
    from scipy.special import bdtr  # slow to import, and not always needed

    def coverage(rank: int) -> float:
        return 1 - 2 * float(bdtr(rank - 1, n, 0.5))

    rank = 0
    while rank + 1 <= n / 2 and coverage(rank + 1) >= 0.95:
        rank += 1
    if rank == 0 or rank + 1 > n / 2:
        return rank, 0.0
    outer, inner = coverage(rank), coverage(rank + 1)
    share = (outer - 0.95) / (outer - inner)
    return rank, (n - rank) * share / (rank + (n - 2 * rank) * share)


def _between(outer: float, inner: float, share: float) -> float:
    if not (math.isfinite(outer) and math.isfinite(inner)):
        return float(outer)
    return float(outer + share * (inner - outer))
