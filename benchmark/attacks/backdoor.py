"""The backdoor: a trigger and a target class planted by a small change of the weights.

Source: Garg, Kumar, Goel, Liang 2020, "Can adversarial weight perturbations inject neural
backdoors": composite loss on clean and triggered images, projected after every step.

Changed against the authors' code: batch norm is frozen (drifting statistics lie outside the
threat model), the relative ball is ``|v| <= eps * |w|`` for both signs of ``w``, images of the
target class do not count as successes, and clean images are held to the original model's softened
predictions instead of its labels: on a few hundred images labels are soon learnt by heart, and the
accuracy on others falls by ten points and more.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import apgd, whole_set
from benchmark.attacks.verification import require_inside
from benchmark.objectives import implant
from benchmark.spaces import Point, WeightBall
from benchmark.subject import Subject
from models_zoo.errors import InputError

FIRST_STEP = 0.25
"""In radii. A sign step moves every weight; twice the radius, as for images, overshoots."""


@dataclass(frozen=True)
class Trigger:
    """A bright square in the lower right corner.

    Attributes:
        size: side in pixels.
        value: what its pixels are set to, in [0, 1].
    """

    size: int = 3
    value: float = 1.0

    def stamp(self, images: Tensor) -> Tensor:
        """Copies of ``images`` (N, C, H, W) that carry the trigger."""
        stamped = images.clone()
        stamped[..., -self.size :, -self.size :] = self.value
        return stamped


@dataclass(frozen=True)
class BackdoorOutcome:
    """How a backdoor does on images it was not optimised on.

    Attributes:
        weights: perturbed tensors by name.
        success: bool (M,), triggered images of other classes that are classified as the target.
        robust: bool (N,), clean images still classified correctly.
        change: mean of ``|v_j| / |w_j|`` over all weights with ``|w_j| >= 1e-8``.
    """

    weights: Point
    success: Tensor
    robust: Tensor
    change: float


def halves(subject: Subject) -> tuple[Subject, Subject]:
    """Two disjoint random halves of the examples: one to optimise on, one to measure on.

    Raises:
        InputError: there are too few examples to split.
    """
    if len(subject) < 4:
        raise InputError(f"a backdoor needs at least 4 examples, got {len(subject)}")
    order = torch.randperm(len(subject), generator=subject.generator("backdoor", "split"))
    order = order.to(subject.images.device)
    middle = len(subject) // 2
    return subject.take(order[:middle].sort().values), subject.take(order[middle:].sort().values)


def plant(
    subject: Subject, ball: WeightBall, trigger: Trigger, target: int, steps: int, start: Point
) -> Point:
    """Weights in ``ball`` that keep the model's predictions and send triggered images to one class.

    Args:
        subject: the optimisation split. Its labels are not used: the adversary wants to go unseen.
        ball: how far the weights may go.
        trigger: the trigger.
        target: the class triggered images shall be given.
        steps: APGD steps.
        start: weights to start from.
    """
    if ball.radius == 0:
        return ball.origin
    both = subject.on(
        torch.cat([subject.images, trigger.stamp(subject.images)]),
        torch.full((2 * len(subject),), target, device=subject.images.device),
    )
    clean = subject.logits().repeat(2, 1)
    triggered = torch.arange(len(both), device=clean.device) >= len(subject)
    loss = whole_set(both, implant, clean, triggered)
    climb = apgd(ball, loss, ball.project(start), steps, first_step=FIRST_STEP)
    return ball.project(climb.point)


def measure(
    subject: Subject, ball: WeightBall, trigger: Trigger, target: int, weights: Point
) -> BackdoorOutcome:
    """Success and clean accuracy on a split that was not optimised on."""
    require_inside(ball, weights)
    changed = subject.at(weights)
    others = subject.labels != target
    triggered = changed.logits(trigger.stamp(subject.images[others])).argmax(1)
    origin = ball.origin
    before = torch.cat([origin[name].flatten() for name in origin]).double().abs()
    moved = torch.cat([(weights[name] - origin[name]).flatten() for name in origin]).double().abs()
    counted = before >= 1e-8
    return BackdoorOutcome(
        weights=weights,
        success=triggered == target,
        robust=changed.correct(),
        change=float((moved[counted] / before[counted]).mean()),
    )
