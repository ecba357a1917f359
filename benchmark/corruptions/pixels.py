"""Bytes and real numbers: the two forms in which corruptions handle pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
"""Images as bytes, uint8 (B, C, H, W), C is 1 or 3."""

Reals = NDArray[np.float64]
"""Images or layers as real numbers, 0 for black and 1 for white."""

REFERENCE_SIZE = 32
"""Side of the images, in pixels, that the constants were chosen for."""

_ROUNDING = 1e-6
"""Share of a level below which a value counts as the next level: rounding errors of about 1e-13
would otherwise decide whether a constant image becomes darker, and differ between processors."""


def to_reals(images: Bytes) -> Reals:
    """Bytes as numbers from 0 to 1."""
    numbers: Reals = images / 255.0
    return numbers


def to_bytes(images: NDArray[Any]) -> Bytes:
    """Numbers as bytes: clipped to [0, 1] and truncated, not rounded, as in CIFAR-10-C."""
    levels = np.clip(images, 0.0, 1.0)
    levels *= 255.0
    levels += _ROUNDING
    truncated: Bytes = levels.astype(np.uint8)
    return truncated


def scale_of(images: NDArray[Any]) -> float:
    """The factor by which lengths are multiplied: the shorter side over :data:`REFERENCE_SIZE`.

    Args:
        images: (B, C, H, W).
    """
    height, width = images.shape[-2:]
    return int(min(height, width)) / REFERENCE_SIZE


def grey(images: Reals) -> Reals:
    """Luminance (ITU-R BT.601), (B, 1, H, W)."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images[:, :1], images[:, 1:2], images[:, 2:]
    luminance: Reals = 0.299 * red + 0.587 * green + 0.114 * blue
    return luminance
