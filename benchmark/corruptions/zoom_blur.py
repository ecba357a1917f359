"""Zoom blur: the mean of an image and of its enlargements."""

from __future__ import annotations

from functools import cache
from typing import Any

from benchmark.corruptions.corruption import CIFAR_C, Corruption
from benchmark.corruptions.draws import Generators
from benchmark.corruptions.pixels import Bytes, Reals, to_bytes, to_reals
from benchmark.corruptions.zoom import zoom_matrix, zoomed

STEP = 0.01
"""Between two enlargements."""

_MOST_PIXELS = 64 * 64
"""Of an image, up to which the mean is one sparse matrix."""


class ZoomBlur(Corruption[int]):
    """A camera that moves towards the scene."""

    name = "zoom_blur"
    title = "Zoom blur"
    family = "blur"
    description = "Averages the image with enlargements of its middle, as a moving camera does."
    constants = "number of enlargements: by 1, 1.01, 1.02, ..."
    levels = (7, 12, 16, 21, 26)
    source = f"{CIFAR_C}, where np.arange(1, 1.06, 0.01) has 7 factors because of rounding"
    least_side = 16

    def corrupt(self, images: Bytes, level: int, each: Generators) -> Bytes:
        """``(x + sum over factors of zoom(x)) / (1 + number of factors)``."""
        batch, channels, height, width = images.shape
        clean = to_reals(images)
        if height * width > _MOST_PIXELS:
            return to_bytes(_averaged(clean, level))
        flat = clean.reshape(batch * channels, height * width)
        blurred = _mean_map(height, width, level) @ flat.T
        return to_bytes(blurred.T.reshape(images.shape))


def _factors(count: int) -> list[float]:
    return [1 + STEP * place for place in range(count)]


def _averaged(images: Reals, count: int) -> Reals:
    """The mean, one enlargement after the other."""
    total = images
    for factor in _factors(count):
        total = total + zoomed(images, factor)
    return total / (1.0 + count)


@cache
def _mean_map(height: int, width: int, count: int) -> Any:
    """The mean as a sparse matrix on images of height times width pixels."""
    from scipy import sparse  # slow to import, and not always needed

    total = sparse.identity(height * width, format="csr")
    for factor in _factors(count):
        down, across = zoom_matrix(height, factor), zoom_matrix(width, factor)
        total = total + sparse.kron(sparse.csr_matrix(down), sparse.csr_matrix(across))
    return sparse.csr_matrix(total / (1 + count))
