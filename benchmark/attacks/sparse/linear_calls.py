"""The linear maps of a forward pass: recorded, and replayed up to a changed weight.

What a model computes before a weight is first used does not depend on it. Replaying the results of
the linear maps before that leaves the model's own cheap operations and the rest of the network, for
any module, in whatever order it calls its layers. The models are not changed: calls of PyTorch's
functions are intercepted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from benchmark.spaces import Point
from benchmark.subject import Subject

LINEAR_MAPS = frozenset(
    (
        *(F.linear, torch.conv1d, torch.conv2d, torch.conv3d),
        *(torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d),
    )
)
"""Functions whose calls are intercepted."""


@dataclass(frozen=True)
class OutputLayer:
    """The last linear map, if its result is the logits.

    Attributes:
        name: of its weight, (K, d).
        features: its input (N, d).
        bias: (K,), or ``None``.
    """

    name: str
    features: Tensor
    bias: Tensor | None

    def logits(self, weight: Tensor) -> Tensor:
        """The logits (N, K) with another weight, as the model computes them."""
        return F.linear(self.features, weight, self.bias)


class LinearCalls(TorchFunctionMode):
    """Intercepts the linear maps of a forward pass.

    Args:
        replayed: results that the first calls return in place of theirs.
        keeps: whether to record the results.

    Attributes:
        results: copies of the results, in order.
        weights: the weight operand of each call.
        last: input, weight, bias and result of the last call, if it was one of
            :func:`torch.nn.functional.linear`.
    """

    def __init__(self, replayed: Sequence[Tensor] = (), *, keeps: bool = False) -> None:
        super().__init__()
        self.replayed, self.keeps = replayed, keeps
        self.results: list[Tensor] = []
        self.weights: list[Tensor] = []
        self.last: tuple[Tensor, Tensor, Tensor | None, Tensor] | None = None

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run a function, or return what it returned before."""
        named = dict(kwargs or {})
        if func not in LINEAR_MAPS:
            return func(*args, **named)
        place = len(self.weights)
        given = _given(args, named)
        self.weights.append(given[1])
        if place < len(self.replayed):
            return self.replayed[place].clone()  # a model may write to it
        result = func(*args, **named)
        if self.keeps:
            self.results.append(result.clone())
        self.last = (given[0], given[1], given[2], result) if func is F.linear else None
        return result


def _given(args: Sequence[Any], named: Mapping[str, Any]) -> tuple[Tensor, Tensor, Tensor | None]:
    names = ("input", "weight", "bias")
    found = dict(zip(names, args, strict=False)) | {n: named[n] for n in names if n in named}
    return found["input"], found["weight"], found.get("bias")


@torch.no_grad()
def output_layer(
    subject: Subject, images: Tensor, weights: Point
) -> tuple[Tensor, OutputLayer | None]:
    """The logits of images, and the last linear map if it gives them.

    Args:
        subject: the model.
        images: (N, C, H, W), passed forward once, in batches.
        weights: with which the model is called.
    """
    logits, features, name, bias = [], [], None, None
    for part in torch.split(images, subject.batch_size):
        with LinearCalls() as calls:
            found = subject.forward(part, weights)
        logits.append(found)
        name, bias = _logits_by(calls, found, weights), calls.last[2] if calls.last else None
        if name is not None and calls.last is not None:
            features.append(calls.last[0])
    every = torch.cat(logits)
    if name is None or len(features) < len(logits):
        return every, None
    return every, OutputLayer(name, torch.cat(features), bias)


def _logits_by(calls: LinearCalls, logits: Tensor, weights: Point) -> str | None:
    """The name of the weight whose linear map gives the logits."""
    if calls.last is None or calls.last[0].ndim != 2 or not torch.equal(calls.last[3], logits):
        return None
    used = [_name_of(weight, weights) for weight in calls.weights]
    return used[-1] if used.count(used[-1]) == 1 else None


def _name_of(weight: Tensor, weights: Point) -> str | None:
    for name, tensor in weights.items():
        if tensor.data_ptr() == weight.data_ptr() and tensor.shape == weight.shape:
            return name
    return None


class Replay:
    """Forward passes of one batch of images, replayed up to the first use of a changed weight.

    Args:
        subject: the model.
        images: one batch.
        weights: with which the model is called; their entries may change between the calls, but the
            results that were recorded are those at the beginning.
    """

    def __init__(self, subject: Subject, images: Tensor, weights: Point) -> None:
        self.subject, self.images, self.weights = subject, images, weights
        with torch.no_grad(), LinearCalls(keeps=True) as calls:
            self.logits = subject.forward(images, weights)
        self._results = calls.results
        self._places: dict[str, int] = {}
        for place, weight in enumerate(calls.weights):
            if (name := _name_of(weight, weights)) is not None:
                self._places.setdefault(name, place)

    @torch.no_grad()
    def after(self, name: str) -> Tensor:
        """The logits now, when at most the tensor of this name differs from the beginning."""
        with LinearCalls(replayed=self._results[: self._places.get(name, 0)]):
            return self.subject.forward(self.images, self.weights)
