"""Drawn images of a concept and of its opposite: soft loops and soft strokes."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

Shape = tuple[int, int, int]
"""Channels, height and width of an image."""

Range = tuple[float, float]
"""The smallest and the largest value."""

OFF_CENTER = 0.08
"""Largest distance of the middle of a line from that of the image, as a share of its side."""

RADII: Range = (0.18, 0.34)
"""Radii of loops, as a share of the shorter side."""

HALF_LENGTHS: Range = (0.2, 0.38)
"""Half the lengths of strokes, as a share of the shorter side."""

WIDTHS: Range = (0.05, 0.09)
"""Distances from a line at which it has decreased to 37%, as a share of the shorter side."""


def loops(count: int, shape: Shape, generator: Generator) -> Tensor:
    """Soft ellipses, bright on black, of random place, radii, angle and width of the line.

    Args:
        count: number of images.
        shape: of an image; all channels are the same.
        generator: of the draws.

    Returns:
        float32 (count, C, H, W) in [0, 1].
    """
    x, y = _centered(count, shape, generator)
    radii = _between(RADII, (2, count), generator) * min(shape[1:])
    x, y = _rotated(x, y, _between((0, math.pi), (count,), generator))
    wide, high = radii[:, :, None, None]
    distance = ((x / wide).square() + (y / high).square()).sqrt() - 1
    return _soft(distance * radii.mean(0)[:, None, None], shape, generator)


def strokes(count: int, shape: Shape, generator: Generator) -> Tensor:
    """Soft straight lines, bright on black, of random place, length, angle and width.

    Args:
        count: number of images.
        shape: of an image; all channels are the same.
        generator: of the draws.

    Returns:
        float32 (count, C, H, W) in [0, 1].
    """
    x, y = _centered(count, shape, generator)
    half = _between(HALF_LENGTHS, (count, 1, 1), generator) * min(shape[1:])
    x, y = _rotated(x, y, _between((0, math.pi), (count,), generator))
    beyond = (x.abs() - half).clamp_min(0)
    return _soft((beyond.square() + y.square()).sqrt(), shape, generator)


def _between(ends: Range, size: tuple[int, ...], generator: Generator) -> Tensor:
    low, high = ends
    return low + (high - low) * torch.rand(size, generator=generator)


def _centered(count: int, shape: Shape, generator: Generator) -> tuple[Tensor, Tensor]:
    """Horizontal and vertical distances of pixels from a random place near the middle, in pixels.

    Both are (count, H, W).
    """
    _, height, width = shape
    places = _between((-OFF_CENTER, OFF_CENTER), (2, count), generator) * min(height, width)
    x = torch.arange(width) - (width - 1) / 2 - places[0, :, None]
    y = torch.arange(height) - (height - 1) / 2 - places[1, :, None]
    return x[:, None, :].expand(-1, height, -1), y[:, :, None].expand(-1, -1, width)


def _rotated(x: Tensor, y: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    cosine, sine = angle.cos()[:, None, None], angle.sin()[:, None, None]
    return cosine * x + sine * y, cosine * y - sine * x


def _soft(distance: Tensor, shape: Shape, generator: Generator) -> Tensor:
    """Images (count, C, H, W) that are 1 on a line and decrease with the distance from it."""
    channels, height, width = shape
    wide = _between(WIDTHS, (len(distance), 1, 1), generator) * min(height, width)
    values = (-(distance / wide).square()).exp()
    return values[:, None].expand(-1, channels, -1, -1).clone()
