"""The interface of spaces, so that ascents work in all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Generator, Tensor

Point = dict[str, Tensor]
"""A perturbed point: tensors by name. ``"images"`` are perturbed images; every other name is that
of a perturbed weight tensor. Displacements and gradients have the same form."""

IMAGES = "images"


class Space(ABC):
    """A closed set around an origin, with one or many independent rows.

    A row can be ascended independently: an image in an input ball, the whole network in a weight
    ball. Per-row quantities, such as step sizes, are tensors of shape (rows,).

    Attributes:
        momentum: weight of the new step in each ascent step; the rest repeats the previous move.
    """

    momentum: float = 0.75

    @property
    @abstractmethod
    def rows(self) -> int:
        """Number of independent rows."""

    @property
    @abstractmethod
    def origin(self) -> Point:
        """The unperturbed point."""

    @abstractmethod
    def sample(self, generator: Generator) -> Point:
        """A random point inside, drawn on the CPU so that every device gets the same."""

    @abstractmethod
    def project(self, point: Point) -> Point:
        """A point inside, equal to ``point`` where that is inside already."""

    @abstractmethod
    def steepest(self, gradient: Point, at: Point | None = None) -> Point:
        """The displacement of the space's radius along which a linear function increases most.

        ``at`` is the point it starts from; directions that are blocked there may be left out.
        """

    @abstractmethod
    def excess(self, point: Point) -> Tensor:
        """Distance of each row outside the set, (rows,); at most 0 inside, up to rounding."""

    @abstractmethod
    def contains(self, point: Point) -> bool:
        """Whether every row of a point is inside, measured in float64, up to rounding.

        The tolerance is the float32 spacing at the magnitude of the point and a share of the
        radius; a point further outside was not projected.
        """

    @abstractmethod
    def spread(self, per_row: Tensor, name: str) -> Tensor:
        """Shape a per-row quantity (rows,) to broadcast against the tensor called ``name``."""

    @abstractmethod
    def take(self, rows: Tensor) -> Space:
        """The space of some of the rows, by index."""

    def pick(self, point: Point, rows: Tensor) -> Point:
        """Some of the rows of a point of this space, by index."""
        return {name: value[rows] for name, value in point.items()}

    def move(self, point: Point, displacement: Point, step: Tensor) -> Point:
        """``point + step * displacement``, with one step per row."""
        return {
            name: value + self.spread(step, name) * displacement[name]
            for name, value in point.items()
        }

    def where(self, mask: Tensor, chosen: Point, other: Point) -> Point:
        """Per row, ``chosen`` where ``mask`` (rows,) is true, else ``other``."""
        return {
            name: torch.where(self.spread(mask, name), value, other[name])
            for name, value in chosen.items()
        }
