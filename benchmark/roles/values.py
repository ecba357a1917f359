"""What is known of each tensor of a forward pass: where its numbers come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal["parameter", "buffer", "constant"]


@dataclass(frozen=True)
class Leaf:
    """A tensor that a forward pass begins with, other than the images.

    Attributes:
        kind: ``"constant"`` is what can be given no other value by name.
        name: of a parameter or buffer; ``""`` for a constant.
        shape: its shape.
        floating: whether its numbers are floating-point ones, which can be moved a little.
        numbers: how many numbers it holds: 0 for a mask of zeros and ones, 1 where all are equal.
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
        counts: of a constant, how many numbers of each leaf it depends on independently: the
            leaf's own, or fewer where they went through something smaller, such as a norm.
        roots: leaves that went through a root, as a variance does.
        cut: which part of its leaves it is, so that two parts are not taken for one.
        extent: of an activation that is a statistic of others, such as a mean: its numbers.
        inverse: a statistic that was divided by.
        gains: leaves that a statistic was multiplied by, or that were added to it.
        scaled: parameters that an activation was multiplied by, entry by entry, on its way here.
        pending: of a normalized activation, what its normalization may still bring; ``None`` where
            an activation is not normalized.
        factor: the constant that an activation was multiplied with, and its shape where the
            product was not reshaped since.
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
        """The same where only ``numbers`` numbers are left of it."""
        return replace(self, counts={leaf: min(n, numbers) for leaf, n in self.counts.items()})


PLAIN = Value(moved=True)
"""An activation without further properties."""

AFFINE = frozenset(("gain", "shift"))
"""What a normalization may bring after its statistics."""


def merged(values: Iterable[Value]) -> Value:
    """A constant that several constants went into."""
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
    """A constant that a linear map multiplies activations with.

    Attributes:
        numbers: of the tensor that is multiplied.
        counts: how many numbers of each leaf it depends on independently.
        roots: leaves that went through a root on their way.
        cut: which part of its leaves it is.
    """

    numbers: int
    counts: tuple[tuple[int, int], ...]
    roots: frozenset[int]
    cut: int
