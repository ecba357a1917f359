"""Random numbers per example, independent of the batch that the example is in.

A counter-based generator: number ``k`` of an example is a hash of (seed, example, ``k``), the
finaliser of SplitMix64 (Steele, Lea & Flood 2014) applied to sums of odd multiples. Integers only,
so that every device draws the same.
"""

from __future__ import annotations

import torch
from torch import Tensor


def _signed(value: int) -> int:
    """A 64-bit pattern as a signed integer."""
    return value - (1 << 64) if value >= 1 << 63 else value


_GOLDEN = _signed(0x9E3779B97F4A7C15)
_FIRST = _signed(0xBF58476D1CE4E5B9)
_SECOND = _signed(0x94D049BB133111EB)


def _shift(values: Tensor, by: int) -> Tensor:
    """Logical right shift; PyTorch's own is arithmetic."""
    return (values >> by) & ((1 << (64 - by)) - 1)


def _mix(values: Tensor) -> Tensor:
    values = (values ^ _shift(values, 30)) * _FIRST
    values = (values ^ _shift(values, 27)) * _SECOND
    return values ^ _shift(values, 31)


def uniform(seed: int, rows: Tensor, stream: int | Tensor, count: int) -> Tensor:
    """Uniform numbers in [0, 1), float32 (n, ``count``).

    Args:
        seed: a 63-bit integer.
        rows: int64 (n,), indices of the examples.
        stream: index of an example's sequence, one for all or one per example (n,).
        count: number of draws per example.
    """
    key = _mix(_mix(rows * _GOLDEN + seed) + stream)
    steps = torch.arange(1, count + 1, device=rows.device) * _GOLDEN
    return _shift(_mix(key[:, None] + steps), 40).float() * 2.0**-24
