"""Standard deviations over random draws, their ratios, and means over pairs of draws: jackknife."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.results import Score
from benchmark.statistics.draws import mean

Array = NDArray[np.float64]

MIN_DRAWS = 3
"""Without one of them, two must be left for a deviation."""


def deviation(values: ArrayLike) -> Score:
    """Standard deviation over draws with its 95% interval.

    The interval is Student's for the jackknife's pseudo-values of the logarithm (Miller 1968,
    "Jackknifing variances"): unlike that of the chi-square distribution it does not need normal
    draws. Draws that are all the same, and fewer than three, have an unbounded one.

    Args:
        values: float (N,), N at least 1.
    """
    numbers = np.asarray(values, np.float64)
    return _on_logarithms(_deviation(numbers), numbers.size, lambda keep: _deviation(numbers[keep]))


def deviation_ratio(values: ArrayLike, base: ArrayLike) -> Score | None:
    """The ratio of two standard deviations over the same draws, with its 95% interval.

    The same jackknife of the logarithm, which leaves a draw out of both.

    Args:
        values: float (N,), N at least 1.
        base: float (N,), of the same draws.

    Returns:
        ``None`` if the second deviation is 0.
    """
    above, below = np.asarray(values, np.float64), np.asarray(base, np.float64)
    if _deviation(below) == 0:
        return None

    def ratio(keep: NDArray[np.bool_]) -> float:
        divisor = _deviation(below[keep])
        return _deviation(above[keep]) / divisor if divisor > 0 else 0.0

    return _on_logarithms(_deviation(above) / _deviation(below), above.size, ratio)


def mean_over_pairs(values: ArrayLike, within: tuple[float, float] | None = None) -> Score:
    """Mean over all pairs of draws with its 95% interval.

    The interval is Student's for the jackknife's pseudo-values, whose mean is that over pairs
    (Arvesen 1969, "Jackknifing U-statistics"): pairs that share a draw are not independent.

    Args:
        values: float (N, N), symmetric, N at least 2; the diagonal is not used.
        within: bounds of the mean, to which the ends are clipped.
    """
    numbers = np.asarray(values, np.float64)
    n = len(numbers)
    sums = numbers.sum(1) - np.diag(numbers)
    total = sums.sum()
    if n < MIN_DRAWS:
        return Score(value=float(total / (n * (n - 1))), n=n, low=-math.inf, high=math.inf)
    without = (total - 2 * sums) / ((n - 1) * (n - 2))
    return mean(total / (n - 1) - (n - 1) * without, within)


def _deviation(numbers: Array) -> float:
    # The deviation of equal numbers is 0, which rounding of their mean would hide.
    if numbers.size < 2 or numbers.min() == numbers.max():
        return 0.0
    return float(numbers.std(ddof=1))


def _on_logarithms(value: float, n: int, without: Callable[[NDArray[np.bool_]], float]) -> Score:
    """A positive statistic with the jackknife's interval on the logarithmic scale.

    Args:
        value: of all draws.
        n: number of draws.
        without: of those draws that are kept.
    """
    unbounded = Score(value=value, n=n, low=-math.inf, high=math.inf)
    if n < MIN_DRAWS or value <= 0:
        return unbounded
    left = np.array([without(np.arange(n) != draw) for draw in range(n)])
    if left.min() <= 0:  # one draw alone scatters
        return unbounded
    pseudo = mean(n * math.log(value) - (n - 1) * np.log(left))
    return (
        Score(
            value=value,
            n=n,
            low=min(math.exp(pseudo.low), value),
            high=max(math.exp(pseudo.high), value),
        )
        if math.isfinite(pseudo.low)
        else unbounded
    )
