"""How weights are stored, and which values one change can give them.

A change is one weight, or one bit of a weight in float32 or in 8 bits. Every storage counts the
changes between two sets of weights by itself, so that no search is believed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from typing import ClassVar, Self

import torch
from torch import Tensor

from benchmark.attacks.bits import quantize
from benchmark.attacks.bits.quantization import MAX_LEVEL, PLACE_VALUES
from benchmark.spaces import Point
from benchmark.threats import STORAGES
from models_zoo.errors import InputError, unknown_name

SHARES = (1.0, -1.0, 0.5, -0.5, 0.25, -0.25, 0.125, -0.125, 0.0)
"""New values of a weight that are tried, as shares of the largest of its tensor."""

MULTIPLES = tuple(sign * 2.0**power for power in range(1, 11) for sign in (1, -1))
"""Further ones if it may have any finite value."""

NEAR = (0.6, 0.7, 0.8, 0.9, 1.1, 1.25, 1.4, 1.6)
"""Multiples of the best of these values that are tried as well."""

FLOAT_BITS = (20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31)
"""Bits of a float32 that the search considers: sign, exponent and three bits of the mantissa. The
others change a weight by at most a sixteenth of itself."""


Support = Mapping[str, Tensor]
"""Which weights may change: bool tensors by name that broadcast to the weights. Tensors that it
does not name may change wholly."""


class Storage(ABC):
    """One way of storing weights, and what a single change of it can do.

    Its name is one of :data:`benchmark.threats.STORAGES`, where the names are explained.

    Args:
        weights: the model's own tensors by name, float32; they are not changed.

    Attributes:
        untouched: the weights as they are stored, to which success and accuracy are compared.
        support: which of them may change, by default all; see :meth:`within`.
    """

    name: ClassVar[str]
    repeats: ClassVar[bool] = False
    """Whether a weight may be changed again by another option, which counts as another change."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self.untouched: Point = {
            name: tensor.detach().contiguous() for name, tensor in weights.items()
        }
        self.largest = {name: float(w.abs().amax()) for name, w in self.untouched.items()}
        self.support: Support = {}

    def within(self, support: Support) -> Self:
        """The same stored weights, of which only some may change.

        All are stored alike whatever may change, so that rules are compared with the same weights.
        """
        chosen = copy(self)
        chosen.support = support
        return chosen

    @property
    def candidates(self) -> list[str]:
        """Names of the tensors of which at least one weight may change."""
        support = self.support
        return [name for name in self.untouched if name not in support or bool(support[name].any())]

    def may_change(self, name: str) -> Tensor | None:
        """Bool (M,), which weights of a tensor may change, in flat order; ``None`` if all may."""
        mask = self.support.get(name)
        return None if mask is None else mask.expand_as(self.untouched[name]).reshape(-1)

    @abstractmethod
    def options(self, name: str, values: Tensor) -> Tensor:
        """The values that one change can give to weights of a tensor.

        Args:
            name: of the tensor.
            values: float32 (M,), the present values.

        Returns:
            Float32 (M, options); NaN where an option would not be finite.
        """

    def near(self, name: str, value: float) -> list[float]:
        """Further values around one of a changed weight, where the storage has any."""
        return []

    def distance(self, weights: Mapping[str, Tensor]) -> int:
        """Number of changes between the untouched weights and others; by default of weights.

        Raises:
            RuntimeError: a value is not finite, or not one that the storage can hold, or it is of a
                weight that may not change.
        """
        changed = 0
        for name, own in self.untouched.items():
            rows = (own != weights[name]).view(-1).nonzero().squeeze(1)
            before, after = own.view(-1)[rows], weights[name].reshape(-1)[rows]
            if not bool(after.isfinite().all()):
                raise RuntimeError(f"a changed weight of {name} is not finite")
            allowed = self.may_change(name)
            if allowed is not None and not bool(allowed[rows].all()):
                raise RuntimeError(f"a weight of {name} changed that may not")
            changed += self._count(name, before, after)
        return changed

    def _count(self, name: str, before: Tensor, after: Tensor) -> int:
        return len(after)


class FreeWeights(Storage):
    """Weights that may have any value within the largest absolute value of their tensor."""

    name: ClassVar[str] = "weights"
    shares: ClassVar[tuple[float, ...]] = SHARES

    def options(self, name: str, values: Tensor) -> Tensor:
        """As :meth:`Storage.options`: shares of the largest."""
        new = values.new_tensor(self.shares) * self.largest[name]
        return torch.where(new.isfinite(), new, torch.nan).expand(len(values), -1)

    def near(self, name: str, value: float) -> list[float]:
        """As :meth:`Storage.near`: multiples by :data:`NEAR`."""
        values = torch.tensor([factor * value for factor in NEAR], dtype=torch.float32)
        return [each for each in values.tolist() if abs(each) <= self._most(name)]

    def _most(self, name: str) -> float:
        return self.largest[name]

    def _count(self, name: str, before: Tensor, after: Tensor) -> int:
        if len(after) and float(after.abs().amax()) > self.largest[name]:
            raise RuntimeError(f"a changed weight of {name} is larger than all others were")
        return len(after)


class UnboundedWeights(FreeWeights):
    """Weights that may have any finite value."""

    name: ClassVar[str] = "weights-unbounded"
    shares = SHARES + MULTIPLES

    def _most(self, name: str) -> float:
        return torch.finfo(torch.float32).max

    def _count(self, name: str, before: Tensor, after: Tensor) -> int:
        return len(after)


class FloatBits(Storage):
    """Weights in float32, of which single bits are flipped."""

    name: ClassVar[str] = "float32-bits"
    repeats = True

    def options(self, name: str, values: Tensor) -> Tensor:
        """As :meth:`Storage.options`: a flip of each of :data:`FLOAT_BITS`."""
        return flipped(values, FLOAT_BITS)

    def _count(self, name: str, before: Tensor, after: Tensor) -> int:
        codes = before.contiguous().view(torch.int32) ^ after.contiguous().view(torch.int32)
        return sum((code & 0xFFFFFFFF).bit_count() for code in codes.tolist())


class Int8Bits(Storage):
    """Weights in 8 bits, in the format of :func:`benchmark.attacks.bits.quantize`."""

    name: ClassVar[str] = "int8-bits"
    repeats = True

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        quantized = quantize(weights)
        super().__init__(quantized.weights())
        self.steps = quantized.steps

    def options(self, name: str, values: Tensor) -> Tensor:
        """As :meth:`Storage.options`: a flip of each of the 8 bits."""
        places = torch.tensor(PLACE_VALUES, dtype=torch.int8, device=values.device)
        codes = self._codes(name, values)[:, None] ^ places
        return codes.to(values.dtype) * self.steps[name]

    def _codes(self, name: str, values: Tensor) -> Tensor:
        step = self.steps[name].clamp_min(torch.finfo(values.dtype).tiny)
        return (values / step).round().clamp(-MAX_LEVEL - 1, MAX_LEVEL).to(torch.int8)

    def _count(self, name: str, before: Tensor, after: Tensor) -> int:
        codes = self._codes(name, after)
        if not torch.equal(codes.to(after.dtype) * self.steps[name], after):
            raise RuntimeError(f"a changed weight of {name} is none of its 256 levels")
        differing = self._codes(name, before) ^ codes
        return sum((code & 0xFF).bit_count() for code in differing.tolist())


_STORAGES: tuple[type[Storage], ...] = (FreeWeights, UnboundedWeights, FloatBits, Int8Bits)


def storage_of(name: str, weights: Mapping[str, Tensor]) -> Storage:
    """The storage of a name.

    Args:
        name: one of :data:`benchmark.threats.STORAGES`.
        weights: the model's own tensors.

    Raises:
        InputError: an unknown name.
    """
    for kind in _STORAGES:
        if kind.name == name:
            return kind(weights)
    raise unknown_name("storage of weights", name, STORAGES)


def stored_in_float32(weights: Mapping[str, Tensor]) -> Point:
    """The tensors that are stored in float32, the format whose bits are flipped.

    Raises:
        InputError: there are none.
    """
    found = {name: tensor for name, tensor in weights.items() if tensor.dtype == torch.float32}
    if not found:
        kinds = ", ".join(sorted({str(tensor.dtype) for tensor in weights.values()}))
        raise InputError(
            f"no weight of the model's linear maps is stored in float32 but in {kinds}; "
            "call model.float()"
        )
    return found


def flipped(values: Tensor, bits: tuple[int, ...]) -> Tensor:
    """Each value with each bit flipped alone: float32 (M, bits), NaN where that is not finite.

    A flip is an involution: flipping the same bit again gives the value back, bit for bit.

    Args:
        values: float32 (M,).
        bits: positions, 0 the lowest bit of the mantissa and 31 the sign.
    """
    masks = [1 << bit if bit < 31 else -(1 << 31) for bit in bits]
    places = torch.tensor(masks, dtype=torch.int32, device=values.device)
    codes = values.contiguous().view(torch.int32)[:, None] ^ places
    found = codes.view(torch.float32)
    return torch.where(found.isfinite(), found, torch.nan)
