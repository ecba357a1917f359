"""The product of spaces, for perturbations of images and weights at once."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from benchmark.spaces.space import Point, Space


class ProductSpace(Space):
    """Pairs of points of spaces with different names, ascended as one row.

    Args:
        spaces: such as an :class:`InputBall` over the whole evaluation set and a
            :class:`WeightBall`; no two of them may use the same tensor names.
    """

    def __init__(self, *spaces: Space) -> None:
        self.spaces = spaces
        self._owner = {name: space for space in spaces for name in space.origin}

    @property
    def rows(self) -> int:
        """One: the parts share one loss and are ascended together."""
        return 1

    @property
    def origin(self) -> Point:
        """The origins of the parts."""
        return self._join([space.origin for space in self.spaces])

    def sample(self, generator: Generator) -> Point:
        """Independent samples of the parts."""
        return self._join([space.sample(generator) for space in self.spaces])

    def project(self, point: Point) -> Point:
        """Part by part."""
        return self._join([space.project(self._part(point, space)) for space in self.spaces])

    def steepest(self, gradient: Point, at: Point | None = None) -> Point:
        """Part by part, each at its own radius."""
        return self._join(
            [
                space.steepest(self._part(gradient, space), at and self._part(at, space))
                for space in self.spaces
            ]
        )

    def excess(self, point: Point) -> Tensor:
        """The worst part's."""
        parts = [space.excess(self._part(point, space)).amax().cpu() for space in self.spaces]
        return torch.stack(parts).amax().view(1)

    def contains(self, point: Point) -> bool:
        """Whether every part lies inside its own space."""
        return all(space.contains(self._part(point, space)) for space in self.spaces)

    def spread(self, per_row: Tensor, name: str) -> Tensor:
        """As the space that owns the tensor."""
        return self._owner[name].spread(per_row, name)

    def take(self, rows: Tensor) -> ProductSpace:
        """The product itself: its one row is all there is."""
        return self

    def pick(self, point: Point, rows: Tensor) -> Point:
        """The point itself: its one row is all there is."""
        return point

    def where(self, mask: Tensor, chosen: Point, other: Point) -> Point:
        """One of the two, without a copy: there is one row."""
        return chosen if bool(mask) else other

    def _part(self, point: Point, space: Space) -> Point:
        return {name: value for name, value in point.items() if self._owner[name] is space}

    @staticmethod
    def _join(parts: list[Point]) -> Point:
        return {name: value for part in parts for name, value in part.items()}
