"""Random numbers per example, independent of the batch that the example is in.

A counter-based generator: number ``k`` of an example is a hash of (seed, example, ``k``), the
finaliser of SplitMix64 (Steele, Lea & Flood 2014) applied to sums of odd multiples. Integers only,
so that every device draws the same. The example enters as a hash of its pixels, so that its draws
do not depend on the other examples, nor on their order.
"""

from __future__ import annotations

import hashlib

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


def image_keys(images: Tensor) -> Tensor:
    """A hash of each image's pixels, int64 (N,); equal images have equal keys.

    Args:
        images: (N, ...), on any device.
    """
    digests = [
        hashlib.blake2b(image.tobytes(), digest_size=8).digest()
        for image in images.detach().cpu().numpy()
    ]
    keys = [int.from_bytes(digest, "little", signed=True) for digest in digests]
    return torch.tensor(keys, dtype=torch.int64, device=images.device)


def uniform(seed: int, keys: Tensor, stream: int | Tensor, count: int) -> Tensor:
    """Uniform numbers in [0, 1), float32 (n, ``count``).

    Args:
        seed: a 63-bit integer.
        keys: int64 (n,), of the examples, see :func:`image_keys`.
        stream: index of an example's sequence, one for all or one per example (n,).
        count: number of draws per example.
    """
    key = _mix(_mix(keys * _GOLDEN + seed) + stream)
    steps = torch.arange(1, count + 1, device=keys.device) * _GOLDEN
    return _shift(_mix(key[:, None] + steps), 40).float() * 2.0**-24
