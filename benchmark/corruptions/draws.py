"""One random generator per image, so that neither the batch nor the order changes a draw."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence

from benchmark.corruptions.pixels import Bytes, Reals

Generators = Sequence[Generator]
"""One generator per image."""


def image_key(image: Bytes) -> int:
    """A hash of an image's pixels, 0 to 2^64 - 1, by which its draws are seeded.

    A hash, not the place in a data set: the same image then gets the same draws wherever it is.

    Args:
        image: uint8 (C, H, W).
    """
    return int.from_bytes(hashlib.blake2b(image.tobytes(), digest_size=8).digest(), "little")


def generators(seed: int, name: str, severity: int, keys: Iterable[int]) -> list[Generator]:
    """A generator for each image, seeded from (seed, corruption, severity, image) alone.

    Args:
        seed: root of every draw, at least 0.
        name: name of the corruption.
        severity: 1 to 5.
        keys: one per image, see :func:`image_key`.
    """
    kind = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    return [Generator(PCG64(SeedSequence((seed, kind, severity, key)))) for key in keys]


def normals(each: Generators, shape: tuple[int, ...]) -> Reals:
    """Standard normal numbers (B, *shape)."""
    drawn = np.empty((len(each), *shape))
    for generator, out in zip(each, drawn, strict=True):
        generator.standard_normal(out=out)
    return drawn


def uniforms(
    each: Generators, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0
) -> Reals:
    """Uniform numbers in [low, high), (B, *shape)."""
    drawn = np.empty((len(each), *shape))
    for generator, out in zip(each, drawn, strict=True):
        generator.random(out=out)
    drawn *= high - low
    drawn += low
    return drawn


def angles(each: Generators, low: float, high: float) -> Reals:
    """A uniform angle per image, in degrees, (B,)."""
    return uniforms(each, (1,), low, high)[:, 0]
