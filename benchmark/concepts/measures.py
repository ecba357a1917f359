"""How well margins separate images with a concept from images without, and how alike vectors are.

Each returns one number per vector; a seed has one vector per method.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from benchmark import statistics

_TINY = 1e-300


def retrieved(margins: Tensor) -> Tensor:
    """The share of images with a positive margin, (V,).

    That of images with the concept is recall, that of others the false-positive rate.

    Args:
        margins: (N, V).
    """
    return (margins > 0).double().mean(0)


def recall_at(rate: float, positive: Tensor, negative: Tensor) -> Tensor:
    """Recall with the lowest threshold at which at most a share of the others is above it, (V,).

    A constant classifier has recall 0.

    Args:
        rate: the allowed share of images without the concept.
        positive: margins (P, V) of images with the concept.
        negative: margins (N, V) of images without.
    """
    allowed = math.floor(rate * len(negative) + 1e-9)
    threshold = negative.sort(0, descending=True).values[min(allowed, len(negative) - 1)]
    return (positive > threshold).double().mean(0)


def auroc(positive: Tensor, negative: Tensor) -> Tensor:
    """The probability that an image with the concept has the larger margin, ties half, (V,).

    Args:
        positive: margins (P, V) of images with the concept.
        negative: margins (N, V) of images without.
    """
    columns = zip(positive.T.cpu(), negative.T.cpu(), strict=True)
    areas = [statistics.auroc(with_concept, without) for with_concept, without in columns]
    return torch.tensor(areas, dtype=torch.float64)


def cosines(weights: Tensor) -> Tensor:
    """Cosines between all pairs of vectors, float64 (V, V); those of a zero vector are 0.

    Args:
        weights: (V, d).
    """
    unit = weights / torch.linalg.vector_norm(weights, dim=1, keepdim=True).clamp_min(_TINY)
    found: Tensor = unit @ unit.T
    return found
