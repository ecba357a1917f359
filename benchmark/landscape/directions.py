"""Filter-normalized random directions in weight space.

Source: Li, Xu, Taylor, Studer & Goldstein 2018, "Visualizing the loss landscape of neural nets",
NeurIPS; their code adds 1e-10 to the norm of a filter. As there, tensors of one dimension (biases
and the affine parameters of batch norm) are not displaced.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Generator, Tensor

from benchmark.spaces import Point

FILTER_NORM_EPSILON = 1e-10
"""Added to the norm of a filter before division, as in the authors' code."""


def filter_normalized(weights: Mapping[str, Tensor], generator: Generator) -> Point:
    """A Gaussian direction in which every filter has the norm of the weights' filter.

    A filter belongs to one output channel or unit: it is a row of the first dimension.

    Args:
        weights: kernels by name, of two or more dimensions.
        generator: on the CPU, so that every device gets the same direction.
    """
    return {
        name: _normalized(torch.randn(w.shape, generator=generator).to(w), w)
        for name, w in weights.items()
    }


def moved(weights: Mapping[str, Tensor], *steps: tuple[float, Point]) -> Point:
    """The weights after steps along directions: ``w + alpha * d + beta * e + ...``.

    Args:
        weights: by name.
        steps: length and direction of each.
    """
    point = dict(weights)
    for length, direction in steps:
        point = {name: w + length * direction[name] for name, w in point.items()}
    return point


def _normalized(direction: Tensor, weight: Tensor) -> Tensor:
    scale = _lengths(weight) / (_lengths(direction) + FILTER_NORM_EPSILON)
    return direction * scale.view(-1, *[1] * (weight.ndim - 1))


def _lengths(tensor: Tensor) -> Tensor:
    lengths: Tensor = torch.linalg.vector_norm(tensor.flatten(1), dim=1)
    return lengths
