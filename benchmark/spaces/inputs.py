"""Balls around images, one a row, inside the box [0, 1]."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Generator, Tensor

from benchmark.spaces.space import IMAGES, Point, Space
from models_zoo.errors import InputError, unknown_name

Norm = Literal["linf", "l2"]
NORMS: tuple[Norm, ...] = ("linf", "l2")
TINY = 1e-12


def lengths(displacement: Tensor, norm: str) -> Tensor:
    """Length (N,) of each image's displacement (N, C, H, W) in a norm of :data:`NORMS`."""
    order = float("inf") if norm == "linf" else 2.0
    length: Tensor = torch.linalg.vector_norm(displacement.flatten(1), ord=order, dim=1)
    return length


class InputBall(Space):
    """All images within ``eps`` of ``images`` in a norm, and within [0, 1].

    Args:
        images: the centres (N, C, H, W), float32 in [0, 1].
        norm: ``"linf"`` or ``"l2"``.
        eps: radius in input units, at least 0.

    Raises:
        InputError: an unknown norm or a negative or infinite radius.
    """

    def __init__(self, images: Tensor, norm: str, eps: float) -> None:
        if norm not in NORMS:
            raise unknown_name("norm", norm, NORMS)
        if not 0 <= eps < float("inf"):
            raise InputError(f"eps must be a finite number of at least 0, got {eps}")
        self.images, self.norm, self.eps = images, norm, float(eps)
        if norm == "linf":
            self._low, self._high = (images - eps).clamp_(min=0), (images + eps).clamp_(max=1)

    @property
    def rows(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def origin(self) -> Point:
        """The images themselves."""
        return {IMAGES: self.images}

    def sample(self, generator: Generator) -> Point:
        """Linf: uniform in the ball. L2: uniform in direction and in norm. Both then projected."""
        shape = self.images.shape
        if self.norm == "linf":
            noise = 2 * torch.rand(shape, generator=generator) - 1
        else:
            noise = torch.randn(shape, generator=generator)
            radii = torch.rand(shape[0], generator=generator)
            noise *= (radii / lengths(noise, self.norm).clamp_min(TINY)).view(-1, 1, 1, 1)
        return self.project({IMAGES: self.images + self.eps * noise.to(self.images)})

    def project(self, point: Point) -> Point:
        """Onto the ball, then onto the box; the second never leaves the first."""
        images = point[IMAGES]
        if self.norm == "linf":
            return {IMAGES: torch.clamp(images, self._low, self._high)}
        displacement = images - self.images
        shrink = (self.eps / lengths(displacement, "l2").clamp_min(TINY)).clamp_max(1)
        return {IMAGES: (self.images + displacement * shrink.view(-1, 1, 1, 1)).clamp(0, 1)}

    def steepest(self, gradient: Point) -> Point:
        """``eps * sign(g)`` for linf, ``eps * g / |g|`` for l2; zero where the gradient is zero."""
        slope = gradient[IMAGES]
        if self.norm == "linf":
            return {IMAGES: self.eps * slope.sign()}
        scale = self.eps / lengths(slope, "l2").clamp_min(TINY)
        return {IMAGES: slope * scale.view(-1, 1, 1, 1)}

    def excess(self, point: Point) -> Tensor:
        """Distance beyond ``eps`` or outside [0, 1], whichever is more, in input units."""
        images = point[IMAGES].double()
        beyond = lengths(images - self.images.double(), self.norm) - self.eps
        outside = torch.maximum(-images, images - 1).flatten(1).amax(1)
        return torch.maximum(beyond, outside)

    def spread(self, per_row: Tensor, name: str) -> Tensor:
        """(N,) to (N, 1, 1, 1); a single row broadcasts over all images."""
        return per_row.view(-1, 1, 1, 1)

    def take(self, rows: Tensor) -> InputBall:
        """The balls around some of the images."""
        return InputBall(self.images[rows], self.norm, self.eps)
