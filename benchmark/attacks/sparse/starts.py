"""Changes of the last linear layer for which a trigger is worth optimizing.

OneFlip optimizes a trigger for every feature whose weight qualifies. Here the features are ranked:
by how much one change of the target's weight can add to its logit unnoticed, times how far pixels
can move the feature to first order.
"""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.attacks.backdoor import Goal
from benchmark.attacks.sparse.changes import Change, WorkingWeights
from benchmark.attacks.sparse.evaluation import EvaluationSet, margins
from benchmark.attacks.sparse.learned_triggers import with_noisy_copies
from benchmark.attacks.sparse.linear_calls import LinearCalls, OutputLayer
from benchmark.attacks.sparse.storage import Storage
from benchmark.subject import Subject

CONSIDERED = 16
"""Features of which the reach of pixels is computed."""

LARGEST = 1024.0
"""Largest absolute value of the new weight, relative to the largest of its tensor: beyond it logits
would soon overflow."""

REACH_IMAGES = 16
"""Images over which it is averaged."""


def promising(
    subject: Subject,
    images: EvaluationSet,
    layer: OutputLayer,
    storage: Storage,
    logits: Tensor,
    goal: Goal,
    count: int,
) -> list[Change]:
    """Single changes of the target's row that clean images do not show, the best first.

    Args:
        subject: the model and images to optimize on.
        images: the images and what counts.
        layer: the last linear layer with the features of all images.
        storage: of the weights.
        logits: (N, K) of all images with the untouched weights.
        goal: with the allowed drop.
        count: maximum number of changes, of different features.
    """
    working = WorkingWeights(storage.untouched)
    width = layer.features.shape[1]
    entries = torch.arange(width, device=logits.device) + images.target * width
    values = working.values(layer.name, entries)
    options = storage.options(layer.name, values)
    deltas = options - values[:, None]
    clean = images.rows(stamped=False)
    limit = _largest_unnoticed(images, logits[clean], clean, layer.features[clean], goal)
    fits = (deltas > 0) & (deltas <= limit[:, None])
    fits &= options.abs() <= LARGEST * storage.largest[layer.name]
    gain, option = torch.where(fits, deltas, 0.0).max(1)
    spread = layer.features[clean].std(0, correction=0)
    considered = (gain * spread).topk(min(CONSIDERED, width)).indices.tolist()
    reach = _reach(subject, considered)
    ranked = sorted(
        (
            (float(gain[i]) * reach[i], i)
            for i in considered
            if float(gain[i]) > 0 and reach.get(i, 0.0) > 0
        ),
        reverse=True,
    )
    return [
        Change(layer.name, int(entries[i]), int(option[i]), float(options[i, int(option[i])]))
        for _, i in ranked[:count]
    ]


def _largest_unnoticed(
    images: EvaluationSet, logits: Tensor, rows: Tensor, features: Tensor, goal: Goal
) -> Tensor:
    """By how much each weight of the target's row can grow, (d,), for at most the allowed drop."""
    labels = images.labels[rows]
    own = logits.gather(1, labels[:, None]).squeeze(1)
    room = own - logits[:, images.target] - images.buffer[rows]
    endangered = images.right[rows] & (labels != images.target) & (margins(logits, labels) > 0)
    if not bool(endangered.any()):
        return torch.full((features.shape[1],), torch.inf, device=features.device)
    pushed = features[endangered].clamp_min(torch.finfo(features.dtype).tiny)
    limits = room[endangered, None].clamp_min(0) / pushed
    allowed = int(goal.drop * len(rows) + 1e-9)
    return limits.sort(0).values[min(allowed, len(limits) - 1)]


def _reach(subject: Subject, features: list[int]) -> dict[int, float]:
    """The l1 norm of the gradient of each feature's mean over images."""
    point = with_noisy_copies(subject, REACH_IMAGES).detach().requires_grad_(True)
    with torch.enable_grad(), LinearCalls() as calls:
        subject.forward(point)
    if calls.last is None or not calls.last[0].requires_grad:
        return {}
    found, hidden = {}, calls.last[0]
    for place, feature in enumerate(features):
        again = place + 1 < len(features)
        (gradient,) = subject.gradients(hidden[:, feature].mean(), [point], len(point), again=again)
        found[feature] = float(gradient.sum(0).abs().sum())
    return found
