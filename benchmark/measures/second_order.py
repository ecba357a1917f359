"""Second derivatives of the clean loss by the weights, through two backward passes.

Where ReLU bends there is no second derivative; automatic differentiation takes it as zero, so that
what is measured is the curvature between the bends.
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

GRAPHS = 4
"""Differentiating twice keeps about so many times the memory of once; chunks are that smaller."""


class NoSecondDerivativeError(Exception):
    """A part of the model can be differentiated once but not twice."""


@contextmanager
def _twice() -> Iterator[None]:
    """Gradients on, attention in the form that has a second derivative, and its absence by name."""
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
    """``H d``, with ``H`` the Hessian of the mean clean cross-entropy by ``weights``.

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
        share = part.images.new_full((len(rows),), 1 / len(subject))
        with _twice():
            along = _slope_along(part, asked, direction, share)
            slopes = _differentiate(part, along, list(asked.values()))
        for name, slope in zip(asked, slopes, strict=True):
            product[name] += slope
    return product


def slopes_along(subject: Subject, weights: Point, direction: Point) -> Tensor:
    """Each example's slope of the clean cross-entropy along a direction of the weights, (N,).

    The gradient of ``sum of u_n * loss_n`` along the direction is linear in ``u``, and its
    derivative by ``u`` is what is asked for: two backward passes for all examples of a chunk.

    Args:
        subject: model and examples.
        weights: tensors by parameter name, where the slope is taken.
        direction: in the same form.

    Raises:
        NoSecondDerivativeError: a part of the model has none.
    """
    found = []
    for rows in _chunks(subject):
        part = subject.take(rows)
        asked = {name: w.detach().requires_grad_(True) for name, w in weights.items()}
        share = part.images.new_ones(len(rows)).requires_grad_(True)
        with _twice():
            along = _slope_along(part, asked, direction, share)
            found.extend(_differentiate(part, along, [share]))
    return torch.cat(found)


def _slope_along(part: Subject, asked: Point, direction: Point, share: Tensor) -> Tensor:
    """The slope of the weighted loss of one chunk along a direction, itself differentiable."""
    losses = cross_entropy(part.forward(part.images, asked), part.labels)
    value = (losses * share).sum()
    if not value.requires_grad:
        return value
    part.passes.backwards += len(part)
    slopes = torch.autograd.grad(
        value, list(asked.values()), create_graph=True, materialize_grads=True
    )
    products = [(slope * direction[name]).sum() for name, slope in zip(asked, slopes, strict=True)]
    return torch.stack(products).sum()


def _differentiate(part: Subject, along: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    """Derivatives of a slope by leaves of its graph.

    The whole graph is walked, and not only the ways to the leaves: a function that may be
    differentiated once cuts those ways, and what it cuts off would be taken as zero.
    """
    if along.requires_grad:
        part.passes.backwards += len(part)
        torch.autograd.backward(along)
    return [torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves]


def _chunks(subject: Subject) -> tuple[Tensor, ...]:
    return subject.row_batches(max(subject.batch_size // GRAPHS, 1))
