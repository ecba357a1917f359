"""Random bit errors: every stored bit is flipped independently, with the same probability.

Source: Stutz, Chandramoorthy, Hein & Schiele 2021, "Bit error robustness for energy-efficient DNN
accelerators", MLSys; patterns are shared by all models, as in the authors' code. One uniform number
is drawn per bit, and the bit is flipped at all rates above it: patterns are nested, and so
comparable across rates.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from benchmark.attacks.bits.quantization import PLACE_VALUES, Flip, QuantizedWeights


@dataclass(frozen=True)
class ErrorPattern:
    """A pattern of errors: the rate above which each bit is flipped.

    Only bits that are flipped at the largest requested rate are kept.

    Attributes:
        shapes: of the tensors, by name.
        entries: int64 (m,), the flat index of each kept bit's entry.
        masks: int8 (m,), the mask of the bit.
        levels: float32 (m,), its uniform number.
    """

    shapes: dict[str, torch.Size]
    entries: dict[str, Tensor]
    masks: dict[str, Tensor]
    levels: dict[str, Tensor]

    def at(self, rate: float) -> dict[str, Tensor]:
        """Masks of the bits that are flipped at a rate, for :meth:`QuantizedWeights.xor`."""
        flips = {}
        for name, shape in self.shapes.items():
            errs = self.levels[name] < rate
            mask = torch.zeros(shape.numel(), dtype=torch.int8, device=errs.device)
            # Bits of the same entry differ, so that adding their masks combines them.
            mask.index_add_(0, self.entries[name][errs], self.masks[name][errs])
            flips[name] = mask.view(shape)
        return flips


def draw_pattern(quantized: QuantizedWeights, generator: Generator, largest: float) -> ErrorPattern:
    """Draw a pattern of errors.

    Args:
        quantized: the weights it is for; only their shapes matter.
        generator: on the CPU; the same one gives networks of the same shapes the same pattern.
        largest: the largest rate that will be requested.
    """
    pattern = ErrorPattern({name: code.shape for name, code in quantized.codes.items()}, {}, {}, {})
    for name, code in quantized.codes.items():
        entries, masks, levels = [], [], []
        # bit by bit, so that memory holds the numbers of one bit position only
        for place in PLACE_VALUES:
            numbers = torch.rand(code.numel(), generator=generator)
            found = (numbers < largest).nonzero().squeeze(1)
            entries.append(found)
            masks.append(torch.full_like(found, place, dtype=torch.int8))
            levels.append(numbers[found])
        pattern.entries[name] = torch.cat(entries).to(code.device)
        pattern.masks[name] = torch.cat(masks).to(code.device)
        pattern.levels[name] = torch.cat(levels).to(code.device)
    return pattern


def draw_bits(quantized: QuantizedWeights, generator: Generator, count: int) -> list[Flip]:
    """Distinct stored bits drawn uniformly, in random order: the first k are a draw of k bits.

    Args:
        quantized: the weights.
        generator: on the CPU.
        count: number of bits; all of them if there are fewer.
    """
    total = quantized.n_bits
    if total <= 4 * count:
        drawn = torch.randperm(total, generator=generator)[:count].tolist()
    else:
        seen: dict[int, None] = {}
        while len(seen) < count:
            more = torch.randint(total, (count - len(seen),), generator=generator)
            seen |= dict.fromkeys(more.tolist())
        drawn = list(seen)
    starts, start = [], 0
    for name, code in quantized.codes.items():
        starts.append((start, name))
        start += code.numel() * len(PLACE_VALUES)
    flips = []
    for number in drawn:
        first, name = max(each for each in starts if each[0] <= number)
        flips.append(Flip(name, *divmod(number - first, len(PLACE_VALUES))))
    return flips
