"""A short duel: a few steps along the gradient against as many random proposals."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from benchmark.objectives import margin
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes

LARGEST, SMALLEST = 0.8, 0.05
"""Share of the image that the first and the last square of the random search cover."""


def duel(subject: Subject, eps: float, steps: int) -> tuple[Tensor, Tensor]:
    """What two cheap linf searches break, each with ``steps + 1`` forward passes an example.

    One takes sign-gradient steps up the logit margin. What that leaves standing the other attacks
    with vertical stripes and then random squares, each kept where it raises the margin (after the
    Square attack, Andriushchenko et al. 2020).

    Args:
        subject: model and examples.
        eps: linf radius in input units.
        steps: gradient steps, and squares.

    Returns:
        Bool (N,), correct examples broken along the gradient, and bool (N,), those of the others
        that were broken without it.
    """
    by_gradient = torch.zeros_like(subject.labels, dtype=torch.bool)
    for rows in torch.split(subject.correct().nonzero().squeeze(1), subject.batch_size):
        by_gradient[rows] = along_gradient(subject.take(rows), eps, steps)
    left = (subject.correct() & ~by_gradient).nonzero().squeeze(1)
    freely = torch.zeros_like(by_gradient)
    freely[left] = _without_gradient(subject, left, eps, steps)
    return by_gradient, freely


def standing_along_gradient(subject: Subject, budgets: Sequence[float], steps: int) -> list[int]:
    """How many examples the duel's gradient steps leave standing at each budget, run by run.

    Args:
        subject: model and examples.
        budgets: linf radii in input units.
        steps: gradient steps.
    """
    right = subject.correct().nonzero().squeeze(1)
    counts = []
    for eps in budgets:
        fallen = [
            along_gradient(subject.take(rows), eps, steps).sum()
            for rows in torch.split(right, subject.batch_size)
        ]
        counts.append(len(right) - int(sum(fallen)))
    return counts


def along_gradient(subject: Subject, eps: float, steps: int) -> Tensor:
    """Steps of 2, 1, 1/2 and 1/4 radii up the logit margin, from correct examples.

    Args:
        subject: model and correctly classified examples, few enough for one batch.
        eps: linf radius in input units.
        steps: gradient steps.

    Returns:
        Bool (N,), what fell on the way.
    """
    rows = torch.arange(len(subject), device=subject.labels.device)
    fallen = torch.zeros_like(rows, dtype=torch.bool)
    images = subject.images
    for step in range(steps + 1):
        images = images.detach().requires_grad_(True)
        with torch.enable_grad():
            logits = subject.forward(images)
            rise = margin(logits, subject.labels[rows])
        standing = predicted_classes(logits) == subject.labels[rows]
        fallen[rows[~standing]] = True
        if step == steps or not rise.requires_grad or not standing.any():
            break
        (slope,) = subject.gradients(rise.sum(), [images], len(images))
        rows = rows[standing]
        length = 2 * eps / 2 ** (4 * step // steps)
        moved = images.detach()[standing] + length * slope[standing].nan_to_num().sign()
        images = _clip(moved, subject.images[rows], eps)
    return fallen


def _without_gradient(subject: Subject, rows: Tensor, eps: float, steps: int) -> Tensor:
    """Random proposals on some of the rows, drawn for all; bool (rows,), what fell."""
    generator = subject.generator("checks", "duel")
    count, channels, height, width = subject.images.shape

    def signs(*shape: int) -> Tensor:
        drawn = torch.randint(0, 2, (count, *shape), generator=generator)
        return (2.0 * drawn - 1).to(subject.images)[rows]

    part = subject.take(rows)
    fallen = torch.zeros_like(rows, dtype=torch.bool)
    best = part.images
    value = torch.full((len(rows),), -torch.inf, device=best.device)
    for step in range(steps + 1 if len(rows) else 0):
        if step == 0:
            proposal = part.images + eps * signs(channels, 1, width)
        else:
            cover = LARGEST * (SMALLEST / LARGEST) ** (step / steps)
            side = max(1, round((cover**0.5) * min(height, width)))
            corner = torch.rand(count, 2, generator=generator).to(best)[rows]
            painted = part.images + eps * signs(channels, 1, 1)
            proposal = torch.where(_square(corner, side, height, width), painted, best)
        proposal = _clip(proposal, part.images, eps)
        logits = part.logits(proposal)
        fallen |= predicted_classes(logits) != part.labels
        rise = margin(logits, part.labels)
        better = rise > value
        best = torch.where(better.view(-1, 1, 1, 1), proposal, best)
        value = torch.where(better, rise, value)
    return fallen


def _square(corner: Tensor, side: int, height: int, width: int) -> Tensor:
    """Bool (N, 1, H, W): a square an image, its place given in [0, 1) (N, 2)."""
    top = (corner[:, 0] * (height - side + 1)).floor().view(-1, 1, 1, 1)
    left = (corner[:, 1] * (width - side + 1)).floor().view(-1, 1, 1, 1)
    y = torch.arange(height, device=corner.device).view(1, 1, -1, 1)
    x = torch.arange(width, device=corner.device).view(1, 1, 1, -1)
    return (y >= top) & (y < top + side) & (x >= left) & (x < left + side)


def _clip(images: Tensor, centres: Tensor, eps: float) -> Tensor:
    """Into the linf ball and the box."""
    return torch.clamp(images, (centres - eps).clamp_min(0), (centres + eps).clamp_max(1))
