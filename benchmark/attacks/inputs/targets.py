"""Which classes to aim at first."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.attacks.inputs.field import Field
from benchmark.memory import in_batches
from benchmark.objectives import others
from benchmark.spaces.inputs import DUALS, TINY, lengths
from benchmark.subject import Subject

CANDIDATES = 9
"""As many classes as AutoAttack's targeted attacks try, taken by their logits."""


def find_targets(field: Field) -> None:
    """Give the standing, reachable examples of a field their targets, the most promising first.

    The first promise of a class is the budget over MALT's estimate of the distance to its boundary,
    which is the share of the gap that a linear model would lose.
    """
    subject = field.subject
    count = min(CANDIDATES, subject.logits().shape[1] - 1)
    field.targets = torch.zeros(len(subject), count, dtype=torch.int64, device=field.rows.device)
    field.promise = torch.full((len(subject), count), -torch.inf, device=field.rows.device)

    def work(rows: Tensor) -> None:
        classes, distances = malt_targets(subject.take(rows), field.ball.norm)
        field.targets[rows] = classes
        field.promise[rows] = field.ball.take(rows).radii[:, None] / distances.clamp_min(TINY)

    rows = (field.standing & field.reachable).nonzero().squeeze(1)
    subject.batch_size = in_batches(rows, subject.batch_size, work)


def malt_targets(subject: Subject, norm: str) -> tuple[Tensor, Tensor]:
    """Target classes (N, K) and estimated distances to their boundaries (N, K), nearest first.

    Source: MALT, Melamed et al. 2024 (arXiv 2407.02240): order classes by the logit gap over the
    length of its gradient, a first-order estimate of the distance to the boundary. The length is
    taken in the dual norm of the attack's ball.

    Args:
        subject: model and clean examples, one batch.
        norm: the attack's norm, such as ``"linf"``.
    """
    images = subject.images.detach().requires_grad_(True)
    with torch.enable_grad():
        logits = subject.forward(images)
    rivals = others(logits.detach(), subject.labels)
    candidates = rivals.topk(min(CANDIDATES, logits.shape[1] - 1), dim=1).indices
    own = logits.gather(1, subject.labels[:, None])
    gaps = own - logits.gather(1, candidates)
    columns = []
    for column in range(candidates.shape[1]):
        (slope,) = subject.gradients(gaps[:, column].sum(), [images], len(images), again=True)
        length = lengths(slope, DUALS[norm])
        columns.append(gaps[:, column].detach() / length.clamp_min(TINY))
    distances = torch.stack(columns, dim=1)
    ranking = distances.argsort(dim=1, stable=True)
    return candidates.gather(1, ranking), distances.gather(1, ranking)
