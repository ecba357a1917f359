"""Maximum prediction divergence inside an input ball.

Source: Yu, Qin, Liu, Zhao, Wang, Chen 2019, "Interpreting and evaluating neural network
robustness", IJCAI. What an ascent finds is a lower bound of the maximum, not a certificate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import apgd, per_example
from benchmark.attacks.verification import require_inside
from benchmark.objectives import divergence, normalized_divergence
from benchmark.spaces import IMAGES, InputBall
from benchmark.subject import Subject

LEAST = 1e-12
"""A smaller divergence, in nats, is rounding; its reciprocal would be any number."""


@dataclass(frozen=True)
class Divergence:
    """What was found in the balls of one radius.

    Attributes:
        values: (N,), the largest KL divergence from each clean prediction, float64, in nats.
        changed: bool (N,), whether an image found has another predicted class than the clean one.
    """

    values: Tensor
    changed: Tensor

    @property
    def psi(self) -> Tensor:
        """``1 / values`` (N,), the paper's form: larger is more robust."""
        return 1 / self.values.clamp_min(LEAST)


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

    The divergence has no gradient at the image itself, so every start is random. The best of all
    iterates counts, and what is found in a small ball counts in every larger one.

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
    changed = torch.zeros(len(subject), dtype=torch.bool, device=clean.device)
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
                logits = part.logits(found[IMAGES])
                reached = objective(logits, part.labels, clean[batch])
                best[batch] = torch.maximum(best[batch], reached)
                changed[batch] |= logits.argmax(1) != clean[batch].argmax(1)
        ladder.append(Divergence(best.clone(), changed.clone()))
        subject.progress(f"divergence {eps:.4g}: {float(best.mean()):.3g} nats")
    return ladder
