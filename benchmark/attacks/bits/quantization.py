"""Weights as signed 8-bit integers in two's complement, with bits that can be flipped.

The format of the bit-flip attack (Rakin, He & Fan 2019, "Bit-flip attack: crushing neural network
with progressive bit search", ICCV; their code): one step per tensor, symmetric, levels from -127 to
127. A flipped bit may give -128, which no weight is rounded to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.spaces import Point

LEVELS = 127
"""The largest level a weight is rounded to."""

PLACES = (1, 2, 4, 8, 16, 32, 64, -128)
"""What each of the 8 bits adds to a level, the lowest first. As an int8 it is also that bit's mask,
since the sign bit alone is -128 in two's complement."""


class Flip(NamedTuple):
    """One stored bit: of which tensor, of which of its entries in flat order, and which place."""

    name: str
    entry: int
    bit: int


@dataclass(frozen=True)
class QuantizedWeights:
    """Weight tensors as integers: an entry is worth ``step * code``.

    Attributes:
        codes: int8, in the tensors' own shapes, by parameter name.
        steps: a scalar per tensor, in the weights' own type; 0 for a tensor of zeros, which stays
            zero whatever its bits are.
    """

    codes: dict[str, Tensor]
    steps: dict[str, Tensor]

    @property
    def n_bits(self) -> int:
        """How many bits are stored."""
        return len(PLACES) * sum(code.numel() for code in self.codes.values())

    def values(self, name: str) -> Tensor:
        """One tensor as the model computes with it."""
        step = self.steps[name]
        return self.codes[name].to(step.dtype) * step

    def weights(self) -> Point:
        """Every tensor as the model computes with it: what :meth:`Subject.at` takes."""
        return {name: self.values(name) for name in self.codes}

    def xor(self, masks: Mapping[str, Tensor]) -> QuantizedWeights:
        """The weights with the bits flipped that are set in int8 masks; tensors without one stay.

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
            mask.view(-1)[entry] ^= PLACES[bit]
        return self.xor(masks)

    def distance(self, other: QuantizedWeights) -> int:
        """How many stored bits differ: the Hamming distance."""
        differing = 0
        for name, code in self.codes.items():
            changed = code ^ other.codes[name]
            differing += sum(int(((changed & place) != 0).sum()) for place in PLACES)
        return differing


def quantize(weights: Mapping[str, Tensor]) -> QuantizedWeights:
    """Round each tensor to the nearest of its levels ``max|w| / 127 * (-127 .. 127)``.

    What is lost is at most half a step per entry.

    Args:
        weights: tensors by name; they are not changed.
    """
    codes, steps = {}, {}
    for name, weight in weights.items():
        step = weight.abs().amax() / LEVELS
        levels = weight / step.clamp_min(torch.finfo(weight.dtype).tiny)
        codes[name] = levels.round().clamp(-LEVELS, LEVELS).to(torch.int8).contiguous()
        steps[name] = step
    return QuantizedWeights(codes, steps)
