"""Gradients averaged over noise, for models whose own gradient says little.

A staircase has steep gradients near its edges and none elsewhere; noise of a step's width meets the
edges often enough for their mean to point along the stairs. The same mean is what an attack on a
model with random outputs needs (expectation over transformation, Athalye et al. 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import Evaluate, Evaluation, apgd, per_example
from benchmark.attacks.inputs.climbing import OBJECTIVES
from benchmark.attacks.inputs.field import Field
from benchmark.attacks.inputs.search import Search
from benchmark.attacks.inputs.trust import gradients_lead_astray
from benchmark.draws import uniform
from benchmark.objectives import others, targeted_margin
from benchmark.spaces import IMAGES, Point

WIDTHS = (0.25, 0.5, 1.0)
"""The noise's largest deviation a pixel, in radii of an linf ball of equal reach, in turns: how
wide the stairs are is not known."""

MEMORY = 0.9
"""Share of the gradient that is kept from step to step, so that the mean is over more noise."""


@dataclass(frozen=True)
class Smoothed(Search):
    """APGD with smoothed gradients, where gradients lead astray.

    First on the probability margin, then towards each of the strongest other classes.

    Attributes:
        steps: APGD steps.
        pairs: of noisy images, one on either side, that a gradient is the mean of.
        classes: to aim at.
    """

    steps: int
    pairs: int
    classes: int = 0

    @property
    def name(self) -> str:
        """Steps, samples and classes."""
        samples = f"{self.steps} steps of {2 * self.pairs} samples"
        return f"smoothed gradients, {samples}, towards {self.classes} classes"

    def wants(self, field: Field) -> Tensor:
        """What stands, if gradients lead astray; finds that out where it is not known yet."""
        field.masked = field.masked or gradients_lead_astray(field)
        return field.standing & field.masked

    def find(self, field: Field) -> Tensor:
        """Where the last climb fell or came furthest; the clean image where no noise has slopes."""
        found = field.subject.images.clone()
        rows = self._moving(field)
        for number, classes in enumerate([None, *_strongest(field, self.classes)]):
            if not len(rows):
                break
            some = field.take(rows)
            smoothed = self._smoothed(some, _aim(some, classes, rows), number)
            ended = apgd(some.ball, smoothed, some.ball.origin, self.steps)
            found[rows] = ended.point[IMAGES]
            rows = rows[~ended.fallen]
        return found

    def _moving(self, field: Field) -> Tensor:
        """Indices of the examples that have a gradient somewhere around the image."""
        rows = torch.arange(len(field.rows), device=field.rows.device)
        around = self._smoothed(field, _aim(field, None, rows), 0)(field.ball.origin, rows)
        return rows[around.gradient[IMAGES].flatten(1).any(1)]

    def _smoothed(self, field: Field, plain: Evaluate, number: int) -> Evaluate:
        size = field.subject.images[0].numel()
        reach = field.ball.radii / (1 if field.ball.norm == "linf" else size**0.5)
        kept = torch.zeros_like(field.subject.images)
        asked = 0

        def evaluate(point: Point, rows: Tensor) -> Evaluation:
            nonlocal asked
            here, ball = plain(point, rows), field.ball.take(rows)
            total = here.gradient[IMAGES].clone()
            for pair in range(self.pairs):
                numbers = uniform(field.seed + number, field.rows[rows], asked, size)
                asked += 1
                width = WIDTHS[pair % len(WIDTHS)] * reach[rows].view(-1, 1, 1, 1)
                noise = width * (2 * numbers - 1).view_as(total)
                for side in (noise, -noise):
                    shaken = ball.project({IMAGES: point[IMAGES] + side})
                    total += plain(shaken, rows).gradient[IMAGES]
            kept[rows] = MEMORY * kept[rows] + total
            return Evaluation(here.values, {IMAGES: kept[rows]}, here.fallen)

        return evaluate


def _strongest(field: Field, count: int) -> Sequence[Tensor]:
    """The ``count`` strongest other classes of every example, each (n,), the strongest first."""
    rivals = others(field.subject.logits(), field.subject.labels)
    return rivals.topk(min(count, rivals.shape[1] - 1), dim=1).indices.unbind(1)


def _aim(field: Field, classes: Tensor | None, rows: Tensor) -> Evaluate:
    """The probability margin, or the margin to the ``classes`` (N,) that ``rows`` have there."""
    if classes is None:
        return per_example(field.subject, OBJECTIVES["probability margin"], field.temperature)
    return per_example(field.subject, targeted_margin, classes[rows])
