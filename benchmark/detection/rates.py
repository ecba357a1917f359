"""Receiver operating characteristics of detectors, without an assumption about their scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from benchmark.results import Outcomes


def auroc(positive: ArrayLike, negative: ArrayLike) -> float:
    """Area under the ROC curve: how often a positive has the larger score, ties counting half.

    Args:
        positive: scores of adversarial images (P,).
        negative: scores of clean images (N,).

    Returns:
        NaN if there are none of a kind.
    """
    above, below = np.asarray(positive, np.float64), np.sort(np.asarray(negative, np.float64))
    if not len(above) or not len(below):
        return float("nan")
    left = np.searchsorted(below, above, "left")
    right = np.searchsorted(below, above, "right")
    return float((left + right).mean() / (2 * len(below)))


def rate_at(positive: ArrayLike, negative: ArrayLike, rates: Sequence[float]) -> list[Outcomes]:
    """Which positives are detected where a share of the negatives is.

    The threshold of a rate is the smallest score at which at most that share of the negatives is
    rejected.

    Args:
        positive: scores of adversarial images (P,).
        negative: scores of clean images (N,).
        rates: false-positive rates in [0, 1].

    Returns:
        Bool (P,) per rate.
    """
    scores = np.asarray(positive, np.float64)
    ordered = np.sort(np.asarray(negative, np.float64))[::-1]
    found = []
    for rate in rates:
        allowed = int(rate * len(ordered) + 1e-9)
        # Everything above the first negative that must not be rejected.
        found.append(scores > ordered[allowed] if allowed < len(ordered) else scores > -np.inf)
    return found
