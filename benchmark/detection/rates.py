"""Detection rates at given rates of false positives, without an assumption about the scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from benchmark.results import Outcomes


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
