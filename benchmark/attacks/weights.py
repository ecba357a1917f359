"""The weight attack: one perturbation of the weights, shared by the whole evaluation set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import apgd, whole_set
from benchmark.attacks.verification import require_inside
from benchmark.objectives import Objective, cross_entropy, margin, probability_margin
from benchmark.spaces import Point, WeightBall, select_weights
from benchmark.subject import Subject

OBJECTIVES: tuple[Objective, ...] = (probability_margin, cross_entropy, margin)
"""Each is climbed from the origin: none of them wins everywhere. The probability margin, which
counts an example about once, finds the lowest accuracy in small balls; the margin of logits, which
pushes all of them at once, in larger ones; the cross-entropy lies between."""


@dataclass(frozen=True)
class WeightBudget:
    """How far and by what rule weights may move, and how hard the search tries.

    Attributes:
        geometry: a name of :data:`benchmark.spaces.GEOMETRIES`.
        rule: a name of :data:`benchmark.spaces.RULES`.
        steps: APGD steps an objective and start.
    """

    geometry: str = "relative-l2"
    rule: str = "no-normalization"
    steps: int = 30

    def ball(self, subject: Subject, radius: float) -> WeightBall:
        """The ball of that radius around the subject's own weights."""
        return WeightBall(select_weights(subject.model, self.rule), radius, self.geometry)


@dataclass(frozen=True)
class WeightAttack:
    """What a weight attack found, verified.

    Attributes:
        weights: perturbed tensors by parameter name, inside the ball.
        robust: bool (N,), examples still classified correctly with them.
    """

    weights: Point
    robust: Tensor


def verified_weights(subject: Subject, ball: WeightBall, weights: Point) -> WeightAttack:
    """Project, measure and classify the whole evaluation set again, in float32."""
    inside = ball.project({name: tensor.detach() for name, tensor in weights.items()})
    require_inside(ball, inside)
    return WeightAttack(inside, subject.at(inside).correct())


def attack_radius(
    subject: Subject, ball: WeightBall, steps: int, starts: Sequence[Point]
) -> WeightAttack:
    """The worst perturbation found in one ball, by accuracy.

    Args:
        subject: model and examples.
        ball: where the weights may go.
        steps: APGD steps an objective and start.
        starts: further points to climb the first objective from.
    """
    best = verified_weights(subject, ball, ball.origin)
    if ball.radius == 0:
        return best
    climbs = [(objective, ball.origin) for objective in OBJECTIVES]
    for objective, start in climbs + [(OBJECTIVES[0], start) for start in starts]:
        climb = apgd(ball, whole_set(subject, objective), ball.project(start), steps)
        found = verified_weights(subject, ball, climb.point)
        if found.robust.sum() < best.robust.sum():
            best = found
    return best


def weight_ladder(
    subject: Subject, radii: Sequence[float], budget: WeightBudget
) -> list[WeightAttack]:
    """The worst perturbation at ascending radii; a smaller radius's is kept where none is worse.

    Args:
        subject: model and examples.
        radii: ascending, in the unit of the budget's geometry.
        budget: geometry, rule and steps.
    """

    def climb() -> list[WeightAttack]:
        attacks: list[WeightAttack] = []
        for radius in radii:
            ball = budget.ball(subject, radius)
            starts = [stretched(ball, attacks[-1].weights)] if attacks else []
            found = attack_radius(subject, ball, budget.steps, starts)
            if attacks and attacks[-1].robust.sum() <= found.robust.sum():
                found = attacks[-1]
            attacks.append(found)
            subject.progress(f"weights {radius:g}: {found.robust.float().mean():.1%} stand")
        return attacks

    return subject.once(("weight_ladder", tuple(radii), budget), climb)


def stretched(ball: WeightBall, weights: Point) -> Point:
    """The displacement to ``weights``, brought to the ball's full radius: a warm start."""
    origin = ball.origin
    return ball.move(
        origin,
        ball.steepest({name: weights[name] - origin[name] for name in origin}),
        torch.ones(1, device=next(iter(origin.values())).device),
    )
