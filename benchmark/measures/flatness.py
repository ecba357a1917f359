"""Average- and worst-case flatness of the clean and of the robust loss in weight space.

Source: Stutz, Hein, Schiele 2021, "Relating adversarially robust generalization to flat minima",
ICCV; settings from the authors' public code. Larger is sharper. Changed against the code: gradients
and tensors of zero norm do not move (they give NaN there), the reference and the perturbed loss use
the same attack with the same starts, the untouched weights are a candidate of the worst case.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import per_example, pgd, whole_set
from benchmark.objectives import cross_entropy
from benchmark.spaces import IMAGES, InputBall, Point, WeightBall
from benchmark.subject import Subject

INPUT_STEP = 0.007 / 0.0314
"""Length of the authors' input steps, as a share of the budget."""

WEIGHT_STEP = 0.01
"""Length of their weight steps, as a share of a tensor's norm; wider balls need longer ones."""


@dataclass(frozen=True)
class RobustLoss:
    """The loss under a PGD attack; with ``eps`` 0 it is the clean loss.

    Attributes:
        eps: linf budget in input units.
        steps: PGD steps, from one random start that is the same for all weights.
    """

    eps: float
    steps: int = 20

    def __call__(self, subject: Subject) -> Tensor:
        """Cross-entropy (N,) at each example's worst iterate; computed once a subject."""
        return subject.once(self, lambda: self._measure(subject))

    def _measure(self, subject: Subject) -> Tensor:
        if self.eps == 0:
            return cross_entropy(subject.logits(), subject.labels)
        ball = InputBall(subject.images, "linf", self.eps)
        start = ball.sample(subject.generator("flatness", "input start"))[IMAGES]
        values = []
        for batch in subject.row_batches():
            part = subject.take(batch)
            evaluate = per_example(part, cross_entropy, stop=False)
            climb = pgd(ball.take(batch), evaluate, {IMAGES: start[batch]}, self.steps, INPUT_STEP)
            values.append(cross_entropy(part.logits(climb.point[IMAGES]), part.labels))
        return torch.cat(values)


def average_flatness(
    subject: Subject, loss: RobustLoss, ball: WeightBall, draws: int, purpose: str
) -> Tensor:
    """Rise of the mean loss (draws,) under random weight perturbations of full radius.

    Args:
        subject: model and examples.
        loss: clean or robust loss, measured anew for every perturbation.
        ball: its radius is the paper's xi (0.5 in its headline).
        draws: number of perturbations (10 in the paper).
        purpose: names the random stream.
    """
    reference = loss(subject).double().mean()
    generator = subject.generator("flatness", "average", purpose)
    rises = []
    for _ in range(draws):
        perturbed = subject.at(ball.sphere(generator))
        rises.append(loss(perturbed).double().mean() - reference)
        subject.progress(f"average {purpose} flatness: {float(rises[-1]):+.3f}")
    return torch.stack(rises)


def worst_flatness(
    subject: Subject,
    loss: RobustLoss,
    ball: WeightBall,
    *,
    restarts: int,
    epochs: int,
    minibatch: int,
    purpose: str,
) -> Tensor:
    """Largest rise of the mean loss found inside the ball, a scalar of at least 0.

    Weights and inputs climb together, mini-batch by mini-batch as in the authors' code; the loss is
    then attacked anew at the weights found.

    Args:
        subject: model and examples.
        loss: clean or robust loss.
        ball: its radius is the paper's xi (0.00075 to 0.005 in its grid).
        restarts: random starts; the worst counts (10 in the paper).
        epochs: passes over the examples (20 in the paper).
        minibatch: images a step of the weights (128 in the paper); part of the protocol.
        purpose: names the random stream.
    """
    reference = loss(subject).double().mean()
    generator = subject.generator("flatness", "worst", purpose)
    worst = torch.zeros_like(reference)
    for _ in range(restarts if ball.radius > 0 else 0):
        weights = climb_epochs(subject, loss.eps, ball, ball.sample(generator), epochs, minibatch)
        rise = loss(subject.at(weights)).double().mean() - reference
        worst = torch.maximum(worst, rise)
        subject.progress(f"worst {purpose} flatness: {float(worst):+.4f}")
    return worst


def climb_epochs(
    subject: Subject, eps: float, ball: WeightBall, start: Point, epochs: int, minibatch: int
) -> Point:
    """Stochastic ascent of the mean cross-entropy over weights and, where ``eps > 0``, inputs."""
    weight_step = max(WEIGHT_STEP, ball.radius / 4) / ball.radius
    images, weights = subject.images.clone(), start
    inputs = InputBall(subject.images, "linf", eps)
    one = torch.ones(1, device=images.device)
    for _ in range(epochs):
        for batch in subject.row_batches(minibatch):
            part, local = subject.take(batch), inputs.take(batch)
            point = weights | ({IMAGES: images[batch]} if eps > 0 else {})
            slope = whole_set(part, cross_entropy)(point, one).gradient
            weights = ball.project(ball.move(weights, ball.steepest(slope), weight_step * one))
            if eps > 0:
                step = local.steepest({IMAGES: slope[IMAGES]})
                moved = local.move({IMAGES: images[batch]}, step, INPUT_STEP * one)
                images[batch] = local.project(moved)[IMAGES]
    return weights
