"""Intervals of statistics of several accuracies of the same examples, by resampling examples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmark.results import Score

Array = NDArray[np.float64]
Statistic = Callable[[Array], Array]
"""From accuracies (..., K) to one number each (...,)."""

ADDED = 4
"""Examples added to those that are resampled, half of them right and half wrong everywhere."""

_BLOCK = 1 << 22
"""Maximum number of draws at once, which bounds memory."""


class Resamples:
    """Accuracies in resamples of the examples, for statistics that share them.

    The accuracies of one model under several corruptions are of the same examples, so that they are
    not independent, and an interval for as many examples as there are pairs would be far too
    narrow. Examples are drawn with replacement instead, each with all its outcomes (Efron 1979).

    Four examples are added to the population, two of them right and two wrong everywhere, as
    Agresti and Coull (1998) do for a share: otherwise the interval of a model that is always right
    would have no width, and those of few examples would be too narrow.

    Args:
        outcomes: bool (K, N), which examples are right under which condition.
        generator: draws the resamples.
        count: number of resamples.

    Attributes:
        accuracies: (K,), those of the examples themselves.
        n: number of examples.
    """

    def __init__(
        self, outcomes: NDArray[np.bool_], generator: np.random.Generator, count: int
    ) -> None:
        kinds, self.n = outcomes.shape
        right = np.zeros((kinds, ADDED), bool)
        right[:, : ADDED // 2] = True
        population = np.concatenate([outcomes, right], axis=1).astype(np.float32).T
        size = len(population)
        self.accuracies: Array = outcomes.mean(axis=1)
        self._drawn = np.empty((count, kinds))
        block = max(1, _BLOCK // size)
        for start in range(0, count, block):
            rows = min(block, count - start)
            drawn = generator.integers(0, size, (rows, size))
            drawn += np.arange(rows)[:, None] * size
            times = np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size)
            # Whole numbers below 2^24 are exact in float32.
            self._drawn[start : start + rows] = times.astype(np.float32) @ population / size

    def score(self, statistic: Statistic) -> Score:
        """A statistic with its 95% interval, from the 2.5% to the 97.5% quantile of the resamples.

        Args:
            statistic: of the accuracies.
        """
        value = float(statistic(self.accuracies))
        low, high = np.quantile(statistic(self._drawn), (0.025, 0.975))
        return Score(
            value=value, n=self.n, low=min(float(low), value), high=max(float(high), value)
        )
