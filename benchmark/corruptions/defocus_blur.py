"""Defocus blur: every point becomes a disk."""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmark.corruptions.corruption import CIFAR_C, Corruption
from benchmark.corruptions.draws import Generators
from benchmark.corruptions.filters import correlated
from benchmark.corruptions.pixels import Bytes, Reals, scale_of, to_bytes, to_reals


class DefocusBlur(Corruption[tuple[float, float]]):
    """Correlation with a disk whose edge is smoothed."""

    name = "defocus_blur"
    title = "Defocus blur"
    family = "blur"
    description = "Replaces every point by a disk, as a lens that is out of focus does."
    constants = "radius of the disk; standard deviation of the smoothing of the disk, in pixels"
    levels = ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1))
    source = (
        f"{CIFAR_C}; the kernel for images of other sizes is that of 32 pixels, resampled by area"
    )
    least_side = 16

    def corrupt(self, images: Bytes, level: tuple[float, float], each: Generators) -> Bytes:
        """A disk ``X^2 + Y^2 <= r^2`` of pixels, smoothed by a Gaussian cut at one pixel."""
        return to_bytes(correlated(to_reals(images), _disk(*level, scale_of(images))))


@cache
def _disk(radius: float, sigma: float, scale: float) -> Reals:
    """The kernel, of odd sides.

    A disk of pixels jumps from one pixel to five and to nine as its radius grows, so that the
    kernel for images of another size is that of 32 pixels, resampled.

    Args:
        radius: of the disk at 32 pixels.
        sigma: of the smoothing at 32 pixels.
        scale: size of the images over 32.
    """
    side = np.arange(-int(radius), int(radius) + 1)
    disk = (side[:, None] ** 2 + side**2 <= radius**2).astype(np.float64)
    bell = np.exp(-0.5 * (np.arange(-1, 2) / sigma) ** 2)
    bell /= bell.sum()
    spread = np.array([np.convolve(row, bell) for row in disk / disk.sum()])
    kernel = np.array([np.convolve(column, bell) for column in spread.T]).T
    return kernel if scale == 1 else _resampled(kernel, scale)


def _resampled(kernel: Reals, scale: float) -> Reals:
    """A kernel of other pixels: each weight is spread over those that its own pixel covers."""
    half = len(kernel) // 2
    reach = int(np.ceil((half + 0.5) * scale - 0.5))
    edges = (np.arange(-half, half + 2) - 0.5) * scale
    pixels = np.arange(-reach, reach + 2) - 0.5
    low = np.maximum(pixels[:-1, None], edges[:-1])
    high = np.minimum(pixels[1:, None], edges[1:])
    overlap = np.maximum(high - low, 0.0) / scale
    resampled: Reals = overlap @ kernel @ overlap.T
    return resampled
