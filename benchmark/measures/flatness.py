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

from benchmark.ascent import apgd, whole_set
from benchmark.attacks.verification import require_inside
from benchmark.attacks.weights import stretched
from benchmark.measures.followed_images import INPUT_STEP, FollowedImages
from benchmark.measures.robust_loss import Attacked, LossIncrease, RobustLoss
from benchmark.objectives import cross_entropy
from benchmark.spaces import IMAGES, InputBall, Point, WeightBall
from benchmark.subject import Subject

WEIGHT_STEP = 0.01
"""Length of the authors' weight steps, as a share of a tensor's norm; larger balls need longer
steps."""

WIDER = 2.0
"""Radius of the ball from which the search comes back, relative to the largest that is asked for.
The largest increase of the loss in a ball is often on a path from a larger one that an ascent
from the center does not find; the worst case of CIFAR-10's CNN-A at radius 0.005 is 3% larger
with it."""


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

    An ascent climbs the loss over weights while the attacked images follow. It visits the largest
    ball and then smaller ones, from the smallest to the largest again, a wider ball, and once more
    smaller ones as long as more is found there: where it ends in one ball is its start in the next.
    From the second visit on, the images are attacked again at its last weights, as they are at the
    unperturbed weights. What was found in a smaller ball counts in larger ones.

    Args:
        subject: model and examples.
        loss: clean or robust loss.
        balls: the weight balls, with ascending radii, the paper's xi (0.00075 to 0.005 in its
            grid).
        restarts: number of ascents per ball; the worst result counts. The others start at random
            weights.
        epochs: passes over the examples of an ascent from the center, from random weights or in
            the wider ball; half of them where it comes from another ball. Each is one step, or more
            with ``minibatch``.
        minibatch: images per weight step, for the paper's stochastic ascent with a fixed step size
            (128 there, with 20 epochs and 10 restarts), for each ball alone and always from random
            weights; by default all images, with APGD.
        known: weights from another search, by the radius of the ball that they are in; they are
            candidates and starts.
    """
    searches = [_Search(subject, loss, ball) for ball in balls]
    moving = [search for search in searches if search.ball.radius > 0]
    if restarts and moving and minibatch is None:
        _visit(moving, epochs, known or {})
    for search in moving:
        for restart in range(0 if minibatch else 1, restarts):
            search.restart(restart, epochs, minibatch)
    _compare(subject, loss, moving)
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
        self._own = reference(subject, loss)
        self.best = Worst(ball.origin, self._own.images, LossIncrease.none(self._own))

    @property
    def start(self) -> Ascended:
        """The unperturbed weights, with the images that were found for them."""
        return Ascended(self.ball.origin, self._own.images)

    def follow(self, other: Ascended | Worst, steps: int) -> Ascended:
        """Ascend from weights in another ball, scaled to this one."""
        at = stretched(self.ball, other.weights)
        return self.ascend(Ascended(at, other.images), steps)

    def ascend(self, start: Ascended, steps: int) -> Ascended:
        """Ascend in this ball, without verification."""
        return ascend(self.subject, self.loss, self.ball, start, steps)

    def restart(self, restart: int, epochs: int, minibatch: int | None) -> None:
        """Ascend from random weights."""
        generator = self.subject.generator("flatness", "worst", self.ball.radius, restart)
        weights = self.ball.sample(generator)
        if minibatch is None:
            self.verify(self.ascend(Ascended(weights, self._own.images), epochs).weights)
        else:
            images = self.loss(self.subject).images
            data = self.subject, self.loss, self.ball
            self.verify(ascend_minibatches(*data, weights, images, epochs, minibatch))

    def verify(self, weights: Point) -> bool:
        """Project weights into the ball and attack the images there; whether it is the worst."""
        inside = self.ball.project(weights)
        require_inside(self.ball, inside)
        attacked = self.loss.near(self.subject.at(inside), self.loss(self.subject).images)
        found = Worst(inside, attacked.images, LossIncrease.between(self._own, attacked))
        better = self.keep(found)
        increase = float(self.best.increase.loss)
        self.subject.progress(f"worst flatness in {self.ball.radius:g}: {increase:+.4f}")
        return better

    def keep(self, found: Worst) -> bool:
        """Keep what was found if it is worse than all before; whether it was."""
        better = bool(found.increase.loss > self.best.increase.loss)
        self.best = found if better else self.best
        return better


def reference(subject: Subject, loss: RobustLoss) -> Attacked:
    """The loss of the unperturbed weights, attacked as perturbed weights are."""
    return subject.once(("reference", loss), lambda: loss.near(subject, loss(subject).images))


def _visit(searches: Sequence[_Search], epochs: int, known: Mapping[float, Point]) -> None:
    """The ascent through all balls."""
    fewer = (epochs + 1) // 2
    smaller, largest = searches[:-1], searches[-1]
    at = largest.ascend(largest.start, epochs)
    for search in reversed(smaller):
        at = search.follow(at, fewer)
    for search in searches:
        at = search.follow(at, fewer)
        search.verify(at.weights)
        if search.ball.radius in known:
            found = search.ball.project(known[search.ball.radius])
            search.verify(found)
            search.verify(search.ascend(Ascended(found, at.images), fewer).weights)
    wider = WeightBall(largest.ball.weights, WIDER * largest.ball.radius, largest.ball.geometry)
    at = _Search(largest.subject, largest.loss, wider).follow(largest.best, epochs)
    if largest.verify(largest.follow(at, fewer).weights):
        for larger, search in pairwise(reversed(searches)):
            if not search.verify(search.follow(larger.best, fewer).weights):
                break


def _compare(subject: Subject, loss: RobustLoss, searches: Sequence[_Search]) -> None:
    """Measure all of them again, and the unperturbed weights, with the images found for any.

    What an attack finds depends on chance. When both sides of a difference may use the same images,
    much of it cancels: on two digits networks and CIFAR-10's CNN-A ten times the epochs then change
    no worst case by more than 1.2%, instead of 2.0%, for 8 forward passes per ball.
    """
    if loss.eps == 0:
        return
    sets = [loss(subject).images, reference(subject, loss).images]
    sets += [search.best.images for search in searches]
    own = loss.on(subject, sets)
    for search in searches:
        moved = loss.on(subject.at(search.best.weights), sets)
        found = Worst(search.best.weights, moved.images, LossIncrease.between(own, moved))
        search.best = Worst(search.ball.origin, own.images, LossIncrease.none(own))
        search.keep(found)


def ascend(
    subject: Subject, loss: RobustLoss, ball: WeightBall, start: Ascended, steps: int
) -> Ascended:
    """APGD on the mean loss of the whole set over weights, where the images follow.

    Args:
        subject: model and examples.
        loss: the loss, with the input ball and the temperature.
        ball: the weight ball.
        start: weights and images; these are not used for the clean loss.
        steps: number of steps, each one pass over the examples.

    Returns:
        The weights of largest loss, and the images there.
    """
    if loss.eps == 0:
        evaluate = whole_set(subject, cross_entropy, *loss.more(subject))
        return Ascended(apgd(ball, evaluate, start.weights, steps).point, start.images)
    followed = FollowedImages(subject, loss, start.images)
    return Ascended(apgd(ball, followed, start.weights, steps).point, followed.best)


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
