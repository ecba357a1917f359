"""Every example attacked in its own ball under one choice of weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import apgd, per_example
from benchmark.attacks.inputs import attack_subject
from benchmark.attacks.verification import classified, margins
from benchmark.objectives import probability_margin
from benchmark.spaces import IMAGES, InputBall, Point
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes

APPROACH = 5
"""APGD steps from the nearest known image, before an effort of the input attack begins: they bring
down most of what falls, and leave images near the boundary for the next climb over weights."""


@dataclass(frozen=True)
class Strike:
    """Outcomes under one choice of weights, verified.

    Attributes:
        weights: the perturbed tensors shared by all examples; empty for the model's own.
        robust: bool (N,), examples that stand every image tried.
        images: (N, C, H, W) inside their balls: the proof where an example fell, else the image
            that came nearest.
    """

    weights: Point
    robust: Tensor
    images: Tensor

    @property
    def standing(self) -> int:
        """Number of examples that stand."""
        return int(self.robust.sum())


def strike(
    subject: Subject, norm: str, eps: float, weights: Point, known: Sequence[Tensor] = ()
) -> Strike:
    """Attack all examples under some weights, beginning with images that worked under others.

    Args:
        subject: model and examples.
        norm: norm of the input balls.
        eps: their radius, input units.
        weights: perturbed tensors by name.
        known: images (N, C, H, W) to try first, such as those of an earlier strike.
    """
    asked = subject.at(weights) if weights else subject
    ball = InputBall(subject.images, norm, eps)
    nearest, best = subject.images.clone(), margins(asked.logits(), subject.labels)
    robust = asked.correct()
    if eps == 0:
        return Strike(weights, robust, nearest)

    def learn(rows: Tensor, images: Tensor) -> None:
        inside, logits = classified(asked.take(rows), ball.take(rows), images)
        fell = predicted_classes(logits) != subject.labels[rows]
        reached = margins(logits, subject.labels[rows])
        further = fell | (reached > best[rows])
        nearest[rows[further]], best[rows[further]] = inside[further], reached[further]
        robust[rows[fell]] = False

    def standing() -> tuple[Tensor, ...]:
        rows = robust.nonzero().squeeze(1)
        return torch.split(rows, subject.batch_size) if len(rows) else ()

    for images in known:
        for rows in standing():
            learn(rows, images[rows])
    for rows in standing():
        start = {IMAGES: nearest[rows]}
        evaluate = per_example(asked.take(rows), probability_margin)
        learn(rows, apgd(ball.take(rows), evaluate, start, APPROACH).point[IMAGES])
    return Strike(weights, robust, nearest)


def finish(subject: Subject, norm: str, eps: float, begun: Strike, effort: str) -> Strike:
    """Attack what stands after a strike with an effort of the input attack.

    Args:
        subject: model and examples.
        norm: norm of the input balls.
        eps: their radius, input units.
        begun: under the weights in question.
        effort: a name of :data:`benchmark.attacks.inputs.EFFORTS`.
    """
    asked = subject.at(begun.weights) if begun.weights else subject
    found = attack_subject(asked, norm, eps, effort, robust=begun.robust)
    fell = begun.robust & ~found.robust
    images = torch.where(fell.view(-1, 1, 1, 1), found.images, begun.images)
    return Strike(begun.weights, begun.robust & found.robust, images)
