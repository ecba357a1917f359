"""Means over examples of values between 0 and 1: Wilson's interval for more than two values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.results import Score
from benchmark.statistics.shares import Z95

_EXACT = 1e-13
"""Ends and weights are determined to this precision."""

Array = NDArray[np.float64]


def bounded_mean(values: ArrayLike) -> Score:
    """Mean of values in [0, 1] over examples with its 95% score interval.

    The interval holds the means ``m`` that the score test does not reject:
    ``n (mean - m)^2 <= z^2 V(m)``, where ``V(m)`` is the variance of the distribution on [0, 1]
    that has mean ``m`` and maximum likelihood (Owen 1988, "Empirical likelihood ratio confidence
    intervals for a single functional", with 0 and 1 added to the support). If all values are 0 or
    1, ``V(m) = m (1 - m)`` and the interval is Wilson's. Its ends lie in [0, 1], and its width is
    never zero.

    Args:
        values: float (N,) in [0, 1], N at least 1.
    """
    numbers = np.asarray(values, np.float64)
    return bounded_score(float(numbers.mean()), numbers)


def bounded_score(value: float, values: ArrayLike) -> Score:
    """A mean that was computed in another order of summation, with the interval of its values.

    Args:
        value: the mean.
        values: float (N,) in [0, 1], N at least 1.
    """
    kinds, counts = np.unique(np.clip(np.asarray(values, np.float64), 0, 1), return_counts=True)
    low, high = _lower(kinds, counts), 1 - _lower(1 - kinds, counts)
    return Score(value=value, n=int(counts.sum()), low=min(low, value), high=max(high, value))


def _lower(kinds: Array, counts: NDArray[np.int64]) -> float:
    """The lower end for values (K,) that occur ``counts`` (K,) times."""
    n = int(counts.sum())
    mean = float(kinds @ counts) / n
    rejected, accepted = 0.0, mean
    while accepted - rejected > _EXACT:
        middle = (rejected + accepted) / 2
        if n * (mean - middle) ** 2 > Z95**2 * likeliest_variance(kinds, counts, middle):
            rejected = middle
        else:
            accepted = middle
    return accepted


def likeliest_variance(kinds: Array, counts: NDArray[Any], center: float) -> float:
    """The variance of the likeliest distribution on [0, 1] whose mean is below that of the values.

    The likeliest weights are ``1 / (n (1 + t (x - center) / center))``, where ``t`` in [0, 1]
    makes the mean right. Where even ``t = 1`` leaves it too large, the rest of the weight is at 0.

    Args:
        kinds: values (K,) in [0, 1].
        counts: how often each occurs (K,), or weights; their sum is ``n``.
        center: the distribution's mean, at most that of the values.
    """
    if center <= 0:
        return 0.0
    n = counts.sum()
    aside = (kinds - center) / center
    small, large, t = 0.0, 1.0, 0.5
    while large - small > _EXACT:  # Newton's method, or a bisection where it leaves the bracket
        terms = aside / (1 + t * aside)
        excess = float(counts @ terms)
        if excess > 0:
            small = t
        else:
            large = t
        step = excess / max(float(counts @ terms**2), 1e-300)
        if abs(step) < _EXACT / 2:
            break
        t = t + step if small < t + step < large else (small + large) / 2
    weights = counts / (n * (1 + t * aside))
    rest = max(0.0, 1 - float(weights.sum()))
    return float(weights @ (kinds - center) ** 2) + rest * center**2
