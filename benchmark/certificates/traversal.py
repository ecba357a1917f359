"""One traversal of a network on enclosures."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.certificates.enclosure import Enclosure


class KnownNorm(NamedTuple):
    """The spectral norm of a layer, and what it is the norm of.

    Attributes:
        weight: keeps the memory from being used by another tensor.
        version: of the tensor, which counts changes in place.
        norm: upper bound.
    """

    weight: Tensor
    version: int
    norm: float

    def holds_for(self, weight: Tensor) -> bool:
        """Whether a tensor has the same values."""
        if weight.data_ptr() == self.weight.data_ptr():
            return weight._version == self.version
        return self.version == self.weight._version and torch.equal(weight, self.weight)


@dataclass
class Traversal:
    """One traversal of a network.

    Attributes:
        collapse: number of the layer at whose input the box is merged into the ball; ``None`` for
            none. Interval bounds are tighter for few inputs and small boxes, lengths for many
            inputs and in depth; the merge is sound at any layer.
        norms: spectral norms, by the number of a layer and its other arguments, shared by
            traversals of the same network.
        layers: number of linear layers so far.
    """

    collapse: int | None = None
    norms: dict[Hashable, KnownNorm] = field(default_factory=dict)
    layers: int = 0

    def enter(self, enclosure: Enclosure) -> Enclosure:
        """The input of the next linear layer."""
        here, self.layers = self.layers, self.layers + 1
        return enclosure.collapsed() if here == self.collapse else enclosure

    def norm(self, weight: Tensor, arguments: Hashable, compute: Callable[[], float]) -> float:
        """The spectral norm of the next linear layer, computed once.

        A network may compute the weight anew in each pass, in memory that another layer's weight
        had before, so it is compared.

        Args:
            weight: matrix or kernel.
            arguments: others that the norm depends on.
            compute: upper bound of the norm.
        """
        place = (self.layers, weight.shape, arguments)
        known = self.norms.get(place)
        if known is None or not known.holds_for(weight):
            known = self.norms[place] = KnownNorm(weight, weight._version, compute())
        return known.norm
