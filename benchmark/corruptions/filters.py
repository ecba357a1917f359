"""Filters whose result for an image does not depend on the other images of its batch."""

from __future__ import annotations

import numpy as np

from benchmark.corruptions.pixels import Reals

_NEGLIGIBLE = 1e-9
"""Weights below this change no byte."""

_MOST_TAPS = 81
"""Weights of a kernel up to which it is applied weight by weight."""


def smoothed(images: Reals, sigma: float, mode: str = "nearest", truncate: float = 4.0) -> Reals:
    """Gaussian blur over height and width.

    Args:
        images: (..., H, W).
        sigma: standard deviation in pixels; 0 changes nothing.
        mode: how images continue beyond their edge, as in :mod:`scipy.ndimage`.
        truncate: the filter ends after this many standard deviations.
    """
    if int(truncate * sigma + 0.5) == 0:
        return images
    from scipy.ndimage import gaussian_filter1d  # slow to import, and not always needed

    for axis in (-2, -1):
        images = gaussian_filter1d(images, sigma, axis, mode=mode, truncate=truncate)
    return images


def correlated(images: Reals, kernel: Reals) -> Reals:
    """Correlation with a kernel; images are mirrored about the centers of the pixels at the edge.

    Args:
        images: (..., H, W).
        kernel: (h, w), both odd, not negative.
    """
    if kernel.size > _MOST_TAPS:
        return _separately(images, kernel)
    down, right = kernel.shape[0] // 2, kernel.shape[1] // 2
    height, width = images.shape[-2:]
    around = [(0, 0)] * (images.ndim - 2) + [(down, down), (right, right)]
    padded = np.pad(images, around, mode="reflect")
    total = np.zeros_like(images)
    for row, column in np.argwhere(kernel > _NEGLIGIBLE):
        part = padded[..., row : row + height, column : column + width]
        total += kernel[row, column] * part
    return total


def _separately(images: Reals, kernel: Reals) -> Reals:
    """The same as a sum of few products of filters of one axis: the kernel's singular vectors."""
    from scipy.ndimage import correlate1d  # slow to import, and not always needed

    columns, sizes, rows = np.linalg.svd(kernel, full_matrices=False)
    total = np.zeros_like(images)
    for column, size, row in zip(columns.T, sizes, rows, strict=True):
        if size > _NEGLIGIBLE:
            along = correlate1d(images, row, -1, mode="mirror")
            total += size * correlate1d(along, column, -2, mode="mirror")
    return total
