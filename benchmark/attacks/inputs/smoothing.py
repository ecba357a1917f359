"""Gradients averaged over noise, for models whose own gradient says little.

A staircase has steep gradients near its edges and none elsewhere; noise of a step's width meets the
edges often enough for their mean to point along the stairs. The same mean is what an attack on a
model with random outputs needs (expectation over transformation, Athalye et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from benchmark.ascent import Evaluate, Evaluation, apgd, per_example
from benchmark.attacks.inputs.climbing import OBJECTIVES
from benchmark.attacks.inputs.field import Field
from benchmark.attacks.inputs.search import Search
from benchmark.draws import uniform
from benchmark.spaces import IMAGES, Point


@dataclass(frozen=True)
class Smoothed(Search):
    """APGD on the probability margin with smoothed gradients, where gradients lead astray.

    Attributes:
        steps: APGD steps.
        samples: noisy images a gradient is the mean of.
        width: the noise's largest deviation a pixel, in radii of an linf ball of equal reach.
    """

    steps: int
    samples: int
    width: float

    @property
    def name(self) -> str:
        """Steps, samples and width."""
        return f"smoothed gradients, {self.steps} steps of {self.samples} samples"

    def wants(self, field: Field) -> Tensor:
        """What stands, if gradients were seen to lead astray."""
        return field.standing & field.masked

    def find(self, field: Field) -> Tensor:
        """Where the climb fell or came furthest."""
        return apgd(field.ball, self._evaluate(field), field.ball.origin, self.steps).point[IMAGES]

    def _evaluate(self, field: Field) -> Evaluate:
        objective, size = OBJECTIVES["probability margin"], field.subject.images[0].numel()
        plain = per_example(field.subject, objective, field.temperature)
        width = self.width * field.ball.radii / (1 if field.ball.norm == "linf" else size**0.5)
        asked = 0

        def evaluate(point: Point, rows: Tensor) -> Evaluation:
            nonlocal asked
            here = plain(point, rows)
            total = here.gradient[IMAGES].clone()
            for _ in range(self.samples):
                asked += 1
                numbers = uniform(field.seed, field.rows[rows], asked, size)
                noise = (2 * numbers - 1).view_as(total) * width[rows].view(-1, 1, 1, 1)
                shaken = {IMAGES: (point[IMAGES] + noise).clamp(0, 1)}
                total += plain(shaken, rows).gradient[IMAGES]
            return Evaluation(here.values, {IMAGES: total}, here.fallen)

        return evaluate
