"""Input attacks under one choice of weights, each example in its own ball."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from benchmark.ascent import apgd, per_example
from benchmark.attacks.inputs import attack_subject
from benchmark.attacks.result import Candidate
from benchmark.attacks.verification import classified, margins
from benchmark.objectives import probability_margin
from benchmark.spaces import IMAGES, InputBall, Point
from benchmark.subject import Subject
from benchmark.threats import InputThreat
from models_zoo.prediction import predicted_classes

APPROACH_STEPS = 5
"""APGD steps from the known image with the largest margin, before an effort of the input attack:
they break most of the examples that can be broken, and give images near the boundary for the next
ascent over weights."""


def attack_at_weights(
    subject: Subject, threat: InputThreat, weights: Point, known: Sequence[Tensor] = ()
) -> Candidate:
    """Attack all examples under some weights, starting with images that worked under others.

    Args:
        subject: model and examples.
        threat: the input balls.
        weights: perturbed tensors by name; empty for the model's own.
        known: images (N, C, H, W) to try first, such as those of an earlier candidate.

    Returns:
        The candidate; its image is misclassified where the example is broken, and else the one with
        the largest margin.
    """
    perturbed = subject.at(weights) if weights else subject
    ball = InputBall(subject.images, threat.norm, threat.eps)
    nearest, best = subject.images.clone(), margins(perturbed.logits(), subject.labels)
    robust = perturbed.correct()
    if threat.eps == 0.0:
        return Candidate(weights, nearest, robust)

    def learn(rows: Tensor, images: Tensor) -> None:
        inside, logits = classified(perturbed.take(rows), ball.take(rows), images)
        broken = predicted_classes(logits) != subject.labels[rows]
        reached = margins(logits, subject.labels[rows])
        further = broken | (reached > best[rows])
        nearest[rows[further]], best[rows[further]] = inside[further], reached[further]
        robust[rows[broken]] = False

    def robust_batches() -> tuple[Tensor, ...]:
        rows = robust.nonzero().squeeze(1)
        return torch.split(rows, subject.batch_size) if len(rows) else ()

    for images in known:
        for rows in robust_batches():
            learn(rows, images[rows])
    for rows in robust_batches():
        start = {IMAGES: nearest[rows]}
        evaluate = per_example(perturbed.take(rows), probability_margin)
        learn(rows, apgd(ball.take(rows), evaluate, start, APPROACH_STEPS).point[IMAGES])
    return Candidate(weights, nearest, robust)


def finish_at_weights(
    subject: Subject, threat: InputThreat, candidate: Candidate, effort: str
) -> Candidate:
    """Attack the robust examples of a candidate with an effort of the input attack.

    Args:
        subject: model and examples.
        threat: the input balls.
        candidate: what :func:`attack_at_weights` found under the weights in question.
        effort: a name of :data:`benchmark.attacks.inputs.EFFORTS`.
    """
    perturbed = subject.at(candidate.weights) if candidate.weights else subject
    found = attack_subject(perturbed, threat.norm, threat.eps, effort, robust=candidate.robust)
    broken = candidate.robust & ~found.robust
    images = torch.where(broken.view(-1, 1, 1, 1), found.images, candidate.images)
    return Candidate(candidate.weights, images, candidate.robust & found.robust)
