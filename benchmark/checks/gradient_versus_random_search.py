"""Gradient search versus random search, with two short linf searches.

- Gradient search: ``x <- clip(x + a_k sign(grad f))`` on the logit margin ``f`` with steps ``a_k``
  of 2, 1, 1/2 and 1/4 radii.
- Random search: vertical stripes, then random squares that are kept where they increase ``f``,
after the Square attack (Andriushchenko et al. 2020), on the examples that are still robust.

Both make ``steps + 1`` forward passes per example, far too few for a score. Where the random search
breaks examples that the gradient search did not, gradients are masked.

Hyper-parameters: radius, steps, :data:`FIRST_AREA` and :data:`LAST_AREA`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from benchmark.attacks.inputs.random_squares import linf_proposal
from benchmark.image_gradients import DifferentiableForward
from benchmark.objectives import margin
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes

FIRST_AREA, LAST_AREA = 0.8, 0.05
"""Share of the image that the first and the last square of the random search cover."""


def gradient_versus_random_search(
    subject: Subject, eps: float, steps: int
) -> tuple[Tensor, Tensor]:
    """Run the gradient search on the correct examples, and the random search on those still robust.

    Args:
        subject: model and examples.
        eps: linf radius in input units.
        steps: gradient steps, and squares.

    Returns:
        Bool (N,), examples that the gradient search broke, and bool (N,), other examples that the
        random search broke.
    """
    by_gradient = torch.zeros_like(subject.labels, dtype=torch.bool)
    for rows in torch.split(subject.correct().nonzero().squeeze(1), subject.batch_size):
        by_gradient[rows] = broken_along_gradient(subject.take(rows), eps, steps)
    left = (subject.correct() & ~by_gradient).nonzero().squeeze(1)
    at_random = torch.zeros_like(by_gradient)
    at_random[left] = _broken_at_random(subject, left, eps, steps)
    return by_gradient, at_random


def robust_counts_along_gradient(
    subject: Subject, budgets: Sequence[float], steps: int
) -> list[int]:
    """Number of examples that are robust to the gradient search, in one run per budget.

    Args:
        subject: model and examples.
        budgets: linf radii in input units.
        steps: gradient steps.
    """
    correct = subject.correct().nonzero().squeeze(1)
    counts = []
    for eps in budgets:
        broken = [
            broken_along_gradient(subject.take(rows), eps, steps).sum()
            for rows in torch.split(correct, subject.batch_size)
        ]
        counts.append(len(correct) - int(sum(broken)))
    return counts


def broken_along_gradient(subject: Subject, eps: float, steps: int) -> Tensor:
    """Run the gradient search.

    Args:
        subject: model and correctly classified examples, few enough for one batch.
        eps: linf radius in input units.
        steps: gradient steps.

    Returns:
        Bool (N,), examples that were misclassified on the way.
    """
    rows = torch.arange(len(subject), device=subject.labels.device)
    broken = torch.zeros_like(rows, dtype=torch.bool)
    images = subject.images
    for step in range(steps + 1):
        forward, labels = DifferentiableForward(subject, images), subject.labels[rows]
        robust = predicted_classes(forward.logits) == labels
        broken[rows[~robust]] = True
        if step == steps or not forward.differentiable or not robust.any():
            break
        _, gradient = forward.gradient(partial(margin, labels=labels))
        rows = rows[robust]
        length = 2 * eps / 2 ** (4 * step // steps)
        moved = images[robust] + length * gradient[robust].nan_to_num().sign()
        images = _clip(moved, subject.images[rows], eps)
    return broken


def _broken_at_random(subject: Subject, rows: Tensor, eps: float, steps: int) -> Tensor:
    """Run the random search on some rows, with draws for all; bool (rows,), examples broken."""
    generator = subject.generator("checks", "duel")  # seeds the draws: never rename
    count, channels, _, width = subject.images.shape

    def signs(*shape: int) -> Tensor:
        drawn = torch.randint(0, 2, (count, *shape), generator=generator)
        return (2.0 * drawn - 1).to(subject.images)[rows]

    part = subject.take(rows)
    broken = torch.zeros_like(rows, dtype=torch.bool)
    best = part.images
    best_margin = torch.full((len(rows),), -torch.inf, device=best.device)
    for step in range(steps + 1 if len(rows) else 0):
        if step == 0:
            proposal = part.images + eps * signs(channels, 1, width)
        else:
            area = FIRST_AREA * (LAST_AREA / FIRST_AREA) ** (step / steps)
            places = torch.rand(count, 2, generator=generator).to(best)[rows]
            proposal = linf_proposal(part.images, best, eps * signs(channels, 1, 1), places, area)
        proposal = _clip(proposal, part.images, eps)
        logits = part.logits(proposal)
        broken |= predicted_classes(logits) != part.labels
        found = margin(logits, part.labels)
        better = found > best_margin
        best = torch.where(better.view(-1, 1, 1, 1), proposal, best)
        best_margin = torch.where(better, found, best_margin)
    return broken


def _clip(images: Tensor, centers: Tensor, eps: float) -> Tensor:
    """Into the linf ball and the box."""
    return torch.clamp(images, (centers - eps).clamp_min(0), (centers + eps).clamp_max(1))
