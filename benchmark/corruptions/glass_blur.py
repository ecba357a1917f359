"""Glass blur: pixels take the place of their neighbors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.corruptions.corruption import CIFAR_C, Corruption
from benchmark.corruptions.draws import Generators
from benchmark.corruptions.filters import smoothed
from benchmark.corruptions.pixels import Bytes, scale_of, to_bytes, to_reals


class GlassBlur(Corruption[tuple[float, int, int]]):
    """Blur, random copies of neighbors, and blur again."""

    name = "glass_blur"
    title = "Glass blur"
    family = "blur"
    description = "Replaces pixels by random neighbors between two blurs, as frosted glass does."
    constants = "standard deviation of the blurs in pixels; largest shift in pixels; passes"
    levels = ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2))
    source = f"{CIFAR_C}, which means to swap two pixels, but copies one"
    least_side = 16
    unordered = "the blurs between severity 1 and 3 take back some of the noise of the same copies"

    def corrupt(self, images: Bytes, level: tuple[float, int, int], each: Generators) -> Bytes:
        """Pixels are visited from the lower right; each copies one at most ``shift`` away."""
        sigma, shift, passes = level
        sigma, shift = sigma * scale_of(images), max(1, round(shift * scale_of(images)))
        pixels = images.shape[2] * images.shape[3]
        flat = to_bytes(smoothed(to_reals(images), sigma)).reshape(*images.shape[:2], pixels)
        for _ in range(passes):
            origins = _origins(each, images.shape[2], images.shape[3], shift)
            flat = np.take_along_axis(flat, origins[:, None, :], axis=2)
        return to_bytes(smoothed(to_reals(flat.reshape(images.shape)), sigma))


def _origins(each: Generators, height: int, width: int, shift: int) -> NDArray[np.int64]:
    """For every pixel the one whose value it has after a pass, (B, H * W).

    A pixel that copies one that was visited before has the value of the latter's origin; these
    chains are followed by doubling. With shifts of -1 and 0 there are none.
    """
    rows, columns = (
        np.arange(shift + 1, height - shift + 1),
        np.arange(shift + 1, width - shift + 1),
    )
    rows, columns = rows[rows < height], columns[columns < width]
    size = (2, len(rows), len(columns))
    moves = np.stack([drawn.integers(-shift, shift, size) for drawn in each])
    origins = np.tile(np.arange(height * width).reshape(height, width), (len(each), 1, 1))
    here = rows[:, None] * width + columns
    source = here + moves[:, 0] * width + moves[:, 1]
    inside = (slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    origins[inside] = source
    visited = np.zeros((height, width), bool)
    visited[inside[1:]] = True
    followed = np.zeros(origins.shape, bool)
    followed[inside] = (source > here) & visited.reshape(-1)[source]
    flat, open_ends = origins.reshape(len(each), -1), followed.reshape(len(each), -1)
    while open_ends.any():
        onward = np.take_along_axis(flat, flat, axis=1)
        still = np.take_along_axis(open_ends, flat, axis=1)
        flat, open_ends = np.where(open_ends, onward, flat), open_ends & still
    return flat
