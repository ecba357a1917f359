"""Average- and worst-case flatness of the clean and of the robust loss in weight space.

Source: Stutz, Hein, Schiele 2021, "Relating adversarially robust generalization to flat minima",
ICCV; settings from the authors' public code. Larger is sharper. Differences from the code:
gradients and tensors of zero norm are not displaced (they give NaN there), the reference and the
perturbed loss use the same attack with the same starts, the worst case follows the gradient over
the whole set, and the unperturbed weights are one of its candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from benchmark.ascent import apgd, pgd, whole_set
from benchmark.attacks.verification import require_inside
from benchmark.attacks.weights import stretched
from benchmark.measures.followed_images import FollowedImages
from benchmark.measures.robust_loss import Attacked, LossIncrease, RobustLoss
from benchmark.objectives import cross_entropy
from benchmark.spaces import IMAGES, InputBall, Point, WeightBall
from benchmark.subject import Subject

INPUT_STEP = 0.007 / 0.0314
"""Length of the authors' input steps, as a share of the budget."""

WEIGHT_STEP = 0.01
"""Length of the authors' weight steps, as a share of a tensor's norm; larger balls need longer
steps."""

FIRST_STEP = 2.0
"""First step of an ascent over weights and images, in radii of the weight ball and in input
budgets. With images that begin with 0.3 budgets, 1% to 12% less is found."""

LAST_STEP = 0.5
"""First step of the last attack, from the worst images so far, in input budgets."""

WIDER = 2.0
"""Radius of the ball where the search for the robust loss begins, relative to the largest that is
asked for. The largest increase of the loss in a ball is often on a path from a larger one that an
ascent from the center does not find. The clean loss does not need it."""


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


@dataclass(frozen=True)
class Ascended:
    """Where an ascent is.

    Attributes:
        weights: in a weight ball.
        images: (N, C, H, W), which followed it.
    """

    weights: Point
    images: Tensor


def worst_flatness(
    subject: Subject,
    loss: RobustLoss,
    balls: Sequence[WeightBall],
    *,
    restarts: int = 1,
    epochs: int = 20,
    minibatch: int | None = None,
    known: Mapping[float, Point] | None = None,
) -> list[Worst]:
    """The largest increase of the mean loss found inside each ball; at least 0.

    An ascent climbs the loss over weights and attacked images together. For the robust loss it
    begins in a wider ball than the largest, for the clean one in the largest, and visits all balls
    from the largest down: where it ends in one is its start in the next. The images continue at the
    unperturbed weights, and are then attacked alike at these and at the weights of every ball. What
    was found in a smaller ball counts in larger ones.

    Args:
        subject: model and examples.
        loss: clean or robust loss.
        balls: the weight balls, with ascending radii, the paper's xi (0.00075 to 0.005 in its
            grid).
        restarts: number of ascents per ball; the worst result counts. The others start at random
            weights.
        epochs: passes over the examples of an ascent from the center or from random weights; half
            of them where it comes from another ball. Each is one step, or more with ``minibatch``.
        minibatch: images per weight step, for the paper's stochastic ascent with a fixed step size
            (128 there, with 20 epochs and 10 restarts), for each ball alone and always from random
            weights; by default all images.
        known: weights from another search, by the radius of the ball that they are in; they are
            candidates and starts.
    """
    searches = [_Search(subject, loss, ball) for ball in balls]
    moving = [search for search in searches if search.ball.radius > 0]
    found = [loss(subject).images]
    if restarts and moving and minibatch is None:
        found = [*found, *_visit(moving, epochs, known or {})]
    for search in moving:
        for restart in range(0 if minibatch else 1, restarts):
            search.restart(restart, epochs, minibatch)
    if loss.eps > 0:
        own, attacked = compare(subject, loss, found, [search.best for search in moving])
        for search, each in zip(moving, attacked, strict=True):
            search.settle(own, each)
    for smaller, larger in pairwise(searches):
        larger.keep(smaller.best)
    return [search.best for search in searches]


class _Search:
    """The worst weights found in one ball so far.

    Attributes:
        ball: where they are.
        best: the worst of them; at first, the unperturbed weights.
    """

    def __init__(self, subject: Subject, loss: RobustLoss, ball: WeightBall) -> None:
        self.subject, self.loss, self.ball = subject, loss, ball
        self._own = loss(subject)
        self.best = Worst(ball.origin, self._own.images, LossIncrease.none(self._own))

    def ascend(self, start: Ascended, steps: int) -> Ascended:
        """Ascend in this ball, without verification."""
        return ascend(self.subject, self.loss, self.ball, start, steps)

    def follow(self, other: Ascended, steps: int) -> Ascended:
        """Ascend from weights in another ball, scaled to this one."""
        at = stretched(self.ball, other.weights)
        return self.ascend(Ascended(at, other.images), steps)

    def restart(self, restart: int, epochs: int, minibatch: int | None) -> None:
        """Ascend from random weights."""
        generator = self.subject.generator("flatness", "worst", self.ball.radius, restart)
        start = Ascended(self.ball.sample(generator), self._own.images)
        if minibatch is None:
            self.verify(self.ascend(start, epochs))
        else:
            data = self.subject, self.loss, self.ball
            self.verify(ascend_minibatches(*data, start, epochs, minibatch))

    def verify(self, found: Ascended) -> None:
        """Project weights into the ball and measure them with the images that were found there."""
        inside = self.ball.project(found.weights)
        require_inside(self.ball, inside)
        sets = [found.images, self._own.images]
        attacked = self.loss.on(self.subject.at(inside), sets)
        self.keep(Worst(inside, attacked.images, LossIncrease.between(self._own, attacked)))
        increase = float(self.best.increase.loss)
        self.subject.progress(f"worst flatness in {self.ball.radius:g}: {increase:+.4f}")

    def keep(self, found: Worst) -> None:
        """Keep what was found if it is worse than all before."""
        if found.increase.loss > self.best.increase.loss:
            self.best = found

    def settle(self, own: Attacked, attacked: Attacked) -> None:
        """Take over another attack at the unperturbed weights and at the worst ones."""
        found = Worst(self.best.weights, attacked.images, LossIncrease.between(own, attacked))
        self.best = Worst(self.ball.origin, own.images, LossIncrease.none(own))
        self.keep(found)


def _visit(searches: Sequence[_Search], epochs: int, known: Mapping[float, Point]) -> list[Tensor]:
    """The ascent through all balls; returns where its images end at the unperturbed weights."""
    fewer, largest = (epochs + 1) // 2, searches[-1]
    subject, loss, ball = largest.subject, largest.loss, largest.ball
    if loss.eps > 0:
        ball = WeightBall(ball.weights, WIDER * ball.radius, ball.geometry)
    own = loss(subject).images
    at = ascend(subject, loss, ball, Ascended(ball.origin, own), epochs)
    for search in reversed(searches):
        at = search.follow(at, fewer)
        search.verify(at)
        if search.ball.radius in known:
            found = Ascended(search.ball.project(known[search.ball.radius]), own)
            search.verify(found)
            search.verify(search.ascend(found, fewer))
    return [loss.again(subject, at.images, fewer, FIRST_STEP).images] if loss.eps > 0 else []


def compare(
    subject: Subject, loss: RobustLoss, found: Sequence[Tensor], ends: Sequence[Ascended | Worst]
) -> tuple[Attacked, list[Attacked]]:
    """Attack images alike at the unperturbed weights and at others.

    What an attack finds depends on chance, by an amount that in a small ball is several percent of
    the increase of the loss. Where all weights may use the images found for any of them, most of it
    cancels. The images that are worst so far are attacked again at all weights, and then shared
    once more.

    Args:
        subject: model and examples.
        loss: the loss, with an input budget.
        found: sets of images (N, C, H, W) that were found at the unperturbed weights.
        ends: other weights, and images that were found there.

    Returns:
        The attack at the unperturbed weights, and those at the others.
    """
    sets = [*found, *(end.images for end in ends)]
    places = [subject, *(subject.at(end.weights) for end in ends)]
    steps = max(loss.steps // 2, 1)
    again = [
        loss.again(place, loss.on(place, sets).images, steps, LAST_STEP).images for place in places
    ]
    own, *moved = (loss.on(place, [*found[:1], *again]) for place in places)
    return own, moved


def ascend(
    subject: Subject, loss: RobustLoss, ball: WeightBall, start: Ascended, steps: int
) -> Ascended:
    """Ascend the mean loss of the whole set over weights, and over the images of a robust loss.

    The clean loss is maximized with APGD in half of the steps. For the robust loss weights and
    images take steepest steps whose length decreases linearly, at first across their whole balls:
    long steps lead images from one maximum to a larger one.

    Args:
        subject: model and examples.
        loss: the loss, with the input ball and the temperature.
        ball: the weight ball.
        start: weights and images; these are not used for the clean loss.
        steps: number of steps, each one pass over the examples.

    Returns:
        The weights of largest loss, and the images there.
    """
    evaluate = whole_set(subject, cross_entropy, *loss.more(subject))
    if loss.eps == 0:
        found = apgd(ball, evaluate, start.weights, (steps + 1) // 2)
        return Ascended(found.point, start.images)
    inputs = InputBall(subject.images, "linf", loss.eps)
    followed = FollowedImages(evaluate, inputs, start.images, steps, FIRST_STEP)
    found = pgd(ball, followed, start.weights, steps, FIRST_STEP, decreasing=True)
    return Ascended(found.point, followed.best)


def ascend_minibatches(
    subject: Subject,
    loss: RobustLoss,
    ball: WeightBall,
    start: Ascended,
    epochs: int,
    minibatch: int,
) -> Ascended:
    """The authors' ascent: a fixed step of both parts per mini-batch; returns the last point.

    Args:
        subject: model and examples.
        loss: the loss, with the input ball and the temperature.
        ball: the weight ball.
        start: weights and images; these are not used for the clean loss.
        epochs: number of passes over the examples.
        minibatch: images per step.
    """
    weight_step = max(WEIGHT_STEP, ball.radius / 4) / ball.radius
    images, weights = start.images.clone(), start.weights
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
    return Ascended(weights, images)
