"""Sets of activations that a bound can be carried through a network with: a box plus a ball."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

UNIT = 2.0**-24
"""Half the distance from 1 to the next number in float32: what one rounding may change."""


@dataclass(frozen=True)
class Enclosure:
    """All ``z = centre + u + v`` with ``|u_j| <= box_j`` and ``|v|_2 <= ball``, in float64.

    The box carries what is bounded entry by entry, as in interval bound propagation; the ball what
    is bounded in length only, as the effect of weights that move in an l2 ball.

    Attributes:
        centre: (N, ...).
        box: as the centre, at least 0.
        ball: (N,), at least 0.
    """

    centre: Tensor
    box: Tensor
    ball: Tensor

    @property
    def magnitude(self) -> Tensor:
        """Elementwise upper bound of ``abs(centre + u)``."""
        return self.centre.abs() + self.box

    @property
    def size(self) -> Tensor:
        """(N,), what no member exceeds in l2 length."""
        return norms(self.magnitude) + self.ball

    def collapsed(self) -> Enclosure:
        """A larger set without a box: its half diagonal is added to the ball."""
        return Enclosure(self.centre, torch.zeros_like(self.box), self.ball + norms(self.box))

    def rearranged(self, move: Callable[[Tensor], Tensor], stretch: float = 1.0) -> Enclosure:
        """The image under a linear map with no negative entries.

        Args:
            move: such as flattening, slicing, padding with zeros or averaging.
            stretch: at least the map's spectral norm.
        """
        return Enclosure(move(self.centre), move(self.box), self.ball * stretch)

    def rounded(self, error: float | Tensor) -> Enclosure:
        """The enclosure with its ball enlarged by an l2 error, a scalar or (N,)."""
        return replace(self, ball=self.ball + error)

    def scaled(self, scale: Tensor, shift: Tensor) -> Enclosure:
        """``scale * z + shift``, elementwise; both broadcast to one example."""
        grown, most = scale.abs(), float(scale.abs().amax())
        moved = Enclosure(self.centre * scale + shift, self.box * grown, (self.ball * most))
        shifts = torch.linalg.vector_norm(shift.expand_as(self.centre[:1]))
        error = 4 * UNIT * (norms(self.magnitude * grown) + most * self.ball + shifts)
        return moved.rounded(error)

    def plus(self, other: Enclosure) -> Enclosure:
        """All sums of a member of each."""
        total = Enclosure(self.centre + other.centre, self.box + other.box, self.ball + other.ball)
        return total.rounded(2 * UNIT * (self.size + other.size))

    def activated(self, function: Callable[[Tensor], Tensor]) -> Enclosure:
        """The image under an elementwise nondecreasing function with Lipschitz constant 1."""
        low, high = function(self.centre - self.box), function(self.centre + self.box)
        return Enclosure((low + high) / 2, (high - low) / 2, self.ball)


def norms(values: Tensor) -> Tensor:
    """l2 length (N,) of each row of (N, ...)."""
    lengths: Tensor = torch.linalg.vector_norm(values.flatten(1), dim=1)
    return lengths


def around(images: Tensor, norm: str, eps: float) -> Enclosure:
    """All images within ``eps`` and within [0, 1], by their pixels' intervals.

    Args:
        images: (N, C, H, W) in [0, 1].
        norm: ``"linf"``, ``"l2"`` or ``"l1"``; no pixel moves by more than ``eps`` in any.
        eps: radius in input units.
    """
    pixels = images.double()
    low, high = (pixels - eps).clamp_min(0), (pixels + eps).clamp_max(1)
    return Enclosure((low + high) / 2, (high - low) / 2, torch.zeros_like(pixels[:, 0, 0, 0]))


def within(images: Tensor, norm: str, eps: float) -> Enclosure:
    """The same by the length of the perturbation alone: a ball without a box.

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
