"""The loss under an input attack, and its increase under weight perturbations.

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
        images: (N, C, H, W), where the losses were measured.
    """

    losses: Tensor
    wrong: Tensor
    images: Tensor


@dataclass(frozen=True)
class RobustLoss:
    """The loss under a PGD attack; with ``eps`` 0 it is the clean loss.

    Attributes:
        eps: linf budget in input units.
        steps: number of PGD steps, from one random start that is the same for all weights.
        temperature: divisor of the logits, in the attack and in the loss.
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
class LossIncrease:
    """Increase of the loss and of the error by a weight perturbation, under one attack.

    Attributes:
        loss: increase of the mean loss, in nats, float64; a scalar or (perturbations,).
        error: increase of the share of misclassified examples, in the same shape.
        losses: per-example losses with the perturbed weights, (N,) or (perturbations, N).
    """

    loss: Tensor
    error: Tensor
    losses: Tensor

    @classmethod
    def between(cls, own: Attacked, moved: Attacked) -> LossIncrease:
        """From the unperturbed weights to the perturbed ones."""
        return cls(
            moved.losses.double().mean() - own.losses.double().mean(),
            moved.wrong.double().mean() - own.wrong.double().mean(),
            moved.losses,
        )

    @classmethod
    def none(cls, own: Attacked) -> LossIncrease:
        """The increase at the unperturbed weights: zero."""
        return cls.between(own, own)

    @classmethod
    def stack(cls, increases: Sequence[LossIncrease]) -> LossIncrease:
        """Stack several perturbations along a new first dimension."""
        return cls(
            torch.stack([increase.loss for increase in increases]),
            torch.stack([increase.error for increase in increases]),
            torch.stack([increase.losses for increase in increases]),
        )

    def largest(self) -> LossIncrease:
        """The increase at the perturbation of the largest loss."""
        worst = self.loss.argmax()
        return LossIncrease(self.loss[worst], self.error[worst], self.losses[worst])
