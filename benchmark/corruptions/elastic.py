"""Elastic transform: the image is stretched and bent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.corruptions.corruption import CIFAR_C, Corruption
from benchmark.corruptions.draws import Generators, uniforms
from benchmark.corruptions.filters import smoothed
from benchmark.corruptions.pixels import Bytes, Reals, to_bytes, to_reals


class ElasticTransform(Corruption[tuple[float, float, float]]):
    """A random affine map, then a smooth random displacement."""

    name = "elastic_transform"
    title = "Elastic transform"
    family = "digital"
    description = "Applies a random affine map, and then a smooth random displacement of pixels."
    constants = (
        "amplitude of the displacement, its smoothness, and the largest move of the three points "
        "of the affine map, all as shares of the side"
    )
    levels = (
        (0.0, 0.0, 0.08),
        (0.05, 0.2, 0.07),
        (0.08, 0.06, 0.06),
        (0.1, 0.04, 0.05),
        (0.1, 0.03, 0.03),
    )
    source = f"{CIFAR_C}; positions are not rounded to 1/32 pixel as in OpenCV"
    unordered = "local displacements replace the affine map, which moves pixels further"

    def corrupt(self, images: Bytes, level: tuple[float, float, float], each: Generators) -> Bytes:
        """Both steps interpolate linearly and mirror the image at its edges."""
        height, width = images.shape[2:]
        side = min(height, width)
        amplitude, smoothness, move = (share * side for share in level)
        affine = _affine(each, height, width, move)
        bent = _sampled(to_reals(images), *affine, half_pixel=False)
        if amplitude > 0:
            rough = uniforms(each, (2, height, width), -1.0, 1.0)
            shift = amplitude * smoothed(rough, smoothness, "reflect", truncate=3.0)
            rows = np.arange(height)[:, None] + shift[:, 1]
            columns = np.arange(width) + shift[:, 0]
            bent = _sampled(bent, rows, columns, half_pixel=True)
        return to_bytes(bent)


def _affine(each: Generators, height: int, width: int, move: float) -> tuple[Reals, Reals]:
    """Where the pixels of affine images come from: rows and columns, each (B, H, W).

    Three points around the center are moved at random; the map that does so is inverted.
    """
    x, y, arm = width // 2, height // 2, min(height, width) // 3
    points = np.array([[x + arm, y + arm], [x + arm, y - arm], [x - arm, y - arm]], np.float64)
    moved = points + uniforms(each, (3, 2), -move, move)
    # The inverse map is affine as well and takes the moved points back: columns of [p; 1].
    ones = np.ones((len(moved), 3, 1))
    back = np.linalg.solve(
        np.concatenate([moved, ones], axis=2), np.tile(points, (len(moved), 1, 1))
    )
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    terms = back[:, :, :, None, None]
    found = terms[:, 0] * across + terms[:, 1] * down + terms[:, 2]
    return found[:, 1], found[:, 0]


def _sampled(images: Reals, rows: Reals, columns: Reals, *, half_pixel: bool) -> Reals:
    """Images (B, C, H, W) at positions (B, H, W) between their pixels, by linear interpolation.

    Args:
        images: to sample from.
        rows: positions, may lie outside.
        columns: positions, may lie outside.
        half_pixel: whether images are mirrored at the outer edge of their last pixels (twice the
            last pixel) instead of at its center.
    """
    batch, channels, height, width = images.shape
    top, left = np.floor(rows).astype(np.int64), np.floor(columns).astype(np.int64)
    down, right = (rows - top)[:, None], (columns - left)[:, None]
    low, high = _mirrored(top, height, half_pixel), _mirrored(top + 1, height, half_pixel)
    near, far = _mirrored(left, width, half_pixel), _mirrored(left + 1, width, half_pixel)
    flat = images.reshape(batch, channels, height * width)

    def at(row: NDArray[np.int64], column: NDArray[np.int64]) -> Reals:
        places = (row * width + column).reshape(batch, 1, height * width)
        return np.take_along_axis(flat, places, axis=2).reshape(images.shape)

    upper = at(low, near) * (1 - right) + at(low, far) * right
    lower = at(high, near) * (1 - right) + at(high, far) * right
    sampled: Reals = upper * (1 - down) + lower * down
    return sampled


def _mirrored(places: NDArray[np.int64], size: int, half_pixel: bool) -> NDArray[np.int64]:
    """Places outside of an axis, mirrored into it."""
    if half_pixel:
        period, last = 2 * size, 2 * size - 1
    else:
        period = last = 2 * (size - 1)
    folded: NDArray[np.int64] = np.mod(places, period)
    mirrored: NDArray[np.int64] = np.minimum(folded, last - folded)
    return mirrored
