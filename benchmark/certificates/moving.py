"""Perturbed weights with bounds on their displacements."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmark.spaces import WeightBall
from benchmark.spaces.inside import MAX_LINF_SLACK
from models_zoo.errors import InputError


class UncertifiableError(InputError):
    """There is no known bound for a model or a set of perturbations."""


@dataclass(frozen=True)
class DisplacementBound:
    """A bound on the displacement of a tensor.

    Attributes:
        norm: upper bound of its l2 length.
        entries: upper bounds of the absolute values of its entries, float64 in the tensor's shape;
            ``None`` if only the length is bounded.
    """

    norm: float
    entries: Tensor | None = None


NO_DISPLACEMENT = DisplacementBound(0.0)
"""The bound for a tensor that is not perturbed."""


def displacement_bounds(ball: WeightBall) -> dict[str, DisplacementBound]:
    """The bound for each tensor of a ball, including the tolerance with which points are measured.

    A ball of filters is contained in that of their tensor; for the ball of the whole network, every
    tensor gets the whole radius.

    Raises:
        UncertifiableError: there is no known bound for the geometry.
    """
    weights = {name: weight.double() for name, weight in ball.weights.items()}
    lengths = {name: float(torch.linalg.vector_norm(w)) for name, w in weights.items()}
    geometry: str = ball.geometry
    if geometry == "network-l2":
        lengths = dict.fromkeys(lengths, math.hypot(*lengths.values()))
    return {
        name: _displacement_bound(ball, weight, lengths[name]) for name, weight in weights.items()
    }


def _displacement_bound(ball: WeightBall, weight: Tensor, length: float) -> DisplacementBound:
    match ball.geometry:
        case "relative-l2" | "filter-l2" | "network-l2":
            bound = ball.radius * length
            return DisplacementBound(bound + MAX_LINF_SLACK * max(length, bound))
        case "absolute-l2":
            return DisplacementBound(ball.radius + MAX_LINF_SLACK * max(length, ball.radius))
        case "relative-linf":
            entries = ball.radius * weight.abs()
        case "absolute-linf":
            entries = torch.full_like(weight, ball.radius)
        case other:
            raise UncertifiableError(f"no certificate is known for weight balls {other!r}")
    entries = entries + MAX_LINF_SLACK * torch.maximum(weight.abs().amax(), entries.amax())
    return DisplacementBound(float(torch.linalg.vector_norm(entries)), entries)


READABLE = {
    getattr(Tensor, name).__get__
    for name in ("shape", "dtype", "device", "ndim", "requires_grad", "is_cuda", "layout")
} | {Tensor.size, Tensor.dim, Tensor.numel}
"""Attributes of a perturbed weight that a network may read; none depends on its values."""


class MovingWeight(Tensor):
    """A perturbed weight, which can be the kernel or bias of a layer and nothing else.

    Anything else that a network computes from it, such as a normalized or transposed copy, is
    refused, since its displacement would not be bounded.

    Attributes:
        bare: the plain tensor.
        displacement: bound on its displacement.
    """

    bare: Tensor
    displacement: DisplacementBound

    @classmethod
    def of(cls, weight: Tensor, displacement: DisplacementBound) -> MovingWeight:
        """Mark a tensor as perturbed, without a copy."""
        marked = weight.detach().as_subclass(cls)
        marked.bare, marked.displacement = weight.detach(), displacement
        return marked

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Allow reading the tensor's shape and type, and refuse everything else."""
        if func in READABLE and isinstance(args[0], MovingWeight):
            return func(args[0].bare, *args[1:], **(kwargs or {}))
        name = getattr(func, "__name__", str(func))
        raise UncertifiableError(f"a weight that moves is used outside a layer, in {name}")


def bare(weight: Tensor) -> tuple[Tensor, DisplacementBound]:
    """A layer's plain tensor, and the bound on its displacement."""
    return (
        (weight.bare, weight.displacement)
        if isinstance(weight, MovingWeight)
        else (weight, NO_DISPLACEMENT)
    )
