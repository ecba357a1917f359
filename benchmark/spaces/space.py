"""What every space can do, so that one ascent works in all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Generator, Tensor

Point = dict[str, Tensor]
"""A perturbed point: what the model is called with, by name. ``"images"`` holds
perturbed images; every other name is a perturbed weight tensor. Displacements and gradients have
the same form."""

IMAGES = "images"


class Space(ABC):
    """A closed set around an origin, with one or many independent rows.

    A row is what can be ascended on its own: an image in an input ball, the whole network in a
    weight ball. Per-row quantities, such as step sizes, are tensors of shape (rows,).

    Attributes:
        momentum: the share of each ascent step that is new; the rest repeats the last move.
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
        """A random point inside, drawn on the CPU so that every device sees the same."""

    @abstractmethod
    def project(self, point: Point) -> Point:
        """A point inside, equal to ``point`` where that is inside already."""

    @abstractmethod
    def steepest(self, gradient: Point, at: Point | None = None) -> Point:
        """The displacement of the space's own radius that a linear function grows most along.

        ``at`` is the point it would start from; directions that are blocked there may be left out.
        """

    @abstractmethod
    def excess(self, point: Point) -> Tensor:
        """How far outside each row lies, (rows,); at most 0 inside, up to rounding."""

    @abstractmethod
    def contains(self, point: Point) -> bool:
        """Whether every row of a point lies inside, as float64 measures it, but for rounding.

        Rounding is what float32 cannot distinguish at the point's own magnitude and a share of the
        radius; what lies further out was not projected.
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
        """Row by row ``chosen`` where ``mask`` (rows,) is true, else ``other``."""
        return {
            name: torch.where(self.spread(mask, name), value, other[name])
            for name, value in chosen.items()
        }
