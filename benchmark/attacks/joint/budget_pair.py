"""One pair of budgets: the single attacks, the two sequential orders, and the joint ascent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from benchmark.attacks.joint.ascents import ascend_both, ascend_weights
from benchmark.attacks.joint.at_weights import attack_at_weights, finish_at_weights
from benchmark.attacks.result import AttackResult, Candidate, SearchReport
from benchmark.attacks.weights import stretched, weight_ball
from benchmark.spaces import Point
from benchmark.subject import Subject
from benchmark.threats import JointThreat

INPUT, WEIGHT, SMALLER, JOINT = "input", "weight", "smaller budget", "joint"
WEIGHT_FIRST, INPUT_FIRST = "weight then input", "input then weight"

MAX_BROKEN_FACTOR = 1.5
"""Largest assumed ratio between the numbers of examples that an effort breaks at other weights and
at those of the joint ascent."""


@dataclass(frozen=True)
class BudgetPair:
    """The joint attack at one input budget and one weight radius.

    Attributes:
        subject: model and examples.
        threat: the input balls and the weight ball.
        steps: APGD steps over the weights.
        effort: of the input attack under perturbed weights.
        input_attack: the input attack with the model's own weights, at the same input budget.
        weight_attack: the weight attack with clean images, at the same radius or less.
        smaller: results of pairs with budgets no larger in either direction.
    """

    subject: Subject
    threat: JointThreat
    steps: int
    effort: str
    input_attack: Candidate
    weight_attack: Candidate
    smaller: Sequence[AttackResult] = ()
    _passes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def attack(self) -> AttackResult:
        """Return the worst of all candidates, so that no single attack is stronger.

        Each candidate is one of the result's ``searches``: ``"input"``, ``"smaller budget"``,
        ``"weight"``, ``"weight then input"``, ``"input then weight"`` and ``"joint"``, those that
        were tried. ``strongest`` is the one that the result is from.
        """
        found = {INPUT: self.input_attack}
        smaller = [Candidate(each.weights, each.images, each.robust) for each in self.smaller]
        if smaller:
            found[SMALLER] = min(smaller, key=_n_robust)
        inputs, weights = self.threat.inputs, self.threat.weights
        if weights.radius > 0 and inputs.eps == 0.0:
            found[WEIGHT] = self.weight_attack
        elif weights.radius > 0:
            found = self._with_both(found)
        best = _worst(found)
        everyone = torch.ones_like(best.robust)
        searches = tuple(
            SearchReport(name, everyone, ~each.robust, *self._passes.get(name, (0, 0)))
            for name, each in found.items()
        )
        return AttackResult(self.threat, best.robust, best.images, best.weights, searches)

    def _with_both(self, found: dict[str, Candidate]) -> dict[str, Candidate]:
        """All candidates where both budgets are above 0.

        The sequential orders are tried with few steps first, and with the whole effort only where
        that could make them the worst: where they leave at most :data:`MAX_BROKEN_FACTOR` times as
        many examples robust as the effort broke at the joint weights.
        """
        orders = {
            WEIGHT_FIRST: self._counted(
                WEIGHT_FIRST, lambda: self._attack_at(self.weight_attack.weights, found)
            )
        }
        orders[INPUT_FIRST] = self._counted(
            INPUT_FIRST,
            lambda: self._attack_at(self._weights_for(self.input_attack.images), found),
        )
        found = found | orders
        quick = self._counted(JOINT, partial(self._joint, found))
        joint = self._counted(JOINT, partial(self._finish, quick))
        more = quick.n_robust - joint.n_robust
        for name, order in orders.items():
            if order.n_robust - MAX_BROKEN_FACTOR * more <= joint.n_robust:
                found[name] = self._counted(name, partial(self._finish, order))
        best = _worst(found)
        if best.n_robust < joint.n_robust:
            last = self._counted(JOINT, lambda: self._finish(self._ascend_from(best, found)))
            joint = min(best, last, key=_n_robust)
        return found | {JOINT: joint}

    def _joint(self, found: dict[str, Candidate]) -> Candidate:
        """Simultaneous ascents, verified, without the effort of the input attack.

        One starts at the clean images and the weights of the weight attack, the other at the images
        and weights of the worst so far; each of the two is the better one on some models.
        """
        weights, images = self._ascend(self.weight_attack.weights, self.subject.images)
        first = self._attack_at(weights, found, images)
        second = self._ascend_from(_worst(found | {JOINT: first}), found)
        return min(first, second, key=_n_robust)

    def _attack_at(self, weights: Point, found: dict[str, Candidate], *more: Tensor) -> Candidate:
        """Attack all examples under some weights, starting with the images of other candidates."""
        known = [*more, *(each.images for each in reversed(found.values()))]
        return attack_at_weights(self.subject, self.threat.inputs, weights, known)

    def _finish(self, candidate: Candidate) -> Candidate:
        return finish_at_weights(self.subject, self.threat.inputs, candidate, self.effort)

    def _weights_for(self, images: Tensor) -> Point:
        """Ascend over the weights with fixed images."""
        origin = weight_ball(self.subject, self.threat.weights).origin
        return ascend_weights(self.subject, self.threat.weights, self.steps, origin, images)

    def _ascend_from(self, start: Candidate, found: dict[str, Candidate]) -> Candidate:
        """The simultaneous ascent from another candidate."""
        weights, images = self._ascend(start.weights, start.images, again=True)
        return self._attack_at(weights, found, images, start.images)

    def _ascend(
        self, weights: Point, images: Tensor, *, again: bool = False
    ) -> tuple[Point, Tensor]:
        """Ascend over both, from weights of this ball or a smaller one at its full radius."""
        ball = weight_ball(self.subject, self.threat.weights)
        start = stretched(ball, weights) if weights else ball.origin
        return ascend_both(self.subject, self.threat, self.steps, start, images, again=again)

    def _counted(self, name: str, search: Callable[[], Candidate]) -> Candidate:
        """Run a search and add its passes through the model to those of its name."""
        passes = self.subject.passes
        forwards, backwards = passes.forwards, passes.backwards
        found = search()
        before = self._passes.get(name, (0, 0))
        self._passes[name] = (
            before[0] + passes.forwards - forwards,
            before[1] + passes.backwards - backwards,
        )
        return found


def _n_robust(candidate: Candidate) -> int:
    return candidate.n_robust


def _worst(found: dict[str, Candidate]) -> Candidate:
    return min(found.values(), key=_n_robust)
