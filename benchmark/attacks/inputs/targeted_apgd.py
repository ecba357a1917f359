"""Targeted APGD with successive elimination of target classes.

``max_x L(z(x), t)`` over the ball for several targets ``t``, with ``L`` the margin ``z_t - z_y`` or
the DLR loss, which divides it by the spread of the logits. Each class gets a few steps, then only
the classes whose loss increased the most towards zero get more. AutoAttack gives nine classes a
hundred steps each; a few steps predict nearly as well which class can succeed.

Sources: Croce & Hein 2020 (APGD-T, DLR); Jamieson & Talwalkar 2016 (successive halving); Melamed
et al. 2024 (MALT, the first order of the classes, :mod:`benchmark.attacks.inputs.targets`).

Hyper-parameters: the objective, and per round the number of classes, the smallest progress, the
steps, and the number of restarts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from benchmark.ascent import AscentResult, apgd, per_example
from benchmark.attacks.inputs.larger_ball import ascend_inside, larger_ball
from benchmark.attacks.inputs.restarts import run_restarts
from benchmark.attacks.inputs.search import Candidates, CostlySearch
from benchmark.attacks.inputs.state import AttackState
from benchmark.objectives import TARGETED_OBJECTIVES
from benchmark.spaces import IMAGES

OUTSIDE_FACTOR = 2.0
"""Radius of the larger ball in which a round may begin, in radii of the ball."""

CLASS_STREAMS = 1_000_003
"""Number of random streams per restart, one per class."""


@dataclass(frozen=True)
class EliminationRound:
    """One round: ascents towards the classes that are left.

    Attributes:
        classes: largest number of classes per example, those of the largest progress.
        min_progress: smallest progress of a class, see :attr:`AttackState.target_progress`.
        steps: APGD steps on the objective.
        steps_outside: APGD steps before that in a ball of twice the radius. In l2 and l1 balls
            only, where the box stops ascents that start inside.
        restarts: number of random starts per class; 0 starts at the image itself.
    """

    classes: int
    min_progress: float
    steps: int
    steps_outside: int = 0
    restarts: int = 0


@dataclass(frozen=True)
class TargetedAPGD(CostlySearch):
    """Rounds of targeted APGD, usually with fewer classes and more steps from round to round.

    Attributes:
        rounds: the rounds, in order.
        objective: a name of :data:`benchmark.objectives.TARGETED_OBJECTIVES`.
    """

    targeted: ClassVar[bool] = True

    rounds: tuple[EliminationRound, ...]
    objective: str = "margin"

    @property
    def name(self) -> str:
        """Objective, classes and steps of each round."""
        start = "random points" if any(each.restarts for each in self.rounds) else "image"
        return f"targeted APGD on {self.objective} from {start}, " + ", ".join(
            f"{each.classes} x {each.steps_outside + each.steps} steps" for each in self.rounds
        )

    def find(self, batch: AttackState) -> Candidates:
        """Per example the first misclassified image, or else the best of its last round."""
        best, robust = batch.nearest, torch.ones_like(batch.robust)
        progress = batch.target_progress
        for each in self.rounds:
            rows, columns = _pairs(progress, robust, each)
            if not len(rows):
                break
            draws, n_pairs = max(1, each.restarts), len(rows)
            rows, columns = rows.repeat(draws), columns.repeat(draws)
            classes = batch.targets[rows, columns]

            def ascend(
                some: AttackState,
                restarts: Tensor,
                each: EliminationRound = each,
                classes: Tensor = classes,
                n_pairs: int = n_pairs,
            ) -> AscentResult:
                return self._ascend(some, classes[restarts], each, restarts // n_pairs)

            restarts = run_restarts(batch, rows, ascend)
            gap_closed = self._gap_closed(batch, rows, classes, restarts.values).view(draws, -1)
            progress = progress.clone()
            progress[rows[:n_pairs], columns[:n_pairs]] = gap_closed.amax(0)
            best = restarts.best(best)
            robust[rows[restarts.broken]] = False
        return Candidates(best, target_progress=progress)

    def _ascend(
        self, state: AttackState, classes: Tensor, each: EliminationRound, draw: Tensor
    ) -> AscentResult:
        """One ascent per example, towards one class each."""
        evaluate = per_example(state.subject, TARGETED_OBJECTIVES[self.objective], classes)
        start = (
            {IMAGES: state.random_starts(draw * CLASS_STREAMS + classes)}
            if each.restarts
            else state.ball.origin
        )
        if not each.steps_outside or state.ball.norm == "linf":
            return apgd(state.ball, evaluate, start, each.steps)
        larger = larger_ball(state.ball, OUTSIDE_FACTOR)
        outside = apgd(larger, evaluate, start, each.steps_outside).point[IMAGES]
        return ascend_inside(state.ball, evaluate, outside, each.steps)

    def _gap_closed(
        self, state: AttackState, rows: Tensor, classes: Tensor, values: Tensor
    ) -> Tensor:
        """The share of the clean image's negative objective that an ascent has closed."""
        clean = TARGETED_OBJECTIVES[self.objective](
            state.subject.logits()[rows], state.subject.labels[rows], classes
        )
        return 1 + values / (-clean).clamp_min(1e-12)


def _pairs(progress: Tensor, robust: Tensor, each: EliminationRound) -> tuple[Tensor, Tensor]:
    """The examples and classes of a round, as indices (pairs,) into rows and columns."""
    allowed = torch.where(robust[:, None] & (progress >= each.min_progress), progress, -torch.inf)
    count = min(each.classes, progress.shape[1])
    order = allowed.argsort(dim=1, descending=True, stable=True)[:, :count]
    chosen = torch.zeros_like(allowed, dtype=torch.bool).scatter_(1, order, True)
    rows, columns = (chosen & (allowed > -torch.inf)).nonzero(as_tuple=True)
    return rows, columns
