"""Noise: of the sensor, of the light, of single values, and in proportion to the pixel."""

from __future__ import annotations

import numpy as np

from benchmark.corruptions.corruption import Corruption
from benchmark.corruptions.draws import Generators, normals, uniforms
from benchmark.corruptions.pixels import Bytes, to_bytes, to_reals


class GaussianNoise(Corruption[float]):
    """Independent normal noise on every value."""

    name = "gaussian_noise"
    title = "Gaussian noise"
    family = "noise"
    description = "Adds independent normal noise to every value."
    constants = "standard deviation"
    levels = (0.04, 0.06, 0.08, 0.09, 0.10)

    def corrupt(self, images: Bytes, level: float, each: Generators) -> Bytes:
        """``x + level * normal``."""
        return to_bytes(to_reals(images) + level * normals(each, images.shape[1:]))


class ShotNoise(Corruption[float]):
    """Photon counts instead of intensities."""

    name = "shot_noise"
    title = "Shot noise"
    family = "noise"
    description = "Replaces every value by a Poisson count of photons, as in dim light."
    constants = "photons of a white pixel"
    levels = (500.0, 250.0, 100.0, 75.0, 50.0)

    def corrupt(self, images: Bytes, level: float, each: Generators) -> Bytes:
        """``Poisson(x * level) / level``."""
        expected = to_reals(images) * level
        counts = [drawn.poisson(mean) for drawn, mean in zip(each, expected, strict=True)]
        return to_bytes(np.stack(counts) / level)


class ImpulseNoise(Corruption[float]):
    """Salt and pepper."""

    name = "impulse_noise"
    title = "Impulse noise"
    family = "noise"
    description = "Sets a share of the values, each independently, to 0 or to 1."
    constants = "share of the values"
    levels = (0.01, 0.02, 0.03, 0.05, 0.07)

    def corrupt(self, images: Bytes, level: float, each: Generators) -> Bytes:
        """A uniform number per value: below ``level / 2`` it becomes 0, below ``level`` 1."""
        drawn = uniforms(each, images.shape[1:])
        noisy = np.where(drawn < level, np.uint8(255), images)
        noisy[drawn < level / 2] = 0
        return noisy


class SpeckleNoise(Corruption[float]):
    """Normal noise in proportion to the value."""

    name = "speckle_noise"
    title = "Speckle noise"
    family = "noise"
    description = "Adds normal noise in proportion to the value."
    constants = "standard deviation over the value"
    levels = (0.06, 0.1, 0.12, 0.16, 0.2)

    def corrupt(self, images: Bytes, level: float, each: Generators) -> Bytes:
        """``x + x * level * normal``."""
        clean = to_reals(images)
        return to_bytes(clean + clean * level * normals(each, images.shape[1:]))
