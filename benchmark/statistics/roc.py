"""The area under the receiver operating characteristic, from ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def auroc(positive: ArrayLike, negative: ArrayLike) -> float:
    """Area under the ROC curve: how often a positive has the larger score, ties counting half.

    Args:
        positive: scores (P,) of what is to be found.
        negative: scores (N,) of the rest.

    Returns:
        NaN if there are none of a kind.
    """
    above, below = np.asarray(positive, np.float64), np.sort(np.asarray(negative, np.float64))
    if not len(above) or not len(below):
        return float("nan")
    left = np.searchsorted(below, above, "left")
    right = np.searchsorted(below, above, "right")
    return float((left + right).mean() / (2 * len(below)))
