"""Spatter: drops of water or mud on the lens, a validation corruption."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.corruptions.corruption import CIFAR_C, Corruption
from benchmark.corruptions.draws import Generators, normals
from benchmark.corruptions.filters import correlated, smoothed
from benchmark.corruptions.pixels import Bytes, Reals, grey, scale_of, to_bytes, to_reals

WATER = (175, 238, 238)
MUD = (63, 42, 20)
"""Colors as red, green and blue bytes."""

_FARTHEST = 20.0
"""Distance from the edge of a drop, in pixels, beyond which its surface is flat."""

_EMBOSS = np.array([[-2.0, -1.0, 0.0], [-1.0, 1.0, 1.0], [0.0, 1.0, 2.0]])
"""Light from the lower right."""

_LEAST_MUD = 0.8
"""Smoothed mud below this density is invisible."""

Level = tuple[float, float, float, float, float, bool]


class Spatter(Corruption[Level]):
    """Drops where smooth noise is above a threshold."""

    name = "spatter"
    title = "Spatter"
    family = "weather"
    description = "Puts drops of water (severity 1 to 3) or mud (4 and 5) in front of the image."
    constants = (
        "mean and standard deviation of the noise; its smoothness in pixels; threshold; strength "
        "of water, or smoothness of mud in pixels; whether it is mud"
    )
    levels = (
        (0.62, 0.1, 0.7, 0.7, 0.5, False),
        (0.65, 0.1, 0.8, 0.7, 0.5, False),
        (0.65, 0.3, 1.0, 0.69, 0.5, False),
        (0.65, 0.1, 0.7, 0.69, 0.6, True),
        (0.65, 0.1, 0.5, 0.68, 0.6, True),
    )
    source = f"{CIFAR_C}; the edges of drops are those of the threshold, not Canny's"
    unordered = "severity 1 to 3 are water, 4 and 5 mud"

    def corrupt(self, images: Bytes, level: Level, each: Generators) -> Bytes:
        """Water is added with a shaded surface; mud replaces the image."""
        mean, deviation, sigma, threshold, strength, mud = level
        scale = scale_of(images)
        # Smoothed over more or fewer pixels, the noise is to be as strong as at 32 pixels.
        deviation *= _left(sigma) / _left(sigma * scale)
        noise = mean + deviation * normals(each, images.shape[2:])
        liquid = smoothed(noise, sigma * scale)
        drops, clean = liquid > threshold, to_reals(images)
        if mud:
            cover = smoothed(drops.astype(np.float64), strength * scale)[:, None]
            cover[cover < _LEAST_MUD] = 0.0
            return to_bytes(clean * (1 - cover) + cover * _color(MUD, images.shape[1]))
        shades = [_shaded(*pair) for pair in zip(liquid, drops, strict=True)]
        return to_bytes(
            clean + strength * np.stack(shades)[:, None] * _color(WATER, images.shape[1])
        )


def _shaded(liquid: Reals, drops: NDArray[np.bool_]) -> Reals:
    """How bright drops are, (H, W) from 0 to 1: an embossed surface by the distance to edges."""
    from scipy.ndimage import binary_erosion, distance_transform_edt, uniform_filter

    edges = drops & ~binary_erosion(drops, border_value=1)
    if not edges.any():
        return np.zeros_like(liquid)
    distance = np.minimum(distance_transform_edt(~edges), _FARTHEST)
    surface = _equalized(uniform_filter(distance, 3, mode="mirror"))
    light = np.clip(_embossed(surface), 0.0, 1.0)
    shades = np.where(drops, liquid, 0.0) * uniform_filter(light, 3, mode="mirror")
    brightest = shades.max()
    scaled: Reals = shades / (brightest if brightest > 0 else 1.0)
    return scaled


def _equalized(surface: Reals) -> Reals:
    """Whole pixels of distance, replaced by the share of pixels at most as far: from 0 to 1."""
    _, places, counts = np.unique(surface.astype(int), return_inverse=True, return_counts=True)
    below = np.cumsum(counts)
    span = below[-1] - below[0]
    shares = (below - below[0]) / span if span else np.zeros(len(below))
    equalized: Reals = shares[places.reshape(surface.shape)]
    return equalized


def _embossed(surface: Reals) -> Reals:
    bright = correlated(surface, np.maximum(_EMBOSS, 0.0))
    light: Reals = bright - correlated(surface, np.maximum(-_EMBOSS, 0.0))
    return light


def _left(sigma: float) -> float:
    """The share of its standard deviation that white noise keeps when it is smoothed."""
    reach = np.arange(-int(4 * sigma + 0.5), int(4 * sigma + 0.5) + 1)
    bell = np.exp(-0.5 * (reach / sigma) ** 2)
    return float((bell**2).sum() / bell.sum() ** 2)


def _color(color: tuple[int, int, int], channels: int) -> Reals:
    """A color for images of 3 channels, its luminance for images of 1, (1, C, 1, 1)."""
    values = np.array(color, np.float64).reshape(1, 3, 1, 1) / 255
    return values if channels == 3 else grey(values)
