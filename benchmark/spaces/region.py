"""Regions of images, one per row: pixels inside may take any value in [0, 1], others are fixed.

Source: Ozbulak et al. 2020 (arXiv 2007.03198), where a region has no ball: the size of the
    perturbation follows from the number and the length of the steps.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from benchmark.spaces.inside import outside_box
from benchmark.spaces.space import IMAGES, Point, Space
from models_zoo.errors import InputError


class Region(Space):
    """All images in [0, 1] that equal ``images`` outside ``mask``.

    Args:
        images: the unperturbed images (N, C, H, W), float32 in [0, 1].
        mask: bool (N, 1, H, W), pixels that may change, in all channels alike.

    Raises:
        InputError: the mask is not bool or does not fit the images.
    """

    def __init__(self, images: Tensor, mask: Tensor) -> None:
        shape = (len(images), 1, *images.shape[2:])
        if mask.dtype != torch.bool or mask.shape != shape:
            raise InputError(f"mask must be bool {shape}, got {mask.dtype} {tuple(mask.shape)}")
        self.images, self.mask = images, mask

    @property
    def rows(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def origin(self) -> Point:
        """The images themselves."""
        return {IMAGES: self.images}

    def sample(self, generator: Generator) -> Point:
        """Uniform in [0, 1] inside the mask."""
        noise = torch.rand(self.images.shape, generator=generator)
        return self.project({IMAGES: noise.to(self.images)})

    def project(self, point: Point) -> Point:
        """Into the box inside the mask; outside it the image's own values, bit for bit."""
        return {IMAGES: torch.where(self.mask, point[IMAGES].clamp(0, 1), self.images)}

    def steepest(self, gradient: Point, at: Point | None = None) -> Point:
        """``sign(g)`` inside the mask, zero outside: a radius of 1 spans the box."""
        return {IMAGES: gradient[IMAGES].sign() * self.mask}

    def excess(self, point: Point) -> Tensor:
        """Largest change outside the mask or distance outside [0, 1], in input units."""
        images = point[IMAGES]
        still = torch.where(self.mask, 0.0, (images.double() - self.images).abs())
        return torch.maximum(outside_box(images), still.flatten(1).amax(1))

    def contains(self, point: Point) -> bool:
        """Whether no pixel outside the masks changed and none left the box, to the last bit."""
        return bool((self.excess(point) <= 0).all())

    def spread(self, per_row: Tensor, name: str) -> Tensor:
        """(N,) to (N, 1, 1, 1); a single row broadcasts over all images."""
        return per_row.view(-1, 1, 1, 1)

    def take(self, rows: Tensor) -> Region:
        """The regions of some of the images."""
        return Region(self.images[rows], self.mask[rows])
