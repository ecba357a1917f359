"""Means over random draws, with Student's interval."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.interval_kinds import ROUNDING
from benchmark.results import Score

SHARE_BOUNDS = (0.0, 1.0)
"""Bounds of a mean of shares."""

LOSS_BOUNDS = (0.0, math.inf)
"""Bounds of a mean of losses."""


def mean(values: ArrayLike, within: tuple[float, float] | None = None) -> Score:
    """Mean over draws with its 95% interval: Student's t for ``N - 1`` degrees of freedom.

    Each draw is itself a mean over examples or weights, so that draws are close to normal. A single
    draw does not determine the deviation, and neither do draws that are all the same: the interval
    is then unbounded.

    Args:
        values: float (N,), N at least 1.
        within: bounds of the mean, to which the ends are clipped.
    """
    numbers = np.asarray(values, dtype=np.float64)
    n, center = numbers.size, float(numbers.mean())
    if n == 1 or not np.isfinite(numbers).all() or _same(numbers):
        return Score(value=center, n=n, low=-math.inf, high=math.inf)
    half = students_t(n - 1) * float(numbers.std(ddof=1)) / math.sqrt(n)
    least, most = within or (-math.inf, math.inf)
    # Rounding must not move an end across the mean.
    low, high = max(least, center - half), min(most, center + half)
    return Score(value=center, n=n, low=min(low, center), high=max(high, center))


def _same(numbers: NDArray[np.float64]) -> bool:
    """Whether numbers differ by rounding errors at most, such as equal differences of shares."""
    return bool(np.ptp(numbers) <= ROUNDING * np.abs(numbers).max())


@cache
def students_t(degrees: int) -> float:
    """The 97.5% quantile of Student's t with ``degrees`` of freedom, at least 1."""
    from scipy.special import stdtrit  # slow to import, and not always needed

    return float(stdtrit(degrees, 0.975))
