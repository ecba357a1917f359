"""Zooms about the center of an image, by linear interpolation."""

from __future__ import annotations

import math

import numpy as np

from benchmark.corruptions.pixels import Reals


def zoom_matrix(size: int, factor: float) -> Reals:
    """The linear map of one axis, (size, size): crops the middle and stretches it to ``size``.

    ``ceil(size / factor)`` pixels in the middle are stretched to ``round(factor)`` times as many,
    end points on end points, and what is more than ``size`` is cut on both sides.

    Args:
        size: length of the axis.
        factor: at least 1.
    """
    kept = math.ceil(size / factor)
    first = (size - kept) // 2
    stretched = round(kept * factor)
    cut = (stretched - size) // 2
    places = (np.arange(size) + cut) * ((kept - 1) / max(stretched - 1, 1))
    below = np.minimum(places.astype(int), kept - 1)
    above = np.minimum(below + 1, kept - 1)
    matrix, rows = np.zeros((size, size)), np.arange(size)
    np.add.at(matrix, (rows, first + below), 1 - (places - below))
    np.add.at(matrix, (rows, first + above), places - below)
    return matrix


def zoomed(layers: Reals, factor: float) -> Reals:
    """Layers (B, C, H, W), zoomed by a factor of at least 1."""
    if factor == 1:
        return layers
    down = zoom_matrix(layers.shape[2], factor)
    across = zoom_matrix(layers.shape[3], factor)
    enlarged: Reals = down @ layers @ across.T
    return enlarged
