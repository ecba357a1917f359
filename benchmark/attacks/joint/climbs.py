"""Climbs that end in shared weights: with the images held fixed, and together with them."""

from __future__ import annotations

from torch import Tensor

from benchmark.ascent import apgd, whole_set
from benchmark.attacks.verification import require_inside
from benchmark.attacks.weights import WeightBudget
from benchmark.objectives import probability_margin
from benchmark.spaces import IMAGES, InputBall, Point, ProductSpace
from benchmark.subject import Subject

LONG, SHORT = 2.0, 0.5
"""First steps of a climb, in radii of its space: from unperturbed images, and from perturbed."""

ENOUGH = 0.1
"""Probability margin beyond which a fallen example is left alone, for the sake of the others."""


def climb_weights(
    subject: Subject, radius: float, budget: WeightBudget, start: Point, images: Tensor
) -> Point:
    """Climb the weight ball on perturbed images that stay as they are.

    Args:
        subject: model and examples.
        radius: of the weight ball.
        budget: geometry, rule and steps.
        start: weights to start from.
        images: (N, C, H, W), perturbed.
    """
    ball = budget.ball(subject, radius)
    perturbed = subject.on(images, subject.labels)
    climb = apgd(ball, whole_set(perturbed, probability_margin), ball.project(start), budget.steps)
    require_inside(ball, climb.point)
    return climb.point


def climb_product(
    subject: Subject,
    norm: str,
    eps: float,
    radius: float,
    budget: WeightBudget,
    start: Point,
    images: Tensor,
    *,
    again: bool = False,
) -> tuple[Point, Tensor]:
    """Climb input balls x weight ball simultaneously.

    Args:
        subject: model and examples.
        norm: norm of the input balls.
        eps: their radius, input units.
        radius: of the weight ball.
        budget: geometry, rule and steps.
        start: weights to start from.
        images: (N, C, H, W), perturbed images to start from.
        again: whether images and weights were climbed before: the first step is then shorter, and
            examples count no more once they have fallen by :data:`ENOUGH`.

    Returns:
        Perturbed weights and images.
    """
    inputs, ball = InputBall(subject.images, norm, eps), budget.ball(subject, radius)
    space = ProductSpace(inputs, ball)
    origin = space.project({IMAGES: images} | start)
    evaluate = whole_set(subject, _fallen_enough if again else probability_margin)
    first_step = SHORT if again else LONG
    found = apgd(space, evaluate, origin, budget.steps, first_step=first_step).point
    require_inside(space, found)
    return {name: value for name, value in found.items() if name != IMAGES}, found[IMAGES]


def _fallen_enough(logits: Tensor, labels: Tensor) -> Tensor:
    return probability_margin(logits, labels).clamp_max(ENOUGH)
