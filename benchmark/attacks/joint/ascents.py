"""Ascents over shared weights: with the images held fixed, and together with them."""

from __future__ import annotations

from torch import Tensor

from benchmark.ascent import apgd, whole_set
from benchmark.attacks.verification import require_inside
from benchmark.attacks.weights import weight_ball
from benchmark.objectives import probability_margin
from benchmark.spaces import IMAGES, InputBall, Point, ProductSpace
from benchmark.subject import Subject
from benchmark.threats import JointThreat, WeightThreat

FIRST_STEP_FROM_CLEAN, FIRST_STEP_FROM_PERTURBED = 2.0, 0.5
"""Length of an ascent's first step, in radii of its space."""

MAX_PROBABILITY_MARGIN = 0.1
"""Cap on the probability margin of a broken example, so that the others count more."""


def ascend_weights(
    subject: Subject, threat: WeightThreat, steps: int, start: Point, images: Tensor
) -> Point:
    """Ascend over the weight ball, with fixed perturbed images.

    Args:
        subject: model and examples.
        threat: the weight ball.
        steps: APGD steps.
        start: weights to start from.
        images: (N, C, H, W), perturbed.
    """
    ball = weight_ball(subject, threat)
    perturbed = subject.on(images, subject.labels)
    found = apgd(ball, whole_set(perturbed, probability_margin), ball.project(start), steps)
    require_inside(ball, found.point)
    return found.point


def ascend_both(
    subject: Subject,
    threat: JointThreat,
    steps: int,
    start: Point,
    images: Tensor,
    *,
    again: bool = False,
) -> tuple[Point, Tensor]:
    """Ascend over the input balls and the weight ball simultaneously.

    Args:
        subject: model and examples.
        threat: the balls.
        steps: APGD steps.
        start: weights to start from.
        images: (N, C, H, W), perturbed images to start from.
        again: whether the start is the end of another ascent: the first step is then shorter, and
            the margin of a broken example counts up to :data:`MAX_PROBABILITY_MARGIN` only.

    Returns:
        Perturbed weights and images.
    """
    inputs = InputBall(subject.images, threat.inputs.norm, threat.inputs.eps)
    space = ProductSpace(inputs, weight_ball(subject, threat.weights))
    origin = space.project({IMAGES: images} | start)
    evaluate = whole_set(subject, _capped_margin if again else probability_margin)
    first_step = FIRST_STEP_FROM_PERTURBED if again else FIRST_STEP_FROM_CLEAN
    found = apgd(space, evaluate, origin, steps, first_step=first_step).point
    require_inside(space, found)
    return {name: value for name, value in found.items() if name != IMAGES}, found[IMAGES]


def _capped_margin(logits: Tensor, labels: Tensor) -> Tensor:
    return probability_margin(logits, labels).clamp_max(MAX_PROBABILITY_MARGIN)
