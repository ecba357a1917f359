"""Sets of activations through which bounds are propagated: a box plus a ball."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from benchmark.certificates.rounding import OUTWARD, finite, relative_error, underflow
from models_zoo.intervals import Box

CONSTANTS_ROUNDINGS = 4
"""Roundings of ``scale * z + shift``: of both constants to float32, of the product and the sum."""

BATCH_NORM_ROUNDINGS = 10
"""Roundings of a batch norm: six of ``weight / sqrt(variance + eps)``, where CUDA's inverse square
root counts as four (its maximum error is 2 ulp), and four of the other operations."""


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
        ball = OUTWARD * (self.ball + norms(self.box))
        return Enclosure(self.center, torch.zeros_like(self.box), ball)

    def rearranged(self, move: Callable[[Tensor], Tensor], stretch: float = 1.0) -> Enclosure:
        """The image under a linear map with no negative entries.

        Args:
            move: the map, such as flattening, slicing, padding with zeros or averaging.
            stretch: upper bound of the map's spectral norm.
        """
        return Enclosure(*self.interval.rearranged(move), self.ball * stretch)

    def rounded(
        self, roundings: int, sums: float | Tensor, factors: float | Tensor = 0.0
    ) -> Enclosure:
        """The enclosure with a larger ball, so that it contains what float32 computes.

        Args:
            roundings: number of roundings in an entry.
            sums: upper bound of the l2 length of the entries when all terms are added by their
                absolute values; a number or (N,).
            factors: upper bound of the absolute values of all factors and intermediate results
                that ``sums`` does not bound; a number or (N,). If either could overflow, the ball
                becomes infinite.
        """
        length = torch.as_tensor(sums).to(self.ball).expand_as(self.ball)
        error = relative_error(roundings) * length
        error = error + underflow(roundings, self.center[0].numel(), length + factors)
        return replace(self, ball=finite(OUTWARD * (self.ball + error), length + factors))

    def scaled(self, scale: Tensor, shift: Tensor) -> Enclosure:
        """``scale * z + shift``, elementwise; both broadcast to one example."""
        grown, most = scale.abs(), float(scale.abs().amax())
        moved = Enclosure(self.center * scale + shift, self.box * grown, self.ball * most)
        shifts = torch.linalg.vector_norm(shift.expand_as(self.center[:1]))
        sums = norms(self.magnitude * grown) + most * self.ball + shifts
        return moved.rounded(CONSTANTS_ROUNDINGS, sums, most + self.size)

    def standardized(
        self, mean: Tensor, inverse: Tensor, weight: Tensor, bias: Tensor
    ) -> Enclosure:
        """``(z - mean) * inverse * weight + bias``, as batch norm with constants computes it.

        PyTorch may fold the constants, to ``z * a + (bias - mean * a)``. So the absolute values of
        all parts are added, since the mean may be large and cancel.

        Args:
            mean: of each channel, in a shape that broadcasts over one example, as all others.
            inverse: 1 / the deviation.
            weight: factor.
            bias: summand.
        """
        scale = inverse * weight
        grown, most = scale.abs(), float(scale.abs().amax())
        center = (self.center - mean) * scale + bias
        moved = Enclosure(center, self.box * grown, self.ball * most)
        sums = norms((self.magnitude + mean.abs()) * grown + bias.abs()) + most * self.ball
        constants = sum(float(each.abs().amax()) for each in (mean, inverse, weight, scale))
        return moved.rounded(BATCH_NORM_ROUNDINGS, sums, constants + self.size)

    def plus(self, other: Enclosure) -> Enclosure:
        """All sums of a member of each."""
        total = Enclosure(*self.interval.plus(other.interval), self.ball + other.ball)
        return total.rounded(2, self.size + other.size)

    def activated(
        self, function: Callable[[Tensor], Tensor], roundings: int = 0, stretch: float = 1.0
    ) -> Enclosure:
        """The image under a nondecreasing function of entries, or of windows of entries.

        Args:
            function: nondecreasing in every entry.
            roundings: number of roundings of the function in float32.
            stretch: Lipschitz constant in l2; the image of 0 is 0, so that it also bounds lengths.
        """
        moved = Enclosure(*self.interval.activated(function), self.ball * stretch)
        return moved.rounded(roundings, stretch * self.size)


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
