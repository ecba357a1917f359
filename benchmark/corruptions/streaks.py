"""Motion along a line: a blur whose kernel lies on one side of the pixel."""

from __future__ import annotations

import math

import numpy as np

from benchmark.corruptions.pixels import Reals

_NEGLIGIBLE = 1e-9


def streaked(layers: Reals, radius: float, sigma: float, angles: Reals) -> Reals:
    """Blur each image along a direction of its own, as ImageMagick's motion blur does.

    The weights are those of half a Gaussian, from the pixel itself to ``2 * ceil(radius)`` pixels
    away; positions are rounded to pixels, and images continue with the pixels at their edges.

    Args:
        layers: (B, C, H, W).
        radius: half the length of the kernel, in pixels.
        sigma: standard deviation of the Gaussian, in pixels.
        angles: (B,), in degrees; 0 is to the right, 90 is down.
    """
    weights = np.exp(-0.5 * (np.arange(2 * math.ceil(radius) + 1) / sigma) ** 2)
    weights = weights[weights > _NEGLIGIBLE]
    weights /= weights.sum()
    reach = len(weights) - 1
    height, width = layers.shape[-2:]
    padded = np.pad(layers, ((0, 0), (0, 0), (reach, reach), (reach, reach)), mode="edge")
    total = np.empty_like(layers)
    for image, out, angle in zip(padded, total, np.deg2rad(angles), strict=True):
        out[:] = 0.0
        for step, weight in enumerate(weights):
            down = reach + math.ceil(step * math.sin(angle) - 0.5)
            right = reach + math.ceil(step * math.cos(angle) - 0.5)
            out += weight * image[:, down : down + height, right : right + width]
    return total
