"""Sets of activations through which bounds are propagated: a box plus a ball."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from models_zoo.intervals import Box

UNIT_ROUNDOFF = 2.0**-24
"""Unit roundoff of float32: half the distance from 1 to the next number."""


@dataclass(frozen=True)
class Enclosure:
    """All ``z = center + u + v`` with ``|u_j| <= box_j`` and ``|v|_2 <= ball``, in float64.

    The box bounds entries, as in interval bound propagation; the ball bounds lengths, such as those
    of the effect of weights in an l2 ball.

    Attributes:
        center: (N, ...).
        box: in the shape of the center, at least 0.
        ball: (N,), at least 0.
    """

    center: Tensor
    box: Tensor
    ball: Tensor

    @property
    def interval(self) -> Box:
        """All ``center + u``."""
        return Box(self.center, self.box)

    @property
    def magnitude(self) -> Tensor:
        """Elementwise upper bound of ``abs(center + u)``."""
        return self.interval.magnitude

    @property
    def size(self) -> Tensor:
        """(N,), upper bound of the l2 length of all members."""
        return norms(self.magnitude) + self.ball

    def collapsed(self) -> Enclosure:
        """A larger set without a box, whose half diagonal is added to the ball."""
        return Enclosure(self.center, torch.zeros_like(self.box), self.ball + norms(self.box))

    def rearranged(self, move: Callable[[Tensor], Tensor], stretch: float = 1.0) -> Enclosure:
        """The image under a linear map with no negative entries.

        Args:
            move: the map, such as flattening, slicing, padding with zeros or averaging.
            stretch: upper bound of the map's spectral norm.
        """
        return Enclosure(*self.interval.rearranged(move), self.ball * stretch)

    def rounded(self, error: float | Tensor) -> Enclosure:
        """The enclosure with its ball enlarged by an l2 error, a scalar or (N,)."""
        return replace(self, ball=self.ball + error)

    def scaled(self, scale: Tensor, shift: Tensor) -> Enclosure:
        """``scale * z + shift``, elementwise; both broadcast to one example."""
        grown, most = scale.abs(), float(scale.abs().amax())
        moved = Enclosure(self.center * scale + shift, self.box * grown, (self.ball * most))
        shifts = torch.linalg.vector_norm(shift.expand_as(self.center[:1]))
        error = 4 * UNIT_ROUNDOFF * (norms(self.magnitude * grown) + most * self.ball + shifts)
        return moved.rounded(error)

    def plus(self, other: Enclosure) -> Enclosure:
        """All sums of a member of each."""
        total = Enclosure(*self.interval.plus(other.interval), self.ball + other.ball)
        return total.rounded(2 * UNIT_ROUNDOFF * (self.size + other.size))

    def activated(self, function: Callable[[Tensor], Tensor]) -> Enclosure:
        """The image under an elementwise nondecreasing function with Lipschitz constant 1."""
        return Enclosure(*self.interval.activated(function), self.ball)


def norms(values: Tensor) -> Tensor:
    """l2 length (N,) of each row of (N, ...)."""
    lengths: Tensor = torch.linalg.vector_norm(values.flatten(1), dim=1)
    return lengths


def around(images: Tensor, norm: str, eps: float) -> Enclosure:
    """All images within ``eps`` and within [0, 1], as a box.

    Args:
        images: (N, C, H, W) in [0, 1].
        norm: ``"linf"``, ``"l2"`` or ``"l1"``; no pixel moves by more than ``eps`` in any.
        eps: radius in input units.
    """
    pixels = images.double()
    return Enclosure(*Box.around_images(pixels, eps), torch.zeros_like(pixels[:, 0, 0, 0]))


def within(images: Tensor, norm: str, eps: float) -> Enclosure:
    """All images within ``eps``, as a ball without a box.

    Args:
        images: (N, C, H, W) in [0, 1].
        norm: as in :func:`around`; an l1 ball lies in the l2 ball of its radius.
        eps: radius in input units.
    """
    box = around(images, norm, eps).collapsed()
    if norm == "linf":
        return box
    pixels = images.double()
    return Enclosure(pixels, torch.zeros_like(pixels), torch.full_like(box.ball, eps))
