"""The operations with known bounds, by the function or method that a network calls.

Each has the arguments of the function, with an :class:`Unknown` as input. Batch norm is in eval
mode, with running statistics: an affine map.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.certificates.affine import convolution_layer, linear_layer, propagate
from benchmark.certificates.enclosure import Enclosure
from benchmark.certificates.moving import MovingWeight
from benchmark.certificates.unknown import Unknown, unsupported

Pair = tuple[int, int]


def linear(z: Unknown, weight: Tensor, bias: Tensor | None = None) -> Unknown:
    """``F.linear`` on features (N, features)."""
    if z.ndim != 2:
        raise unsupported("linear on inputs that are not (N, features)")
    layer = linear_layer(weight, bias, z.traversal)
    entering = z.traversal.enter(z.enclosure)
    return Unknown(propagate(entering, layer), z.traversal, (entering, layer))


def conv2d(
    z: Unknown,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Pair = 1,
    padding: int | Pair | str = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> Unknown:
    """``F.conv2d`` with zero padding."""
    if isinstance(padding, str):
        raise unsupported(f"conv2d with padding {padding!r}")
    height, width = z.shape[2:]
    layer = convolution_layer(
        weight,
        bias,
        (height, width),
        _pair(stride),
        _pair(padding),
        _pair(dilation),
        groups,
        z.traversal,
    )
    return z.then(propagate(z.traversal.enter(z.enclosure), layer))


def batch_norm(
    z: Unknown,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Unknown:
    """``F.batch_norm`` in eval mode, with unperturbed affine parameters."""
    if training or running_mean is None or running_var is None:
        raise unsupported("batch norm with the batch's statistics")
    if bool((running_var < 0).any()):  # plus eps it may cancel, and lose all its digits
        raise unsupported("batch norm with a negative variance")
    if isinstance(weight, MovingWeight) or isinstance(bias, MovingWeight):
        raise unsupported("batch norm whose affine parameters move")
    inverse = (running_var.double() + eps).rsqrt()
    factor = torch.ones_like(inverse) if weight is None else weight.double()
    offset = torch.zeros_like(inverse) if bias is None else bias.double()
    shape = (1, -1, *[1] * (z.ndim - 2))
    constants = (running_mean.double(), inverse, factor, offset)
    return z.then(z.enclosure.standardized(*(each.view(shape) for each in constants)))


def relu(z: Unknown, inplace: bool = False) -> Unknown:
    """``F.relu``."""
    return z.then(z.enclosure.activated(torch.relu))


def leaky_relu(z: Unknown, negative_slope: float = 0.01, inplace: bool = False) -> Unknown:
    """``F.leaky_relu`` with a negative slope in [0, 1]."""
    if not 0 <= negative_slope <= 1:
        raise unsupported(f"leaky_relu with negative slope {negative_slope:g}")
    # The slope is rounded to float32, and then the product.
    return z.then(
        z.enclosure.activated(lambda values: F.leaky_relu(values, negative_slope), roundings=2)
    )


def dropout(z: Unknown, p: float = 0.5, training: bool = True, inplace: bool = False) -> Unknown:
    """``F.dropout`` in eval mode, where it is the identity."""
    if training:
        raise unsupported("dropout in training mode")
    return z


def flatten(z: Unknown, start_dim: int = 0, end_dim: int = -1) -> Unknown:
    """``torch.flatten`` of all dimensions but that of the examples."""
    if start_dim not in (1, 1 - z.ndim):
        raise unsupported("flatten across examples")
    return z.then(z.enclosure.rearranged(lambda values: values.flatten(start_dim, end_dim)))


def reshape(z: Unknown, *shape: Any) -> Unknown:
    """``Tensor.reshape`` and ``view`` that keep the dimension of the examples."""
    wanted = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
    enclosure = z.enclosure.rearranged(lambda values: values.reshape(*wanted))
    if len(enclosure.center) != len(z):
        raise unsupported("reshape across examples")
    return z.then(enclosure)


def pad(z: Unknown, pad: list[int], mode: str = "constant", value: float | None = None) -> Unknown:
    """``F.pad`` with zeros, in all dimensions but that of the examples."""
    if mode != "constant" or value or len(pad) > 2 * (z.ndim - 1):
        raise unsupported("padding with anything but zeros")
    return z.then(z.enclosure.rearranged(lambda values: F.pad(values, list(pad))))


def mean(z: Unknown, dim: int | list[int] | None = None, keepdim: bool = False) -> Unknown:
    """``Tensor.mean`` over dimensions other than the examples'."""
    dims = [dim] if isinstance(dim, int) else list(dim or [])
    dims = [d % z.ndim for d in dims]
    if not dims or 0 in dims:
        raise unsupported("mean over examples")
    count = math.prod(z.shape[d] for d in dims)
    return z.then(_averaged(z.enclosure, lambda values: values.mean(dims, keepdim), count, 1))


def adaptive_avg_pool2d(z: Unknown, output_size: Any) -> Unknown:
    """``F.adaptive_avg_pool2d`` to one pixel."""
    if tuple(_pair(output_size)) != (1, 1):
        raise unsupported(f"adaptive_avg_pool2d to {output_size}")
    return mean(z, [2, 3], keepdim=True)


def avg_pool2d(
    z: Unknown,
    kernel_size: int | Pair,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Unknown:
    """``F.avg_pool2d`` that divides by the size of its window everywhere."""
    padded = _pair(padding) != (0, 0)
    if ceil_mode or divisor_override or (padded and not count_include_pad):
        raise unsupported("avg_pool2d with windows of different weight")
    window = _pair(kernel_size)
    step = _pair(stride) if stride else window
    overlap = math.prod(math.ceil(k / s) for k, s in zip(window, step, strict=True))

    def pool(values: Tensor) -> Tensor:
        return F.avg_pool2d(values, window, step, _pair(padding))

    return z.then(_averaged(z.enclosure, pool, math.prod(window), overlap))


def max_pool2d(
    z: Unknown,
    kernel_size: int | Pair,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Unknown:
    """``F.max_pool2d``; the maximum of a window changes by at most the largest change in it."""
    if return_indices or _pair(dilation) != (1, 1):
        raise unsupported("max_pool2d with indices or dilation")
    window = _pair(kernel_size)
    step = _pair(stride) if stride else window
    overlap = math.prod(math.ceil(k / s) for k, s in zip(window, step, strict=True))

    def pool(values: Tensor) -> Tensor:
        return F.max_pool2d(values, window, step, _pair(padding), 1, ceil_mode)

    return z.then(z.enclosure.activated(pool, stretch=overlap**0.5))


def _averaged(
    z: Enclosure, average: Callable[[Tensor], Tensor], window: int, overlap: int
) -> Enclosure:
    """Means of ``window`` entries each; an entry is in at most ``overlap`` of them.

    Rows of the map sum to 1 and columns to at most ``overlap / window``, so that its spectral norm
    is at most ``sqrt(overlap / window)``.
    """
    stretch = (overlap / window) ** 0.5
    # The sum before it is divided, perhaps by a product with the rounded 1 / window, may overflow.
    return z.rearranged(average, stretch).rounded(window + 2, stretch * z.size, window * z.size)


def _pair(value: Any) -> Pair:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _same(z: Unknown, *_: Any, **__: Any) -> Unknown:
    return z


METHODS: dict[str, Callable[..., Any]] = {
    "relu": relu,
    "relu_": relu,
    "flatten": flatten,
    "view": reshape,
    "reshape": reshape,
    "mean": mean,
    "contiguous": _same,
    "size": lambda z, dim=None: z.shape if dim is None else z.shape[dim],
    "dim": lambda z: z.ndim,
    "add": Unknown.__add__,
    "sub": Unknown.__sub__,
    "mul": Unknown.__mul__,
    "div": Unknown.__truediv__,
}
"""By name, for tensors' own methods."""

FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    F.linear: linear,
    F.conv2d: conv2d,
    F.batch_norm: batch_norm,
    F.relu: relu,
    torch.relu: relu,
    torch.relu_: relu,
    F.leaky_relu: leaky_relu,
    F.dropout: dropout,
    F.pad: pad,
    F.avg_pool2d: avg_pool2d,
    F.adaptive_avg_pool2d: adaptive_avg_pool2d,
    F.max_pool2d: max_pool2d,
    torch.max_pool2d: max_pool2d,
    torch.flatten: flatten,
    torch.mean: mean,
    torch.add: Unknown.__add__,
    torch.sub: Unknown.__sub__,
    torch.mul: Unknown.__mul__,
    torch.div: Unknown.__truediv__,
    Tensor.add: lambda left, right: right + left,
    Tensor.mul: lambda left, right: right * left,
}
"""By function, as PyTorch names it when it meets an :class:`Unknown`."""
