"""Measures images in float64 against their balls, and corrects rounding errors of float32.

The length of a displacement of a hundred thousand pixels has rounding errors in float32, and a
pixel near 1 is a multiple of 2^-24, which matters if the radius is small. So projected images are
measured, and those further outside than :data:`RELATIVE_SLACK` are moved towards the center until
they are not.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

ORDERS = {"linf": float("inf"), "l2": 2.0, "l1": 1.0}

RELATIVE_SLACK = {"linf": 1e-5, "l2": 5e-7, "l1": 5e-7}
"""Tolerance of a ball's radius, as a share of it.

For l2 and l1 it is eight times the unit roundoff of float32. For linf it is the rounding error of
one pixel, 2^-25, at a radius of 0.003; the bounds of smaller balls are rounded towards the image,
see :func:`inward`.
"""

MAX_LINF_SLACK = 1e-6
"""Largest tolerance of an linf ball, and the smallest tolerance that certificates include."""

MIN_UNROUNDED_RADIUS = 2.0**-25 / RELATIVE_SLACK["linf"]
"""The linf radius below which the rounding error of a pixel is larger than the tolerance."""

MAX_PIXELS_AT_ONCE = 2**22
"""Maximum number of pixels that are in float64 at a time."""

MAX_SHORTENINGS, MAX_HALVINGS = 4, 40
"""Maximum numbers of shortenings by the measured length, and of bisections if these do not
converge."""


def distances(images: Tensor, centers: Tensor, norm: str) -> Tensor:
    """Length (N,) of each image's displacement from its center, float64 throughout.

    Args:
        images: (N, C, H, W).
        centers: (N, C, H, W).
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
    """
    return torch.cat([_length(_moved(images[p], centers[p]), norm) for p in row_parts(images)])


def outside_box(images: Tensor) -> Tensor:
    """How far each image (N, C, H, W) leaves [0, 1], (N,), float64; at most 0 inside."""
    flat = images.flatten(1)
    return torch.maximum(-flat.amin(1), flat.amax(1) - 1).double()


def brought_inside(images: Tensor, centers: Tensor, norm: str, radii: Tensor) -> Tensor:
    """The same images (N, C, H, W), with those measured outside moved towards their centers.

    The length does not increase as the share of the displacement decreases, even with rounding, so
    the largest share inside can be found by bisection.

    Args:
        images: in the box, as their centers are.
        centers: (N, C, H, W).
        norm: of the balls.
        radii: float64 (N,).
    """
    most = radii * (1 + RELATIVE_SLACK[norm])
    outside = (distances(images, centers, norm) > most).nonzero().squeeze(1)
    if not len(outside):
        return images
    images = images.clone()
    for part in row_parts(images[outside]):
        rows = outside[part]
        images[rows] = _shortened(images[rows], centers[rows], norm, radii[rows], most[rows])
    return images


def _shortened(images: Tensor, centers: Tensor, norm: str, radii: Tensor, most: Tensor) -> Tensor:
    moved, origin = _moved(images, centers), centers.double()

    def at(share: Tensor) -> tuple[Tensor, Tensor]:
        found = (origin + share.view(-1, 1, 1, 1) * moved).to(images)
        return found, _length(_moved(found, centers), norm)

    share, found, length = torch.ones_like(radii), images, _length(moved, norm)
    for _ in range(MAX_SHORTENINGS):
        over = length > most
        if not bool(over.any()):
            return found
        share = torch.where(over, share * (radii / length), share)
        found, length = at(share)
    low, high = torch.zeros_like(share), share
    done = length <= most
    for _ in range(MAX_HALVINGS):
        if bool(done.all()):
            break
        middle = torch.where(done, share, (low + high) / 2)
        inside = at(middle)[1] <= most
        low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
    return at(torch.where(done, share, low))[0]


def inward(bound: Tensor, centers: Tensor, radii: Tensor | float) -> Tensor:
    """The lower or upper linf bounds (N, C, H, W), rounded towards the centers.

    Args:
        bound: ``centers - radii`` or ``centers + radii``, as float32 gives it.
        centers: (N, C, H, W).
        radii: one for all or (N, 1, 1, 1); only balls below :data:`MIN_UNROUNDED_RADIUS` change.
    """
    small = torch.as_tensor(radii) < MIN_UNROUNDED_RADIUS
    if not bool(small.any()):
        return bound
    beyond = ((bound - centers).abs() > radii) & small.to(bound.device)
    return torch.where(beyond, torch.nextafter(bound, centers), bound)


def row_parts(images: Tensor) -> Iterator[slice]:
    """Slices of at least one row, of at most :data:`MAX_PIXELS_AT_ONCE` pixels together."""
    size = max(1, MAX_PIXELS_AT_ONCE // max(1, images[0].numel())) if len(images) else 1
    for start in range(0, max(len(images), 1), size):
        yield slice(start, start + size)


def _moved(images: Tensor, centers: Tensor) -> Tensor:
    return images.double() - centers


def _length(moved: Tensor, norm: str) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(moved.flatten(1), ord=ORDERS[norm], dim=1)
    return length
