"""Balls around images, one a row, inside the box [0, 1]."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Generator, Tensor

from benchmark.spaces.space import IMAGES, Point, Space
from models_zoo.errors import InputError, unknown_name

Norm = Literal["linf", "l2", "l1"]
NORMS: tuple[Norm, ...] = ("linf", "l2", "l1")
ORDERS = {"linf": float("inf"), "l2": 2.0, "l1": 1.0}
DUALS = {"linf": "l1", "l2": "l2", "l1": "linf"}
"""The norm a gradient is measured in, so that ``|g . d| <= |g|_dual |d|``."""

TINY = 1e-12
L1_SHARE = 0.1
"""Share of the coordinates that one l1 step moves: a step along one alone, the steepest of all,
soon meets the box (sparse l1 descent, Tramer & Boneh 2019)."""

BISECTIONS = 40
"""Halvings of the threshold in the l1 projection; what is left is rounding."""


def lengths(displacement: Tensor, norm: str) -> Tensor:
    """Length (N,) of each image's displacement (N, C, H, W) in a norm of :data:`NORMS`."""
    flat = displacement.flatten(1)
    if norm == "linf" and flat.dtype == torch.float32:
        return flat.abs().amax(1)
    length: Tensor = torch.linalg.vector_norm(flat, ord=ORDERS[norm], dim=1)
    return length


class InputBall(Space):
    """All images within ``eps`` of ``images`` in a norm, and within [0, 1].

    Args:
        images: the centres (N, C, H, W), float32 in [0, 1].
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
        eps: radius in input units, at least 0; one for all, or one an image (N,).

    Raises:
        InputError: an unknown norm or a negative or infinite radius.
    """

    def __init__(self, images: Tensor, norm: str, eps: float | Tensor) -> None:
        if norm not in NORMS:
            raise unknown_name("norm", norm, NORMS)
        radii = torch.as_tensor(eps, dtype=torch.float64)
        if not bool(((radii >= 0) & radii.isfinite()).all()):
            worst = radii.flatten()[~((radii >= 0) & radii.isfinite()).flatten()][0]
            raise InputError(f"eps must be a finite number of at least 0, got {float(worst)}")
        self.images, self.norm, self.eps = images, norm, eps
        self._radii: float | Tensor = (
            eps.to(images).view(-1, 1, 1, 1) if isinstance(eps, Tensor) else float(eps)
        )
        if norm == "linf":
            self._low = (images - self._radii).clamp_(min=0)
            self._high = (images + self._radii).clamp_(max=1)

    @property
    def rows(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def radii(self) -> Tensor:
        """The radius of each row, (N,)."""
        eps = torch.as_tensor(self.eps, dtype=self.images.dtype, device=self.images.device)
        return eps.expand(self.rows)

    @property
    def origin(self) -> Point:
        """The images themselves."""
        return {IMAGES: self.images}

    def sample(self, generator: Generator) -> Point:
        """Linf: uniform in the ball. L2 and l1: uniform in direction and in norm. All projected."""
        shape = self.images.shape
        if self.norm == "linf":
            noise = 2 * torch.rand(shape, generator=generator) - 1
        else:
            noise = torch.randn(shape, generator=generator)
            radii = torch.rand(shape[0], generator=generator)
            noise *= (radii / lengths(noise, self.norm).clamp_min(TINY)).view(-1, 1, 1, 1)
        return self.project({IMAGES: self.images + self._radii * noise.to(self.images)})

    def project(self, point: Point) -> Point:
        """Into the ball and the box, never leaving either.

        Linf and l1: the nearest point of both. L2: onto the ball, then onto the box.
        """
        images = point[IMAGES]
        if self.norm == "linf":
            return {IMAGES: torch.clamp(images, self._low, self._high)}
        if self.norm == "l1":
            return {IMAGES: self._nearest_l1(images)}
        displacement = images - self.images
        shrink = (self.radii / lengths(displacement, "l2").clamp_min(TINY)).clamp_max_(1)
        displacement *= shrink.view(-1, 1, 1, 1)
        return {IMAGES: displacement.add_(self.images).clamp_(0, 1)}

    def _nearest_l1(self, images: Tensor) -> Tensor:
        """The nearest point of the l1 ball and the box at once (Croce & Hein 2021, section 3).

        The nearest point moves each coordinate by ``clip(|u| - t, 0, room)``, with the smallest
        threshold ``t`` that keeps the sum within the radius.
        """
        moved = images - self.images
        room = torch.where(moved > 0, 1 - self.images, self.images)
        size = moved.abs()
        low = torch.zeros_like(self.radii)
        high = size.flatten(1).amax(1)
        enough = torch.minimum(size, room).flatten(1).sum(1) <= self.radii
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            kept = torch.minimum((size - middle.view(-1, 1, 1, 1)).clamp_min_(0), room)
            inside = kept.flatten(1).sum(1) <= self.radii
            low, high = torch.where(inside, low, middle), torch.where(inside, middle, high)
        threshold = torch.where(enough, 0.0, high).view(-1, 1, 1, 1)
        kept = torch.minimum((size - threshold).clamp_min_(0), room)
        # Float32 sums of thousands of terms round: a hair inside is inside.
        excess = (self.radii / kept.flatten(1).sum(1).clamp_min(TINY)).clamp_max(1)
        return (self.images + moved.sign() * kept * excess.view(-1, 1, 1, 1)).clamp_(0, 1)

    def steepest(self, gradient: Point) -> Point:
        """The displacement of radius ``eps``; zero where the gradient is zero.

        Linf: ``eps * sign(g)``. L2: ``eps * g / |g|``. L1: the signs of the :data:`L1_SHARE`
        greatest coordinates, sharing ``eps`` alike.
        """
        slope = gradient[IMAGES]
        if self.norm == "linf":
            return {IMAGES: self._radii * slope.sign()}
        if self.norm == "l2":
            scale = self.radii / lengths(slope, "l2").clamp_min(TINY)
            return {IMAGES: slope * scale.view(-1, 1, 1, 1)}
        count = max(1, round(L1_SHARE * slope[0].numel())) if len(slope) else 1
        size = slope.flatten(1).abs()
        least = size.topk(count, dim=1).values[:, -1:].clamp_min(TINY)
        signs = torch.where(size >= least, slope.flatten(1).sign(), 0.0)
        shared = signs / signs.abs().sum(1, keepdim=True).clamp_min(1)
        return {IMAGES: self._radii * shared.view_as(slope)}

    def excess(self, point: Point) -> Tensor:
        """Distance beyond ``eps`` or outside [0, 1], whichever is more, in input units."""
        images = point[IMAGES].double()
        eps = torch.as_tensor(self.eps, dtype=torch.float64, device=images.device)
        beyond = lengths(images - self.images.double(), self.norm) - eps
        outside = torch.maximum(-images, images - 1).flatten(1).amax(1)
        return torch.maximum(beyond, outside)

    def spread(self, per_row: Tensor, name: str) -> Tensor:
        """(N,) to (N, 1, 1, 1); a single row broadcasts over all images."""
        return per_row.view(-1, 1, 1, 1)

    def take(self, rows: Tensor) -> InputBall:
        """The balls around some of the images."""
        eps = self.eps[rows] if isinstance(self.eps, Tensor) else self.eps
        return InputBall(self.images[rows], self.norm, eps)
