"""Frost: ice crystals on a window in front of the scene."""

from __future__ import annotations

import numpy as np

from benchmark.corruptions.corruption import CIFAR_C, Corruption
from benchmark.corruptions.draws import Generators
from benchmark.corruptions.fractal import fractal
from benchmark.corruptions.pixels import Bytes, Reals, to_bytes, to_reals

TINT = (0.82, 0.93, 1.0)
"""Color of the ice: a pale blue."""

COVER_DECAY, CRYSTAL_DECAY = 1.7, 1.25
"""Decay of the details of where ice is, and of its crystals; see
:func:`benchmark.corruptions.fractal.fractal`."""

GLASS, ICE, CRYSTALS = 0.2, 0.2, 0.75
"""Light from bare glass, and what smooth ice and the edges of crystals add to it."""


class Frost(Corruption[tuple[float, float]]):
    """A weighted sum of the image and a random icy texture."""

    name = "frost"
    title = "Frost"
    family = "weather"
    description = "Mixes the image with a random texture that looks like ice crystals."
    constants = "weight of the image; weight of the texture"
    levels = ((1.0, 0.2), (1.0, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45))
    source = (
        f"{CIFAR_C} for the weights. CIFAR-10-C takes five photographs of frost, which are not "
        "part of this project: the texture is a random fractal instead"
    )
    unordered = (
        "from severity 3 on the weight of the image falls, which makes up for the light of the ice"
    )

    def corrupt(self, images: Bytes, level: tuple[float, float], each: Generators) -> Bytes:
        """``weight * x + weight' * ice``."""
        ice = _ice(each, images.shape[1], images.shape[2], images.shape[3])
        return to_bytes(level[0] * to_reals(images) + level[1] * ice)


def _ice(each: Generators, channels: int, height: int, width: int) -> Reals:
    """Textures (B, C, H, W) from 0 to 1: patches of ice with bright ridges of a fractal."""
    cover = np.clip((fractal(each, height, width, COVER_DECAY) - 0.3) / 0.4, 0.0, 1.0)
    ridges = (1 - np.abs(2 * fractal(each, height, width, CRYSTAL_DECAY) - 1)) ** 2
    light = np.clip(GLASS + cover * (ICE + CRYSTALS * ridges), 0.0, 1.0)
    tint = np.array(TINT if channels == 3 else [float(np.mean(TINT))])
    ice: Reals = light * tint[:, None, None]
    return ice
