"""Maximum prediction divergence inside an input ball.

Source: Yu, Qin, Liu, Zhao, Wang, Chen 2019, "Interpreting and evaluating neural network
robustness", IJCAI. The result of an ascent is a lower bound of the maximum, not a certificate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import apgd, per_example
from benchmark.attacks.verification import require_inside
from benchmark.objectives import divergence, normalized_divergence, targeted_margin
from benchmark.spaces import IMAGES, InputBall
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes

MIN_DIVERGENCE = 1e-12
"""Smallest divergence used in reciprocals, in nats; smaller values are rounding errors."""

FIRST_STEP = 1.0
"""First step of the ascent, in radii: shorter than usual, since the starting points are far from
the image already."""


@dataclass(frozen=True)
class Divergence:
    """The results for the balls of one radius.

    Attributes:
        values: (N,), the largest KL divergence from each clean prediction, float64, in nats.
        changed: bool (N,), whether the image found has another predicted class than the clean one.
    """

    values: Tensor
    changed: Tensor

    @property
    def psi(self) -> Tensor:
        """``1 / values`` (N,), the paper's form: larger is more robust."""
        return 1 / self.values.clamp_min(MIN_DIVERGENCE)


def maximum_divergence(
    subject: Subject,
    norm: str,
    budgets: Sequence[float],
    *,
    steps: int = 20,
    restarts: int = 3,
    normalized: bool = False,
) -> list[Divergence]:
    """The largest KL divergences from each clean prediction found, at ascending budgets.

    The gradient of the divergence is zero at the image itself, and the end of an ascent depends on
    the class towards which it starts, see :func:`_start`. The best iterate counts, and the result
    for a small ball counts in every larger one.

    Args:
        subject: model and examples; labels are not used.
        norm: ``"linf"`` or ``"l2"``.
        budgets: radii in input units, ascending.
        steps: APGD steps.
        restarts: ascents per example and radius.
        normalized: whether logits are standardized to zero mean and unit deviation first.
    """
    objective = normalized_divergence if normalized else divergence
    clean = subject.logits()
    best = torch.zeros(len(subject), dtype=torch.float64, device=clean.device)
    changed = torch.zeros(len(subject), dtype=torch.bool, device=clean.device)
    divergences = []
    for eps in budgets:
        ball = InputBall(subject.images, norm, eps)
        for restart in range(restarts if eps > 0 else 0):
            start = _start(subject, ball, clean, restart)
            for batch in subject.row_batches():
                part, local = subject.take(batch), ball.take(batch)
                evaluate = per_example(part, objective, clean[batch], stop=False)
                found = local.project(
                    apgd(
                        local, evaluate, {IMAGES: start[batch]}, steps, first_step=FIRST_STEP
                    ).point
                )
                require_inside(local, found)
                logits = part.logits(found[IMAGES])
                reached = objective(logits, part.labels, clean[batch])
                best[batch] = torch.maximum(best[batch], reached)
                changed[batch] |= predicted_classes(logits) != predicted_classes(clean[batch])
        divergences.append(Divergence(best.clone(), changed.clone()))
        subject.progress(f"divergence {eps:.4g}: {float(best.mean()):.3g} nats")
    return divergences


def _start(subject: Subject, ball: InputBall, clean: Tensor, restart: int) -> Tensor:
    """The start of an ascent, (N, C, H, W).

    Every other start is a full step towards a class, ``z_t - z_y`` with y the predicted class:
    first the runner-up, then the third, and so on. The others are random.
    """
    rank = restart // 2 + 1
    if restart % 2 or rank >= clean.shape[1]:
        generator = subject.generator("intrinsic", ball.norm, ball.eps, restart)
        return ball.points_of(subject.keys, generator.initial_seed())[IMAGES]
    order = clean.sort(dim=1, descending=True, stable=True).indices
    starts = []
    for batch in subject.row_batches():
        part = subject.on(subject.images[batch], order[batch, 0])
        local, rows = ball.take(batch), torch.arange(len(batch), device=batch.device)
        evaluate = per_example(part, targeted_margin, order[batch, rank], stop=False)
        uphill = local.steepest(evaluate(local.origin, rows).gradient, local.origin)
        one = torch.ones(len(batch), device=batch.device)
        starts.append(local.project(local.move(local.origin, uphill, one))[IMAGES])
    return torch.cat(starts)
