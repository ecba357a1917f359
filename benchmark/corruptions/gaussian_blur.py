"""Gaussian blur, a validation corruption."""

from __future__ import annotations

from benchmark.corruptions.corruption import Corruption
from benchmark.corruptions.draws import Generators
from benchmark.corruptions.filters import smoothed
from benchmark.corruptions.pixels import Bytes, scale_of, to_bytes, to_reals


class GaussianBlur(Corruption[float]):
    """Convolution with a Gaussian."""

    name = "gaussian_blur"
    title = "Gaussian blur"
    family = "blur"
    description = "Blurs with a Gaussian."
    constants = "standard deviation in pixels"
    levels = (0.4, 0.6, 0.7, 0.8, 1.0)
    least_side = 16

    def corrupt(self, images: Bytes, level: float, each: Generators) -> Bytes:
        """A separable filter that ends after 4 standard deviations."""
        return to_bytes(smoothed(to_reals(images), level * scale_of(images)))
