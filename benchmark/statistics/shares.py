"""Shares of examples with Wilson's interval, and numbers without an interval."""

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
    center = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2)) / (1 + Z95**2 / n)
    # Rounding must not move an end across the share or out of [0, 1].
    low, high = max(0.0, min(share, center - half)), min(1.0, max(share, center + half))
    return Score(value=share, n=n, low=low, high=high)


def exact(value: float, n: int) -> Score:
    """A number without an interval; :mod:`benchmark.interval_kinds` has the reasons."""
    return Score(value=value, n=n, low=value, high=value)
