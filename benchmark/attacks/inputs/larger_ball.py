"""APGD in a larger ball first, then back inside the ball.

``x_out = APGD in the ball of radius f eps``, then ``APGD in the ball of radius eps from
project(x_out)``. An ascent inside the ball can end in a local maximum, in particular where the box
clips it or where the network is flat around training perturbations. Further outside the gradient
often points at the decision boundary, and the projection starts the second ascent near it.

Source: AutoAttack's l1 version starts from larger balls for the same reason (Croce & Hein 2021,
section 4). Screening by the larger ball is this project's own; ``docs/probes/input.md`` has its
ablation.

Hyper-parameters: factors ``f`` on the radius, steps outside and inside, and which examples it runs
on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from benchmark.ascent import AscentResult, Evaluate, apgd
from benchmark.attacks.inputs.apgd_search import untargeted
from benchmark.attacks.inputs.restarts import run_from, run_restarts, survivors
from benchmark.attacks.inputs.search import Candidates, CostlySearch, Search
from benchmark.attacks.inputs.state import AttackState
from benchmark.spaces import IMAGES, InputBall, Point

OBJECTIVE = "probability margin"


def larger_ball(ball: InputBall, factor: float | Tensor) -> InputBall:
    """The balls of ``factor`` times the radius; one factor for all or one per image."""
    return InputBall(ball.images, ball.norm, ball.eps * factor)


def ascend_inside(ball: InputBall, evaluate: Evaluate, outside: Tensor, steps: int) -> AscentResult:
    """APGD inside the ball from the projections of images (n, C, H, W) outside it."""
    return apgd(ball, evaluate, ball.project({IMAGES: outside}), steps, first_step=1.0)


@dataclass(frozen=True)
class LargerBallScreening(Search):
    """Finds the examples that can be broken at ``factor`` times the budget, and drops the others.

    The others are then attacked inside the ball, starting from the projected image that broke them.

    The margin sees one other class at a time. Where that one ceases to grow, cross-entropy may
    still lead to another.

    Attributes:
        steps_outside: APGD steps in the larger ball.
        steps_inside: APGD steps in the ball.
        factor: on the radius.
        min_margin_closed: examples whose margin is closed by less than this share are dropped
            without being attacked.
        steps_again: APGD steps on cross-entropy in the larger ball, where the margin did not break
            the example there.
        min_closed_again: share of the margin that must be closed for these.
    """

    screens: ClassVar[bool] = True

    steps_outside: int = 10
    steps_inside: int = 20
    factor: float = 2.0
    min_margin_closed: float = 0.0
    steps_again: int = 0
    min_closed_again: float = 0.2

    @property
    def name(self) -> str:
        """Factor and steps."""
        again = f" or {self.steps_again}" if self.steps_again else ""
        steps = f"{self.steps_outside}{again} + {self.steps_inside} steps"
        return f"larger-ball screening at {self.factor:g} budgets, {steps}"

    def select(self, state: AttackState) -> Tensor:
        """Reachable examples whose margin is closed far enough."""
        return state.reachable & state.close(self.min_margin_closed)

    def find(self, batch: AttackState) -> Candidates:
        """The last image of an example, or the clean one if it was not broken in the larger ball.

        ``reachable`` is false for examples that the larger ball did not break.
        """
        images = batch.subject.images.clone()
        outside, broken = self._outside(batch, OBJECTIVE, self.steps_outside)
        if self.steps_again:
            again = (~broken & batch.close(self.min_closed_again)).nonzero().squeeze(1)
            if len(again):
                found = self._outside(batch.take(again), "cross-entropy", self.steps_again)
                outside[again], broken[again] = found
        rows = broken.nonzero().squeeze(1)
        if len(rows):
            some = batch.take(rows)
            evaluate = untargeted(some, OBJECTIVE)
            inside = ascend_inside(some.ball, evaluate, outside[rows], self.steps_inside)
            images[rows] = inside.point[IMAGES]
        return Candidates(images, reachable=broken)

    def _outside(self, some: AttackState, objective: str, steps: int) -> tuple[Tensor, Tensor]:
        """Where an ascent in the larger ball ends (n, C, H, W), and where it succeeds."""
        larger = larger_ball(some.ball, self.factor)
        found = apgd(larger, untargeted(some, objective), larger.origin, steps)
        return found.point[IMAGES], found.broken


@dataclass(frozen=True)
class LargerBallRestarts(CostlySearch):
    """One restart per factor: out into the larger ball, across the boundary, and back inside.

    Attributes:
        factors: on the radius, one restart each.
        steps_outside: APGD steps in the larger ball.
        steps_inside: APGD steps in the ball.
        kept: number of restarts per example, the best ones, that go on inside the ball.
        steps_kept: APGD steps of these.
    """

    factors: tuple[float, ...] = (1.25, 1.5, 2.0, 3.0)
    steps_outside: int = 10
    steps_inside: int = 30
    kept: int = 0
    steps_kept: int = 0

    @property
    def name(self) -> str:
        """Factors and steps."""
        sizes = ", ".join(f"{factor:g}" for factor in self.factors)
        steps = f"{self.steps_outside} + {self.steps_inside} steps"
        more = f", {self.kept} x {self.steps_kept} steps" if self.kept else ""
        return f"larger-ball restarts at {sizes} budgets, {steps}{more}"

    def find(self, batch: AttackState) -> Candidates:
        """Per example the first misclassified image, or else the one with the largest objective."""
        rows = torch.arange(len(batch.keys), device=batch.keys.device)
        factors = torch.tensor(self.factors, device=rows.device).repeat_interleave(len(rows))

        def ascend(some: AttackState, restarts: Tensor) -> AscentResult:
            larger = larger_ball(some.ball, factors[restarts])
            evaluate = untargeted(some, OBJECTIVE, stop=False)
            outside = apgd(larger, evaluate, some.ball.origin, self.steps_outside)
            return ascend_inside(
                some.ball, untargeted(some, OBJECTIVE), outside.point[IMAGES], self.steps_inside
            )

        restarts = run_restarts(batch, rows.repeat(len(self.factors)), ascend)
        best = restarts.best(batch.nearest)
        if not self.kept:
            return Candidates(best)

        def further(some: AttackState, start: Point, _: Tensor) -> AscentResult:
            evaluate = untargeted(some, OBJECTIVE)
            return apgd(some.ball, evaluate, start, self.steps_kept, first_step=0.5)

        again = run_from(batch, restarts, survivors(restarts, self.kept), further)
        return Candidates(again.best(best))
