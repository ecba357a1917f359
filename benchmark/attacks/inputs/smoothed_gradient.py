"""APGD with gradients averaged over noise, for models with masked gradients.

The gradient at ``x`` is ``sum of g over {x} and project(x +- w_k u_k), k = 1..K``, with uniform
noise ``u_k`` and alternating widths ``w_k``; it is averaged over steps with a decay of 0.9. The
gradient of a staircase is large near its edges and zero elsewhere, so that its mean over noise as
wide as a step points along the staircase.

Source: expectation over transformation, Athalye et al. 2018; the schedule is APGD's, Croce & Hein
2020.

Hyper-parameters: steps, pairs of noisy images per gradient, number of target classes,
:data:`NOISE_WIDTHS` and :data:`GRADIENT_MEMORY`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import Evaluate, Evaluation, apgd, per_example
from benchmark.attacks.inputs.apgd_search import untargeted
from benchmark.attacks.inputs.search import Candidates, Search
from benchmark.attacks.inputs.state import AttackState
from benchmark.draws import uniform
from benchmark.objectives import other_logits, targeted_margin
from benchmark.spaces import IMAGES, Point

NOISE_WIDTHS = (0.25, 0.5, 1.0)
"""Largest deviation per pixel, in radii of a linf ball of comparable size. Three widths alternate,
since the width of the steps is not known."""

GRADIENT_MEMORY = 0.9
"""Decay of the running mean of the gradient over steps."""


@dataclass(frozen=True)
class SmoothedGradientAPGD(Search):
    """APGD with smoothed gradients, on the probability margin, then towards the strongest classes.

    Attributes:
        steps: APGD steps.
        noise_pairs: pairs of noisy images, one on either side, per gradient.
        classes: number of target classes.
    """

    steps: int
    noise_pairs: int
    classes: int = 0

    only_if_masked = True

    @property
    def name(self) -> str:
        """Steps, samples and classes."""
        samples = f"{self.steps} steps of {2 * self.noise_pairs} samples"
        return f"smoothed-gradient APGD, {samples}, towards {self.classes} classes"

    def select(self, state: AttackState) -> Tensor:
        """All robust examples, reachable by gradients or not."""
        return state.robust

    def find(self, batch: AttackState) -> Candidates:
        """Per example the image of the last ascent, or the clean one if all gradients are zero."""
        found = batch.subject.images.clone()
        rows = self._rows_with_gradient(batch)
        for number, classes in enumerate([None, *_strongest(batch, self.classes)]):
            if not len(rows):
                break
            some = batch.take(rows)
            smoothed = self._smoothed(some, _evaluate(some, classes, rows), number)
            result = apgd(some.ball, smoothed, some.ball.origin, self.steps)
            found[rows] = result.point[IMAGES]
            rows = rows[~result.broken]
        return Candidates(found)

    def _rows_with_gradient(self, batch: AttackState) -> Tensor:
        """Indices of the examples whose gradient is not zero everywhere around the image."""
        rows = torch.arange(len(batch.rows), device=batch.rows.device)
        around = self._smoothed(batch, _evaluate(batch, None, rows), 0)(batch.ball.origin, rows)
        return rows[around.gradient[IMAGES].flatten(1).any(1)]

    def _smoothed(self, state: AttackState, plain: Evaluate, number: int) -> Evaluate:
        """An objective with smoothed gradients; ``number`` is that of the ascent, for its draws."""
        size = state.subject.images[0].numel()
        radius = state.ball.radii / (1 if state.ball.norm == "linf" else size**0.5)
        kept = torch.zeros_like(state.subject.images)
        draw = 0

        def evaluate(point: Point, rows: Tensor) -> Evaluation:
            nonlocal draw
            here, ball = plain(point, rows), state.ball.take(rows)
            total = here.gradient[IMAGES].clone()
            for pair in range(self.noise_pairs):
                numbers = uniform(state.seed + number, state.rows[rows], draw, size)
                draw += 1
                width = NOISE_WIDTHS[pair % len(NOISE_WIDTHS)] * radius[rows].view(-1, 1, 1, 1)
                noise = width * (2 * numbers - 1).view_as(total)
                for side in (noise, -noise):
                    noisy = ball.project({IMAGES: point[IMAGES] + side})
                    total += plain(noisy, rows).gradient[IMAGES]
            kept[rows] = GRADIENT_MEMORY * kept[rows] + total
            return Evaluation(here.values, {IMAGES: kept[rows]}, here.broken)

        return evaluate


def _strongest(state: AttackState, count: int) -> Sequence[Tensor]:
    """The ``count`` other classes with the largest logits, each (n,), the largest first."""
    logits = other_logits(state.subject.logits(), state.subject.labels)
    return logits.topk(min(count, logits.shape[1] - 1), dim=1).indices.unbind(1)


def _evaluate(state: AttackState, classes: Tensor | None, rows: Tensor) -> Evaluate:
    """The probability margin, or the margin to the ``classes`` (N,) of some ``rows``."""
    if classes is None:
        return untargeted(state, "probability margin")
    return per_example(state.subject, targeted_margin, classes[rows])
