"""One pair of budgets: the single attacks, the two sequential orders, and the joint climb."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from benchmark.attacks.joint.climbs import climb_product, climb_weights
from benchmark.attacks.joint.strike import Strike, finish, strike
from benchmark.attacks.weights import WeightAttack, WeightBudget, stretched
from benchmark.spaces import Point
from benchmark.subject import Subject

INPUT, WEIGHT, SMALLER, JOINT = "input", "weight", "smaller budget", "joint"
WEIGHT_FIRST, INPUT_FIRST = "weight then input", "input then weight"

SLACK = 1.5
"""How much more than on the joint climb's weights an effort may break on other weights."""


@dataclass(frozen=True)
class JointAttack:
    """What a joint attack found, verified.

    Attributes:
        weights: the perturbed tensors shared by all examples; empty where the model's own are used.
        robust: bool (N,), examples that stand every input perturbation tried under those weights.
        won: the candidate with the fewest standing, the simplest of several: ``"input"``,
            ``"smaller budget"``, ``"weight"``, ``"weight then input"``, ``"input then weight"`` or
            ``"joint"``.
        images: (N, C, H, W) inside their balls: the proof where an example fell under the weights,
            else the image that came nearest.
        standing: how many examples stand under each candidate that was tried, by name.
    """

    weights: Point
    robust: Tensor
    won: str
    images: Tensor
    standing: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """One question: how far a model falls within one pair of budgets.

    Attributes:
        subject: model and examples.
        norm: norm of the input balls.
        eps: their radius, input units.
        radius: radius of the weight ball.
        budget: geometry, rule and steps of the weights.
        effort: of the input attack under perturbed weights.
        alone: the input attack with the model's own weights, at ``eps``.
        weight: the weight attack alone, at ``radius`` or less.
        smaller: outcomes of cells with budgets no larger in either direction.
    """

    subject: Subject
    norm: str
    eps: float
    radius: float
    budget: WeightBudget
    effort: str
    alone: Strike
    weight: WeightAttack
    smaller: Sequence[JointAttack] = ()

    def attack(self) -> JointAttack:
        """The worst of all candidates, so that no single attack is stronger."""
        found = {INPUT: self.alone}
        kept = [Strike(cell.weights, cell.robust, cell.images) for cell in self.smaller]
        if kept:
            found[SMALLER] = min(kept, key=lambda each: each.standing)
        if self.radius > 0 and self.eps == 0:
            weights, robust = self.weight.weights, self.weight.robust
            found[WEIGHT] = Strike(weights, robust, self.subject.images)
        elif self.radius > 0:
            found = self._both(found)
        won = min(found, key=lambda name: found[name].standing)
        best = found[won]
        standing = {name: each.standing for name, each in found.items()}
        return JointAttack(best.weights, best.robust, won, best.images, standing)

    def _both(self, found: dict[str, Strike]) -> dict[str, Strike]:
        """All candidates where both budgets are above 0.

        The sequential orders are struck with few steps first, and with the whole effort only where
        that could make them the worst: where no more examples stand than the effort has just been
        seen to break, :data:`SLACK` times over.
        """
        orders = {WEIGHT_FIRST: self._strike(self.weight.weights, found)}
        orders[INPUT_FIRST] = self._strike(self._weights_on(self.alone.images), found)
        found = found | orders
        begun = self._joint(found)
        joint = self._finish(begun)
        more = begun.standing - joint.standing
        for name, order in orders.items():
            if order.standing - SLACK * more <= joint.standing:
                found[name] = self._finish(order)
        best = _worst(found)
        if best.standing < joint.standing:
            joint = min(best, self._finish(self._climb_from(best, found)), key=_standing)
        return found | {JOINT: joint}

    def _joint(self, found: dict[str, Strike]) -> Strike:
        """Simultaneous climbs, verified but for the effort.

        One begins at the images themselves and the weights of the weight attack, the other at the
        images and weights of the worst so far; each of the two wins on some models.
        """
        weights, images = self._climb(self.weight.weights, self.subject.images)
        first = self._strike(weights, found, images)
        second = self._climb_from(_worst(found | {JOINT: first}), found)
        return min(first, second, key=_standing)

    def _strike(self, weights: Point, found: dict[str, Strike], *more: Tensor) -> Strike:
        """All examples attacked under some weights, first with what broke them under others."""
        known = [*more, *(each.images for each in reversed(found.values()))]
        return strike(self.subject, self.norm, self.eps, weights, known)

    def _finish(self, begun: Strike) -> Strike:
        return finish(self.subject, self.norm, self.eps, begun, self.effort)

    def _weights_on(self, images: Tensor) -> Point:
        """Weights climbed on images that stay as they are."""
        ball = self.budget.ball(self.subject, self.radius)
        return climb_weights(self.subject, self.radius, self.budget, ball.origin, images)

    def _climb_from(self, start: Strike, found: dict[str, Strike]) -> Strike:
        """The simultaneous climb from what was found already."""
        weights, images = self._climb(start.weights, start.images, again=True)
        return self._strike(weights, found, images, start.images)

    def _climb(
        self, weights: Point, images: Tensor, *, again: bool = False
    ) -> tuple[Point, Tensor]:
        """Climb both at once, from weights of this ball or a smaller one at its full radius."""
        ball = self.budget.ball(self.subject, self.radius)
        start = stretched(ball, weights) if weights else ball.origin
        return climb_product(
            self.subject, self.norm, self.eps, self.radius, self.budget, start, images, again=again
        )


def _standing(each: Strike) -> int:
    return each.standing


def _worst(found: dict[str, Strike]) -> Strike:
    return min(found.values(), key=_standing)
