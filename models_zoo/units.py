"""Means and deviations in the wrong units: of images from 0 to 255 in place of 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence

LARGEST = 2.0
"""Largest mean or deviation of images in [0, 1] that is believed; real ones are below 1."""

GREY = 255.0
"""What images in the other unit reach."""


def in_grey_levels(mean: Sequence[float], std: Sequence[float]) -> bool:
    """Whether a normalization is that of images from 0 to 255."""
    return any(abs(each) > LARGEST for each in mean) or any(each > LARGEST for each in std)


def in_unit_range(numbers: Sequence[float]) -> tuple[float, ...]:
    """Means or deviations of images from 0 to 255, for images in [0, 1]."""
    return tuple(round(each / GREY, 4) for each in numbers)


def written(numbers: Sequence[float]) -> str:
    """Numbers as they are typed: ``0.4914,0.4822,0.4465``."""
    return ",".join(f"{each:.6g}" for each in numbers)
