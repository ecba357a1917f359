"""Second derivatives of the clean loss in the weights, through two backward passes.

ReLU has no second derivative at 0; automatic differentiation uses zero, so that the result is the
curvature within the linear pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmark.objectives import cross_entropy
from benchmark.spaces import Point
from benchmark.subject import Subject

MEMORY_FACTOR = 4
"""Memory of differentiating twice, relative to once; chunks are smaller by this factor."""


class NoSecondDerivativeError(Exception):
    """A part of the model can be differentiated once but not twice."""


@contextmanager
def _twice() -> Iterator[None]:
    """Enable gradients and twice differentiable attention; report a missing second derivative."""
    try:
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        if "derivative for" in reason or "differentiate twice" in reason:
            raise NoSecondDerivativeError(reason) from error
        raise


def hessian_product(subject: Subject, weights: Point, direction: Point) -> Point:
    """``H d``, with ``H`` the Hessian of the mean clean cross-entropy in ``weights``.

    Args:
        subject: model and examples.
        weights: tensors by parameter name, where the Hessian is taken.
        direction: d, in the same form.

    Raises:
        NoSecondDerivativeError: a part of the model has none.
    """
    product = {name: torch.zeros_like(tensor) for name, tensor in weights.items()}
    for rows in _chunks(subject):
        part = subject.take(rows)
        asked = {name: w.detach().requires_grad_(True) for name, w in weights.items()}
        share = _shares(part, 1 / len(subject))
        with _twice():
            along = _directional_derivative(part, asked, direction, share)
            gradients = _differentiate(part, along, list(asked.values()))
        for name, gradient in zip(asked, gradients, strict=True):
            product[name] += gradient
    return product


def directional_derivatives(subject: Subject, weights: Point, direction: Point) -> Tensor:
    """Per-example derivatives of the clean cross-entropy along a direction of the weights, (N,).

    The gradient of ``sum of u_n * loss_n`` along the direction is linear in ``u``, and its
    derivative with respect to ``u`` is the result: two backward passes per chunk of examples.

    Args:
        subject: model and examples.
        weights: tensors by parameter name, where the derivative is taken.
        direction: in the same form.

    Raises:
        NoSecondDerivativeError: a part of the model has none.
    """
    found = []
    for rows in _chunks(subject):
        part = subject.take(rows)
        asked = {name: w.detach().requires_grad_(True) for name, w in weights.items()}
        share = _shares(part, 1.0).requires_grad_(True)
        with _twice():
            along = _directional_derivative(part, asked, direction, share)
            found.extend(_differentiate(part, along, [share]))
    return torch.cat(found)


def _shares(part: Subject, value: float) -> Tensor:
    """A number for each example, float32: the inputs may be token ids."""
    return torch.full((len(part),), value, dtype=torch.float32, device=part.images.device)


def _directional_derivative(part: Subject, asked: Point, direction: Point, share: Tensor) -> Tensor:
    """The derivative of one chunk's weighted loss along a direction, itself differentiable."""
    losses = cross_entropy(part.forward(part.images, asked), part.labels)
    value = (losses * share).sum()
    if not value.requires_grad:
        return value
    part.passes.backwards += len(part)
    gradients = torch.autograd.grad(
        value, list(asked.values()), create_graph=True, materialize_grads=True
    )
    pairs = zip(asked, gradients, strict=True)
    return torch.stack([(gradient * direction[name]).sum() for name, gradient in pairs]).sum()


def _differentiate(part: Subject, along: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    """Derivatives of a directional derivative with respect to leaves of its graph.

    The whole graph is traversed, not only the paths to the leaves: a function that can be
    differentiated only once cuts these paths, and their part would silently count as zero.
    """
    if along.requires_grad:
        part.passes.backwards += len(part)
        torch.autograd.backward(along)
    return [torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves]


def _chunks(subject: Subject) -> tuple[Tensor, ...]:
    return subject.row_batches(max(subject.batch_size // MEMORY_FACTOR, 1))
