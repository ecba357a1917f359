"""The weight attack: one perturbation of the weights, shared by the whole evaluation set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import apgd
from benchmark.attacks.verification import require_inside
from benchmark.attacks.watching import Watched
from benchmark.objectives import Objective, cross_entropy, margin, probability_margin
from benchmark.spaces import GEOMETRIES, RULES, Point, WeightBall
from benchmark.subject import Subject
from models_zoo.errors import unknown_name
from models_zoo.prediction import predicted_classes

FIRST_STEP = 8.0
"""Radii of the first step. So long a step ends where the ball's edge is steepest, as in the method
of Frank and Wolfe; climbs need fewer steps than with APGD's usual 2."""


@dataclass(frozen=True)
class WeightBudget:
    """How far and by what rule weights may move, and how hard the search tries.

    Attributes:
        geometry: a name of :data:`benchmark.spaces.GEOMETRIES`.
        rule: a name of :data:`benchmark.spaces.RULES`.
        steps: APGD steps of each climb.
    """

    geometry: str = "relative-l2"
    rule: str = "no-normalization"
    steps: int = 30

    def __post_init__(self) -> None:
        """Refuse names that are none of ours before anything is computed."""
        if not isinstance(self.geometry, str) or self.geometry not in GEOMETRIES:
            raise unknown_name("weight geometry", self.geometry, GEOMETRIES)
        if not isinstance(self.rule, str) or self.rule not in RULES:
            raise unknown_name("weight rule", self.rule, RULES)

    def ball(self, subject: Subject, radius: float) -> WeightBall:
        """The ball of that radius around the subject's own weights."""
        return WeightBall(subject.weights_that_move(self.rule), radius, self.geometry)


@dataclass(frozen=True)
class WeightAttack:
    """What a weight attack found, verified.

    Attributes:
        weights: perturbed tensors by parameter name, inside the ball.
        robust: bool (N,), examples still classified correctly with them.
    """

    weights: Point
    robust: Tensor


@dataclass(frozen=True)
class WeightRung:
    """The worst found at one radius; lowest accuracy and highest loss have their own perturbations.

    Attributes:
        lowest: the perturbation of lowest accuracy.
        losses: cross-entropy (N,), nats, under the perturbation of highest mean cross-entropy.
    """

    lowest: WeightAttack
    losses: Tensor


def measured(subject: Subject, ball: WeightBall, weights: Point) -> tuple[Point, Tensor]:
    """Project, measure and ask the whole evaluation set again, in float32.

    Args:
        subject: model and examples.
        ball: where the weights may be.
        weights: from any search.

    Returns:
        The weights inside the ball, and the logits (N, K) with them.

    Raises:
        RuntimeError: the projected weights were measured outside the ball.
    """
    inside = ball.project({name: tensor.detach() for name, tensor in weights.items()})
    require_inside(ball, inside)
    return inside, subject.at(inside).logits()


def verified_weights(subject: Subject, ball: WeightBall, weights: Point) -> WeightAttack:
    """As :func:`measured`: what is still classified correctly, and the weights it holds for."""
    inside, logits = measured(subject, ball, weights)
    return WeightAttack(inside, predicted_classes(logits) == subject.labels)


class _Search:
    """What was found in one ball so far; every candidate counts for accuracy and for loss.

    Attributes:
        lowest: the perturbation of lowest accuracy.
        loudest: that of highest mean cross-entropy.
        losses: cross-entropy (N,) under it.
    """

    def __init__(self, subject: Subject, ball: WeightBall) -> None:
        self.subject, self.ball = subject, ball
        origin, logits = measured(subject, ball, ball.origin)
        self.lowest = WeightAttack(origin, predicted_classes(logits) == subject.labels)
        self.loudest, self.losses = origin, cross_entropy(logits, subject.labels)

    def explore(self, objective: Objective, steps: int) -> None:
        """Look for hills of the loss: climb it from the end of another objective's climb.

        The loss has a hill for every class that all examples can be pushed to, and a climb soon
        reaches the top of the one it is on. The cross-entropy begins with the examples that are
        wrong already; margins, which examples share more alike, lead to other, often higher ones.

        Args:
            objective: climbed from the origin.
            steps: APGD steps of each climb.
        """
        self.climb(cross_entropy, self.climb(objective, self.ball.origin, steps), steps)

    def follow(self, other: _Search, steps: int) -> None:
        """Climb the loss from the highest point found at another radius, brought to this one."""
        self.climb(cross_entropy, stretched(self.ball, other.loudest), steps)

    def finish(self, smaller: _Search | None, steps: int) -> None:
        """Look for the lowest accuracy from the highest loss, and from a smaller radius's lowest.

        Args:
            smaller: the search of the next smaller radius; what it found counts here too.
            steps: APGD steps of each climb.
        """
        if smaller is not None:
            self.follow(smaller, steps)
            self.climb(probability_margin, stretched(self.ball, smaller.lowest.weights), steps)
            self.keep(smaller.lowest, smaller.loudest, smaller.losses)
        self.climb(probability_margin, self.loudest, steps)

    def climb(self, objective: Objective, start: Point, steps: int) -> Point:
        """Climb, verify what seems worse for the model than anything before, and give the end."""
        watched = Watched(self.subject, objective)
        found = apgd(self.ball, watched, self.ball.project(start), steps, first_step=FIRST_STEP)
        if objective is cross_entropy and float(found.values) > float(self.losses.double().mean()):
            self._look(found.point)
        if watched.fewest < int(self.lowest.robust.sum()):
            self._look(watched.point)
        return found.point

    def _look(self, point: Point) -> None:
        weights, logits = measured(self.subject, self.ball, point)
        attack = WeightAttack(weights, predicted_classes(logits) == self.subject.labels)
        self.keep(attack, weights, cross_entropy(logits, self.subject.labels))

    def __str__(self) -> str:
        """What was found so far, in a few words."""
        share, loss = self.lowest.robust.double().mean(), self.losses.double().mean()
        return f"{self.ball.radius:g}: {share:.1%} stand, loss up to {loss:.3g}"

    def keep(self, attack: WeightAttack, weights: Point, losses: Tensor) -> None:
        """Keep an attack that leaves fewer correct, and weights that give a higher loss."""
        if attack.robust.sum() < self.lowest.robust.sum():
            self.lowest = attack
        if losses.double().mean() > self.losses.double().mean():
            self.loudest, self.losses = weights, losses


def search_ladder(
    subject: Subject, radii: Sequence[float], budget: WeightBudget
) -> list[WeightRung]:
    """The worst found at ascending radii; what a smaller ball held counts in every larger one.

    From the largest radius down and up again: hills found at one radius are starts at the next.

    Args:
        subject: model and examples.
        radii: ascending, in the unit of the budget's geometry.
        budget: geometry, rule and steps.
    """
    searches = [_Search(subject, budget.ball(subject, radius)) for radius in radii]
    moving, steps = [search for search in searches if search.ball.radius > 0], budget.steps
    larger: _Search | None = None
    for search in reversed(moving):
        if larger is None:
            search.explore(margin, steps)
        else:
            search.follow(larger, steps)
        search.explore(probability_margin, steps)
        larger = search
        subject.progress(f"weights {budget.geometry} {search}")
    smaller: _Search | None = None
    for search in moving:
        search.finish(smaller, steps)
        smaller = search
        subject.progress(f"weights {budget.geometry} {search}")
    return [WeightRung(search.lowest, search.losses) for search in searches]


def weight_rungs(
    subject: Subject, radii: Sequence[float], budget: WeightBudget
) -> list[WeightRung]:
    """As :func:`search_ladder`, computed once a subject: other probes start from it."""
    key = ("weight_rungs", tuple(radii), budget)
    return subject.once(key, lambda: search_ladder(subject, radii, budget))


def weight_ladder(
    subject: Subject, radii: Sequence[float], budget: WeightBudget
) -> list[WeightAttack]:
    """The perturbations of lowest accuracy of :func:`weight_rungs`."""
    return [rung.lowest for rung in weight_rungs(subject, radii, budget)]


def stretched(ball: WeightBall, weights: Point) -> Point:
    """The displacement to ``weights``, brought to the ball's full radius: a warm start."""
    origin = ball.origin
    return ball.move(
        origin,
        ball.steepest({name: weights[name] - origin[name] for name in origin}),
        torch.ones(1, device=next(iter(origin.values())).device),
    )
