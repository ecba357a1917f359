"""Sparse changes of weights: a few entries that get other values, and their exact undoing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor

from benchmark.spaces import Point


@dataclass(frozen=True)
class Change:
    """One changed entry of a weight tensor.

    Attributes:
        name: of the tensor.
        entry: of the entry, in flat order.
        option: which of the values that the storage allows, see
            :meth:`benchmark.attacks.sparse.Storage.options`; for bits, the bit.
        value: the new value as the model computes with it, exactly.
    """

    name: str
    entry: int
    option: int
    value: float


class WorkingWeights:
    """Copies of weight tensors that are changed and restored in place, bit for bit.

    A candidate costs the writing of its entries, not a copy of a tensor. The tensors that were
    passed in, which are usually the model's own, are never written to.

    Args:
        weights: contiguous tensors by name.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self.tensors: Point = {name: tensor.detach().clone() for name, tensor in weights.items()}

    def values(self, name: str, entries: Tensor) -> Tensor:
        """The present values of some entries of a tensor, by flat index."""
        return self.tensors[name].view(-1)[entries]

    def write(self, changes: Iterable[Change]) -> None:
        """Change entries for good."""
        for change in changes:
            self.tensors[change.name].view(-1)[change.entry] = change.value

    @contextmanager
    def changed(self, changes: Iterable[Change]) -> Iterator[Point]:
        """Change entries inside the block; afterwards, also after an error, all is as before.

        Args:
            changes: written in order; of several for the same entry the last counts.
        """
        saved = []
        try:
            for change in changes:
                flat = self.tensors[change.name].view(-1)
                saved.append((flat, change.entry, flat[change.entry].clone()))
                flat[change.entry] = change.value
            yield self.tensors
        finally:
            for flat, entry, value in reversed(saved):
                flat[entry] = value


def applied(weights: Mapping[str, Tensor], changes: Iterable[Change]) -> Point:
    """Copies of the tensors with the changes; those without a change are not copied."""
    found = dict(weights)
    for change in changes:
        if found[change.name] is weights[change.name]:
            found[change.name] = weights[change.name].clone()
        found[change.name].view(-1)[change.entry] = change.value
    return found
