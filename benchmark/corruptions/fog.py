"""Fog: a bright fractal cloud in front of the scene."""

from __future__ import annotations

from benchmark.corruptions.corruption import Corruption
from benchmark.corruptions.draws import Generators
from benchmark.corruptions.fractal import fractal
from benchmark.corruptions.pixels import Bytes, to_bytes, to_reals


class Fog(Corruption[tuple[float, float]]):
    """A fractal cloud is added, and the sum scaled back to the image's range."""

    name = "fog"
    title = "Fog"
    family = "weather"
    description = "Adds a fractal cloud and scales the sum back to the range of the image."
    constants = "density of the fog; decay of its details"
    levels = ((0.2, 3.0), (0.5, 3.0), (0.75, 2.5), (1.0, 2.0), (1.5, 1.75))

    def corrupt(self, images: Bytes, level: tuple[float, float], each: Generators) -> Bytes:
        """``(x + density * cloud) * max(x) / (max(x) + density)``."""
        density, decay = level
        clean = to_reals(images)
        brightest = clean.max(axis=(1, 2, 3), keepdims=True)
        cloud = fractal(each, images.shape[2], images.shape[3], decay)
        return to_bytes((clean + density * cloud) * (brightest / (brightest + density)))
