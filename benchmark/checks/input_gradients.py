"""Gradients of several objectives over all examples, and first-order distances."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmark.image_gradients import DifferentiableForward
from benchmark.subject import Subject

Objective = Callable[..., Tensor]
"""``(logits (N, K), rows=indices (N,)) -> (N,)``."""


def input_gradients(
    subject: Subject, images: Tensor, *objectives: Objective
) -> list[tuple[Tensor, Tensor]]:
    """Values (N,) and gradients (N, C, H, W) of several objectives from one forward pass.

    Args:
        subject: model and examples.
        images: where to differentiate, one image per example.
        objectives: of the logits of some examples, and ``rows``, the indices of these examples.

    Returns:
        One pair per objective, the values in float64. The gradient is zero where the model lets
        none through.
    """
    values = [images.new_zeros(len(images), dtype=torch.float64) for _ in objectives]
    gradients = [torch.zeros_like(images) for _ in objectives]
    for rows in subject.row_batches() if len(subject) else ():
        forward = DifferentiableForward(subject, images[rows])
        for place, objective in enumerate(objectives):
            value, gradient = forward.gradient(
                partial(objective, rows=rows), again=place + 1 < len(objectives)
            )
            values[place][rows] = value.double()
            gradients[place][rows] = gradient
    return list(zip(values, gradients, strict=True))


def first_order_distance(margin: Tensor, gradient: Tensor) -> Tensor:
    """First-order linf distance (N,) to the zero of a margin; infinite where the gradient is 0."""
    size = gradient.double().abs().flatten(1).sum(1)
    return torch.where(size > 0, margin.double().abs() / size, torch.inf)
