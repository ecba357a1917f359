"""Target classes of targeted searches, the most promising first.

Source: MALT, Melamed et al. 2024 (arXiv 2407.02240): classes are ordered by the logit gap over the
norm of its gradient, a first-order estimate of the distance to the decision boundary. The norm is
the dual one of the attack's ball.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from benchmark.attacks.inputs.state import AttackState
from benchmark.image_gradients import DifferentiableForward
from benchmark.memory import in_batches
from benchmark.objectives import other_logits, targeted_margin
from benchmark.spaces.inputs import DUALS, MIN_LENGTH, lengths
from benchmark.subject import Subject

MAX_TARGETS = 9
"""Number of classes, as in AutoAttack's targeted attacks, chosen by their logits."""


def ranked_targets(state: AttackState) -> tuple[Tensor, Tensor]:
    """Targets of the robust, reachable examples, and the first estimate of their progress.

    The progress of a class is the budget over MALT's estimate of the distance to its boundary, the
    share of the logit gap that a linear model would lose.

    Returns:
        Classes, int64 (n, K), and progress (n, K): minus infinity for examples that are broken or
        not reachable.
    """
    subject, device = state.subject, state.keys.device
    count = min(MAX_TARGETS, subject.logits().shape[1] - 1)
    targets = torch.zeros(len(subject), count, dtype=torch.int64, device=device)
    progress = torch.full((len(subject), count), -torch.inf, device=device)

    def work(rows: Tensor) -> None:
        classes, distances = malt_targets(subject.take(rows), state.ball.norm)
        targets[rows] = classes
        progress[rows] = state.ball.take(rows).radii[:, None] / distances.clamp_min(MIN_LENGTH)

    rows = (state.robust & state.reachable).nonzero().squeeze(1)
    subject.batch_size = in_batches(rows, subject.batch_size, work)
    return targets, progress


def malt_targets(subject: Subject, norm: str) -> tuple[Tensor, Tensor]:
    """Target classes (N, K) and estimated distances to their boundaries (N, K), nearest first.

    Args:
        subject: model and clean examples, one batch.
        norm: of the attack's ball, such as ``"linf"``.
    """
    forward, labels = DifferentiableForward(subject, subject.images), subject.labels
    count = min(MAX_TARGETS, forward.logits.shape[1] - 1)
    candidates = other_logits(forward.logits, labels).topk(count, dim=1).indices
    columns = []
    for classes in candidates.unbind(1):
        margin, gradient = forward.gradient(
            partial(targeted_margin, labels=labels, targets=classes), again=True
        )
        columns.append(-margin / lengths(gradient, DUALS[norm]).clamp_min(MIN_LENGTH))
    distances = torch.stack(columns, dim=1)
    ranking = distances.argsort(dim=1, stable=True)
    return candidates.gather(1, ranking), distances.gather(1, ranking)
