"""Searches that follow the gradient of one untargeted objective inside the ball."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import Climb as Climbed
from benchmark.ascent import Evaluate, apgd, per_example
from benchmark.attacks.inputs.field import Field
from benchmark.attacks.inputs.lanes import run_lanes
from benchmark.attacks.inputs.search import Search
from benchmark.objectives import cross_entropy, probability_margin
from benchmark.spaces import IMAGES

OBJECTIVES = {"probability margin": probability_margin, "cross-entropy": cross_entropy}


@dataclass(frozen=True)
class Climb(Search):
    """APGD on an untargeted objective.

    Attributes:
        objective: a name of :data:`OBJECTIVES`.
        steps: APGD steps.
        starts: random points of the ball to climb from, all at once; none for the image itself.
        lanes: where few are asked, more points than that: so many for all of them together.
        above: asks only examples whose margin is closed by at least this share.
        share: and at most this share of all, see :meth:`Field.near`.
    """

    objective: str
    steps: int
    starts: int = 0
    lanes: int = 0
    above: float = 0.0
    share: float = 1.0

    @property
    def name(self) -> str:
        """Objective, start and steps."""
        start = f"{self.starts} random points" if self.starts else "image"
        return f"{self.objective} from {start}, {self.steps} steps"

    def wants(self, field: Field) -> Tensor:
        """Examples that came near enough."""
        return field.near(self.above, self.share)

    def find(self, field: Field) -> Tensor:
        """Where the climbs fell or came furthest."""
        if not self.starts:
            evaluate = untargeted(field, self.objective)
            return apgd(field.ball, evaluate, field.ball.origin, self.steps).point[IMAGES]
        rows = torch.arange(len(field.rows), device=field.rows.device)

        def climb(some: Field, lanes: Tensor) -> Climbed:
            start = {IMAGES: some.random_starts(lanes // len(rows))}
            return apgd(some.ball, untargeted(some, self.objective), start, self.steps)

        starts = max(self.starts, self.lanes // field.crowd)
        return run_lanes(field, rows.repeat(starts), climb).best(field.nearest)


def untargeted(field: Field, objective: str, *, stop: bool = True) -> Evaluate:
    """An objective of :data:`OBJECTIVES` at each example's own temperature."""
    return per_example(field.subject, OBJECTIVES[objective], field.temperature, stop=stop)
