"""The loss under an input attack, and how much it increases when the weights move.

Source: Stutz, Hein, Schiele 2021, "Relating adversarially robust generalization to flat minima",
ICCV, where it is called RLoss; settings from the authors' public code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import per_example, pgd
from benchmark.attacks.verification import require_inside
from benchmark.objectives import cross_entropy
from benchmark.spaces import IMAGES, InputBall
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes

INPUT_STEP = 0.007 / 0.0314
"""Length of the authors' input steps, as a share of the budget."""


@dataclass(frozen=True)
class Attacked:
    """A model's losses on the images found by an attack.

    Attributes:
        losses: cross-entropy (N,), in nats.
        wrong: bool (N,), misclassified there or without an attack.
        images: where the losses were measured, (N, C, H, W).
    """

    losses: Tensor
    wrong: Tensor
    images: Tensor


@dataclass(frozen=True)
class RobustLoss:
    """The loss under a PGD attack; with ``eps`` 0 it is the clean loss.

    Attributes:
        eps: linf budget in input units.
        steps: PGD steps, from one random start that is the same for all weights.
        temperature: what logits are divided by, in the attack as in the loss.
    """

    eps: float
    steps: int = 20
    temperature: float = 1.0

    def __call__(self, subject: Subject) -> Attacked:
        """Losses at each example's worst iterate; computed once per subject."""
        return subject.once(self, lambda: self._measure(subject))

    def more(self, subject: Subject) -> tuple[Tensor, ...]:
        """Further arguments of :func:`benchmark.objectives.cross_entropy`: the temperatures."""
        if self.temperature == 1:
            return ()
        return (subject.images.new_full((len(subject),), self.temperature),)

    def _measure(self, subject: Subject) -> Attacked:
        images = self._attack(subject) if self.eps > 0 else subject.images
        clean = subject.logits()
        logits = subject.logits(images) if self.eps > 0 else clean
        return Attacked(
            losses=cross_entropy(logits, subject.labels, *self.more(subject)),
            wrong=(predicted_classes(logits) != subject.labels)
            | (predicted_classes(clean) != subject.labels),
            images=images,
        )

    def _attack(self, subject: Subject) -> Tensor:
        ball = InputBall(subject.images, "linf", self.eps)
        start = ball.sample(subject.generator("flatness", "input start"))[IMAGES]
        found = []
        for batch in subject.row_batches():
            part, local = subject.take(batch), ball.take(batch)
            evaluate = per_example(part, cross_entropy, *self.more(part), stop=False)
            result = pgd(local, evaluate, {IMAGES: start[batch]}, self.steps, INPUT_STEP)
            require_inside(local, result.point)
            found.append(result.point[IMAGES])
        return torch.cat(found)


@dataclass(frozen=True)
class Rise:
    """Increase of the loss and error from a model's own to perturbed weights, under one attack.

    Attributes:
        loss: increase of the mean loss, in nats, float64; a scalar or (perturbations,).
        error: increase of the share of misclassified examples, in the same shape.
        losses: per-example losses with the perturbed weights, (N,) or (perturbations, N).
    """

    loss: Tensor
    error: Tensor
    losses: Tensor

    @classmethod
    def between(cls, own: Attacked, moved: Attacked) -> Rise:
        """From the unperturbed weights to the perturbed ones."""
        return cls(
            moved.losses.double().mean() - own.losses.double().mean(),
            moved.wrong.double().mean() - own.wrong.double().mean(),
            moved.losses,
        )

    @classmethod
    def none(cls, own: Attacked) -> Rise:
        """That of the unperturbed weights: zero."""
        return cls.between(own, own)

    @classmethod
    def stack(cls, rises: Sequence[Rise]) -> Rise:
        """Stack several perturbations along a new first dimension."""
        return cls(
            torch.stack([rise.loss for rise in rises]),
            torch.stack([rise.error for rise in rises]),
            torch.stack([rise.losses for rise in rises]),
        )

    def steepest(self) -> Rise:
        """The perturbation whose loss increases most."""
        worst = self.loss.argmax()
        return Rise(self.loss[worst], self.error[worst], self.losses[worst])
