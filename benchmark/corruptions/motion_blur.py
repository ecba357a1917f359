"""Motion blur: the camera moves."""

from __future__ import annotations

from benchmark.corruptions.corruption import CIFAR_C, Corruption
from benchmark.corruptions.draws import Generators, angles
from benchmark.corruptions.pixels import Bytes, scale_of, to_bytes, to_reals
from benchmark.corruptions.streaks import streaked


class MotionBlur(Corruption[tuple[float, float]]):
    """Blur along a random direction within 45 degrees of the horizontal."""

    name = "motion_blur"
    title = "Motion blur"
    family = "blur"
    description = "Blurs along a random direction within 45 degrees of the horizontal."
    constants = "radius and standard deviation of the kernel, in pixels"
    levels = ((6.0, 1.0), (6.0, 1.5), (6.0, 2.0), (8.0, 2.0), (9.0, 2.5))
    source = f"{CIFAR_C}, which calls ImageMagick; here its one-sided kernel is written out"

    def corrupt(self, images: Bytes, level: tuple[float, float], each: Generators) -> Bytes:
        """See :func:`benchmark.corruptions.streaks.streaked`."""
        radius, sigma = (length * scale_of(images) for length in level)
        return to_bytes(streaked(to_reals(images), radius, sigma, angles(each, -45.0, 45.0)))
