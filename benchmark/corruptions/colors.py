"""Changes of brightness, contrast and saturation."""

from __future__ import annotations

import numpy as np

from benchmark.corruptions.corruption import Corruption
from benchmark.corruptions.draws import Generators
from benchmark.corruptions.pixels import Bytes, to_bytes, to_reals


class Brightness(Corruption[float]):
    """The value of the HSV color model is increased."""

    name = "brightness"
    title = "Brightness"
    family = "weather"
    description = "Increases the value of every pixel in the HSV color model."
    constants = "added value"
    levels = (0.05, 0.1, 0.15, 0.2, 0.3)

    def corrupt(self, images: Bytes, level: float, each: Generators) -> Bytes:
        """Hue and saturation stay if all channels are multiplied by ``value' / value``."""
        clean = to_reals(images)
        value = clean.max(axis=1, keepdims=True)
        brighter = np.minimum(value + level, 1.0)
        scaled = clean * (brighter / np.where(value > 0, value, 1.0))
        return to_bytes(np.where(value > 0, scaled, brighter))


class Contrast(Corruption[float]):
    """Values move towards the mean of their channel."""

    name = "contrast"
    title = "Contrast"
    family = "digital"
    description = "Moves every value towards the mean of its channel."
    constants = "share of the contrast that is left"
    levels = (0.75, 0.5, 0.4, 0.3, 0.15)

    def corrupt(self, images: Bytes, level: float, each: Generators) -> Bytes:
        """``(x - mean) * level + mean``."""
        clean = to_reals(images)
        means = clean.mean(axis=(2, 3), keepdims=True)
        return to_bytes((clean - means) * level + means)


class Saturate(Corruption[tuple[float, float]]):
    """The saturation of the HSV color model is changed, a validation corruption."""

    name = "saturate"
    title = "Saturation"
    family = "digital"
    description = "Makes colors paler (severity 1 and 2) or stronger in the HSV color model."
    constants = "factor of the saturation; added saturation"
    levels = ((0.3, 0.0), (0.1, 0.0), (1.5, 0.0), (2.0, 0.1), (2.5, 0.2))
    needs_color = True
    unordered = "severity 1 and 2 take saturation away, 3 to 5 add some"

    def corrupt(self, images: Bytes, level: tuple[float, float], each: Generators) -> Bytes:
        """Channels move along ``value - channel``; gray has no hue and counts as red."""
        clean = to_reals(images)
        value = clean.max(axis=1, keepdims=True)
        below = value - clean
        spread = below.max(axis=1, keepdims=True)
        saturation = spread / np.where(value > 0, value, 1.0)
        wanted = np.clip(saturation * level[0] + level[1], 0.0, 1.0)
        colored = spread > 0
        moved = below * (wanted * value / np.where(colored, spread, 1.0))
        red = wanted * value * np.array([0.0, 1.0, 1.0])[:, None, None]
        return to_bytes(value - np.where(colored, moved, red))
