"""Descriptions of the tensors of a forward pass: the origin of their entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal["parameter", "buffer", "constant"]


@dataclass(frozen=True)
class Leaf:
    """A tensor at the start of a forward pass, other than the images.

    Attributes:
        kind: ``"parameter"``, ``"buffer"``, or ``"constant"`` for what cannot be replaced by name.
        name: of a parameter or buffer; ``""`` for a constant.
        shape: its shape.
        floating: whether its entries are floating-point numbers, which can be perturbed slightly.
        numbers: number of independent entries: 0 for a mask of zeros and ones, 1 if all are equal.
    """

    kind: Kind
    name: str
    shape: tuple[int, ...]
    floating: bool
    numbers: int


@dataclass(frozen=True)
class Value:
    """A tensor of the forward pass.

    Attributes:
        moved: whether it depends on the images: an activation.
        counts: of a constant, the number of independent entries per leaf: all of the leaf, or fewer
            after a smaller intermediate result, such as a norm.
        roots: leaves that went through a root, as a variance does.
        cut: which part of its leaves it is, so that two parts are distinguished.
        extent: of an activation that is a statistic of others, such as a mean: its number of
            entries.
        inverse: a statistic by which it was divided.
        gains: leaves by which a statistic was multiplied, or that were added to it.
        scaled: parameters by which an activation was multiplied, entry by entry.
        pending: of a normalized activation, the affine parts of its normalization that may follow;
            ``None`` if an activation is not normalized.
        factor: the constant by which an activation was multiplied, and its shape if the product has
            not been reshaped.
    """

    moved: bool = False
    counts: Mapping[int, int] = field(default_factory=dict)
    roots: frozenset[int] = frozenset()
    cut: int = 0
    extent: int | None = None
    inverse: bool = False
    gains: frozenset[int] = frozenset()
    scaled: frozenset[int] = frozenset()
    pending: frozenset[str] | None = None
    factor: tuple[Value, tuple[int, ...] | None] | None = None

    @property
    def statistic(self) -> bool:
        """Whether it is a statistic of activations."""
        return self.extent is not None

    def bounded(self, numbers: int) -> Value:
        """The same with at most ``numbers`` independent entries per leaf."""
        return replace(self, counts={leaf: min(n, numbers) for leaf, n in self.counts.items()})


PLAIN = Value(moved=True)
"""An activation without further properties."""

AFFINE = frozenset(("gain", "shift"))
"""The affine parts that may follow the statistics of a normalization."""


def merged(values: Iterable[Value]) -> Value:
    """A constant computed from several constants."""
    values = list(values)
    counts: dict[int, int] = {}
    for value in values:
        for leaf, numbers in value.counts.items():
            counts[leaf] = max(numbers, counts.get(leaf, 0))
    cuts = [value.cut for value in values]
    return Value(
        counts=counts,
        roots=frozenset().union(*(value.roots for value in values)),
        cut=hash(tuple(cuts)) if any(cuts) else 0,
    )


@dataclass(frozen=True)
class Operand:
    """A constant by which a linear map multiplies activations.

    Attributes:
        numbers: number of entries of the tensor.
        counts: number of independent entries per leaf.
        roots: leaves that went through a root.
        cut: which part of its leaves it is.
    """

    numbers: int
    counts: tuple[tuple[int, int], ...]
    roots: frozenset[int]
    cut: int
