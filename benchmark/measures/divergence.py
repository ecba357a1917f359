"""Maximum prediction divergence inside an input ball.

Source: Yu, Qin, Liu, Zhao, Wang, Chen 2019, "Interpreting and evaluating neural network
robustness", IJCAI. What an ascent finds is a lower bound of the maximum, not a certificate.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from benchmark.ascent import apgd, per_example
from benchmark.attacks.verification import require_inside
from benchmark.objectives import divergence, normalized_divergence
from benchmark.spaces import IMAGES, InputBall
from benchmark.subject import Subject


def maximum_divergence(
    subject: Subject,
    norm: str,
    budgets: Sequence[float],
    *,
    steps: int = 20,
    restarts: int = 3,
    normalized: bool = False,
) -> list[Tensor]:
    """Largest KL divergence (N,) found from each clean prediction, float64, one a budget.

    The divergence has no gradient at the image itself, so every start is random. What is found in a
    small ball counts in every larger one.

    Args:
        subject: model and examples; labels are not used.
        norm: ``"linf"`` or ``"l2"``.
        budgets: radii in input units, ascending.
        steps: APGD steps.
        restarts: random starts.
        normalized: bring logits to zero mean and unit deviation first.
    """
    objective = normalized_divergence if normalized else divergence
    clean = subject.logits()
    best = torch.zeros(len(subject), dtype=torch.float64, device=clean.device)
    ladder = []
    for eps in budgets:
        ball = InputBall(subject.images, norm, eps)
        for restart in range(restarts if eps > 0 else 0):
            start = ball.sample(subject.generator("intrinsic", norm, eps, restart))[IMAGES]
            for batch in subject.row_batches():
                part, local = subject.take(batch), ball.take(batch)
                evaluate = per_example(part, objective, clean[batch], stop=False)
                found = local.project(apgd(local, evaluate, {IMAGES: start[batch]}, steps).point)
                require_inside(local, found)
                reached = objective(part.logits(found[IMAGES]), part.labels, clean[batch])
                best[batch] = torch.maximum(best[batch], reached)
        ladder.append(best.clone())
        subject.progress(f"divergence {eps:.4g}: {float(best.mean()):.3g} nats")
    return ladder
