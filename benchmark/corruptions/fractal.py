"""Random fractal heights, for clouds and ice."""

from __future__ import annotations

import numpy as np

from benchmark.corruptions.draws import Generators, uniforms
from benchmark.corruptions.pixels import Reals

_FIRST_DEVIATION = 100.0
"""Of the coarsest midpoints, in units in which a smooth surface has heights of this order."""


def fractal(each: Generators, height: int, width: int, decay: float) -> Reals:
    """Heights from 0 to 1 by midpoint displacement (diamond-square) on a torus, (B, 1, H, W).

    The midpoint of each square, and then of each edge, is the mean of its four neighbors plus a
    random displacement. From one grid to the next finer one displacements are divided by
    ``decay`` squared: the code of ImageNet-C multiplies a number that is already drawn in
    proportion by the same proportion.

    Args:
        each: a generator per image.
        height: of the surfaces.
        width: of the surfaces.
        decay: above 1; a smaller one gives rougher surfaces.
    """
    side = 1 << max(height - 1, width - 1, 1).bit_length()
    surface = np.zeros((len(each), side, side))
    random = uniforms(each, (side * side - 1,), -1.0, 1.0)
    used, step, deviation = 0, side, _FIRST_DEVIATION
    while step >= 2:
        count, half = side // step, step // 2
        drawn = random[:, used : used + 3 * count * count].reshape(-1, 3, count, count)
        drawn *= deviation * deviation
        corners = surface[:, ::step, ::step]
        pairs = corners + np.roll(corners, -1, 1)
        middles = (pairs + np.roll(pairs, -1, 2)) / 4 + drawn[:, 0]
        surface[:, half::step, half::step] = middles
        above = middles + np.roll(middles, 1, 1) + corners + np.roll(corners, -1, 2)
        surface[:, ::step, half::step] = above / 4 + drawn[:, 1]
        beside = middles + np.roll(middles, 1, 2) + corners + np.roll(corners, -1, 1)
        surface[:, half::step, ::step] = beside / 4 + drawn[:, 2]
        used, step, deviation = used + 3 * count * count, half, deviation / decay
    surface -= surface.min(axis=(1, 2), keepdims=True)
    surface /= surface.max(axis=(1, 2), keepdims=True)
    return surface[:, None, :height, :width]
