"""What rounding adds to bounds in real arithmetic.

A certificate is about the logits that a network computes in float32, while its bounds are those of
real numbers, computed in float64. In float32 ``fl(a op b) = (a op b)(1 + d) + e``, where ``d`` is
at most the unit roundoff ``u`` and ``e`` at most the smallest normal number in absolute value:
smaller results are subnormal, or 0 where these are flushed. So a sum of ``n`` products and a bias,
with or without fused multiply-adds and in any order of summation, is off by at most

    gamma_n (|W| |x| + |b|) + underflow,      gamma_n = n u / (1 - n u)

(Higham 2002, "Accuracy and Stability of Numerical Algorithms", sections 2.1 and 3.1). Nothing
overflows where the sum of all absolute values is below the largest number. Algorithms that are no
sums of the products, such as Winograd's, obey other bounds.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

UNIT_ROUNDOFF = 2.0**-24
"""Unit roundoff of float32: half the distance from 1 to the next number."""

UNIT_ROUNDOFF_OF_BOUNDS = 2.0**-53
"""Unit roundoff of float64, in which bounds are computed."""

SMALLEST_NORMAL = 2.0**-126
"""Smallest float32 number with all its digits; results below it may become 0."""

OVERFLOW = 2.0**127
"""Half of the largest float32 number. What is bounded by it stays finite with its rounding."""

OUTWARD = 1 + 2.0**-26
"""Factor that covers the rounding, in float64, of a length of up to ``10^8`` entries."""


def gamma(roundings: int, unit: float = UNIT_ROUNDOFF) -> float:
    """``n u / (1 - n u)``: the largest relative error of ``n`` roundings.

    Args:
        roundings: ``n``.
        unit: unit roundoff ``u``.

    Returns:
        Infinity where ``n u >= 1``, where no bound is known.
    """
    return roundings * unit / (1 - roundings * unit) if roundings * unit < 1 else math.inf


def relative_error(roundings: int) -> float:
    """Largest relative error of ``n`` roundings in float32, and of those of its bound in float64.

    A center and a box are two sums of the same terms; a few roundings more are those of the bound's
    own steps.

    Args:
        roundings: ``n``.
    """
    return gamma(roundings) + gamma(2 * roundings + 8, UNIT_ROUNDOFF_OF_BOUNDS)


def underflow(roundings: int, outputs: int, factors: Tensor) -> Tensor:
    """l2 length (N,) of what underflow changes in an output, in each of two times ``n`` steps.

    A product or a sum that underflows is off by the smallest normal number, and a factor that is
    flushed to 0 by that number times the other factor.

    Args:
        roundings: ``n``, at least the number of products.
        outputs: number of entries.
        factors: (N,), upper bound of the sum of the largest factors of a product.
    """
    return math.sqrt(outputs) * 2 * max(roundings, 1) * SMALLEST_NORMAL * (2 + factors)


def finite(error: Tensor, largest: Tensor) -> Tensor:
    """The error (N,), infinite for examples where something could overflow.

    Args:
        error: (N,).
        largest: (N,), upper bound of the absolute value of everything that is computed.
    """
    return torch.where(largest < OVERFLOW, error, torch.inf)
