"""A differentiable bound on the change of logits under joint perturbations of images and weights.

Interval bound propagation over inputs and weights. Each entry of an activation lies within ``r`` of
a center ``c``; after a layer whose entries change by at most ``e``,

    c' = W c + b,        r' = |W| r + e sum(|c| + r) + e_b

and at the last layer the rows are ``W_y - W_j``, whose entries change by at most ``2 e``. It bounds
every joint perturbation (Tsai et al. 2021, "Non-Singular Adversarial Robustness of Neural
Networks", arXiv:2102.11935, analyse the same error); the derivation is in ``docs/zoo.md``.

The network's own code runs, with an :class:`Interval` in place of the images. The leaderboard's
certificates are computed separately, in float64 and more tightly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.errors import InputError
from models_zoo.intervals import Box

Apply = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Interval:
    """A box of tensors in place of a network's activation.

    Attributes:
        box: the activation lies in it.
        share: each weight may change by this share of the largest entry of its tensor.
        last: if this is the output of ``F.linear``, its input, matrix and bias.
    """

    box: Box
    share: float
    last: tuple[Interval, Tensor, Tensor | None] | None = None

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Bound a function of PyTorch that is applied to an interval."""
        if func not in _FUNCTIONS:
            raise _unbounded(getattr(func, "__name__", str(func)))
        return _FUNCTIONS[func](*args, **(kwargs or {}))

    def relu(self) -> Interval:
        """As of a tensor."""
        return Interval(self.box.activated(torch.relu), self.share)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Interval:
        """As of a tensor."""
        flat = self.box.rearranged(lambda values: values.flatten(start_dim, end_dim))
        return Interval(flat, self.share)

    def __add__(self, other: Interval | Tensor) -> Interval:
        if isinstance(other, Interval):
            return Interval(self.box.plus(other.box), self.share)
        return Interval(Box(self.box.center + other, self.box.radius), self.share)

    def __sub__(self, other: Tensor) -> Interval:
        return Interval(Box(self.box.center - other, self.box.radius), self.share)

    def __truediv__(self, other: Tensor) -> Interval:
        return Interval(Box(self.box.center / other, self.box.radius / other.abs()), self.share)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name) if name.startswith("__") else _unbounded(name)

    def entry(self, weight: Tensor | None) -> Tensor | float:
        """The maximum change of an entry of a weight or bias."""
        return 0.0 if weight is None else self.share * weight.abs().amax()


def margin_errors(
    model: nn.Module, images: Tensor, labels: Tensor, *, eps: float, share: float
) -> Tensor:
    """Upper bound on the decrease of ``f_y - f_j`` under joint perturbations.

    Args:
        model: ends in a linear layer; made of linear and convolutional layers, ReLU, sums.
        images: float32 (N, C, H, W) in [0, 1].
        labels: int64 (N,).
        eps: linf budget of the images, in input units; perturbed images stay in [0, 1].
        share: each entry of a weight or bias changes by at most this share of the largest entry of
            its tensor.

    Returns:
        ``eta`` (N, classes), 0 at the label. If ``f_y(x) - f_j(x) > eta_j`` for all other ``j``,
        the prediction cannot change.

    Raises:
        InputError: the model has an operation without a bound, such as batch norm.
    """
    answer = model(Interval(Box.around_images(images, eps), share))
    if not isinstance(answer, Interval) or answer.last is None:
        raise InputError("recipe nonsingular needs a network that ends in a linear layer")
    inputs, weight, bias = answer.last
    rows = weight[labels][:, None] - weight  # (N, classes, features)
    spread = torch.einsum("njk,nk->nj", rows.abs(), inputs.box.radius)
    size = inputs.box.magnitude.sum(1, keepdim=True)
    spread = spread + 2 * inputs.entry(weight) * size + 2 * inputs.entry(bias)
    offset = torch.zeros_like(weight[:, 0]) if bias is None else bias
    center = torch.einsum("njk,nk->nj", rows, inputs.box.center) + offset[labels][:, None] - offset
    exact = model(images)
    margins = exact.gather(1, labels[:, None]) - exact
    decrease = margins - (center - spread)  # the center is not the activation
    errors: Tensor = decrease.masked_fill(F.one_hot(labels, len(weight)).bool(), 0.0)
    return errors


def _layer(z: Interval, weight: Tensor, bias: Tensor | None, apply: Apply) -> Interval:
    shape = (1, -1, *[1] * (z.box.center.ndim - 2))
    center, radius = z.box.mapped(weight, apply)
    if z.share:
        ones = torch.ones_like(weight[:1])
        radius = radius + z.entry(weight) * apply(z.box.magnitude, ones)
    if bias is not None:
        center, radius = center + bias.view(shape), radius + z.entry(bias)
    return Interval(Box(center, radius), z.share)


def _linear(z: Interval, weight: Tensor, bias: Tensor | None = None) -> Interval:
    return replace(_layer(z, weight, bias, F.linear), last=(z, weight, bias))


def _conv2d(
    z: Interval, weight: Tensor, bias: Tensor | None = None, *places: Any, **named: Any
) -> Interval:
    def apply(values: Tensor, kernel: Tensor) -> Tensor:
        return F.conv2d(values, kernel, None, *places, **named)

    if (places[3:] or (named.get("groups", 1),)) != (1,):
        raise _unbounded("conv2d in groups")
    return _layer(z, weight, bias, apply)


def _unbounded(name: str) -> InputError:
    return InputError(
        f"recipe nonsingular has no bound for the operation {name!r}; choose an architecture of "
        "linear and convolutional layers, ReLU and sums, such as 'mlp', 'cnn' or 'cifar-resnet2b'"
    )


_FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    F.linear: _linear,
    F.conv2d: _conv2d,
    F.relu: lambda z, inplace=False: z.relu(),
    torch.relu: Interval.relu,
    torch.flatten: Interval.flatten,
}
