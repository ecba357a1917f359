"""APGD on an untargeted objective, from the image or from random points of the ball.

``max_x L(z(x) / T, y)`` over the ball, with ``L`` the probability margin ``max_{j != y} p_j - p_y``
(PMA, Xie et al. 2024) or the cross-entropy. The temperature ``T`` bounds the clean logit margin,
see :attr:`AttackState.temperature`.

Source: Croce & Hein 2020 (the schedule, :mod:`benchmark.ascent.apgd`).

Hyper-parameters: objective, number of steps, number of restarts, and which examples it runs on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import AscentResult, Evaluate, apgd, per_example
from benchmark.attacks.inputs.restarts import run_restarts
from benchmark.attacks.inputs.search import Candidates, CostlySearch
from benchmark.attacks.inputs.state import AttackState
from benchmark.objectives import cross_entropy, probability_margin
from benchmark.spaces import IMAGES

OBJECTIVES = {"probability margin": probability_margin, "cross-entropy": cross_entropy}


@dataclass(frozen=True)
class APGD(CostlySearch):
    """APGD on an untargeted objective.

    Attributes:
        objective: a name of :data:`OBJECTIVES`.
        steps: APGD steps.
        restarts: number of random starts per example; 0 starts at the image itself.
    """

    objective: str
    steps: int
    restarts: int = 0

    @property
    def name(self) -> str:
        """Objective, start and steps."""
        start = f"{self.restarts} random points" if self.restarts else "image"
        return f"APGD on {self.objective} from {start}, {self.steps} steps"

    def find(self, batch: AttackState) -> Candidates:
        """Per example the first misclassified image, or else the one with the largest objective."""
        if not self.restarts:
            evaluate = untargeted(batch, self.objective)
            result = apgd(batch.ball, evaluate, batch.ball.origin, self.steps)
            return Candidates(result.point[IMAGES])
        rows = torch.arange(len(batch.keys), device=batch.keys.device)

        def ascend(some: AttackState, restarts: Tensor) -> AscentResult:
            start = {IMAGES: some.random_starts(restarts // len(rows))}
            return apgd(some.ball, untargeted(some, self.objective), start, self.steps)

        restarts = run_restarts(batch, rows.repeat(self.restarts), ascend)
        return Candidates(restarts.best(batch.nearest))


def untargeted(state: AttackState, objective: str, *, stop: bool = True) -> Evaluate:
    """An objective of :data:`OBJECTIVES` at the temperature of each example.

    Args:
        state: the examples.
        objective: a name of :data:`OBJECTIVES`.
        stop: whether a misclassified image ends the ascent.
    """
    return per_example(state.subject, OBJECTIVES[objective], state.temperature, stop=stop)
