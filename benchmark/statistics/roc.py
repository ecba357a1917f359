"""The area under the receiver operating characteristic, from placements."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def auroc(positive: ArrayLike, negative: ArrayLike) -> float:
    """Area under the ROC curve: how often a positive has the larger score, ties counting half.

    Args:
        positive: scores (P,) of what is to be found.
        negative: scores (N,) of the rest.

    Returns:
        NaN if there are none of a kind.
    """
    if not np.size(positive) or not np.size(negative):
        return float("nan")
    return float(placements(positive, negative).mean())


def placements(scores: ArrayLike, among: ArrayLike) -> Array:
    """The share of other scores that lies below each score, ties counting half.

    The mean over positives of their placements among the negatives is the area under the ROC curve,
    and so is 1 less the mean over negatives of theirs among the positives (Sen 1960, "On some
    convergence properties of U-statistics").

    Args:
        scores: (K,); one that is not a number is above all that are.
        among: (M,), M at least 1.

    Returns:
        Float (K,) in [0, 1].
    """
    values, others = np.asarray(scores, np.float64), np.sort(np.asarray(among, np.float64))
    left = np.searchsorted(others, values, "left")
    right = np.searchsorted(others, values, "right")
    found: Array = (left + right) / (2 * len(others))
    return found
