"""Means and standard deviations in the wrong units: for images from 0 to 255 instead of 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence

LARGEST = 2.0
"""Largest plausible mean or standard deviation of images in [0, 1]; real ones are below 1."""

MAX_BYTE = 255.0
"""Largest value of images in the other unit."""


def for_byte_images(mean: Sequence[float], std: Sequence[float]) -> bool:
    """Whether a normalization is for images from 0 to 255."""
    return any(abs(each) > LARGEST for each in mean) or any(each > LARGEST for each in std)


def in_unit_range(numbers: Sequence[float]) -> tuple[float, ...]:
    """Means or standard deviations for images from 0 to 255, converted to images in [0, 1]."""
    return tuple(round(each / MAX_BYTE, 4) for each in numbers)


def written(numbers: Sequence[float]) -> str:
    """Numbers as they are typed: ``0.4914,0.4822,0.4465``."""
    return ",".join(f"{each:.6g}" for each in numbers)
