"""Rank correlations of a few checkpoints, also partial ones, with intervals by the bootstrap.

Closed forms exist for the interval of one correlation, but not for a partial one or for the
difference of two on the same checkpoints. The bootstrap draws checkpoints with replacement and
takes the 2.5% and 97.5% quantiles of the statistic. With about ten checkpoints it is rough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leaderboard.effects import Effect

Array = NDArray[np.float64]

Statistic = Callable[..., Array]
"""From columns (R, N), one row per resample, to (R,); NaN where it is undefined."""

N_RESAMPLES = 2000

MIN_DEFINED = 0.5
"""Share of resamples in which the statistic has to be defined, or there is no interval: with few
checkpoints some resamples have a single value."""


def spearman(x: Array, y: Array) -> Array:
    """Spearman's rho of each row of (R, N) and (R, N)."""
    from scipy.stats import rankdata  # takes a second to import

    return _pearson(rankdata(x, axis=1), rankdata(y, axis=1))


def kendall(x: Array, y: Array) -> Array:
    """Kendall's tau-b of each row of (R, N) and (R, N)."""
    signs = [np.sign(each[:, :, None] - each[:, None, :]).reshape(len(each), -1) for each in (x, y)]
    counts = np.sqrt((signs[0] ** 2).sum(1) * (signs[1] ** 2).sum(1))
    with np.errstate(invalid="ignore"):
        found: Array = (signs[0] * signs[1]).sum(1) / counts
    return found


def partial(correlation: Statistic) -> Statistic:
    """The correlation of x and y at a fixed third column, from the three correlations.

    It is the usual formula for Pearson's on ranks, and Kendall's (1942) for tau.

    Args:
        correlation: :func:`spearman` or :func:`kendall`.
    """

    def found(x: Array, y: Array, z: Array) -> Array:
        xy, xz, yz = correlation(x, y), correlation(x, z), correlation(y, z)
        with np.errstate(invalid="ignore", divide="ignore"):
            value: Array = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
        return np.where(np.isfinite(value), np.clip(value, -1, 1), np.nan)

    return found


def change(correlation: Statistic) -> Statistic:
    """By how much the correlation with y is larger for a third column than for x.

    Args:
        correlation: :func:`spearman` or :func:`kendall`.
    """

    def found(x: Array, y: Array, z: Array) -> Array:
        difference: Array = correlation(z, y) - correlation(x, y)
        return difference

    return found


def bootstrapped(statistic: Statistic, columns: Sequence[ArrayLike], seed: int = 0) -> Effect:
    """A statistic of checkpoints with its 95% interval over resampled checkpoints.

    Args:
        statistic: of the columns.
        columns: float (N,) each, one number per checkpoint.
        seed: of the resamples; they are the same for all statistics of as many checkpoints.
    """
    data = np.asarray(columns, np.float64)
    n = data.shape[1]
    value = float(statistic(*data[:, None, :])[0])
    rows = np.random.default_rng(seed).integers(n, size=(N_RESAMPLES, n))
    found = statistic(*data[:, rows])
    found = found[~np.isnan(found)]
    if math.isnan(value) or len(found) < MIN_DEFINED * N_RESAMPLES:
        return Effect(value, -math.inf, math.inf, n)
    low, high = np.quantile(found, (0.025, 0.975))
    return Effect(value, min(float(low), value), max(float(high), value), n)


def _pearson(x: Array, y: Array) -> Array:
    a, b = (each - each.mean(1, keepdims=True) for each in (x, y))
    norms = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    with np.errstate(invalid="ignore"):
        found: Array = (a * b).sum(1) / norms
    return found
