"""Which classes to aim at first."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.attacks.inputs.field import Field
from benchmark.memory import in_batches
from benchmark.spaces.inputs import DUALS, TINY, lengths
from benchmark.subject import Subject

CANDIDATES = 9
"""As many classes as AutoAttack's targeted attacks try, taken by their logits."""


def targets_of(field: Field) -> Tensor:
    """Targets (n, K) of the standing examples, the most promising first; zeros for the others."""
    subject = field.subject
    count = min(CANDIDATES, subject.logits().shape[1] - 1)
    targets = torch.zeros(len(subject), count, dtype=torch.int64, device=subject.images.device)

    def work(rows: Tensor) -> None:
        targets[rows] = malt_targets(subject.take(rows), field.ball.norm, count)

    rows = field.standing.nonzero().squeeze(1)
    subject.batch_size = in_batches(rows, subject.batch_size, work)
    return targets


def malt_targets(subject: Subject, norm: str, count: int) -> Tensor:
    """Target classes (N, at most ``count``), the most promising first.

    Source: MALT, Melamed et al. 2024 (arXiv 2407.02240): order classes by the logit gap over the
    length of its gradient, a first-order estimate of the distance to the boundary. The length is
    taken in the dual norm of the attack's ball.

    Args:
        subject: model and clean examples, one batch.
        norm: the attack's norm, such as ``"linf"``.
        count: how many classes are wanted.
    """
    images = subject.images.detach().requires_grad_(True)
    with torch.enable_grad():
        logits = subject.forward(images)
    others = logits.detach().scatter(1, subject.labels[:, None], -torch.inf)
    candidates = others.topk(min(CANDIDATES, logits.shape[1] - 1), dim=1).indices
    own = logits.gather(1, subject.labels[:, None])
    gaps = own - logits.gather(1, candidates)
    distances = []
    for column in range(candidates.shape[1]):
        (slope,) = subject.gradients(gaps[:, column].sum(), [images], len(images), again=True)
        length = lengths(slope, DUALS[norm])
        distances.append(gaps[:, column].detach() / length.clamp_min(TINY))
    ranking = torch.stack(distances, dim=1).argsort(dim=1, stable=True)
    return candidates.gather(1, ranking[:, :count])
