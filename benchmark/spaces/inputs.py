"""Balls around images, one per row, inside the box [0, 1]."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Generator, Tensor

from benchmark.draws import uniform
from benchmark.spaces.inside import (
    MAX_LINF_SLACK,
    ORDERS,
    RELATIVE_SLACK,
    brought_inside,
    distances,
    inward,
    outside_box,
)
from benchmark.spaces.space import IMAGES, Point, Space
from models_zoo.errors import InputError, unknown_name

Norm = Literal["linf", "l2", "l1"]
NORMS: tuple[Norm, ...] = ("linf", "l2", "l1")
DUALS = {"linf": "l1", "l2": "l2", "l1": "linf"}
"""Dual norms, such that ``|g . d| <= |g|_dual |d|``."""

MIN_LENGTH = 1e-12
"""Smallest divisor of a length."""
L1_FIRST_SHARE, L1_MIN_SHARE, L1_SPARSER = 0.05, 0.01, 1.5
"""Number of coordinates of an l1 step: as a share of all, at the image itself, and its minimum;
elsewhere the number of displaced coordinates over :data:`L1_SPARSER`. A step along one coordinate,
which is the steepest, soon meets the box (Croce & Hein 2021, section 4, who begin with 0.2 and have
no minimum)."""

PROJECTION_ROUNDS = 3
"""Number of rounds of the l2 projection; later rounds hardly change the set of clipped coordinates,
and the result of each is inside."""

N_BISECTIONS = 40
"""Number of bisections of the threshold in the l1 projection; the remaining error is rounding."""

MAX_ROUNDING_SHARE = 1e-4
"""Largest share of an l1 radius that is reserved for the rounding of pixels; if more is needed, the
image is measured and shortened instead."""


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
        eps: radius in input units, at least 0; one for all, or one per image (N,).

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
            self._low = inward(images - self._radii, images, self._radii).clamp_(min=0)
            self._high = inward(images + self._radii, images, self._radii).clamp_(max=1)

        if norm == "l1":
            self.momentum = 1.0  # No momentum: a repeated step would be less sparse.

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
    def slack(self) -> Tensor:
        """Tolerance of each radius for rounding, (N,), float64.

        :data:`RELATIVE_SLACK` times the radius, and for linf at most :data:`MAX_LINF_SLACK`: the
        rounding error of a pixel is less.
        """
        slack = RELATIVE_SLACK[self.norm] * self._exact_radii
        return slack.clamp_max(MAX_LINF_SLACK) if self.norm == "linf" else slack

    @property
    def _exact_radii(self) -> Tensor:
        """The radius of each row in float64, (N,), as it was given."""
        eps = torch.as_tensor(self.eps, dtype=torch.float64, device=self.images.device)
        return eps.expand(self.rows)

    @property
    def origin(self) -> Point:
        """The images themselves."""
        return {IMAGES: self.images}

    def sample(self, generator: Generator) -> Point:
        """Linf: uniform in the ball. L2 and l1: uniform in direction and in norm. All projected."""
        return self.point_at(torch.rand(self.rows, self.uniforms, generator=generator))

    def points_of(self, keys: Tensor, seed: int, stream: int | Tensor = 0) -> Point:
        """As :meth:`sample`, but each row's point depends on no other row.

        Args:
            keys: int64 (rows,), of the examples, see :func:`benchmark.draws.image_keys`.
            seed: of the draws, a 63-bit integer.
            stream: index of the draw, one for all rows or one per row (rows,).
        """
        return self.point_at(uniform(seed, keys, stream, self.uniforms))

    @property
    def uniforms(self) -> int:
        """Number of uniform numbers from which :meth:`point_at` constructs a point."""
        return self.images[0].numel() + 1 if self.rows else 1

    def point_at(self, numbers: Tensor) -> Point:
        """A random point from uniform numbers in [0, 1), (rows, :attr:`uniforms`)."""
        numbers = numbers.to(self.images)
        noise = (2 * numbers[:, 1:] - 1).view_as(self.images)
        if self.norm != "linf":
            noise = torch.erfinv(noise.clamp(-1 + 1e-6, 1 - 1e-6))
            noise = noise * (numbers[:, 0] / lengths(noise, self.norm)).view(-1, 1, 1, 1)
        return self.project({IMAGES: self.images + self._radii * noise})

    def project(self, point: Point) -> Point:
        """The nearest point of the ball and the box at once, inside as float64 measures it."""
        found = self.nearest(point[IMAGES])
        if self.norm == "linf":
            return {IMAGES: found}
        return {IMAGES: brought_inside(found, self.images, self.norm, self._exact_radii)}

    def nearest(self, images: Tensor) -> Tensor:
        """As :meth:`project`, inside up to the rounding of float32 for l2 and l1."""
        if self.norm == "linf":
            return torch.clamp(images, self._low, self._high)
        found = self._nearest_l2 if self.norm == "l2" else self._nearest_l1
        return found(images - self.images)

    def _nearest_l2(self, moved: Tensor) -> Tensor:
        """The nearest point moves by ``clip(s u)`` with the greatest ``s <= 1`` that stays inside.

        Coordinates that the box clips use less than their share of the radius, so the others may go
        further than in a projection onto the ball alone. Each round scales to the radius with the
        coordinates clipped so far; the scale increases from below and so never leaves the ball.
        """
        low, high = -self.images, 1 - self.images
        scale = (self.radii / lengths(moved, "l2").clamp_min(MIN_LENGTH)).clamp_max(1)
        for _ in range(PROJECTION_ROUNDS):
            scaled = moved * scale.view(-1, 1, 1, 1)
            kept = torch.clamp(scaled, low, high)
            clipped = kept != scaled
            if not bool(clipped.any()):
                return kept.add_(self.images).clamp_(0, 1)
            spent = lengths(kept.masked_fill(~clipped, 0.0), "l2")
            free = lengths(moved.masked_fill(clipped, 0.0), "l2").clamp_min(MIN_LENGTH)
            left = (self.radii.square() - spent.square()).clamp_min(0).sqrt()
            scale = torch.maximum(scale, (left / free).clamp_max(1))
        kept = torch.clamp(moved * scale.view(-1, 1, 1, 1), low, high)
        # Sums of thousands of float32 terms have rounding errors, which are corrected here.
        hair = (self.radii / lengths(kept, "l2").clamp_min(MIN_LENGTH)).clamp_max(1)
        return (kept * hair.view(-1, 1, 1, 1)).add_(self.images).clamp_(0, 1)

    def _nearest_l1(self, moved: Tensor) -> Tensor:
        """The nearest point of the l1 ball and the box at once (Croce & Hein 2021, section 3).

        It moves each coordinate by ``clip(|u| - t, 0, room)``, with the smallest threshold ``t``
        that keeps the sum within the radius.
        """
        room = torch.where(moved > 0, 1 - self.images, self.images)
        size = moved.abs()
        low, high = torch.zeros_like(self.radii), size.flatten(1).amax(1)
        enough = torch.minimum(size, room).flatten(1).sum(1) <= self.radii
        for _ in range(N_BISECTIONS):
            middle = (low + high) / 2
            kept = torch.minimum((size - middle.view(-1, 1, 1, 1)).clamp_min_(0), room)
            inside = kept.flatten(1).sum(1) <= self.radii
            low, high = torch.where(inside, low, middle), torch.where(inside, middle, high)
        threshold = torch.where(enough, 0.0, high).view(-1, 1, 1, 1)
        kept = torch.minimum((size - threshold).clamp_min_(0), room)
        return self._inside_l1((self.images + moved.sign() * kept).clamp_(0, 1))

    def _inside_l1(self, images: Tensor) -> Tensor:
        """The same images, shortened where float32 pixels add up to more than the radius.

        The rounding error of a pixel is up to 2^-25, and those of thousands of pixels add up; the
        shortened images leave room for further rounding.
        """
        moved = images.double() - self.images.double()
        length = lengths(moved, "l1")
        room = self.radii.double() - (moved != 0).flatten(1).sum(1) * 2.0**-24
        over = (length > self.radii.double()).view(-1, 1, 1, 1)
        over &= (room >= (1 - MAX_ROUNDING_SHARE) * self.radii).view(-1, 1, 1, 1)
        share = (room.clamp_min(0) / length.clamp_min(MIN_LENGTH)).view(-1, 1, 1, 1)
        return torch.where(over, (self.images + share * moved).to(images), images)

    def steepest(self, gradient: Point, at: Point | None = None) -> Point:
        """The displacement of radius ``eps``; zero where the gradient is zero.

        Linf: ``eps * sign(g)``. L2: ``eps * g / |g|``. L1: the signs of the largest coordinates,
            with equal shares of ``eps``; the fewer coordinates of the point are displaced, the
            fewer are used. For l2 and l1 coordinates at the edge of the box that would leave it
            count as zero, so that the step is not spent on them.
        """
        image_gradient = gradient[IMAGES]
        if self.norm == "linf":
            return {IMAGES: self._radii * image_gradient.sign()}
        if at is not None:
            blocked = torch.where(image_gradient > 0, at[IMAGES] >= 1, at[IMAGES] <= 0)
            image_gradient = image_gradient.masked_fill(blocked, 0.0)
        image_gradient = _measurable(image_gradient)
        if self.norm == "l2":
            scale = self.radii / lengths(image_gradient, "l2").clamp_min(MIN_LENGTH)
            return {IMAGES: image_gradient * scale.view(-1, 1, 1, 1)}
        size = image_gradient.flatten(1).abs()
        count = self._l1_moves(at)
        least = size.sort(dim=1, descending=True).values.gather(1, count[:, None] - 1)
        signs = torch.where(
            size >= least.clamp_min(MIN_LENGTH), image_gradient.flatten(1).sign(), 0.0
        )
        shared = signs / signs.abs().sum(1, keepdim=True).clamp_min(1)
        return {IMAGES: self._radii * shared.view_as(image_gradient)}

    def _l1_moves(self, at: Point | None) -> Tensor:
        """Number of coordinates of an l1 step from a point, (rows,)."""
        size = self.uniforms - 1
        first = torch.full_like(self.radii, L1_FIRST_SHARE * size)
        if at is not None:
            moved = (at[IMAGES] != self.images).flatten(1).sum(1)
            sparser = (moved / L1_SPARSER).clamp_min(L1_MIN_SHARE * size)
            first = torch.where(moved == 0, first, sparser)
        return first.round().clamp(1, max(size, 1)).long()

    def excess(self, point: Point) -> Tensor:
        """Distance beyond ``eps`` or outside [0, 1], whichever is more, in input units."""
        beyond = distances(point[IMAGES], self.images, self.norm) - self._exact_radii
        return torch.maximum(beyond, outside_box(point[IMAGES]))

    def contains(self, point: Point) -> bool:
        """Whether images are within their radii, up to :attr:`slack`, and exactly in the box."""
        inside = distances(point[IMAGES], self.images, self.norm) <= self._exact_radii + self.slack
        return bool((inside & (outside_box(point[IMAGES]) <= 0)).all())

    def spread(self, per_row: Tensor, name: str) -> Tensor:
        """(N,) to (N, 1, 1, 1); a single row broadcasts over all images."""
        return per_row.view(-1, 1, 1, 1)

    def take(self, rows: Tensor) -> InputBall:
        """The balls around some of the images."""
        eps = self.eps[rows] if isinstance(self.eps, Tensor) else self.eps
        return InputBall(self.images[rows], self.norm, eps)


def _measurable(image_gradient: Tensor) -> Tensor:
    """The same directions (N, C, H, W), rescaled if float32 cannot represent their length.

    The squares of gradients below 1e-23 are zero in float32 and those above 1e19 infinite, although
    their direction is well-defined. Zero gradients stay zero.
    """
    peak = (
        image_gradient.flatten(1).abs().amax(1)
        if image_gradient.numel()
        else image_gradient.flatten(1).sum(1)
    )
    odd = ((peak > 0) & (peak < MIN_LENGTH)) | ((peak > 1 / MIN_LENGTH) & peak.isfinite())
    if not bool(odd.any()):
        return image_gradient
    return image_gradient / torch.where(odd, peak, 1.0).view(-1, 1, 1, 1)
