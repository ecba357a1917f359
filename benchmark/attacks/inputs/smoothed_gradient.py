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

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import AscentResult, Evaluate, Evaluation, apgd, per_example
from benchmark.attacks.inputs.apgd_search import untargeted
from benchmark.attacks.inputs.restarts import run_restarts
from benchmark.attacks.inputs.search import Candidates, DetectsMasking
from benchmark.attacks.inputs.state import AttackState
from benchmark.draws import uniform
from benchmark.objectives import other_logits, targeted_margin
from benchmark.spaces import IMAGES, Point

NOISE_WIDTHS = (0.25, 0.5, 1.0)
"""Largest deviation per pixel, in radii of a linf ball of comparable size. Three widths alternate,
since the width of the steps is not known."""

GRADIENT_MEMORY = 0.9
"""Decay of the running mean of the gradient over steps."""

ASCENT_STREAMS = 1_000_003
"""Number of random streams per ascent."""


@dataclass(frozen=True)
class SmoothedGradientAPGD(DetectsMasking):
    """APGD with smoothed gradients, on the probability margin or towards the strongest classes.

    Attributes:
        steps: APGD steps.
        noise_pairs: pairs of noisy images, one on either side, per gradient.
        classes: number of target classes, one ascent each; 0 for one on the probability margin.
    """

    steps: int
    noise_pairs: int
    classes: int = 0

    @property
    def name(self) -> str:
        """Steps, samples and classes."""
        samples = f"{self.steps} steps of {2 * self.noise_pairs} samples"
        towards = f", towards {self.classes} classes" if self.classes else ""
        return f"smoothed-gradient APGD, {samples}{towards}"

    def find(self, batch: AttackState) -> Candidates:
        """Per example the first misclassified image, or else the one with the largest objective.

        The images of examples whose gradients are zero all around stay as they are.
        """
        rows = self._rows_with_gradient(batch)
        targets = _strongest(batch, self.classes)[rows].T
        ascents = max(len(targets), 1)
        number = torch.arange(ascents, device=rows.device).repeat_interleave(len(rows))

        def ascend(some: AttackState, restarts: Tensor) -> AscentResult:
            plain = (
                per_example(some.subject, targeted_margin, targets.flatten()[restarts])
                if self.classes
                else untargeted(some, "probability margin")
            )
            smoothed = self._smoothed(some, plain, number[restarts])
            return apgd(some.ball, smoothed, some.ball.origin, self.steps)

        restarts = run_restarts(batch, rows.repeat(ascents), ascend)
        return Candidates(restarts.best(batch.nearest))

    def _rows_with_gradient(self, batch: AttackState) -> Tensor:
        """Indices of the examples whose gradient is not zero everywhere around the image."""
        rows = torch.arange(len(batch.keys), device=batch.keys.device)
        plain = untargeted(batch, "probability margin")
        around = self._smoothed(batch, plain, torch.zeros_like(rows))(batch.ball.origin, rows)
        return rows[around.gradient[IMAGES].flatten(1).any(1)]

    def _smoothed(self, state: AttackState, plain: Evaluate, numbers: Tensor) -> Evaluate:
        """An objective with smoothed gradients.

        Args:
            state: the examples.
            plain: the objective.
            numbers: int64 (n,), the number of each example's ascent, for its draws.
        """
        size = state.subject.images[0].numel()
        radius = state.ball.radii / (1 if state.ball.norm == "linf" else size**0.5)
        kept = torch.zeros_like(state.subject.images)
        evaluations = 0

        def evaluate(point: Point, rows: Tensor) -> Evaluation:
            nonlocal evaluations
            here, ball = plain(point, rows), state.ball.take(rows)
            total = here.gradient[IMAGES].clone()
            streams = numbers[rows] * ASCENT_STREAMS + evaluations * self.noise_pairs
            evaluations += 1

            def noisy(pair: int) -> Iterator[Tensor]:
                draws = uniform(state.seed, state.keys[rows], streams + pair, size)
                width = NOISE_WIDTHS[pair % len(NOISE_WIDTHS)] * radius[rows].view(-1, 1, 1, 1)
                noise = width * (2 * draws - 1).view_as(total)
                for side in (noise, -noise):
                    yield ball.project({IMAGES: point[IMAGES] + side})[IMAGES]

            copies = [each for pair in range(self.noise_pairs) for each in noisy(pair)]
            at_once = max(1, state.subject.batch_size // len(rows))
            for start in range(0, len(copies), at_once):
                some = copies[start : start + at_once]
                found = plain({IMAGES: torch.cat(some)}, rows.repeat(len(some)))
                for gradient in torch.split(found.gradient[IMAGES], len(rows)):
                    total += gradient
            kept[rows] = GRADIENT_MEMORY * kept[rows] + total
            return Evaluation(here.values, {IMAGES: kept[rows]}, here.broken)

        return evaluate


def _strongest(state: AttackState, count: int) -> Tensor:
    """The other classes with the largest logits, int64 (n, K), the largest first."""
    logits = other_logits(state.subject.logits(), state.subject.labels)
    return logits.topk(min(count, logits.shape[1] - 1), dim=1).indices
