"""Intervals: Wilson's for proportions, Student's for means, order statistics for medians.

docs/method.md states their coverage in simulations.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from benchmark.results import Score

Z95 = 1.959963984540054
"""The standard normal's 97.5% quantile."""


def proportion(outcomes: ArrayLike) -> Score:
    """Share of true outcomes with its 95% Wilson score interval (Wilson 1927).

    Args:
        outcomes: bool (N,), N at least 1.
    """
    bits = np.asarray(outcomes, dtype=bool)
    return wilson(float(bits.mean()), bits.size)


def wilson(share: float, n: int) -> Score:
    """A share with the Wilson interval of ``n`` independent outcomes, for means over clusters too.

    Args:
        share: in [0, 1].
        n: independent outcomes, at least 1. Where several outcomes stem from one example, the
            number of examples: the interval is then too wide rather than too narrow.
    """
    center = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2)) / (1 + Z95**2 / n)
    # Rounding must not move an end across the share or out of [0, 1].
    low, high = max(0.0, min(share, center - half)), min(1.0, max(share, center + half))
    return Score(value=share, n=n, low=low, high=high)


SHARE_BOUNDS = (0.0, 1.0)
"""Bounds of a mean of shares."""


def mean(values: ArrayLike, within: tuple[float, float] | None = None) -> Score:
    """Mean with its 95% interval from the standard error and Student's t for ``N - 1`` degrees.

    One value does not determine the deviation: its interval is unbounded.

    Args:
        values: float (N,), N at least 1.
        within: bounds of the mean, such as :data:`SHARE_BOUNDS`, to which the ends are clipped.
    """
    numbers = np.asarray(values, dtype=np.float64)
    n, center = numbers.size, float(numbers.mean())
    half = math.inf
    if n > 1:
        half = students_t(n - 1) * float(numbers.std(ddof=1)) / math.sqrt(n)
    least, most = within or (-math.inf, math.inf)
    # Rounding must not move an end across the mean.
    low, high = max(least, center - half), min(most, center + half)
    return Score(value=center, n=n, low=min(low, center), high=max(high, center))


@cache
def students_t(degrees: int) -> float:
    """The 97.5% quantile of Student's t with ``degrees`` of freedom, at least 1."""
    from scipy.special import stdtrit  # slow to import, and not always needed

    return float(stdtrit(degrees, 0.975))


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


def exact(value: float, n: int) -> Score:
    """A number without sampling error, such as a maximum or a smallest budget."""
    return Score(value=value, n=n, low=value, high=value)
