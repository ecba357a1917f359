"""Projected gradient ascent for training; evaluation uses stronger attacks."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Objective = Callable[[Tensor, Tensor], Tensor]
"""(logits, labels) to the scalar that an adversary ascends, summed over the examples."""


def summed_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The default objective, cross-entropy of logits (N, classes) and labels (N,)."""
    return F.cross_entropy(logits, labels, reduction="sum")


def pgd(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    eps: float,
    step: float,
    steps: int,
    generator: torch.Generator,
    objective: Objective = summed_cross_entropy,
) -> Tensor:
    """Images that ascend an objective inside the linf ball and [0, 1] (Madry et al. 2018).

    Args:
        model: from images in [0, 1] to logits; gradients of its parameters are not computed.
        images: float32 (N, C, H, W) in [0, 1].
        labels: int64 (N,).
        eps: radius of the linf ball, in input units.
        step: length of one sign step, in input units.
        steps: number of steps, from a uniformly random start.
        generator: source of the start, on the CPU.
        objective: by default the cross-entropy.

    Returns:
        Perturbed images (N, C, H, W), detached.
    """
    low, high = (images - eps).clamp(min=0), (images + eps).clamp(max=1)
    noise = torch.rand(images.shape, generator=generator).to(images.device)
    current = torch.clamp(images + eps * (2 * noise - 1), low, high)
    for _ in range(steps):
        current.requires_grad_(True)
        (gradient,) = torch.autograd.grad(objective(model(current), labels), current)
        current = torch.clamp(current.detach() + step * gradient.sign(), low, high)
    return current.detach()
