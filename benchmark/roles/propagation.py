"""Propagates the origins of tensors through the operations of a forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from benchmark.roles import operations as ops
from benchmark.roles.values import AFFINE, PLAIN, Leaf, Operand, Value, merged


class Propagation:
    """Propagates leaves and records how they are used.

    Attributes:
        leaves: the tensors at the start of the forward pass; values refer to them by position.
        operands: the constants by which linear maps multiply activations.
        normalizing: leaves that scale or shift a normalized activation.
        elementwise: leaves that multiply or are added to any activation, entry by entry.
        tables: leaves whose rows are chosen by numbers that depend on the inputs.
        last: of the operands, that of the last linear map that is no choice of rows.
    """

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self.operands: dict[Operand, None] = {}
        self.normalizing: set[int] = set()
        self.elementwise: set[int] = set()
        self.tables: set[int] = set()
        self.last: Operand | None = None

    def through(
        self, name: str, foreign: bool, given: Sequence[tuple[Any, Value | None]], out: Tensor
    ) -> Value:
        """The description of an operation's output.

        Args:
            name: the operation's, without overload; a trailing underscore does not count.
            foreign: whether it is not one of PyTorch's own operations.
            given: its operands in order, with descriptions of those that are tensors.
            out: its output, or one of them.
        """
        values = [value for _, value in given if value is not None]
        if not any(value.moved for value in values):
            return self._constant(name, given, values, out)
        if foreign or name in ops.FUSED:
            self._note_all(given)
            return PLAIN
        if name in ops.LINEAR or name in ops.LOOKUPS:
            self._note_linear(name, given)
            return PLAIN
        if name in ops.NORMALIZING:
            return self._normalized(name, given)
        if name in ops.VALUE_PRESERVING:
            return self._same(given, out)
        if name in ops.REDUCING or name in ops.SUMMING:
            return self._reduced(name, given, out)
        if name in {"addcmul", "addcdiv"} and len(given) >= 3:
            self_, first, second = given[:3]
            product = self._product(first, second, out, dividing=name == "addcdiv")
            return self._sum(self_, (out, product), out)
        if len(values) >= 2:
            return self._binary(name, given, values, out)
        return _alone(name, given, values[0])

    def _binary(
        self, name: str, given: Sequence[tuple[Any, Value | None]], values: list[Value], out: Tensor
    ) -> Value:
        """An operation on two or more tensors, one of them an activation."""
        first, second = [pair for pair in given if pair[1] is not None][:2]
        if name in ops.MULTIPLYING or name in ops.DIVIDING:
            return self._product(first, second, out, dividing=name in ops.DIVIDING)
        if name in ops.ADDING:
            return self._sum(first, second, out)
        constants = merged(value for value in values if not value.moved)
        if name in ops.BOUNDING and any(value.pending is not None for value in values):
            self.normalizing |= self._parameters(constants)
            return replace(PLAIN, pending=frozenset())
        if name in ops.STATISTICAL and all(v.statistic for v in values if v.moved):
            return _statistic(values, constants.counts.keys())
        return PLAIN

    def _constant(
        self,
        name: str,
        given: Sequence[tuple[Any, Value | None]],
        values: list[Value],
        out: Tensor,
    ) -> Value:
        if name in ops.DRAWING:
            return self.leaf(Leaf("constant", "", tuple(out.shape), True, out.numel()))
        value = merged(values).bounded(out.numel())
        if name in ops.ROOTS or (name in ops.POWERS and not _exponent(given).is_integer()):
            value = replace(value, roots=value.roots | self._statistics(value))
        if name in ops.CUTTING:
            plain = [str(each) for each, known in given if known is None]
            value = replace(value, cut=hash((value.cut, name, *plain, out.storage_offset())))
        return value

    def leaf(self, leaf: Leaf) -> Value:
        """Register a tensor of unknown origin."""
        self.leaves.append(leaf)
        return Value(counts={len(self.leaves) - 1: leaf.numbers} if leaf.numbers else {})

    def _statistics(self, value: Value) -> frozenset[int]:
        """The leaves of a constant, if none of them is a parameter."""
        kinds = {self.leaves[leaf].kind for leaf in value.counts}
        return frozenset(value.counts) if kinds and "parameter" not in kinds else frozenset()

    def _parameters(self, value: Value) -> frozenset[int]:
        return frozenset(leaf for leaf in value.counts if self.leaves[leaf].kind == "parameter")

    def note(self, tensor: Tensor, value: Value, *, lookup: bool = False) -> None:
        """Record that a linear map multiplies activations by this constant."""
        if value.counts:
            counts = tuple(sorted(value.counts.items()))
            operand = Operand(tensor.numel(), counts, value.roots, value.cut)
            self.operands[operand] = None
            if lookup:
                self.tables |= self._parameters(value)
            else:
                self.last = operand

    def _note_linear(self, name: str, given: Sequence[tuple[Any, Value | None]]) -> None:
        lookup = name in ops.LOOKUPS
        places = (0,) if lookup else ops.LINEAR[name]
        chosen = [given[place] for place in places if place < len(given)]
        if not lookup and not any(value and value.moved for _, value in chosen):
            return
        for tensor, value in chosen:
            if value is not None and not value.moved and (not lookup or tensor.is_floating_point()):
                self.note(tensor, value, lookup=lookup)

    def _note_all(self, given: Sequence[tuple[Any, Value | None]]) -> None:
        for tensor, value in given:
            if value is not None and not value.moved and tensor.ndim > 1:
                self.note(tensor, value)

    def _normalized(self, name: str, given: Sequence[tuple[Any, Value | None]]) -> Value:
        pending = set(AFFINE)
        for place, part in zip(ops.NORMALIZING[name], ("gain", "shift"), strict=True):
            value = given[place][1] if place < len(given) else None
            if value is not None:
                pending.discard(part)
                if not value.moved:
                    self.normalizing |= self._parameters(value)
        if "gain" not in pending:
            pending.clear()
        return replace(PLAIN, pending=frozenset(pending))

    def _same(self, given: Sequence[tuple[Any, Value | None]], out: Tensor) -> Value:
        tensor, value = next(pair for pair in given if pair[1] is not None)
        if value is None or not value.moved:
            return PLAIN
        if value.factor is not None and tuple(out.shape) != tuple(tensor.shape):
            value = replace(value, factor=(value.factor[0], None))
        return value

    def _reduced(self, name: str, given: Sequence[tuple[Any, Value | None]], out: Tensor) -> Value:
        tensor, value = given[0]
        if value is None or not value.moved:
            return PLAIN
        if value.factor is not None and name in ops.SUMMING:
            constant, shape = value.factor
            if shape is None or _sums_over(shape, tensor, given[1:]):
                self.note_factor(constant, shape)
                return PLAIN
        if out.numel() >= tensor.numel() and out.numel() > 1:
            return PLAIN
        return replace(PLAIN, extent=out.numel(), scaled=value.scaled)

    def note_factor(self, constant: Value, shape: tuple[int, ...] | None) -> None:
        """Record a linear map: a product with this constant that was summed."""
        numbers = max(constant.counts.values(), default=0)
        if shape is not None:
            numbers = 1
            for size in shape:
                numbers *= size
        if constant.counts:
            counts = tuple(sorted(constant.counts.items()))
            self.operands[Operand(numbers, counts, constant.roots, constant.cut)] = None

    def _product(
        self,
        first: tuple[Any, Value | None],
        second: tuple[Any, Value | None],
        out: Tensor,
        *,
        dividing: bool,
    ) -> Value:
        a, b = first[1] or Value(), second[1] or Value()
        if a.moved and b.moved:
            return self._both_move(a, b, out, dividing)
        if dividing and b.moved:  # a constant over a statistic, as in 1 / deviation
            if b.statistic:
                return replace(b, inverse=True, gains=b.gains | self._parameters(a))
            return PLAIN
        (moving, constant), shape = (
            ((a, b), second[0].shape) if a.moved else ((b, a), first[0].shape)
        )
        parameters = self._parameters(constant)
        self.elementwise |= parameters
        scaled = replace(PLAIN, scaled=moving.scaled | parameters)
        base = replace(moving, gains=moving.gains | parameters) if moving.statistic else scaled
        if constant.roots:
            self.normalizing |= parameters
            return replace(base, pending=AFFINE - {"gain"} if parameters else AFFINE)
        if moving.pending is not None and "gain" in moving.pending:
            if parameters:
                self.normalizing |= parameters
                return replace(base, pending=moving.pending - {"gain"})
            return replace(moving, factor=(constant, shape))
        if moving.statistic:
            return base
        if not constant.counts:
            return moving
        return replace(scaled, factor=(constant, shape))

    def _both_move(self, a: Value, b: Value, out: Tensor, dividing: bool) -> Value:
        if a.statistic and b.statistic:
            value = _statistic([a, b], ())
            if dividing and (b.extent or 0) < (a.extent or 0):
                value = replace(value, inverse=True)
            return value if not dividing else replace(value, pending=AFFINE, inverse=True)
        by, other = (b, a) if b.statistic else (a, b)
        plain = replace(PLAIN, scaled=a.scaled | b.scaled)
        if not by.statistic or not ((dividing and by is b) or by.inverse):
            return plain
        if (by.extent or 0) >= out.numel() > 1:
            return plain
        gains = by.gains | (other.scaled - by.scaled)
        self.normalizing |= gains
        return replace(PLAIN, pending=AFFINE - {"gain"} if gains else AFFINE)

    def _sum(
        self, first: tuple[Any, Value | None], second: tuple[Any, Value | None], out: Tensor
    ) -> Value:
        a, b = first[1] or Value(), second[1] or Value()
        if a.moved and b.moved:
            if a.statistic and b.statistic:
                return _statistic([a, b], ())
            normalized, other = (a, b) if a.pending is not None else (b, a)
            if normalized.pending is not None and other.statistic:
                self.normalizing |= other.gains
                return replace(PLAIN, pending=frozenset())
            only = frozenset(("shift",))
            shift = only if normalized.pending == only else None
            return replace(PLAIN, scaled=a.scaled | b.scaled, pending=shift)
        moving, constant, added = (a, b, second[0]) if a.moved else (b, a, first[0])
        parameters = self._parameters(constant)
        self.elementwise |= parameters
        base = replace(moving, gains=moving.gains | parameters) if moving.statistic else PLAIN
        if not parameters:
            return replace(moving, factor=None)
        if moving.pending is not None and "shift" in moving.pending and _per_channel(added, out):
            self.normalizing |= parameters
            return replace(base, pending=moving.pending - {"shift"})
        return base


def _alone(name: str, given: Sequence[tuple[Any, Value | None]], value: Value) -> Value:
    """An operation on one activation and Python numbers."""
    arithmetic = name in ops.MULTIPLYING | ops.DIVIDING | ops.ADDING
    if value.statistic and (arithmetic or name in ops.STATISTICAL):
        inverse = name in ops.INVERTING or (name in ops.POWERS and _exponent(given) < 0)
        return replace(value, inverse=value.inverse or inverse, factor=None)
    if name in ops.POWERS or name in {"square", "abs"}:
        return replace(PLAIN, scaled=value.scaled)
    return value if arithmetic else PLAIN


def _exponent(given: Sequence[tuple[Any, Value | None]]) -> float:
    numbers = [each for each, _ in given if isinstance(each, (int, float))]
    return float(numbers[0]) if numbers else 1.0


def _statistic(values: Sequence[Value], further: Any) -> Value:
    """A statistic of statistics."""
    found = [value for value in values if value.statistic]
    return replace(
        PLAIN,
        extent=max(value.extent or 0 for value in found),
        inverse=any(value.inverse for value in found),
        gains=frozenset(further).union(*(value.gains for value in found)),
        scaled=frozenset().union(*(value.scaled for value in values)),
    )


def _per_channel(added: Any, out: Tensor) -> bool:
    """Whether the added tensor is constant over positions, unlike a position embedding.

    An example of one dimension has one position.
    """
    if not isinstance(added, Tensor) or out.ndim < 3:
        return True
    shape = (1,) * (out.ndim - added.ndim) + tuple(added.shape)
    places = [have < want for have, want in zip(shape[1:], out.shape[1:], strict=True)]
    return any(places) or all(size == 1 for size in out.shape[2:]) or shape[0] > 1


def _sums_over(shape: tuple[int, ...], tensor: Tensor, given: Sequence[tuple[Any, Any]]) -> bool:
    """Whether a sum runs over a dimension along which the factor of a product differs."""
    padded = (1,) * (tensor.ndim - len(shape)) + shape
    asked = next((each for each, _ in given if isinstance(each, (list, tuple, int))), ())
    dims = [asked] if isinstance(asked, int) else list(asked)
    return any(padded[dim] > 1 for dim in dims or range(tensor.ndim))
