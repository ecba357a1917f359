"""Weights that may move, and how far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmark.spaces import WeightBall
from benchmark.spaces.inside import TOLERANCE
from models_zoo.errors import InputError


class UncertifiableError(InputError):
    """No bound is known for a model or a set of perturbations."""


@dataclass(frozen=True)
class Reach:
    """How far a tensor may move.

    Attributes:
        norm: l2 length of the displacement, at most.
        entries: absolute value of each of its entries, at most, float64 in the tensor's shape;
            ``None`` where only the length is bounded.
    """

    norm: float
    entries: Tensor | None = None


STILL = Reach(0.0)
"""The reach of a tensor that does not move."""


def reaches(ball: WeightBall) -> dict[str, Reach]:
    """How far each tensor may move in a ball, with the tolerance that points are measured with.

    A ball of filters lies in that of their tensor; of the whole network's ball, every tensor is
    given all.

    Raises:
        UncertifiableError: a geometry that no bound is known for.
    """
    weights = {name: weight.double() for name, weight in ball.weights.items()}
    lengths = {name: float(torch.linalg.vector_norm(w)) for name, w in weights.items()}
    geometry: str = ball.geometry
    if geometry == "network-l2":
        lengths = dict.fromkeys(lengths, math.hypot(*lengths.values()))
    return {name: _reach(ball, weight, lengths[name]) for name, weight in weights.items()}


def _reach(ball: WeightBall, weight: Tensor, length: float) -> Reach:
    match ball.geometry:
        case "relative-l2" | "filter-l2" | "network-l2":
            bound = ball.radius * length
            return Reach(bound + TOLERANCE * max(length, bound))
        case "absolute-l2":
            return Reach(ball.radius + TOLERANCE * max(length, ball.radius))
        case "relative-linf":
            entries = ball.radius * weight.abs()
        case "absolute-linf":
            entries = torch.full_like(weight, ball.radius)
        case other:
            raise UncertifiableError(f"no certificate is known for weight balls {other!r}")
    entries = entries + TOLERANCE * torch.maximum(weight.abs().amax(), entries.amax())
    return Reach(float(torch.linalg.vector_norm(entries)), entries)


FORM = {
    getattr(Tensor, name).__get__
    for name in ("shape", "dtype", "device", "ndim", "requires_grad", "is_cuda", "layout")
} | {Tensor.size, Tensor.dim, Tensor.numel}
"""The attributes of a moving weight that a network may read; none depends on its values."""


class Moving(Tensor):
    """A weight that may move: it can be the kernel or bias of a layer, and nothing else.

    Whatever a network computes from it otherwise, such as a normalised or transposed copy, would
    move in a way that nothing here bounds, so it is refused.

    Attributes:
        bare: the tensor without the mark.
        reach: how far it may move.
    """

    bare: Tensor
    reach: Reach

    @classmethod
    def of(cls, weight: Tensor, reach: Reach) -> Moving:
        """The same tensor, marked; nothing is copied."""
        marked = weight.detach().as_subclass(cls)
        marked.bare, marked.reach = weight.detach(), reach
        return marked

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Allow reading the tensor's shape and type and refuse everything else."""
        if func in FORM and isinstance(args[0], Moving):
            return func(args[0].bare, *args[1:], **(kwargs or {}))
        name = getattr(func, "__name__", str(func))
        raise UncertifiableError(f"a weight that moves is used outside a layer, in {name}")


def bare(weight: Tensor) -> tuple[Tensor, Reach]:
    """A layer's tensor without its mark, and how far it may move."""
    return (weight.bare, weight.reach) if isinstance(weight, Moving) else (weight, STILL)
