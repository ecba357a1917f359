"""Intervals: Wilson for proportions, normal for means."""

from __future__ import annotations

import math

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
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2)) / (1 + Z95**2 / n)
    # Rounding must not put an end beyond the share, nor beyond what a share can be.
    low, high = max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
    return Score(value=share, n=n, low=low, high=high)


def mean(values: ArrayLike) -> Score:
    """Mean with its 95% normal interval from the standard error; degenerate for one value.

    Args:
        values: float (N,), N at least 1.
    """
    numbers = np.asarray(values, dtype=np.float64)
    n, centre = numbers.size, float(numbers.mean())
    half = Z95 * float(numbers.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    return Score(value=centre, n=n, low=centre - half, high=centre + half)


def median(values: ArrayLike) -> Score:
    """Median with the 95% interval that order statistics give, with normal ranks.

    It assumes nothing of how the values are distributed. Where there are too few values for a rank
    outside, the ends are the smallest and the largest.

    Args:
        values: float (N,), N at least 1, infinite ones included, none of them NaN.
    """
    numbers = np.sort(np.asarray(values, dtype=np.float64))
    n, half = numbers.size, Z95 * math.sqrt(numbers.size) / 2
    low, high = math.floor(n / 2 - half), math.ceil(n / 2 + half)
    below, above = numbers[(n - 1) // 2], numbers[n // 2]
    centre = float(below if below == above else (below + above) / 2)
    return Score(
        value=centre,
        n=n,
        low=float(numbers[max(low - 1, 0)]),
        high=float(numbers[min(high, n - 1)]),
    )


def exact(value: float, n: int) -> Score:
    """A number without sampling error of its own, such as a maximum or a budget on a ladder."""
    return Score(value=value, n=n, low=value, high=value)
