"""The roles that a model's parameters and buffers play, from one forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from benchmark.roles.tracing import Trace
from benchmark.roles.values import Leaf, Operand


@dataclass(frozen=True)
class Roles:
    """Which tensors are weights, and which belong to normalizations.

    Attributes:
        trace: what a forward pass used the model's tensors for.
    """

    trace: Trace

    @cached_property
    def kernels(self) -> frozenset[str]:
        """Names of the tensors with the numbers of a linear map's operand, not scales or masks."""
        return frozenset(
            leaf.name for operand in self.trace.operands for leaf in self._carriers(operand)
        ) - {""}

    @cached_property
    def normalizing(self) -> frozenset[str]:
        """Names of parameters that scale or shift a normalized activation, and do nothing more."""
        return self.trace.normalizing - self.kernels

    @cached_property
    def elementwise(self) -> frozenset[str]:
        """Names of parameters that scale or shift activations, entry by entry."""
        return self.trace.elementwise - self.kernels

    @cached_property
    def buffers(self) -> frozenset[str]:
        """Names of buffers that are used as weights: linear maps multiply with their numbers.

        Running statistics, masks, tables of positions and scales of weights are none.
        """
        found: set[str] = set()
        for operand in self.trace.operands:
            carriers = self._carriers(operand)
            if all(leaf.kind != "parameter" for leaf in carriers):
                found |= {leaf.name for leaf in carriers if leaf.kind == "buffer" and leaf.floating}
        return frozenset(found)

    def _carriers(self, operand: Operand) -> list[Leaf]:
        """The leaves that hold at least half as many numbers as the operand can have."""
        return [
            self.trace.leaves[leaf]
            for leaf, numbers in operand.counts
            if 2 * numbers >= operand.numbers and leaf not in operand.roots
        ]
