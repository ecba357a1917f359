"""Interval arithmetic: what is known of a tensor whose entries each lie in an interval.

Bound propagation for training and proofs of robustness are both written in terms of it, the one in
float32 and differentiable, the other in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

Function = Callable[[Tensor], Tensor]


class Box(NamedTuple):
    """All tensors within ``radius`` of ``center``, entry by entry.

    Attributes:
        center: (N, ...).
        radius: of the same shape, at least 0.
    """

    center: Tensor
    radius: Tensor

    @classmethod
    def between(cls, low: Tensor, high: Tensor) -> Box:
        """All tensors between two."""
        return cls((low + high) / 2, (high - low) / 2)

    @classmethod
    def around_images(cls, images: Tensor, eps: float) -> Box:
        """All images (N, C, H, W) in [0, 1] of which no pixel is further than ``eps`` away."""
        return cls.between((images - eps).clamp(min=0), (images + eps).clamp(max=1))

    @property
    def magnitude(self) -> Tensor:
        """Elementwise upper bound of the absolute value."""
        return self.center.abs() + self.radius

    def rearranged(self, move: Function) -> Box:
        """The image under a linear map with no negative entries, such as flattening."""
        return Box(move(self.center), move(self.radius))

    def activated(self, function: Function) -> Box:
        """The image under an elementwise nondecreasing function."""
        return Box.between(function(self.center - self.radius), function(self.center + self.radius))

    def plus(self, other: Box) -> Box:
        """All sums of a member of each."""
        return Box(self.center + other.center, self.radius + other.radius)

    def mapped(self, weight: Tensor, apply: Callable[[Tensor, Tensor], Tensor]) -> Box:
        """The smallest box around the image under a linear map.

        Args:
            weight: matrix or kernel of the map.
            apply: ``(input, weight) -> output`` without a bias.
        """
        return Box(apply(self.center, weight), apply(self.radius, weight.abs()))
