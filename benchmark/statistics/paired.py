"""Differences of two models over the same examples: the one rule of who is better.

Two models differ if the 95% interval of their paired difference excludes zero. This is decided by
one statistic, the sum of the examples' differences divided by the root of the sum of their squares,
which is compared with the normal quantile. For shares it is McNemar's test (1947), whose inversion
is Tango's interval (1998); for means it is Student's paired t up to a factor close to 1, and its
inversion has a closed form. An interval therefore never says anything else than its p-value.

There is no correction for many comparisons, on purpose: whether two models differ then depends on
these two alone, and not on which others happen to be on the board, on the page or in the table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from benchmark.results import Outcomes, Score
from benchmark.statistics.shares import Z95

_BISECTIONS = 60


@dataclass(frozen=True)
class Effect:
    """A difference or a correlation.

    Attributes:
        value: the estimate.
        low: lower end of its 95% interval.
        high: upper end.
        n: examples, draws or checkpoints it is computed from.
        p: two-sided p-value of the test that the interval inverts, below 0.05 exactly where the
            interval excludes 0; ``None`` where the interval is combined from two others.
    """

    value: float
    low: float
    high: float
    n: int
    p: float | None = None

    @property
    def sign(self) -> int:
        """1 or -1 if the 95% interval lies above or below zero, otherwise 0."""
        return int(self.low > 0) - int(self.high < 0)

    @property
    def score(self) -> Score:
        """The estimate with its interval."""
        return Score(value=self.value, n=self.n, low=self.low, high=self.high)


def paired_shares(first: Outcomes, second: Outcomes) -> Effect:
    """How much larger one share is than another of the same examples.

    Args:
        first: bool (N,), such as whether each example is robust under one model.
        second: bool (N,), of the same examples.
    """
    gained, lost = int((first & ~second).sum()), int((second & ~first).sum())
    return tango(gained, lost, len(first))


def tango(gained: int, lost: int, n: int) -> Effect:
    """A difference of two shares of the same examples, from the examples that differ.

    The interval is Tango's (1998, "Equivalence test and confidence interval for the difference in
    proportions for the paired-sample design"): the differences that the score test does not
    reject. At zero the test is McNemar's without a continuity correction. Of the intervals for
    paired shares it covers best with few examples that differ (Fagerland, Lydersen, Laake 2014).

    Args:
        gained: how many of the examples only the first has.
        lost: how many only the second has.
        n: number of examples.
    """
    chi = (gained - lost) / math.sqrt(gained + lost) if gained != lost else 0.0
    return Effect(
        value=(gained - lost) / n,
        low=_lower(gained, lost, n),
        high=-_lower(lost, gained, n) or 0.0,  # no negative zero
        n=n,
        p=two_sided(chi),
    )


def differs(gained: int, lost: int) -> bool:
    """Whether Tango's interval excludes zero, in whole numbers but for the quantile."""
    return (gained - lost) ** 2 > Z95**2 * (gained + lost)


def _lower(gained: int, lost: int, n: int) -> float:
    value = (gained - lost) / n
    # Bisected on the side of zero where the test says that the end is.
    low, high = -1.0, min(value, 0.0)
    if gained > lost and differs(gained, lost):
        low, high = 0.0, value
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if _score(gained, lost, n, middle) > Z95:
            low = middle
        else:
            high = middle
    return high


def _score(gained: int, lost: int, n: int, difference: float) -> float:
    """Tango's statistic of a hypothetical difference."""
    b = (2 * n - gained + lost) * difference - gained - lost
    c = -lost * difference * (1 - difference)
    share = (math.sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
    variance = n * (2 * share + difference * (1 - difference))
    excess = gained - lost - n * difference
    return excess / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, excess)


def paired_means(first: ArrayLike, second: ArrayLike, most: float = math.inf) -> Effect:
    """How much larger one mean is than another over the same examples.

    The interval is ``d +- z s / sqrt(n - z^2)`` with the mean ``d`` and the deviation ``s`` of the
    differences: the differences that the test does not reject. Of three examples, and of
    differences that are all the same and unbounded, it is unbounded. If they are bounded, a share
    of ``z^2 / (n + z^2)`` of other examples (Wilson's for none of ``n``) may differ by the most.

    Args:
        first: float (N,), N at least 1.
        second: float (N,), of the same examples.
        most: how much an example can differ at most; 1 for values in [0, 1].
    """
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    value, n = float(differences.mean()), len(differences)
    deviation, squares = float(differences.std()), float((differences**2).sum())
    constant = np.ptp(differences) < 1e-12
    if n <= Z95**2 or (constant and not math.isfinite(most)):
        half = math.inf
    elif constant:
        half = most * Z95**2 / (n + Z95**2)
    else:
        half = Z95 * deviation / math.sqrt(n - Z95**2)
    low, high = max(value - half, -most), min(value + half, most)
    undecided = low <= 0 <= high and (constant or n <= Z95**2)
    statistic = n * value / math.sqrt(squares) if squares else 0.0
    return Effect(value, low, high, n, 1.0 if undecided else two_sided(statistic))


def two_sided(statistic: float) -> float:
    """The two-sided p-value of a standard normal statistic."""
    return math.erfc(abs(statistic) / math.sqrt(2))
