"""Snow: bright streaks that fall, and a whitened scene."""

from __future__ import annotations

import numpy as np

from benchmark.corruptions.corruption import CIFAR_C, Corruption
from benchmark.corruptions.draws import Generators, angles, normals
from benchmark.corruptions.pixels import Bytes, grey, scale_of, to_bytes, to_reals
from benchmark.corruptions.streaks import streaked
from benchmark.corruptions.zoom import zoomed

Level = tuple[float, float, float, float, float, float, float]


class Snow(Corruption[Level]):
    """Thresholded noise, streaked by motion, on a brightened image."""

    name = "snow"
    title = "Snow"
    family = "weather"
    description = "Whitens the image and adds falling flakes: thresholded noise, blurred by motion."
    constants = (
        "mean and standard deviation of the noise; its enlargement; threshold; radius and standard "
        "deviation of the motion blur in pixels; share of the image that is not whitened"
    )
    levels = (
        (0.1, 0.2, 1.0, 0.6, 8.0, 3.0, 0.95),
        (0.1, 0.2, 1.0, 0.5, 10.0, 4.0, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10.0, 4.0, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12.0, 6.0, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14.0, 12.0, 0.8),
    )
    source = f"{CIFAR_C}, with the motion blur of this suite"

    def corrupt(self, images: Bytes, level: Level, each: Generators) -> Bytes:
        """The flakes and the same turned by 180 degrees are added to the whitened image."""
        mean, deviation, zoom, threshold, radius, sigma, kept = level
        scale = scale_of(images)
        noise = mean + deviation * normals(each, (1, *images.shape[2:]))
        flakes = zoomed(noise, max(1.0, zoom * scale))
        flakes = to_reals(to_bytes(np.where(flakes < threshold, 0.0, flakes)))
        fall = angles(each, -135.0, -45.0)
        flakes = streaked(flakes, radius * scale, sigma * scale, fall)
        clean = to_reals(images)
        white = np.maximum(clean, grey(clean) * 1.5 + 0.5)
        falling = flakes + flakes[:, :, ::-1, ::-1]
        return to_bytes(kept * clean + (1 - kept) * white + falling)
