"""Input gradients of several objectives, and how far off they put the decision boundary."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark.subject import Subject


def input_gradients(
    subject: Subject, images: Tensor, *objectives: Callable[[Tensor, Tensor], Tensor]
) -> list[tuple[Tensor, Tensor]]:
    """Values (N,) and gradients (N, C, H, W) of several objectives from one forward pass.

    Args:
        subject: model and examples.
        images: where to ask, one image an example.
        objectives: of the logits of some examples and these examples' indices.

    Returns:
        One pair an objective, the values in float64. Where the model lets no gradient through, it
        is zero.
    """
    values = [images.new_zeros(len(images), dtype=torch.float64) for _ in objectives]
    slopes = [torch.zeros_like(images) for _ in objectives]
    for rows in subject.row_batches() if len(subject) else ():
        part = images[rows].detach().requires_grad_(True)
        with torch.enable_grad():
            logits = subject.forward(part)
            found = [objective(logits, rows) for objective in objectives]
        for place, each in enumerate(found):
            values[place][rows] = each.detach().double()
            if each.requires_grad:
                again = place + 1 < len(found)
                (slope,) = subject.gradients(each.sum(), [part], len(part), again=again)
                slopes[place][rows] = slope
    return list(zip(values, slopes, strict=True))


def first_order_distance(gap: Tensor, slope: Tensor) -> Tensor:
    """First-order linf distance (N,) to where ``gap`` is 0; infinite where there is no slope."""
    size = slope.double().abs().flatten(1).sum(1)
    return torch.where(size > 0, gap.double().abs() / size, torch.inf)
