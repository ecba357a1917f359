"""Average- and worst-case flatness of the clean and of the robust loss in weight space.

Source: Stutz, Hein, Schiele 2021, "Relating adversarially robust generalization to flat minima",
ICCV; settings from the authors' public code. Larger is sharper. Differences from the code:
gradients and tensors of zero norm are not displaced (they give NaN there), the reference and the
perturbed loss use the same attack with the same starts, the worst case follows the gradient over
the whole set, and the unperturbed weights are one of its candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import apgd, whole_set
from benchmark.attacks.verification import require_inside
from benchmark.attacks.weights import stretched
from benchmark.measures.robust_loss import INPUT_STEP, Attacked, LossIncrease, RobustLoss
from benchmark.objectives import cross_entropy
from benchmark.spaces import IMAGES, InputBall, Point, ProductSpace, WeightBall
from benchmark.subject import Subject

WEIGHT_STEP = 0.01
"""Length of the authors' weight steps, as a share of a tensor's norm; larger balls need longer
steps."""

FIRST_STEP = 0.5
"""First step of the joint ascent, in radii; short, since it starts from points of earlier
searches."""


def average_flatness(
    subject: Subject, losses: Sequence[RobustLoss], ball: WeightBall, draws: int
) -> list[LossIncrease]:
    """The increase of each loss under random weight perturbations of full radius.

    Draw ``k`` has the same direction for every radius and every loss, so that a curve over radii is
    one of the loss along lines. The result has a :class:`LossIncrease` per loss, with tensors of
    shape (draws,).

    Args:
        subject: model and examples.
        losses: clean or robust, measured again for every perturbation.
        ball: the weight ball, whose radius is the paper's xi (0.5 in its headline).
        draws: number of perturbations (10 in the paper).
    """
    increases: list[list[LossIncrease]] = [[] for _ in losses]
    for draw in range(draws):
        weights = ball.sphere(subject.generator("flatness", "direction", draw))
        require_inside(ball, weights)
        perturbed = subject.at(weights)
        for loss, found in zip(losses, increases, strict=True):
            found.append(LossIncrease.between(loss(subject), loss(perturbed)))
        subject.progress(f"flatness, draw {draw + 1} of radius {ball.radius:g}")
    return [LossIncrease.stack(found) for found in increases]


@dataclass(frozen=True)
class Worst:
    """The worst weights found in a ball, verified.

    Attributes:
        weights: inside the ball.
        images: (N, C, H, W), the images that the input attack finds with these weights.
        increase: increase of the loss that was maximized.
    """

    weights: Point
    images: Tensor
    increase: LossIncrease


def worst_flatness(
    subject: Subject,
    loss: RobustLoss,
    ball: WeightBall,
    *,
    restarts: int = 1,
    epochs: int = 20,
    minibatch: int | None = None,
    smaller: Worst | None = None,
) -> Worst:
    """The largest increase of the mean loss found inside the ball; at least 0.

    Weights and images are optimized jointly. At the first and at the last weights of an ascent the
    images are attacked again with the attack of the reference, so that both sides of the difference
    are measured alike.

    Args:
        subject: model and examples.
        loss: clean or robust loss.
        ball: the weight ball, whose radius is the paper's xi (0.00075 to 0.005 in its grid).
        restarts: number of ascents; the worst result counts. The first starts along the gradient,
            or at ``smaller`` stretched to this radius, the others at random weights.
        epochs: passes over the examples per ascent; without ``minibatch``, its steps.
        minibatch: images per weight step, for the paper's stochastic ascent with a fixed step size
            (128 there, with 20 epochs and 10 restarts); by default all images, with APGD.
        smaller: the result for a smaller ball; it counts in this one too.
    """
    own = loss(subject)
    best = smaller or Worst(ball.origin, own.images, LossIncrease.none(own))
    for restart in range(restarts if ball.radius > 0 else 0):
        if restart:
            generator = subject.generator("flatness", "worst", ball.radius, restart)
            start, images = ball.sample(generator), own.images
        elif smaller:
            start, images = stretched(ball, smaller.weights), smaller.images
        else:
            start, images = first_order(subject, loss, ball, own), own.images
        if minibatch is None:
            ascended = ascend_jointly(subject, loss, ball, start, images, epochs)
        else:
            ascended = ascend_minibatches(subject, loss, ball, start, images, epochs, minibatch)
        for weights in (start, ascended):
            found = _measured(subject, loss, ball, weights)
            if found.increase.loss > best.increase.loss:
                best = found
        subject.progress(f"worst flatness in {ball.radius:g}: {float(best.increase.loss):+.4f}")
    return best


def _measured(subject: Subject, loss: RobustLoss, ball: WeightBall, weights: Point) -> Worst:
    """Project weights into the ball and run the reference's attack there."""
    inside = ball.project(weights)
    require_inside(ball, inside)
    attacked = loss(subject.at(inside))
    return Worst(inside, attacked.images, LossIncrease.between(loss(subject), attacked))


def first_order(subject: Subject, loss: RobustLoss, ball: WeightBall, own: Attacked) -> Point:
    """The maximizer of the linearized loss: the gradient of the attacked loss at full radius.

    Args:
        subject: model and examples.
        loss: the loss whose gradient is followed.
        ball: the weight ball.
        own: the attacked loss at the unperturbed weights.
    """
    one = torch.ones(1, device=subject.images.device)
    attacked = subject.on(own.images, subject.labels)
    gradient = whole_set(attacked, cross_entropy, *loss.more(subject))(ball.origin, one).gradient
    return ball.move(ball.origin, ball.steepest(gradient), one)


def ascend_jointly(
    subject: Subject, loss: RobustLoss, ball: WeightBall, start: Point, images: Tensor, steps: int
) -> Point:
    """APGD on the mean loss of the whole set, in the product of both balls; returns the weights.

    Args:
        subject: model and examples.
        loss: the loss, with the input ball and the temperature.
        ball: the weight ball.
        start: the weights to start from.
        images: the images to start from; not used for the clean loss.
        steps: number of steps, each one pass over the examples.
    """
    evaluate = whole_set(subject, cross_entropy, *loss.more(subject))
    if loss.eps == 0:
        return apgd(ball, evaluate, start, steps, first_step=FIRST_STEP).point
    space = ProductSpace(InputBall(subject.images, "linf", loss.eps), ball)
    point = {IMAGES: images} | start
    found = apgd(space, evaluate, point, steps, first_step=FIRST_STEP).point
    return {name: tensor for name, tensor in found.items() if name != IMAGES}


def ascend_minibatches(
    subject: Subject,
    loss: RobustLoss,
    ball: WeightBall,
    start: Point,
    images: Tensor,
    epochs: int,
    minibatch: int,
) -> Point:
    """The authors' ascent: a fixed step of both parts per mini-batch; returns the last weights.

    Args:
        subject: model and examples.
        loss: the loss, with the input ball and the temperature.
        ball: the weight ball.
        start: the weights to start from.
        images: the images to start from; not used for the clean loss.
        epochs: number of passes over the examples.
        minibatch: images per step.
    """
    weight_step = max(WEIGHT_STEP, ball.radius / 4) / ball.radius
    images, weights = images.clone(), start
    inputs = InputBall(subject.images, "linf", loss.eps)
    one = torch.ones(1, device=images.device)
    for _ in range(epochs):
        for batch in subject.row_batches(minibatch):
            part, local = subject.take(batch), inputs.take(batch)
            point = weights | ({IMAGES: images[batch]} if loss.eps > 0 else {})
            gradient = whole_set(part, cross_entropy, *loss.more(part))(point, one).gradient
            weights = ball.project(ball.move(weights, ball.steepest(gradient), weight_step * one))
            if loss.eps > 0:
                step = local.steepest({IMAGES: gradient[IMAGES]})
                moved = local.move({IMAGES: images[batch]}, step, INPUT_STEP * one)
                images[batch] = local.project(moved)[IMAGES]
    return weights
