"""The weight attack: one perturbation of the weights, shared by the whole evaluation set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import apgd
from benchmark.attacks.fewest_correct import FewestCorrect
from benchmark.attacks.result import Candidate
from benchmark.attacks.verification import require_inside
from benchmark.objectives import Objective, cross_entropy, margin, probability_margin
from benchmark.spaces import Point, WeightBall
from benchmark.subject import Subject
from benchmark.threats import WeightThreat
from models_zoo.prediction import predicted_classes

FIRST_STEP = 8.0
"""Length of the first step, in radii. A step this long ends at the maximizer of the linearized
objective, as in the Frank-Wolfe method; ascents need fewer steps than with APGD's usual 2."""


@dataclass(frozen=True)
class WorstWeights:
    """The worst perturbations found in one ball, by accuracy and by loss.

    Attributes:
        lowest: the perturbation of lowest accuracy, with the clean images.
        highest: the weights of highest mean cross-entropy.
        losses: cross-entropy (N,), nats, with them.
    """

    lowest: Candidate
    highest: Point
    losses: Tensor


def weight_ball(
    subject: Subject, threat: WeightThreat, support: Mapping[str, Tensor] | None = None
) -> WeightBall:
    """The ball that a threat describes around a subject's own weights.

    Args:
        subject: the model.
        threat: the threat.
        support: which entries may move, see :class:`benchmark.spaces.WeightBall`.
    """
    weights = subject.weights_that_move(threat.rule)
    return WeightBall(weights, threat.radius, threat.geometry, support)


def measured(subject: Subject, ball: WeightBall, weights: Point) -> tuple[Point, Tensor]:
    """Project weights, measure them, and classify the whole evaluation set again in float32.

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


def verified_weights(subject: Subject, ball: WeightBall, weights: Point) -> Candidate:
    """As :func:`measured`: what is still classified correctly, and the weights it holds for."""
    inside, logits = measured(subject, ball, weights)
    return Candidate(inside, subject.images, predicted_classes(logits) == subject.labels)


class _Search:
    """The worst perturbations in one ball so far; every candidate counts for accuracy and for loss.

    Attributes:
        lowest: the perturbation of lowest accuracy.
        highest: that of highest mean cross-entropy.
        losses: cross-entropy (N,) under it.
    """

    def __init__(self, subject: Subject, ball: WeightBall) -> None:
        self.subject, self.ball = subject, ball
        origin, logits = measured(subject, ball, ball.origin)
        robust = predicted_classes(logits) == subject.labels
        self.lowest = Candidate(origin, subject.images, robust)
        self.highest, self.losses = origin, cross_entropy(logits, subject.labels)

    def explore(self, objective: Objective, steps: int) -> None:
        """Search for maxima of the loss: ascend it from the end of an ascent on another objective.

        The loss has a maximum for every class that all examples can be pushed to, and an ascent
        soon ends in a nearby one. The gradient of the cross-entropy is mostly that of the examples
        that are wrong already; margins, to which examples contribute more evenly, lead to other,
        often higher maxima.

        Args:
            objective: ascended from the origin.
            steps: APGD steps of each ascent.
        """
        self.ascend(cross_entropy, self.ascend(objective, self.ball.origin, steps), steps)

    def follow(self, other: _Search, steps: int) -> None:
        """Ascend the loss from the highest point found at another radius, scaled to this one."""
        self.ascend(cross_entropy, stretched(self.ball, other.highest), steps)

    def finish(self, smaller: _Search | None, steps: int) -> None:
        """Search for the lowest accuracy, from the highest loss and from a smaller radius.

        Args:
            smaller: the search of the next smaller radius; what it found counts here too.
            steps: APGD steps of each ascent.
        """
        if smaller is not None:
            self.follow(smaller, steps)
            self.ascend(probability_margin, stretched(self.ball, smaller.lowest.weights), steps)
            self.keep(smaller.lowest, smaller.highest, smaller.losses)
        self.ascend(probability_margin, self.highest, steps)

    def ascend(self, objective: Objective, start: Point, steps: int) -> Point:
        """Ascend, verify the points that seem worse than all before, and return the end."""
        watched = FewestCorrect(self.subject, objective)
        found = apgd(self.ball, watched, self.ball.project(start), steps, first_step=FIRST_STEP)
        if objective is cross_entropy and float(found.values) > float(self.losses.double().mean()):
            self._verify(found.point)
        if watched.fewest < self.lowest.n_robust:
            self._verify(watched.point)
        return found.point

    def _verify(self, point: Point) -> None:
        weights, logits = measured(self.subject, self.ball, point)
        robust = predicted_classes(logits) == self.subject.labels
        candidate = Candidate(weights, self.subject.images, robust)
        self.keep(candidate, weights, cross_entropy(logits, self.subject.labels))

    def __str__(self) -> str:
        """The results so far as a short text."""
        share, loss = self.lowest.robust.double().mean(), self.losses.double().mean()
        return f"{self.ball.radius:g}: {share:.1%} robust, loss up to {loss:.3g}"

    def keep(self, candidate: Candidate, weights: Point, losses: Tensor) -> None:
        """Keep a candidate that leaves fewer correct, and weights that give a higher loss."""
        if candidate.robust.sum() < self.lowest.robust.sum():
            self.lowest = candidate
        if losses.double().mean() > self.losses.double().mean():
            self.highest, self.losses = weights, losses


def search_weights(
    subject: Subject, threats: Sequence[WeightThreat], steps: int
) -> list[WorstWeights]:
    """The worst found at ascending radii; what was found in a smaller ball counts in larger ones.

    Radii are visited from the largest down and up again: maxima found at one radius are starting
    points at the next.

    Args:
        subject: model and examples.
        threats: with ascending radii, otherwise equal.
        steps: APGD steps of each ascent.
    """
    searches = [_Search(subject, weight_ball(subject, threat)) for threat in threats]
    moving = [search for search in searches if search.ball.radius > 0]
    larger: _Search | None = None
    for search in reversed(moving):
        if larger is None:
            search.explore(margin, steps)
        else:
            search.follow(larger, steps)
        search.explore(probability_margin, steps)
        larger = search
        subject.progress(f"weights {search.ball.geometry} {search}")
    smaller: _Search | None = None
    for search in moving:
        search.finish(smaller, steps)
        smaller = search
        subject.progress(f"weights {search.ball.geometry} {search}")
    return [WorstWeights(search.lowest, search.highest, search.losses) for search in searches]


def worst_weights(
    subject: Subject, threats: Sequence[WeightThreat], steps: int
) -> list[WorstWeights]:
    """As :func:`search_weights`, computed once per subject: other probes start from it."""
    key = ("worst_weights", tuple(threats), steps)
    return subject.once(key, lambda: search_weights(subject, threats, steps))


def stretched(ball: WeightBall, weights: Point) -> Point:
    """The displacement to ``weights``, scaled to the ball's full radius: a warm start."""
    origin = ball.origin
    return ball.move(
        origin,
        ball.steepest({name: weights[name] - origin[name] for name in origin}),
        torch.ones(1, device=next(iter(origin.values())).device),
    )
