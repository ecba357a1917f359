"""The roles of a model's parameters and buffers, from one forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from benchmark.roles.tracing import Trace
from benchmark.roles.values import Leaf, Operand


@dataclass(frozen=True)
class Roles:
    """Which tensors are weights, and which belong to normalizations.

    Attributes:
        trace: how a forward pass used the model's tensors.
    """

    trace: Trace

    @cached_property
    def kernels(self) -> frozenset[str]:
        """Names of tensors that are operands of linear maps, without scales and masks."""
        return frozenset(
            leaf.name for operand in self.trace.operands for leaf in self._carriers(operand)
        ) - {""}

    @cached_property
    def normalizing(self) -> frozenset[str]:
        """Names of parameters that scale or shift a normalized activation and have no other use."""
        return self.trace.normalizing - self.kernels

    @cached_property
    def elementwise(self) -> frozenset[str]:
        """Names of parameters that scale or shift activations, entry by entry."""
        return self.trace.elementwise - self.kernels

    @cached_property
    def embeddings(self) -> frozenset[str]:
        """Names of parameters of which inputs choose rows; not those that positions choose from.

        An embedding that is the kernel of another layer as well is among them.
        """
        return self.trace.tables

    @cached_property
    def head(self) -> frozenset[str]:
        """Names of the parameters of the last linear map, and of others in the same module."""
        if self.trace.last is None:
            return frozenset()
        kernels = {
            leaf.name for leaf in self._carriers(self.trace.last) if leaf.kind == "parameter"
        }
        owners = {_owner(name) for name in kernels}
        every = (leaf.name for leaf in self.trace.leaves if leaf.kind == "parameter")
        return frozenset(name for name in every if _owner(name) in owners) | kernels

    @cached_property
    def buffers(self) -> frozenset[str]:
        """Names of buffers that are used as weights: operands of linear maps.

        Running statistics, masks, tables of positions and scales of weights are not among them.
        """
        found: set[str] = set()
        for operand in self.trace.operands:
            carriers = self._carriers(operand)
            if all(leaf.kind != "parameter" for leaf in carriers):
                found |= {leaf.name for leaf in carriers if leaf.kind == "buffer" and leaf.floating}
        return frozenset(found)

    def _carriers(self, operand: Operand) -> list[Leaf]:
        """The leaves with at least half as many entries as the operand."""
        return [
            self.trace.leaves[leaf]
            for leaf, numbers in operand.counts
            if 2 * numbers >= operand.numbers and leaf not in operand.roots
        ]


def _owner(name: str) -> str:
    """The module that a tensor belongs to, by name."""
    return name.rpartition(".")[0]
