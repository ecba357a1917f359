"""Weights as signed 8-bit integers in two's complement, with bits that can be flipped.

The format is that of the bit-flip attack (Rakin, He & Fan 2019, "Bit-flip attack: crushing neural
network with progressive bit search", ICCV, and their code): one step per tensor, symmetric, levels
from -127 to 127. A flipped bit may give -128, to which no weight is rounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.spaces import Point

MAX_LEVEL = 127
"""Largest level to which a weight is rounded."""

PLACE_VALUES = (1, 2, 4, 8, 16, 32, 64, -128)
"""Value of each of the 8 bits, the lowest first. As an int8 it is also the bit's mask, since the
sign bit alone is -128 in two's complement."""


class Flip(NamedTuple):
    """One stored bit: its tensor, its entry in flat order, and its position in the entry."""

    name: str
    entry: int
    bit: int


@dataclass(frozen=True)
class QuantizedWeights:
    """Weight tensors as integers: the value of an entry is ``step * code``.

    Attributes:
        codes: int8, in the tensors' own shapes, by parameter name.
        steps: a scalar per tensor, in the type of the weights; 0 for a tensor of zeros, which stays
            zero whatever its bits are.
    """

    codes: dict[str, Tensor]
    steps: dict[str, Tensor]

    @property
    def n_bits(self) -> int:
        """Number of stored bits."""
        return len(PLACE_VALUES) * sum(code.numel() for code in self.codes.values())

    def values(self, name: str) -> Tensor:
        """One tensor as the model computes with it."""
        step = self.steps[name]
        return self.codes[name].to(step.dtype) * step

    def weights(self) -> Point:
        """Every tensor as the model computes with it, for :meth:`Subject.at`."""
        return {name: self.values(name) for name in self.codes}

    def xor(self, masks: Mapping[str, Tensor]) -> QuantizedWeights:
        """The weights with the bits flipped that are set in int8 masks.

        Args:
            masks: by name, in the shapes of :attr:`codes`.
        """
        return QuantizedWeights(
            self.codes | {name: self.codes[name] ^ mask for name, mask in masks.items()},
            self.steps,
        )

    def flip(self, flips: Iterable[Flip]) -> QuantizedWeights:
        """The weights with these bits flipped, each of them once."""
        masks: dict[str, Tensor] = {}
        for name, entry, bit in flips:
            mask = masks.setdefault(name, torch.zeros_like(self.codes[name]))
            mask.view(-1)[entry] ^= PLACE_VALUES[bit]
        return self.xor(masks)

    def distance(self, other: QuantizedWeights) -> int:
        """Number of stored bits that differ: the Hamming distance."""
        differing = 0
        for name, code in self.codes.items():
            changed = code ^ other.codes[name]
            differing += sum(int(((changed & place) != 0).sum()) for place in PLACE_VALUES)
        return differing


def quantize(weights: Mapping[str, Tensor]) -> QuantizedWeights:
    """Round each tensor to the nearest of its levels ``max|w| / 127 * (-127 .. 127)``.

    The rounding error is at most half a step per entry.

    Args:
        weights: tensors by name; they are not changed.
    """
    codes, steps = {}, {}
    for name, weight in weights.items():
        step = weight.abs().amax() / MAX_LEVEL
        levels = weight / step.clamp_min(torch.finfo(weight.dtype).tiny)
        codes[name] = levels.round().clamp(-MAX_LEVEL, MAX_LEVEL).to(torch.int8).contiguous()
        steps[name] = step
    return QuantizedWeights(codes, steps)
