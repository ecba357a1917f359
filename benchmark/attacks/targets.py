"""Which classes to aim at first."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.subject import Subject

CANDIDATES = 9
"""As many classes as AutoAttack's targeted attacks try, taken by their logits."""


def malt_targets(subject: Subject, norm: str, count: int) -> Tensor:
    """Target classes (N, at most ``count``), the most promising first.

    Source: MALT, Melamed et al. 2024 (arXiv 2407.02240): order classes by the logit gap over the
    length of its gradient, a first-order estimate of the distance to the boundary. The length is
    taken in the dual norm of the attack's ball.

    Args:
        subject: model and clean examples, one batch.
        norm: the attack's norm, ``"linf"`` or ``"l2"``.
        count: how many classes are wanted.
    """
    images = subject.images.detach().requires_grad_(True)
    with torch.enable_grad():
        logits = subject.forward(images)
    others = logits.detach().scatter(1, subject.labels[:, None], -torch.inf)
    candidates = others.topk(min(CANDIDATES, logits.shape[1] - 1), dim=1).indices
    own = logits.gather(1, subject.labels[:, None])
    gaps = own - logits.gather(1, candidates)
    order = 1 if norm == "linf" else 2
    distances = []
    for column in range(candidates.shape[1]):
        (slope,) = subject.gradients(gaps[:, column].sum(), [images], len(images), again=True)
        length = torch.linalg.vector_norm(slope.flatten(1), ord=order, dim=1)
        distances.append(gaps[:, column].detach() / length.clamp_min(1e-12))
    ranking = torch.stack(distances, dim=1).argsort(dim=1, stable=True)
    return candidates.gather(1, ranking[:, :count])
