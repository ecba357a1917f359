"""Zooms about the center of an image, by linear interpolation."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from benchmark.corruptions.pixels import Reals

Places = NDArray[np.int64]


def zoom_places(size: int, factor: float) -> tuple[Places, Places, Reals]:
    """Where the pixels of a zoomed axis come from: two neighbors, and the second one's share.

    ``ceil(size / factor)`` pixels in the middle are stretched to ``round(factor)`` times as many,
    end points on end points, and what is more than ``size`` is cut on both sides.

    Args:
        size: length of the axis.
        factor: at least 1.

    Returns:
        Three arrays (size,).
    """
    kept = math.ceil(size / factor)
    first = (size - kept) // 2
    stretched = round(kept * factor)
    cut = (stretched - size) // 2
    places = (np.arange(size, dtype=np.float64) + cut) * ((kept - 1) / max(stretched - 1, 1))
    below = np.minimum(places.astype(np.int64), kept - 1)
    above = np.minimum(below + 1, kept - 1)
    share: Reals = places - below
    return first + below, first + above, share


def zoom_matrix(size: int, factor: float) -> Reals:
    """The same as a linear map of one axis, (size, size)."""
    below, above, share = zoom_places(size, factor)
    matrix, rows = np.zeros((size, size)), np.arange(size)
    np.add.at(matrix, (rows, below), 1 - share)
    np.add.at(matrix, (rows, above), share)
    return matrix


def zoomed(layers: Reals, factor: float) -> Reals:
    """Layers (B, C, H, W), zoomed by a factor of at least 1."""
    if factor == 1:
        return layers
    below, above, share = zoom_places(layers.shape[2], factor)
    upper, lower = layers.take(below, 2), layers.take(above, 2)
    rows = upper + share[:, None] * (lower - upper)
    below, above, share = zoom_places(layers.shape[3], factor)
    left, right = rows.take(below, 3), rows.take(above, 3)
    enlarged: Reals = left + share * (right - left)
    return enlarged
